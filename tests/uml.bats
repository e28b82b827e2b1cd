#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The runner of user-mode Linux: output, status and folders of a command, and what it must notice.
# The plain kernel is built here if it has to be; the debug one is only used where it is built.
load helpers

setup_file() {
	local status=0
	export WHY_NOT=
	[ -z "${KH_VARIANT:-}" ] || { WHY_NOT="make uml is the same in every variant"; return; }
	"$top/tests/kernel/build-uml" >/dev/null || status=$?
	[ $status != 77 ] || { WHY_NOT="no linux-source-6.12 for user-mode Linux"; return; }
	return $status
}

setup() {
	[ -z "$WHY_NOT" ] || skip "$WHY_NOT"
	T=$(mktemp -d)
}

teardown() {
	rm -rf "${T:-}"
}

uml() {
	"$top/tests/kernel/uml" -t 60 "$@"
}

# lkdtm plants the findings.
provoke() {
	echo "modprobe lkdtm && echo $1 >/sys/kernel/debug/provoke-crash/DIRECT"
}

need_debug_kernel() {
	"$top/tests/kernel/build-uml" --debug --no-build >/dev/null ||
		skip "the debug kernel is not built (make uml-build)"
}

# Every process of a guest has the runner's folder in its command line or is its child.
no_guest_left() {
	local work
	work=$(sed -n 's/.* init=\([^ ]*\)\/init .*/\1/p' "$T/log")
	[ -n "$work" ] && [ ! -e "$work" ] || fail "the folder of the run: $work"
	! pgrep -f "kh_work=$work " || fail "processes are left"
}

@test "uml: output, errors and status of the command" {
	uml 'echo to stdout; echo to stderr >&2; exit 7' >"$T/out" 2>"$T/err" && status=0 || status=$?
	assert_equal "$status" 7
	assert_equal "$(cat "$T/out")" "to stdout"
	assert_equal "$(cat "$T/err")" "to stderr"
}

@test "uml: arguments as they are, the folder and variables of the caller" {
	cd "$T"
	KH_TEST='a  b' ok uml -- printf '%s|' "it's" '$HOME' '*' "$top"
	assert_equal "$output" "it's|\$HOME|*|$top|"
	KH_TEST='a  b' ok uml 'echo "$PWD $KH_TEST $KERNEL_TEST"'
	assert_equal "$output" "$T a  b uml"
}

@test "uml: a megabyte of output arrives whole, with a process left running" {
	ok uml -q 'seq 150000; sleep 1000 &'
	assert_equal "$(md5sum <<<"$output")" "$(seq 150000 | md5sum)"
}

@test "uml: the machine's files do not change, the output folder's do" {
	echo before >"$T/file"
	ok uml -o "$T/out" "echo after >$T/file; cat $T/file; cp $T/file \$KERNEL_OUT/copy"
	assert_equal "$output" after
	assert_equal "$(cat "$T/file") $(cat "$T/out/copy")" "before after"
}

@test "uml: modules, mounts and loopback are there" {
	ok uml 'modprobe -a cifs ksmbd gcm ccm cmac && ls -d /lib/modules/$(uname -r)/build/Makefile \
		/sys/kernel/tracing/events /sys/fs/bpf /sys/fs/cgroup/cgroup.procs &&
		setfattr -n user.a -v b /dev/shm && ping -c1 -W1 ::1 >/dev/null 2>&1; ip -br addr show lo'
	assert_output "127.0.0.1/8"
}

@test "uml: a module builds against it and loads" {
	cat >"$T/kh_t.c" <<-'END'
		#include <linux/module.h>
		MODULE_LICENSE("GPL");
	END
	echo 'obj-m := kh_t.o' >"$T/Makefile"
	ok make -C "$(uml --kdir)" M="$T" ARCH=um modules
	ok uml "insmod $T/kh_t.ko && rmmod kh_t"
}

