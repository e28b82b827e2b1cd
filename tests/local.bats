# SPDX-License-Identifier: GPL-2.0-or-later
# Local programs and clients with the same files.

load helpers

setup_file() {
	server_setup_file
	start_server --share 'kernel oplocks = yes'
}

teardown_file() {
	server_teardown_file
}

@test "a local process writing a file breaks a client's oplock, and waits for its data" {
	ok py_client local.py "$T/share" oplock_is_broken
}

@test "a local process writing a file breaks a client's lease" {
	ok py_client local.py "$T/share" lease_is_broken
}

@test "what a local process has open is not cached by clients" {
	ok py_client local.py "$T/share" nothing_is_granted
}

@test "a client waits for a local process that has a lease of its own" {
	ok py_client local.py "$T/share" client_waits_for_a_local_lease
}

@test "byte-range locks of clients and local processes are one" {
	ok py_client local.py "$T/share" locks_are_seen
}

@test "with strict locking, reads and writes heed local processes' locks" {
	stop_server
	start_server --share 'strict locking = yes'
	ok py_client local.py "$T/share" io_heeds_locks
}

@test "share modes are flocks where the share says so" {
	stop_server
	start_server --share 'kernel share modes = yes'
	ok py_client local.py "$T/share" share_modes_are_flocks
}
