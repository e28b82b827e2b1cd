# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of helpers and of bats
# Commands in user-mode Linux (tests/kernel), with the module that was built for that kernel.

# in_uml [OPTION...] -- COMMAND: $KO is the module that was built for that kernel.
in_uml() {
	local options=() kdir
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	kdir=$("$top/tests/kernel/uml" "${options[@]}" --kdir) || skip "no kernel to run it in"
	make -s -C "$top" kmod ARCH=um KDIR="$kdir" >"$BATS_TEST_TMPDIR/make" 2>&1 ||
		fail "$(cat "$BATS_TEST_TMPDIR/make")"
	KO=$top/build/kmod-$(cat "$kdir/include/config/kernel.release")/kmod/ksmbd_hybrid.ko
	run --separate-stderr "$top/tests/kernel/uml" -q "${options[@]}" -- "${1//@KO@/$KO}"
	[ "$status" != 126 ] || skip "no kernel to run it in: ${stderr##*$'\n'}"
}

# tap_in_uml [OPTION...] -- COMMAND: it prints TAP, and every line is ok
tap_in_uml() {
	[ -z "${KH_VARIANT:-}" ] || skip "the same in every variant"
	in_uml "$@"
	refute_line '^not ok'
	assert_line '^1\.\.[0-9]+$'
	assert_status 0
}
