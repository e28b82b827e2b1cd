# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel module by itself: what no client and no daemon should send, and memory that fails, under
# KASAN, UBSAN, lockdep and the leak detector (tests/kernel/rig).

load helpers
load in_uml
bats_require_minimum_version 1.5.0

setup_file() {
	[ -n "${KH_VARIANT:-}" ] || make -s -C "$top" build/kernel/{fuzz,test}_kmod
}

@test "the module does what its cases say" {
	tap_in_uml -- "insmod @KO@ && $top/build/kernel/test_kmod && rmmod ksmbd_hybrid"
}

@test "nothing that is sent to it breaks the module" {
	[ -z "${KH_VARIANT:-}" ] || skip "the same in every variant"
	in_uml --debug -- "insmod @KO@ && $top/build/kernel/fuzz_kmod --seconds \
		${KH_FUZZ_SECONDS:-20} && rmmod ksmbd_hybrid"
	assert_status 0
	assert_line '^[0-9]+ runs in .* places, [0-9]+ inputs$'
}

@test "failing allocations: no crash, nothing left, and it works when memory is back" {
	tap_in_uml --debug -- "$top/tests/kernel/rig/faults @KO@ $top/build/kernel 3"
}
