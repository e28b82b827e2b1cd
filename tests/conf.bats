# SPDX-License-Identifier: GPL-2.0-or-later
# The configuration file as testconf shows it, and what is made from the option table.
load helpers

setup() {
	T=$(mktemp -d)
	conf=$T/test.conf
}

teardown() {
	rm -rf "$T"
}

kh() {
	"$top/ksmbd-hybrid" -c "$conf" "$@"
}

@test "conf: the manual and the example say what the option table says" {
	ok "$top/scripts/docs" --check
}

@test "conf: the manual pages have no mistake that man sees" {
	command -v man >/dev/null || skip "man is not installed"
	for page in "$top"/docs/*.[58]; do
		run bash -c "LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l '$page' 2>&1 >/dev/null | grep -v 'will not fit'"
		assert_equal "$output" ""
	done
}

@test "conf: the example file is valid, and every commented option too" {
	ok kh testconf "$top/dist/ksmbd-hybrid.conf.example"
	sed -n 's/^; \(.*= .*\)/\1/p' "$top/dist/ksmbd-hybrid.conf.example" |
		grep -v '^copy' >"$conf"
	ok kh testconf
	refute_line 'error:'
}

@test "conf: a finding has file, line and a suggestion" {
	printf '[global]\nwrokgroup = X\n' >"$conf"
	run kh testconf
	assert_status 2
	assert_line "test.conf:2: error: unknown option \"wrokgroup\"; is \"workgroup\" meant\?"
}

@test "conf: Samba's own options are warnings" {
	printf '[global]\nidmap config * : range = 1-2\nprinting = cups\nwins support = yes\n' >"$conf"
	ok kh testconf
	assert_output '0 errors, 3 warnings'
}

@test "conf: what testparm prints for all of Samba's options is no error" {
	command -v testparm >/dev/null || skip "testparm is not installed"
	testparm -sv /dev/null 2>/dev/null | grep -v 'path = ' >"$conf"
	run kh testconf
	refute_line 'unknown option'
}

@test "conf: a file of ksmbd works" {
	mkdir "$T/x"
	cat >"$conf" <<-EOF
		[global]
			netbios name = KSMBD
			tcp port = 4455
			ipc timeout = 10
			restrict anonymous = 2
			max active sessions = 1024
			smb2 max read = 4M
			smb3 encryption = auto
		[x]
			comment = test
			path = $T/x
			writeable = yes
			oplocks = yes
			store dos attributes = yes
	EOF
	run kh testconf -v
	assert_line 'smb ports = 4455'
	assert_line 'smb2 max read = 4M'
	assert_line 'read only = no'
}

@test "conf: a folder or a user that is missing is a warning" {
	printf '[x]\npath = /no/such/folder\nforce user = nosuchuser\n' >"$conf"
	ok kh testconf
	assert_line 'warning: \[x\] path = /no/such/folder: No such file'
	assert_line 'warning: \[x\] force user = nosuchuser'
}

@test "conf: testconf -j is JSON with the findings" {
	printf 'wrokgroup = X\n[x]\npath = /\n' >"$conf"
	run bash -c "'$top/ksmbd-hybrid' -j -c '$conf' testconf | python3 -c '
import json, sys
d = json.load(sys.stdin)
print(d[\"ok\"], d[\"findings\"][0][\"line\"], d[\"shares\"][\"x\"][\"path\"], d[\"global\"][\"smb ports\"])'"
	assert_equal "$output" "False 1 / 445"
}

@test "conf: an option has no effect yet exactly if no code reads it" {
	local name field wrong=''
	while read -r name field later; do
		case $field in vfs_objects | restrict_anonymous) continue ;; esac # by what is derived
		if grep -rqE --include='*.[ch]' --exclude-dir=config "(->|\.)$field\b" "$top/daemon"; then
			[ "$later" = 0 ] || wrong+=" $field (remove .later)"
		else
			[ "$later" = 1 ] || wrong+=" $field (add .later)"
		fi
	done < <(cat "$top"/daemon/config/options_{global,share}.c | tr -s '\n\t ' ' ' |
		sed 's/{ \(OPT\|ARR\)(/\n/g' | sed -nE 's/^"([^"]+)", (NULL|"[^"]*"), [A-Z0-9_]+, ([a-z0-9_]+),(.*)$/\1\t\3\t\4/p' |
		awk -F'\t' '$1 != "copy" { gsub(/ /, "_", $1); print $1, $2, ($3 ~ /\.later = true/) ? 1 : 0 }')
	assert_equal "$wrong" ""
}

@test "conf: kernel path is auto, yes or no" {
	printf '[global]\nkernel path = sometimes\n' >"$conf"
	run kh testconf
	assert_status 2
	assert_line 'test.conf:2: error: .*kernel path'
	printf '[global]\nkernel path = no\n' >"$conf"
	ok kh testconf
	assert_line 'kernel path = no'
}
