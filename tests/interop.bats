# SPDX-License-Identifier: GPL-2.0-or-later
# A folder that moves between this server and Samba, or is served by both: streams, DOS attributes,
# creation times, extended attributes and ACLs mean the same to both, and to two users of each.
# Samba serves $T/theirs, which is this server's share "theirs" too.

load helpers

setup_file() {
	command -v smbd >/dev/null || skip "no smbd"
	server_setup_file
	mkdir -p "$T/samba" "$T/theirs"
	THEIRS=$(free_port)
	export THEIRS
	"$top/tests/peer/samba" start "$T/samba" "$THEIRS" torture "$T/theirs"
	start_server --conf "$(printf '[theirs]\n\tcopy = share\n\tpath = %s\n' "$T/theirs")"
	make_in samba theirs
	make_in ours share
}

teardown_file() {
	[ -z "${T:-}" ] || "$top/tests/peer/samba" stop "$T/samba"
	server_teardown_file
}

interop() {
	local what=$1 server=$2 share=$3 folder=$4 port=$PORT
	[ "$server" = ours ] || { port=$THEIRS && share=share; }
	timeout 60 /usr/bin/python3 "$top/tests/interop.py" "$what" "$port" "$share" "$folder"
}

make_in() {
	interop make "$1" "$2" "by $1"
}

# What the server says of a folder, without the folder's own name.
show() {
	interop show "$1" "$2" "$3" | sed "s/^$3//"
}

same() {
	show "$1" "$2" "$3" >"$BATS_TEST_TMPDIR/one"
	show "$4" "$5" "$6" >"$BATS_TEST_TMPDIR/two"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/one")" -gt 60 ] || fail "$(cat "$BATS_TEST_TMPDIR/one")"
	run diff "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
	assert_status 0
}

@test "made through Samba: both servers say the same" {
	same samba theirs "by samba" ours theirs "by samba"
	# and it is all there
	run show ours theirs "by samba"
	assert_line '^.attributes: attributes 0x27 size 7$'
	assert_line '^.attributes: created as set$'
	assert_line '^.attributes: written as set$'
	assert_line '^.streams: ea second '
	assert_line '^.streams: stream :large:\$DATA 20480 2611200$'
	assert_line '^.inner.deeper: stream :of a folder:\$DATA 6 '
	assert_line '^.refused: ace 1 0x0 0x10100 S-1-1-0$'
	assert_line '^.refused: control 0x9004 '
	assert_line '^.inner.deeper: ace 0 0x1b 0x1f01ff S-1-3-0$'
	assert_line '^.owner only: first user 0x1f01ff$'
	assert_line '^.owner only: second user 0x80$'
}

@test "made through this server, in Samba's share: both say the same" {
	make_in ours theirs
	same ours theirs "by ours" samba theirs "by ours"
}

@test "made through either server: the same files" {
	same samba theirs "by samba" ours share "by ours"
}

@test "rsync -aXA from Samba: this server says what Samba said" {
	rsync -aXA "$T/theirs/by samba/" "$T/share/rsynced"
	same samba theirs "by samba" ours share rsynced
}

@test "cp -a from Samba" {
	cp -a "$T/theirs/by samba" "$T/share/copied"
	same samba theirs "by samba" ours share copied
}

@test "rsync -aXA to Samba: Samba says what this server said" {
	rsync -aXA "$T/share/by ours/" "$T/theirs/rsynced"
	same ours share "by ours" samba theirs rsynced
}

@test "cp -a to Samba" {
	cp -a "$T/share/by ours" "$T/theirs/copied"
	same ours share "by ours" samba theirs copied
}

@test "changed through the other server, and back" {
	cp -a "$T/theirs/by samba" "$T/share/round trip"
	interop change ours share "round trip"
	cp -a "$T/share/round trip" "$T/theirs/round trip"
	same ours share "round trip" samba theirs "round trip"
	run show samba theirs "round trip"
	assert_line '^.attributes: attributes 0x2 size 7$'
	assert_line '^.streams: ea third '
	refute_line '^.streams: ea First'
	assert_line '^.streams: stream :small:\$DATA 11 '
	assert_line '^.owner only: second user 0x120089$'
	assert_line '^.inner.deeper.by the other: ace 0 0x10 0x1f01ff OWNER$'
	interop make samba theirs "more"
	interop change samba theirs "more"
	same samba theirs "more" ours theirs "more"
}

@test "permissions changed by a local program make the stored ACL void for both" {
	interop make ours theirs stale
	chmod 640 "$T/theirs/stale/for everybody"
	setfacl -m "u:$KH_UNIX2:r" "$T/theirs/stale/owner only"
	chown "$KH_UNIX2" "$T/theirs/stale/refused"
	run show ours theirs stale
	refute_line '^.for everybody: ace 0 0x0 0x12019f S-1-1-0$'
	refute_line '^.refused: ace 1'
	# Each names the second user by its own domain's SID.
	diff <(show ours theirs stale | sed 's/S-1-5-21-[0-9-]*/USER/') \
		<(show samba theirs stale | sed 's/S-1-5-21-[0-9-]*/USER/')
}
