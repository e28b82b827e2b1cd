# SPDX-License-Identifier: GPL-2.0-or-later
# Requests that wait on an open: reads of an empty pipe, watches of a folder.

load helpers

setup_file() {
	server_setup_file
	start_server
}

teardown_file() {
	server_teardown_file
}

@test "they end with data, CANCEL, CLOSE, and the connection" {
	ok py_client waiting.py
	assert_output 'all waits end'
}
