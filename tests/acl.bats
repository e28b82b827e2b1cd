# SPDX-License-Identifier: GPL-2.0-or-later
# What share options do to permissions, owners, names and listings. What clients see of descriptors
# is smbtorture's and tests/interop.bats' to ask.

load helpers

share() {
	printf '[%s]\n\tcopy = share\n' "$1"
	printf '\t%s\n' "${@:2}"
}

setup_file() {
	server_setup_file
	start_server --share "vfs objects =" "map archive = no" --conf "$(
		share owner "inherit owner = yes"
		share unix-owner "inherit owner = unix only"
		share acls "inherit acls = yes"
		share permissions "inherit permissions = yes"
		share archive "map archive = yes"
		share unreadable "hide unreadable = yes"
		share no-short "mangled names = no"
		share no-acls "nt acl support = no"
		share for-two "access based share enum = yes" "valid users = $KH_USER2"
		share ignoring "vfs objects = acl_xattr" "acl_xattr:ignore system acls = yes" \
			"acl_xattr:default acl style = everyone"
	)"
}

teardown_file() {
	server_teardown_file
}

# A folder of the second user that the first may write to.
folder() {
	mkdir "$T/share/$1"
	chown "$KH_UNIX2:$KH_UNIX2" "$T/share/$1"
	chmod 777 "$T/share/$1"
}

make_in() {
	ok smbc -o "$1" "cd $2; mkdir dir; put $CONF file"
	[ -f "$T/share/$2/file" ] || fail "$output"
}

owners() {
	(cd "$T/share/$1" && stat -c '%n %U:%G %a' dir file)
}

acl() {
	getfacl -cpsE "$T/share/$1" | tr '\n' ' '
}

second() {
	in_netns timeout 60 smbclient "//127.0.0.1/$1" -p "$PORT" -U "$KH_USER2%$KH_PASS2" -c "$2" 2>&1
}

@test "inherit owner: the folder's owner and group" {
	folder owner
	make_in owner owner
	run owners owner
	assert_line "^dir $KH_UNIX2:$KH_UNIX2 755$"
	assert_line "^file $KH_UNIX2:$KH_UNIX2 644$"
}

@test "map archive: new files can be run by their owner" {
	folder archive
	make_in archive archive
	run owners archive
	assert_line "^dir $KH_UNIX1:$KH_UNIX1 755$"
	assert_line "^file $KH_UNIX1:$KH_UNIX1 744$"
}

@test "inherit owner = unix only: the owner alone" {
	folder unix-owner
	make_in unix-owner unix-owner
	run owners unix-owner
	assert_line "^dir $KH_UNIX2:$KH_UNIX1 755$"
}

@test "inherit acls: the default ACL, whatever the masks say" {
	folder acls
	setfacl -d -m "u::rwx,g::rx,o::-,u:$KH_UNIX2:rwx" "$T/share/acls"
	make_in acls acls
	run acl acls/file
	assert_output "user:$KH_UNIX2:rwx "
	assert_output "other::--- "
	assert_output "mask::rwx "
	run acl acls/dir
	assert_output "default:user:$KH_UNIX2:rwx "
}

@test "inherit permissions: the mode, and the ACL" {
	folder permissions
	chmod 2770 "$T/share/permissions"
	setfacl -m "u:$KH_UNIX1:rwx" "$T/share/permissions"
	make_in permissions permissions
	run owners permissions
	assert_line "^dir $KH_UNIX1:$KH_UNIX2 2770$"
	run acl permissions/file
	assert_output "user::rw- user:$KH_UNIX1:rwx "
	assert_output "other::--- "
	# a default ACL has the last word
	folder permissions2
	setfacl -d -m "u::rwx,g::rx,o::-" "$T/share/permissions2"
	make_in permissions permissions2
	run owners permissions2
	assert_line "^file $KH_UNIX1:$KH_UNIX1 640$"
}

@test "hide unreadable: what a user may not read is not listed" {
	folder unreadable
	touch "$T/share/unreadable/for all" "$T/share/unreadable/for one"
	chown "$KH_UNIX2" "$T/share/unreadable/for one"
	chmod 600 "$T/share/unreadable/for one"
	ok smbc -o unreadable 'ls unreadable\*'
	assert_output "for all"
	refute_output "for one"
	ok second unreadable 'ls unreadable\*'
	assert_output "for one"
	ok smbc 'ls unreadable\*'
	assert_output "for one"
}

@test "access based share enum: a share is listed for those who may open it" {
	list() {
		in_netns smbclient -L 127.0.0.1 -p "$PORT" -U "$1%$2" -g 2>&1
	}
	ok list "$KH_USER1" "$KH_PASS1"
	assert_line '^Disk\|share\|'
	refute_line '^Disk\|for-two\|'
	ok list "$KH_USER2" "$KH_PASS2"
	assert_line '^Disk\|for-two\|'
}

@test "mangled names: asked for, opened by, listed, or not there" {
	touch "$T/share/a rather long name.text"
	chown "$KH_UNIX1" "$T/share/a rather long name.text"
	ok smbc 'allinfo "a rather long name.text"'
	local short
	short=$(sed -n 's/^altname: //p' <<<"$output")
	[[ $short =~ ^[A-Z0-9]+~1\.TEX$ ]] || fail "altname: $short"
	ok smbc "rename $short other.txt; rename other.txt \"a rather long name.text\""
	ok smbc "allinfo $short"
	run smbc -o no-short "allinfo $short"
	assert_output NT_STATUS_OBJECT_NAME_NOT_FOUND
	run smbc -o no-short 'altname "a rather long name.text"'
	assert_output NT_STATUS_OBJECT_NAME_NOT_FOUND
}

@test "nt acl support = no: a change of permissions changes nothing" {
	folder no-acls
	make_in no-acls no-acls
	chmod 600 "$T/share/no-acls/file"
	ok smbc -o no-acls 'showacls; ls no-acls\file'
	refute_line 'ACE'
	assert_equal "$(stat -c %a "$T/share/no-acls/file")" 600
}

@test "ignore system acls: the stored descriptor counts alone" {
	folder ignoring
	make_in ignoring ignoring
	ok smbc -o ignoring 'showacls; ls ignoring\file'
	assert_output "S-1-1-0"
	chmod 640 "$T/share/ignoring/file"
	ok smbc -o ignoring 'showacls; ls ignoring\file'
	assert_output "S-1-1-0"
}
