#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# smbload: what it says it did is what the server was asked; every workload and manner, against this
# server and Samba; what goes wrong has a sentence and a status of its own.
# shellcheck disable=SC2154 # top is of helpers.bash

load helpers

setup_file() {
	server_setup_file
	start_server
	SAMBA_PORT=$(free_port)
	export SAMBA_PORT SMBLOAD_PASSWORD=$KH_PASS1
	"$top/tests/peer/samba" start "$T/peer" "$SAMBA_PORT" torture >&2
}

teardown_file() {
	"$top/tests/peer/samba" stop "$T/peer" || true
	server_teardown_file
}

teardown() {
	[ -z "${gate_pid:-}" ] || kill "$gate_pid" 2>/dev/null || true
}

# Short, small: it is right or wrong, not fast or slow.
smbload_at() {
	timeout 60 "${KH_BUILD:-$top/build}/tools/smbload" -u "$KH_USER1" --json --warm-up 0 \
		--file-size 512k --files 200 --entries 300 "$@" </dev/null
}

ours() {
	smbload_at "$@" "//127.0.0.1:$PORT/share"
}

# Samba's processes hand a further connection of a client to the first one's, and on a busy machine
# lose a request on the way: whoever waits for the answer waits for ever. That is not smbload's.
samba() {
	local tries status
	for tries in 1 2 3; do
		status=0
		smbload_at --timeout 8 "$@" "//127.0.0.1:$SAMBA_PORT/torture" 2>"$T/samba.err" || status=$?
		grep -q 'no answer for 8 s' "$T/samba.err" || break
	done
	cat "$T/samba.err" >&2
	return $status
}

# The workload did what it should: FILTER holds of the result, and nothing is left on the share.
result() {
	grep '^{' <<<"$output" | jq -se "any(.[]; .kind == \"result\" and $1)" >/dev/null ||
		fail "output: $output" "expected: $1"
}

# Samba is the same in every variant, and busy enough beside one of them.
both() {
	local filter=$1 servers=(ours samba)
	shift
	[ -z "${KH_VARIANT:-}" ] || servers=(ours)
	for server in "${servers[@]}"; do
		ok "$server" "$@" || fail "$server $*"
		result "$filter"
		result '.errors == 0 and .lost == 0 and .statuses == {"NT_STATUS_SUCCESS": .operations_all}'
	done
	assert_equal "$(ls "$T/share" "$T/peer/share")" "$T/peer/share:

$T/share:"
}

# Requests that the server has counted, of a command.
asked() {
	ctl -j status counters | jq ".ops.$1.count"
}

@test "data: every operation is one, and has all its bytes" {
	for workload in read write randread randwrite; do
		both '.operations == 100 and .bytes == 100 * 4096' "$workload" -s 4k -n 100 -d 8
	done
	both '.operations == 7 and .bytes == 7 * 65536' randread -s 64k -n 7
	both '.operations == 20 and .depth_reached == 3' write -s 256k -d 3 -n 20
}

@test "names: create, stat, unlink, rename, with and without compounds" {
	for workload in create stat unlink rename; do
		both '.operations == 150' "$workload" -n 150 -d 4
		both '.operations == 150' "$workload" -n 150 -d 4 --compound
	done
	both '.operations == 400 and .connections == 2' unlink -c 2 -t 30
}

@test "list, lock, mix, echo, setup" {
	both '.operations == 4' list -n 4
	both '.operations == 6' list -n 6 -c 3 -d 2 --compound -s 1m
	both '.operations == 100' lock -n 100 -d 8 -c 2
	both '.operations == 200 and .bytes < 200 * 4096 and .bytes > 100 * 4096' mix -n 200 -d 8
	both '.operations == 100' echo -n 100 -d 4
	both '.operations == 12' setup -n 12 -c 3
}

@test "the server was asked exactly that" {
	local before
	before=$(asked read)
	ok ours randread -n 500 -d 16 -c 3
	assert_equal $(($(asked read) - before)) 500
	before=$(asked create)
	ok ours stat -n 300 -d 4 --files 50
	# the folders: 2, the files: 50 made, 50 removed, the folders: 2
	assert_equal $(($(asked create) - before)) $((300 + 2 + 50 + 50 + 2))
	before=$(asked write)
	ok ours create -n 70 -d 4
	assert_equal $(($(asked write) - before)) 70
	before=$(asked tree_connect)
	ok ours setup -n 25 -c 2
	assert_equal $(($(asked tree_connect) - before)) 25
}

