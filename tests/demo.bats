# SPDX-License-Identifier: GPL-2.0-or-later
# What `make up` and `make down` do after building, in a folder of its own.

load helpers

setup_file() {
	server_setup_file
	export KH_DEMO=$T/demo KH_DEMO_INSTANCE=demo-test-$$
}

teardown_file() {
	"$top/scripts/demo" down || true
	rm -rf "$T"
}

setup() {
	[ -z "${KH_BUILD:-}" ] || [ "$KH_BUILD" = "$top/build" ] || skip "the demo runs the normal build"
	cd "$BATS_TEST_TMPDIR"
}

@test "up prints a smbclient line that works" {
	ok "$top/scripts/demo" up
	local try=${output#*try:}
	try=${try%%$'\n'*}
	[ -n "$try" ]
	printf 'from the demo' >x
	ok bash -c "$try"
	ok bash -c "${try%-c ls*} -c 'put x; get x back; del x'"
	assert_same_file x back
}

@test "up again changes nothing" {
	local before after
	ok "$top/scripts/demo" up
	before=$output
	ok "$top/scripts/demo" up
	assert_equal "$output" "$before"
}

@test "the password is nobody else's" {
	assert_equal "$(stat -c %a "$KH_DEMO/password")" 600
}

@test "down, up: the same line; down twice is fine" {
	local before
	ok "$top/scripts/demo" up
	before=$output
	ok "$top/scripts/demo" down
	ok "$top/scripts/demo" down
	ok "$top/scripts/demo" up
	assert_equal "$output" "$before"
}

@test "a port that is taken is avoided" {
	ok "$top/scripts/demo" down
	sed -i 's/smb ports = .*/smb ports = 445/' "$KH_DEMO/ksmbd-hybrid.conf"
	/usr/bin/python3 -c '
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 445)); s.listen(); time.sleep(20)' 3>&- 2>/dev/null &
	local holder=$!
	sleep 0.5
	run "$top/scripts/demo" up
	kill $holder 2>/dev/null || true
	assert_status 0
	refute_output '-p 445 '
}