@test "uml: x86 crypto gives the same answers as the C code" {
	uml 'modprobe aesni-intel' || skip "this processor has no AES instructions"
	cat >"$T/crypto.py" <<-'END'
		import socket
		def alg(kind, name):
		    s = socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
		    s.bind((kind, name))
		    return s
		for size in 1, 16, 255, 4096, 60001:
		    data = bytes(i * 7 & 255 for i in range(size))
		    h = alg("hash", "sha256").accept()[0]
		    h.sendall(data)
		    print(h.recv(32).hex())
		    s = alg("aead", "gcm(aes)")
		    s.setsockopt(socket.SOL_ALG, socket.ALG_SET_KEY, data[:16].ljust(16))
		    s.setsockopt(socket.SOL_ALG, socket.ALG_SET_AEAD_AUTHSIZE, None, 16)
		    c = s.accept()[0]
		    c.sendmsg_afalg([b"header" + data], op=socket.ALG_OP_ENCRYPT, iv=data[-12:].ljust(12),
		        assoclen=6)
		    print(__import__("hashlib").md5(c.recv(size + 22)).hexdigest())
	END
	ok uml "/usr/bin/python3 $T/crypto.py; echo; modprobe -a aesni-intel sha256-ssse3
		/usr/bin/python3 $T/crypto.py; grep -c 'module.*aesni_intel' /proc/crypto"
	assert_equal "$(sed -n '1,10p' <<<"$output")" "$(sed -n '12,21p' <<<"$output")"
	assert_line '^[1-9][0-9]*$'
}

@test "uml: a warning in the kernel log fails the run" {
	run uml -l "$T/log" "$(provoke WARNING); echo done"
	assert_status 125
	assert_output "done"
	assert_line 'WARNING: .* lkdtm_do_action'
	grep -q lkdtm_do_action "$T/log"
	ok uml --allow 'WARNING: .*lkdtm|cut here' "$(provoke WARNING)"
}

@test "uml: a kernel that dies fails the run, and says why" {
	run uml "echo before; $(provoke PANIC)"
	assert_status 125
	assert_output "before"
	assert_output "Kernel panic - not syncing: dumptest"
	run uml 'echo o >/proc/sysrq-trigger; sleep 100'
	assert_status 125
	assert_output "the kernel died"
}

@test "uml: the time limit ends the guest, shows what is blocked, leaves nothing" {
	run "$top/tests/kernel/uml" -t 2 -l "$T/log" "echo begins; $(provoke HUNG_TASK)"
	assert_status 124
	assert_output "begins"
	assert_output lkdtm_HUNG_TASK
	no_guest_left
}

@test "uml: a runner that is killed takes its guest along" {
	local runner work
	"$top/tests/kernel/uml" 'echo begins; sleep 1000' >"$T/out" 2>&1 3>&- &
	runner=$!
	for _ in $(seq 100); do
		grep -q begins "$T/out" && break
		sleep 0.1
	done
	work=$(tr '\0' '\n' </proc/"$(pgrep -P "$runner" -x linux)"/cmdline | sed -n 's/^kh_work=//p')
	[ -n "$work" ] || fail "no guest"
	kill -9 "$runner"
	for _ in $(seq 50); do
		pgrep -f "kh_work=$work" >/dev/null || break
		sleep 0.1
	done
	! pgrep -f "kh_work=$work" || fail "processes are left"
	rm -rf "$work"
}

@test "uml: KASAN in the debug build" {
	need_debug_kernel
	run uml --debug --no-leaks "$(provoke READ_AFTER_FREE)"
	assert_status 125
	assert_output "BUG: KASAN: slab-use-after-free in lkdtm_READ_AFTER_FREE"
}

@test "uml: lockdep, and leaks of a module, in the debug build" {
	need_debug_kernel
	cat >"$T/kh_t.c" <<-'END'
		#include <linux/module.h>
		#include <linux/slab.h>
		static DEFINE_MUTEX(a);
		static DEFINE_MUTEX(b);
		static bool locks;
		module_param(locks, bool, 0);
		static noinline int kh_leak(void)
		{
			int i;
			for (i = 0; i < 10; i++)
				if (!kmalloc(100, GFP_KERNEL))
					return -ENOMEM;
			return 0;
		}
		static int __init kh_init(void)
		{
			if (!locks)
				return kh_leak();
			mutex_lock(&a), mutex_lock(&b), mutex_unlock(&b), mutex_unlock(&a);
			mutex_lock(&b), mutex_lock(&a), mutex_unlock(&a), mutex_unlock(&b);
			return 0;
		}
		static void __exit kh_exit(void) {}
		module_init(kh_init);
		module_exit(kh_exit);
		MODULE_LICENSE("GPL");
	END
	echo 'obj-m := kh_t.o' >"$T/Makefile"
	ok make -C "$(uml --debug --kdir)" M="$T" ARCH=um modules
	run uml --debug --no-leaks "insmod $T/kh_t.ko locks=1"
	assert_status 125
	assert_output "possible circular locking dependency"
	run uml --debug "insmod $T/kh_t.ko"
	assert_status 125
	assert_output "unreferenced object"
	assert_output kh_leak
}