@test "every dialect, cipher and signing algorithm" {
	for dialect in 2.0.2 2.1 3.0 3.0.2 3.1.1; do
		both ".operations == 50 and .dialect == \"$dialect\" and .protection == \"plain\"" \
			mix -n 50 -d 4 --dialect "$dialect"
		both '.operations == 50 and .protection == "signed"' \
			randread -n 50 -d 4 --dialect "$dialect" --protection signed --verify
	done
	for signing in gmac cmac hmac; do
		both ".signing == \"$signing\"" randwrite -n 50 -d 4 --protection signed \
			--signing "$signing" --verify
	done
	for cipher in aes-{128,256}-{gcm,ccm}; do
		both ".cipher == \"$cipher\"" mix -n 50 -d 4 --protection sealed --cipher "$cipher" \
			--verify
		both ".cipher == \"$cipher\"" write -s 300k -n 5 -d 2 --file-size 3m \
			--protection sealed --cipher "$cipher" --verify
	done
	both '.cipher == "aes-128-ccm"' create -n 20 --protection sealed --dialect 3.0 --compound
}

@test "channels of a session" {
	for protection in plain signed sealed; do
		both '.operations == 90 and .channels == 3' mix -n 90 --channels 3 -c 2 -d 2 \
			--protection "$protection" --verify
	done
}

@test "many connections, on several threads" {
	both '.operations == 120 and .connections == 60' echo -c 60 --threads 3 -n 120
	ok ours echo -c 300 --threads 3 -n 600 # of Samba as many processes
	result '.operations == 600 and .connections == 300 and .errors == 0 and .lost == 0'
}

@test "a rate is kept; what cannot be begun in time is said" {
	ok ours echo --rate 400 -t 0.5 -c 3
	# 200 are due; a busy machine begins some too late, and says so.
	result '.operations_all + .unstarted >= 199 and .operations_all + .unstarted <= 201 and
		.operations_all >= 100'
	# A million a second is more than one in flight can do: it waits, and the wait counts.
	ok ours echo --rate 1000000 -t 0.3
	result '.unstarted > 0 and .unstarted + .operations_all == 300000 and .latency_us.p50 > 10000'
}

@test "data that is wrong is seen" {
	coproc GATE { ours_gated randread --verify -n 300; }
	gate_pid=$GATE_PID
	read -r -u "${GATE[0]}" output
	grep -q '"kind":"ready"' <<<"$output"
	printf x | dd of="$T/share/smbload/c00000/data" bs=1 seek=200000 conv=notrunc 2>/dev/null
	exec 9<&"${GATE[0]}"
	echo >&"${GATE[1]}"
	read -r -u 9 output
	echo >&"${GATE[1]}"
	result '.errors > 0 and .statuses.WRONG_DATA == .errors and .errors + .operations == 300'
}

# 50 blocks and 100 bytes are left of 128: of two rounds 100 are whole, 2 too short, 154 beyond.
short_file() {
	local size=$1
	shift
	coproc GATE { ours_gated read --unchecked -s "$size" -n 256 --file-size $((128 * size)) "$@"; }
	gate_pid=$GATE_PID
	read -r -u "${GATE[0]}" output
	grep -q '"kind":"ready"' <<<"$output"
	truncate -s $((50 * size + 100)) "$T/share/smbload/c00000/data"
	exec 9<&"${GATE[0]}"
	echo >&"${GATE[1]}"
	read -r -u 9 output
	echo >&"${GATE[1]}"
	wait "$gate_pid" || true
	result '.operations == 100 and .errors == 156 and .statuses.WRONG_ANSWER == 2 and
		.statuses.NT_STATUS_END_OF_FILE == 154'
}

@test "--unchecked: data is counted, dropped, and missed where there is none" {
	for manner in 'plain' 'signed --signing gmac' 'signed --signing cmac' 'sealed' \
		'sealed --cipher aes-256-gcm' 'sealed --cipher aes-128-ccm'; do
		# shellcheck disable=SC2086 # words
		set -- --unchecked -d 8 --protection $manner
		both '.operations == 300 and .bytes == 300 * 4096' randread -n 300 "$@"
		both '.operations == 90 and .bytes == 90 * 65536' randread -n 90 -s 64k -c 3 "$@"
		both '.operations == 40 and .bytes == 40 * 1048576 and .depth_reached == 8' \
			read -n 40 --file-size 4m "$@"
		both '.operations == 60' mix -n 60 -s 20k "$@"
		both '.operations == 20' write -n 20 -s 256k "$@"
		short_file 4096 "$@"
		short_file 32768 "$@"
	done
	both '.operations == 30' read -n 30 -s 64k --unchecked --dialect 2.0.2
	both '.operations == 30' read -n 30 -s 64k --unchecked --channels 3 -d 4 --protection sealed
}

ours_gated() {
	timeout 60 "${KH_BUILD:-$top/build}/tools/smbload" -u "$KH_USER1" --gate --warm-up 0 \
		--file-size 512k "$@" "//127.0.0.1:$PORT/share"
}

