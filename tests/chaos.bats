# SPDX-License-Identifier: GPL-2.0-or-later
# Fifty connections that do anything, against a model of what a server must not let happen.

load helpers

@test "chaos: no two exclusive holders, no lost break, no stale data, nothing left over" {
	run timeout 400 "$top/tests/chaos/run" --seconds "${KH_CHAOS_SECONDS:-20}"
	echo "$output" | grep '^# seed' >&3 || true
	assert_status 0
}
