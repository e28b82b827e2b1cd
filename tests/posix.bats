#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What local programs expect of a file system, on mounts of cifs.ko in user-mode Linux. With the
# module: tests/parity/list.

bats_require_minimum_version 1.5.0
load helpers

@test "cifs.ko: POSIX extensions, symlinks and special files" {
	# shellcheck disable=SC2154 # of helpers, and of run
	local guest=$top/tests/kernel/uml
	[ -z "${KH_VARIANT:-}" ] || skip "the same in every variant"
	"$guest" --check >/dev/null 2>&1 || skip "no user-mode Linux (make uml-build)"
	run --separate-stderr "$guest" -q -t 180 -- "$top/tests/posix/cifs" --off
	[ "$status" != 126 ] || skip "no kernel to run it in: ${stderr##*$'\n'}"
	refute_line '^not ok'
	assert_line '^1\.\.[0-9]+$'
	assert_status 0
}
