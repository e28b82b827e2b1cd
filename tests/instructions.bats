# SPDX-License-Identifier: GPL-2.0-or-later
# The guard on instruction counts (tests/bench/instructions) notices a slowdown, in the daemon and in the module: one is
# planted in a copy of the tree.

load helpers
bats_require_minimum_version 1.5.0

# A copy of the tree as it is, with what is built, in a place that the virtual machine sees.
setup_file() {
	"$top/tests/kernel/vm" --check 2>/dev/null || skip "no virtual machine"
	export C=$BATS_FILE_TMPDIR/tree F=$BATS_FILE_TMPDIR/figures.json
	mkdir "$C"
	make -s -C "$top" all build/tools/counted >/dev/null
	(cd "$top" && git ls-files -z | xargs -0 cp -a --parents -t "$C" &&
		cp -a --parents -t "$C" ksmbd-hybrid build/{ctl,daemon,gen,bpf,tests/tools,tests/client} \
			build/{.flags,libdaemon.a,ksmbd-hybridd} build/tools/counted)
}

# What is built there, not what the other tests run.
guard() {
	run env -u KH_BUILD -u KH_VARIANT "$C/tests/bench/instructions" --figures "$F" --only code/read,user/read,module/read "$@"
}

# plant FILE 'FIRST LINE OF A FUNCTION': four thousand instructions more at its beginning: a fifth of the
# module's READ, which differs by some hundred from boot to boot
plant() {
	awk -v line="$2" '
		$0 == line {
			print "static __attribute__((__noinline__)) int planted_slowdown(void)\n{"
			print "\tfor (volatile int i = 0; i < 700; i++)\n\t\t;\n\treturn 0;\n}\n"
			found = 1
		}
		{ print }
		found == 1 && $0 == "{" {
			print "\tint planted __attribute__((__unused__)) = planted_slowdown();"
			found = 2
		}
		END { exit found != 2 }' "$C/$1" >"$C/$1.planted"
	mv "$C/$1.planted" "$C/$1"
}

@test "figures that were written hold; an improvement asks for new ones" {
	guard --write
	assert_status 0
	jq '.figures["module/read"].instructions *= 1.1' "$F" >"$F.slow"
	F=$F.slow guard
	assert_status 0
	assert_line '^code/read .* instructions, [+-]0\.[0-9] % of'
	assert_line '^user/read .* instructions, [+-]0\.[0-9] % of'
	assert_output 'better by more than 5 %: module/read. Renew the figures'
}

@test "a planted slowdown of READ fails, in the daemon and in the module, and is named" {
	plant daemon/smb2/smb2_read.c 'ntstatus smb2_read(struct request *rq)'
	plant kmod/smb2_read.c 'bool kh_smb2_read(struct kh_req *rq)'
	guard
	assert_status 1
	assert_line '^code/read .*FAILS$'
	assert_line '^user/read .*FAILS$'
	assert_line '^module/read .*FAILS$'
	assert_line '^# .* \+[0-9]+  planted_slowdown$'
	assert_line '^# .* \+[0-9]+  planted_slowdown \[ksmbd-hybridd\]$'
	assert_line '^# .* \+[0-9]+  planted_slowdown \[ksmbd_hybrid\]$'
	assert_output 'tests/bench/instructions --write'
}
