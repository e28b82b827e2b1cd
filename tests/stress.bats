# SPDX-License-Identifier: GPL-2.0-or-later
# Many clients of all kinds at once, some of which are killed, while the server is asked, told to
# read its configuration and finally to end. What must come out: right data, nothing left over, and
# no word from the sanitizers of whichever variant this is.

load helpers

setup_file() {
	[ "${KH_SERVER:-}" != samba ] || skip "about this server"
	server_setup_file
	head -c 20M /dev/urandom >"$T/big"
	start_server
}

teardown_file() {
	server_teardown_file
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# loop SECONDS COMMAND: again and again.
loop() {
	local end=$((SECONDS + $1))
	shift
	while [ $SECONDS -lt $end ]; do
		"$@" || return 1
	done
}

# There and back in a folder of its own; the output only when it went wrong.
round_trip() {
	local n=$1
	shift
	smbc "mkdir d$n; cd d$n; put $T/big f; get f got$n; ls; rename f g; del g; cd ..; rmdir d$n" \
		"$@" >"trip$n" || { cat "trip$n"; return 1; }
	cmp "$T/big" "got$n"
}

killed() {
	local pid
	smbclient //127.0.0.1/share -p "$PORT" -U "$KH_USER1%$KH_PASS1" "$@" >/dev/null 2>&1 \
		-c "put $T/big killed; get killed /dev/null; put $T/big killed" &
	pid=$!
	sleep 0.$((RANDOM % 40 + 10))
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

ask() {
	ctl -j status | jq -e .counters >/dev/null && ctl status >/dev/null && ctl reload >/dev/null &&
		sleep 0.2
}

torture() {
	in_netns timeout 20 smbtorture "//127.0.0.1/share" -p "$PORT" -U "$KH_USER1%$KH_PASS1" "$1" \
		>"torture.$1" 2>&1 || true
}

# Counters of what exists now, when they have had time to fall.
left_over() {
	local i now
	for i in $(seq 50); do
		now=$(ctl -j status | jq -c '[.counters | .connections, .preauth_connections, .sessions,
			.opens] + [.connections, .sessions, .handles | length]')
		[ "$now" != "[0,0,0,0,0,0,0]" ] || return 0
		sleep 0.1
	done
	fail "connections, preauth, sessions, opens, and their lists: $now"
}

@test "clients of all kinds at once: right data, nothing left over" {
	local pids=() pid failed=0 t=12
	loop $t round_trip 1 & pids+=($!)
	loop $t round_trip 2 --client-protection=sign & pids+=($!)
	loop $t round_trip 3 --client-protection=encrypt & pids+=($!)
	loop $t round_trip 4 -m SMB2_02 & pids+=($!)
	loop $t killed & pids+=($!)
	loop $t killed --client-protection=encrypt & pids+=($!)
	loop $t ask & pids+=($!)
	py_client cutoff.py $t 1 >cutoff & pids+=($!)
	py_client cutoff.py $t 2 >cutoff2 & pids+=($!)
	loop $t torture smb2.create.gentest & pids+=($!)
	loop $t torture smb2.oplock.batch1 & pids+=($!)
	loop $t torture smb2.rename.simple_nodelete & pids+=($!)
	loop $t torture smb2.credits & pids+=($!)
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=1
	done
	cat cutoff cutoff2
	[ $failed = 0 ]
	left_over
	kh_reports "$T"
}

@test "200 connections come and go, and again" {
	run /usr/bin/python3 - "$PORT" <<-'PY'
		import socket, sys
		for _ in range(5):
		    socks = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
		             for _ in range(200)]
		    for s in socks:
		        s.close()
	PY
	assert_status 0
	left_over
}

@test "down in the middle of transfers ends well" {
	local pids=() pid
	for i in 1 2 3; do
		smbc "put $T/big t$i; get t$i /dev/null; put $T/big t$i; put $T/big t$i" >/dev/null &
		pids+=($!)
	done
	py_client cutoff.py 2 3 >/dev/null & pids+=($!)
	sleep 0.4
	stop_server
	for pid in "${pids[@]}"; do
		wait "$pid" || true
	done
	start_server
	ok smbc ls
}
