# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel module's signatures and encryption give what the daemon's give: messages of many sizes
# in every form of memory, in user-mode Linux (tests/kernel/crypto_kat).

load helpers
bats_require_minimum_version 1.5.0

@test "the module's cryptography against the daemon's" {
	[ -z "${KH_VARIANT:-}" ] || skip "the same in every variant"
	run --separate-stderr "$top/tests/kernel/crypto_kat/run" uml
	[ "$status" != 126 ] || skip "no kernel to run it in: ${stderr##*$'\n'}"
	assert_status 0
	refute_line '^not ok'
	assert_line '^0 failed$'
}
