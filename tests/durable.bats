# SPDX-License-Identifier: GPL-2.0-or-later
# Durable handles beyond smbtorture's suites: who comes back, when it is too late, loss of packets.
# KH_LOSS: for how many seconds.

load helpers
load netns

setup_file() {
	server_setup_file
	mkdir "$T/other" "$T/off"
	chmod 777 "$T/other" "$T/off"
	start_server 'max durable handles = 20' --conf "[other]
	path = $T/other
	read only = no
[off]
	path = $T/off
	read only = no
	durable handles = no"
}

teardown_file() {
	server_teardown_file
}

handles() {
	ctl -j status handles | jq -r "[.[] | select(.plane == \"disconnected\")] | $1"
}

wait_for_handles() {
	local tries
	for tries in $(seq 100); do
		[ "$(handles length)" != "$1" ] || return 0
		sleep 0.1
	done
	fail "disconnected handles: $(handles length), expected $1"
}

@test "a client that was lost finds its handle, another one does not" {
	ok py_client durable.py rules
	assert_output 'durable handles are right'
	wait_for_handles 0
}

@test "status shows handles without a client, and close closes them" {
	local id
	ok py_client durable.py leave shown 60000
	wait_for_handles 1
	assert_equal "$(handles '.[0] | "\(.path) \(.user) \(.client) \(.oplock)"')" \
		"shown0 $KH_UNIX1 null batch"
	id=$(handles '.[0].id')
	ok ctl close handle "$id"
	wait_for_handles 0
}

@test "a handle is closed when its time is over" {
	local left
	ok py_client durable.py leave late 1000
	left=$output
	wait_for_handles 1
	wait_for_handles 0
	# shellcheck disable=SC2086 # name, id and guid
	ok py_client durable.py back $left 0xC0000034
}

@test "of too many handles without clients the oldest go" {
	local all
	ok py_client durable.py leave many 60000 25
	all=$output
	wait_for_handles 20
	# shellcheck disable=SC2046
	ok py_client durable.py back $(sed -n 1p <<<"$all") 0xC0000034
	# shellcheck disable=SC2046
	ok py_client durable.py back $(sed -n 25p <<<"$all") 0
	wait_for_handles 19
	stop_server # which closes the others
}

@test "packets are lost, data and locks are not" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	stop_server
	hosts_create
	KH_INTERFACES=$SERVER4 start_server
	ok on_client env KH_HOST="$SERVER4" /usr/bin/python3 "$top/tests/durable.py" "$PORT" loss \
		"${KH_LOSS:-2}"
	assert_output 'nothing was lost'
	stop_server
	hosts_delete
}
