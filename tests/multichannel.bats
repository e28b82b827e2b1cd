#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# One session over two links of which one fails: no byte is lost, breaks come over the other one.
# shellcheck disable=SC2154 # top is of helpers.bash
# Two namespaces, two veth pairs; tests/multichannel.py is the client.

load helpers
load netns

setup_file() {
	server_setup_file
	hosts_create && hosts_second_link
	export KH_INTERFACES="\"$SERVER_DEV;speed=40000000000,capability=RSS\" $SERVER_DEV2 lo"
	start_server
}

teardown_file() {
	local status=0
	server_teardown_file || status=1
	hosts_delete
	return $status
}

client() {
	on_client timeout 100 /usr/bin/python3 "$top/tests/multichannel.py" "$PORT" \
		"$SERVER4" "$SERVER4B" "$CLIENT_DEV" "$@"
}

teardown() {
	ip -n "$CLIENT_NETNS" link set "$CLIENT_DEV" up
	on_client nft delete table ip loss 2>/dev/null || true
}

@test "clients are told of all links, with the speed and capability that the file gives" {
	ok client interfaces
	assert_line "^$SERVER4 index=[0-9]+ capability=1 speed=40000000000\$"
	assert_line "^$SERVER4B index=[0-9]+ capability=0 speed=[0-9]+\$"
	assert_line '^fd98::1 '
	refute_output 127.0.0.1
	refute_output fe80::
}

@test "a link goes down under writes and reads: no byte is lost, and it can come back" {
	ok client data down
}

@test "a link drops everything under writes and reads: no byte is lost" {
	ok client data drop
}

@test "a break comes over the other link when the first one goes down, once" {
	ok client breaks down
}

@test "a break comes over the other link when the first one drops everything, once" {
	ok client breaks drop
}

@test "a connection that is closed takes only its channel along" {
	ok client closed
}