@test "connections that end are found: idle, and under load" {
	coproc GATE { ours_gated idle -c 20 2>&1 || echo "status $?"; }
	gate_pid=$GATE_PID
	exec 9<&"${GATE[0]}"
	read -r -u 9 output
	assert_output '{"kind":"ready","connections":20,'
	assert_equal "$(ctl -j status | jq '.connections | length')" 20
	stop_server && start_server
	echo >&"${GATE[1]}"
	output=$(cat <&9)
	assert_output '20 of 20 connections were ended meanwhile'
	assert_line '^status 1$'
	wait "$gate_pid" || true

	coproc GATE { ours_gated randread -t 20 -d 4 -c 2 2>&1 || echo "status $?"; }
	gate_pid=$GATE_PID
	exec 9<&"${GATE[0]}"
	read -r -u 9 output
	echo >&"${GATE[1]}"
	sleep 0.5
	stop_server && start_server
	echo >&"${GATE[1]}"
	output=$(cat <&9)
	assert_output ': ended by the server'
	assert_output '"CONNECTION_LOST":8'
	assert_output '"lost":2'
	assert_line '^status 1$'
}

@test "--reuse takes what stands, and leaves it" {
	ok ours randread -n 10 --reuse
	local before
	before=$(asked write)
	ok ours randread -n 10 --reuse
	assert_equal "$(asked write)" "$before"
	[ "$(stat -c %s "$T/share/smbload/c00000/data")" = 524288 ]
	ok ours list -n 1 --reuse
	before=$(asked create)
	ok ours list -n 1 --reuse
	assert_equal $(($(asked create) - before)) 4
	rm -rf "$T/share/smbload"
}

@test "a histogram is written as its tools read it" {
	ok ours echo -n 1000 -d 4 --histogram "$T/out.hgrm"
	output=$(cat "$T/out.hgrm")
	assert_line '^ +Value +Percentile +TotalCount +1/\(1-Percentile\)$'
	assert_line '^ +[0-9.]+ 1\.000000000000 +1000$'
	assert_line '^#\[Max +=.*Total count +=  *1000\]$'
}

@test "for people: a table" {
	run timeout 60 "${KH_BUILD:-$top/build}/tools/smbload" -u "$KH_USER1" -t 0.2 randread \
		--file-size 1m "//127.0.0.1:$PORT/share"
	assert_status 0
	assert_line '^randread //127.0.0.1:[0-9]+/share  1 x depth 1  4096 bytes  SMB 3.1.1 plain$'
	assert_line '^  operations +[0-9]+ in 0\.200 s$'
	assert_line '^ +99\.9% +[0-9.]+ us$'
}

@test "a server that does not answer is given up" {
	coproc GATE { /usr/bin/python3 -c '
import socket
with socket.create_server(("127.0.0.1", 0)) as s:
    print(s.getsockname()[1], flush=True)
    input()'; }
	gate_pid=$GATE_PID
	read -r -u "${GATE[0]}" output
	run smbload_at --timeout 1 echo "//127.0.0.1:$output/share"
	assert_status 3
	assert_output 'smbload: connection 1: no answer for 1 s'
}

@test "what cannot be: a sentence, and its status" {
	SMBLOAD_PASSWORD=wrong run ours echo
	assert_status 3
	assert_output 'smbload: connection 1: SESSION_SETUP: NT_STATUS_LOGON_FAILURE'
	run smbload_at echo "//127.0.0.1:$PORT/nothing"
	assert_status 3
	assert_output 'TREE_CONNECT: NT_STATUS_BAD_NETWORK_NAME'
	run smbload_at echo "//127.0.0.1:1/share"
	assert_status 3
	assert_output 'Connection refused'
	run ours echo --protection sealed --dialect 2.1
	assert_status 2
	assert_output 'dialect 2.1 cannot encrypt'
	run ours randread --verify --unchecked
	assert_status 2
	assert_output '--verify, --unchecked: one of them'
	run ours nonsense
	assert_status 2
	assert_output 'nonsense: no such workload'
	SMBLOAD_PASSWORD=wrong run ours setup -n 5
	assert_status 1
	result '.errors == 5 and .statuses.NT_STATUS_LOGON_FAILURE == 5'
	unset SMBLOAD_PASSWORD
	run ours echo
	assert_status 2
	assert_output 'no password'
	echo "$KH_PASS1" >"$T/password"
	ok ours echo -n 1 --password-file "$T/password"
}

@test "errors are counted by their names" {
	chmod 755 "$T/share"
	chown root "$T/share"
	run ours create -n 10
	chmod 777 "$T/share"
	chown "$KH_UNIX1" "$T/share"
	assert_status 3
	assert_output 'creating the folder: NT_STATUS_ACCESS_DENIED'
}
