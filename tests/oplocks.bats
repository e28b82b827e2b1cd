# SPDX-License-Identifier: GPL-2.0-or-later
# Oplocks beyond smbtorture's smb2.oplock.

load helpers

setup_file() {
	server_setup_file
	start_server
}

teardown_file() {
	server_teardown_file
}

@test "oplocks are broken, waited for, and go with their connections" {
	ok py_client oplocks.py
	assert_output 'all oplocks are right'
}
