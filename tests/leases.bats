# SPDX-License-Identifier: GPL-2.0-or-later
# Leases beyond smbtorture's smb2.lease, on files and on folders.

load helpers

setup_file() {
	server_setup_file
	start_server
}

teardown_file() {
	server_teardown_file
}

@test "leases are granted, broken, acknowledged, shown, and go with their clients" {
	# shellcheck disable=SC2154 # of peer/control
	ok py_client leases.py "$kh_ctl" -c "$CONF" --instance "$INSTANCE" -j status handles
	assert_output 'all leases are right'
}

# Whoever asked first, here a user's worker for a lease on a folder: the listener is the daemon's.
@test "local changes are told to CHANGE_NOTIFY after leases on folders" {
	ok py_client notify.py local "$T/share"
	assert_output 'all told'
}
