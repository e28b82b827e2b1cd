#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/kernel/vm itself: what a command sees, what comes back, and that a report in the kernel log
# fails the run. Few boots: each takes seconds.

load helpers
bats_require_minimum_version 1.5.0

vm=$top/tests/kernel/vm

# A module of ten lines: parameter warn=1 reports a WARNING when it is loaded.
hello_source() {
	cat >"$T/kh_hello.c" <<-'END'
		#include <linux/module.h>
		static bool warn;
		module_param(warn, bool, 0);
		static int __init kh_hello(void)
		{
			WARN(warn, "kh_hello was told to\n");
			return 0;
		}
		static void __exit kh_bye(void) { }
		module_init(kh_hello);
		module_exit(kh_bye);
		MODULE_DESCRIPTION("hello");
		MODULE_LICENSE("GPL");
	END
	echo 'obj-m := kh_hello.o' >"$T/Makefile"
}

setup_file() {
	[ -z "${KH_VARIANT:-}" ] || WHY="nothing here is built with sanitizers"
	[ -n "${WHY:-}" ] || WHY=$("$vm" --check 2>&1) || :
	export WHY
	[ -z "$WHY" ] || return 0
	# Not on /dev/shm, which the guest has of its own.
	T=$(mktemp -d "${TMPDIR:-/tmp}/kh-vm-bats.XXXXXX")
	export T
	hello_source
	make -s -C "$("$vm" --kdir)" M="$T" modules >"$T/build.log" 2>&1 || :
}

teardown_file() {
	[ -z "${T:-}" ] || rm -rf "$T"
}

setup() {
	[ -z "$WHY" ] || skip "$WHY"
	[ -s "$T/kh_hello.ko" ] || [ "$BATS_TEST_NUMBER" = 1 ] || skip "the module did not build"
}

@test "a module builds against the headers of the kernel, with BTF" {
	[ -s "$T/kh_hello.ko" ] || fail "$(cat "$T/build.log")"
	readelf -S "$T/kh_hello.ko" >"$T/sections"
	grep -q '\.BTF ' "$T/sections" || skip "this kernel's headers make no module BTF"
}

@test "status, output, arguments, places; the machine's files stay as they are" {
	cat >"$T/look" <<-'END'
		uname -r; nproc; pwd; printf '<%s>' "$@"; echo
		insmod "$T/kh_hello.ko" && ls /sys/kernel/btf/kh_hello; rmmod kh_hello
		for m in cifs ksmbd gcm ccm cmac nls_utf8 veth tun loop ext4; do
			modprobe $m || echo "no $m"
		done
		for f in proc sysfs debugfs tracefs bpf cgroup2; do
			grep -q " $f " /proc/mounts || echo "no $f"
		done
		ping -c 1 127.0.0.1 >/dev/null || (exec 3<>/dev/tcp/127.0.0.1/1) 2>&1 | grep refused
		touch "$T/changed"; rm "$T/Makefile"; echo kept >"$KERNEL_OUT/kept"
		read -r line || echo 'no input'
		echo 'to stderr' >&2
		sleep 1000 &
		exit 7
	END
	cd "$T"
	KH_WORD='a word' T=$T run --separate-stderr "$vm" -c 2 -o "$T/out" -l "$T/log" bash -c \
		'export T=$1; shift; . "$T/look"' - "$T" 'a  b' "\$c'" ''
	assert_status 7
	assert_line "^$("$vm" --version | sed 's/[+.]/\\&/g')\$"
	assert_line '^2$'
	assert_line "^$T\$"
	assert_output "<a  b><\$c'><>"
	assert_line '^no input$'
	assert_line '^to stderr$'
	refute_line '^no (cifs|ksmbd|gcm|ccm|cmac|nls_utf8|veth|tun|loop|ext4|proc|sysfs|debugfs|tracefs|bpf|cgroup2)$'
	! grep -q '\.BTF ' "$T/sections" || assert_line '^/sys/kernel/btf/kh_hello$'
	[ ! -e "$T/changed" ] && [ -e "$T/Makefile" ] || fail "the machine's files changed"
	assert_equal "$(cat "$T/out/kept")" kept
	grep -q 'Linux version' "$T/log"
}

@test "a WARNING fails a command that succeeded" {
	run --separate-stderr "$vm" -c 1 "echo before; insmod $T/kh_hello.ko warn=1; echo after"
	assert_status 125
	assert_output $'before\nafter'
	output=$stderr
	assert_output 'kh_hello was told to'
	assert_line 'WARNING: CPU: .* at .*kh_hello'
}

@test "a crash ends the guest, with the log" {
	run --separate-stderr "$vm" -c 1 'echo before; sleep 1; echo c >/proc/sysrq-trigger; sleep 99'
	assert_status 125
	assert_output before
	output=$stderr
	assert_line 'Kernel panic - not syncing: sysrq'
}

@test "what takes too long is ended, and nothing stays behind" {
	local status=0
	"$vm" -t 25 'echo here; sleep 1000' >"$T/slow" 2>&1 &
	local pid=$!
	sleep 3
	pgrep -P "$pid" >"$T/children"
	[ -s "$T/children" ]
	wait "$pid" || status=$?
	assert_equal "$status" 124
	output=$(cat "$T/slow")
	assert_line '^here$'
	! ps -p "$(paste -sd, "$T/children")" || fail "still running"
}

@test "without a command, or with an unknown option: 126, and no guest" {
	run -126 "$vm"
	run -126 "$vm" --no-such-option true
	KERNEL_RELEASE=0.1 run -126 "$vm" true
	assert_output 'no kernel 0.1'
}
