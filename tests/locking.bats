# SPDX-License-Identifier: GPL-2.0-or-later
# Byte-range locks beyond smbtorture's smb2.lock.

load helpers

setup_file() {
	server_setup_file
	start_server
}

teardown_file() {
	server_teardown_file
}

@test "locks wait, are handed on, and go with their connections" {
	ok py_client locking.py
	assert_output 'all locks are right'
	echo "$output" | grep '^#' >&3 || true
}
