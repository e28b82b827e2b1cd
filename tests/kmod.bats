# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel module: its netlink family in user-mode Linux (tests/kernel), and servers without it.

load helpers
load in_uml
bats_require_minimum_version 1.5.0

teardown() {
	[ -z "${T:-}" ] || server_teardown_file
}

@test "the netlink family does what its contract says, and leaves nothing" {
	tap_in_uml -- "$top/tests/kernel/netlink_test @KO@"
}

@test "the same under KASAN, UBSAN and lockdep" {
	tap_in_uml --debug -- "$top/tests/kernel/netlink_test @KO@"
}

@test "no allocation of a netlink operation can fail badly" {
	tap_in_uml --debug -- "$top/tests/kernel/netlink_fail @KO@"
}

@test "up loads the module, status names it, rmmod is refused, down --unload removes it" {
	tap_in_uml -- "$top/tests/kernel/up_test"
}

# bats in the guest, with the module; not the parts of the bats out here, which PATH has first
serving() {
	tap_in_uml "$@" -- "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin KH_KERNEL=yes \
		bats $top/tests/handles.bats"
}

@test "locks, oplocks, deletion and close around files that the module serves" {
	serving
}

@test "files that the module serves, under KASAN, UBSAN and lockdep" {
	serving --debug -t 300
}

@test "who watches a folder is told of writes that the module serves" {
	tap_in_uml -t 300 -- "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin KH_KERNEL=yes \
		bats -f 'every write' $top/tests/notify.bats"
}

@test "the maps have counted what clients did, whoever served it" {
	tap_in_uml -t 300 -- "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin KH_KERNEL=yes \
		bats -f 'during a load|status reads' $top/tests/maps.bats"
}

@test "what the administrator closes while the module serves it, under KASAN and lockdep" {
	tap_in_uml --debug -t 300 -- "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin KH_KERNEL=yes \
		bats -f 'close: a handle' $top/tests/administer.bats"
}

@test "trace shows what the module answers, where BPF can attach" {
	local vm=$top/tests/kernel/vm kdir
	[ -z "${KH_VARIANT:-}" ] || skip "the same in every variant"
	kdir=$("$vm" --kdir) || skip "no virtual machine"
	make -s -C "$top" kmod KDIR="$kdir" >"$BATS_TEST_TMPDIR/make" 2>&1 ||
		fail "$(cat "$BATS_TEST_TMPDIR/make")"
	run --separate-stderr "$vm" -c 1 -t 400 -- "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		KH_KERNEL=yes bats -f 'what the kernel module answers' $top/tests/administer.bats"
	[ "$status" != 126 ] || skip "no virtual machine: ${stderr##*$'\n'}"
	assert_status 0
	assert_line '^ok 1 '
	refute_line 'skip'
}

# up_alone ARGS: starts a server of this test's own
up_alone() {
	printf '[global]\n\tsmb ports = %s\n\tinterfaces = 127.0.0.1\n\tbind interfaces only = yes\n' \
		"$(free_port)" >"$T/conf"
	printf '\trun directory = %s/run\n\tkernel path = %s\n' "$T" "$1" >>"$T/conf"
	run kh_exec -c "$T/conf" up "${@:2}"
}

@test "kernel path = yes does not start without the module, auto and --no-kmod do" {
	[ ! -e /proc/modules ] || skip "this kernel might load it"
	T=$(mktemp -d "$BATS_TEST_TMPDIR/XXXXXX")
	up_alone yes
	assert_status 2
	assert_output 'Without the kernel module: this kernel cannot load modules.'
	assert_output '"kernel path = yes", but the kernel module cannot be used: module not loaded'
	up_alone auto
	assert_status 0
	assert_output 'Without the kernel module: this kernel cannot load modules.'
	ok kh_exec -c "$T/conf" down --unload
	up_alone yes --no-kmod
	assert_status 0
	refute_output 'kernel module'
	ok kh_exec -c "$T/conf" down
}
