# SPDX-License-Identifier: GPL-2.0-or-later
# What who runs the server can do while it runs: close, debug, trace.

load helpers

setup_file() {
	server_setup_file
	start_server
}

teardown_file() {
	server_teardown_file
}

@test "close: a handle, a session, a connection, as the client sees it" {
	local kh=("$kh_ctl" -c "$CONF" --instance "$INSTANCE")
	ok py_client closing.py "${kh[@]}"
	assert_output 'what is closed is closed'
	grep -q 'handle [0-9a-f]* ("closing-handle.*" of share share) is closed by the administrator' "$T/log"
	grep -q 'session [0-9a-f]* of torture1 is closed by the administrator' "$T/log"
	grep -q 'connection [0-9]* from 127.0.0.1 is closed by the administrator' "$T/log"
}

@test "close: clients at work lose their sessions and connections, and the server nothing" {
	local i id pids=()
	dd if=/dev/urandom of="$T/big" bs=1M count=8 status=none
	for i in $(seq 8); do
		(for _ in 1 2 3 4 5 6; do smbc "put $T/big big$i; get big$i /dev/null" >/dev/null; done) &
		pids+=($!)
	done
	for i in $(seq 12); do
		for id in $(ctl -j status sessions | jq -r '.[].id'); do
			ctl close session "$id" >/dev/null 2>&1 || true
		done
		for id in $(ctl -j status connections | jq -r '.[].id'); do
			ctl close connection "$id" >/dev/null 2>&1 || true
		done
		for id in $(ctl -j status handles | jq -r '.[].id'); do
			ctl close handle "$id" >/dev/null 2>&1 || true
		done
	done
	wait "${pids[@]}" || true
	ok smbc "put $T/big after; get after $T/back"
	assert_same_file "$T/big" "$T/back"
}

@test "debug: components are switched while the server runs, and lines have them" {
	ok ctl debug
	assert_line '^smb +no +requests'
	assert_line '^config +no '
	ok ctl debug smb conn
	assert_line '^smb +yes'
	assert_line '^auth +no'
	ok ctl debug +auth -conn
	assert_line '^smb +yes'
	assert_line '^auth +yes'
	assert_line '^conn +no'
	run ctl debug smb nonsense
	assert_status 2
	assert_output 'no component "nonsense"'
	run ctl debug --nonsense
	assert_status 1
	assert_equal "$(ctl -j debug | jq -r '[.[]|select(.on).name]|join(" ")')" "smb auth"
	# a reload that says nothing else changes nothing
	ctl reload
	assert_equal "$(ctl -j debug | jq -r '[.[]|select(.on).name]|join(" ")')" "smb auth"
	ctl debug config
	ctl reload
	grep -q ' debug config: reload file=".*" shares=' "$T/log"
	ok ctl debug all
	refute_line ' no '
	ok ctl debug none
	refute_line ' yes '
}
