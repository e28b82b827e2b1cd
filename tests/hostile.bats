# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input on real sockets: the status that the specification names or a closed connection, and a
# server that answers the next good client. The fuzzers look for more; this is what must not change.

load helpers

setup_file() {
	server_setup_file
	start_server 'preauth timeout = 2' 'max connections per source = 100'
}

teardown_file() {
	server_teardown_file
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "before authentication" {
	ok py_client hostile.py before
	assert_output '0 wrong answers'
}

@test "inside a session" {
	ok py_client hostile.py after
	assert_output '0 wrong answers'
}

@test "a connection that says nothing is closed" {
	[ "${KH_SERVER:-}" != samba ] || skip "about this server"
	local began=$SECONDS
	exec 7<>"/dev/tcp/127.0.0.1/$PORT"
	timeout 10 cat <&7
	exec 7>&-
	[ $((SECONDS - began)) -lt 8 ]
}

@test "a connection that dribbles is closed too" {
	[ "${KH_SERVER:-}" != samba ] || skip "about this server"
	run /usr/bin/python3 - "$PORT" <<-'PY'
		import socket, sys, time
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		try:
		    for byte in b"\0\0\4\0\xfeSMB" + bytes(60):
		        s.send(bytes([byte]))
		        time.sleep(0.1)
		except OSError:
		    sys.exit(0)
		sys.exit("still open after 6 seconds")
	PY
	assert_status 0
}

@test "more connections of one source than allowed: the rest is turned away, the server lives" {
	[ "${KH_SERVER:-}" != samba ] || skip "about this server"
	run /usr/bin/python3 - "$PORT" <<-'PY'
		import socket, sys, time
		held, closed = [], 0
		for _ in range(300):
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
		    held.append(s)
		time.sleep(0.5)
		for s in held:
		    s.setblocking(False)
		    try:
		        closed += s.recv(1) == b""
		    except BlockingIOError:
		        pass
		    except ConnectionError:
		        closed += 1
		print("closed", closed)
		sys.exit(not 190 <= closed <= 210)
	PY
	assert_status 0
	sleep 2.5
	ok smbc ls
}
