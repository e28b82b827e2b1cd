#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Sessions, message by message: tests/session.py is the client.

load helpers

setup_file() {
	server_setup_file
	start_server
}

teardown_file() { server_teardown_file; }

client() {
	# shellcheck disable=SC2154 # top is of helpers.bash
	timeout 100 /usr/bin/python3 "$top/tests/session.py" "$PORT" "$@"
}

@test "the same user may authenticate again; another one, or a wrong password, ends the session" {
	ok client reauth
}

@test "a previous session ends when its user has logged in, not before, and by nobody else" {
	ok client previous
}

@test "refusals are signed" {
	ok client signed
}

@test "LOGOFF with READ, WRITE, LOCK and NOTIFY in flight on two channels" {
	ok client logoff
}

@test "TREE_DISCONNECT with READ, WRITE, LOCK and NOTIFY in flight on two channels" {
	ok client disconnect
}

@test "requests that wait are counted per session" {
	ok client bounded
}
