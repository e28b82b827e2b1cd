# SPDX-License-Identifier: GPL-2.0-or-later
# Locks, oplocks and deletion around files that are read and written all the time.

load helpers

setup_file() {
	server_setup_file
	start_server
}

teardown_file() {
	server_teardown_file
}

@test "what locks, oplocks, deletion and close owe to readers and writers" {
	local pins=/sys/fs/bpf/ksmbd-hybrid/${INSTANCE//./_}
	# What the module may do can be looked at where it has the maps (tests/kmod.bats wants it).
	if [ "$(ctl --json status | jq -r .planes.data)" != kernel ]; then
		[ -z "${KH_KERNEL:-}" ] || fail "the module is not used"
		pins=
	fi
	# shellcheck disable=SC2086 # none or one
	ok py_client handles.py $pins
	assert_output 'all handles are right'
}
