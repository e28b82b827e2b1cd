# shellcheck shell=bash
# Failing allocations, for the scripts in a debug kernel (failslab, fail_page_alloc):
#
#	fail_begin	only those that the module, which is loaded, makes or causes; none yet.
#			False: this kernel cannot
#	fail PERCENT	so many of them; 0: none any more
#	fail_count	how many did since the last call

fail_debug=/sys/kernel/debug

# First and last function of the module: no other module's allocations matter.
fail_text() {
	awk '$4 == "[ksmbd_hybrid]" && tolower($2) == "t" { print $1 }' /proc/kallsyms | sort |
		sed -n '1p;$p'
}

fail_begin() {
	local kind text
	[ -e $fail_debug/failslab/require-start ] || return 1
	mapfile -t text < <(fail_text)
	[ ${#text[@]} = 2 ] || return 1
	for kind in failslab fail_page_alloc; do
		echo 0 >$fail_debug/$kind/probability
		echo 1 >$fail_debug/$kind/interval
		echo 0 >$fail_debug/$kind/verbose
		echo N >$fail_debug/$kind/task-filter
		echo N >$fail_debug/$kind/ignore-gfp-wait
		echo 32 >$fail_debug/$kind/stacktrace-depth
		echo "0x${text[0]}" >$fail_debug/$kind/require-start
		echo "0x${text[1]}" >$fail_debug/$kind/require-end
	done
	echo 0 >$fail_debug/fail_page_alloc/min-order
	fail_count >/dev/null
}

fail() {
	echo "$1" >$fail_debug/failslab/probability
	echo "$1" >$fail_debug/fail_page_alloc/probability
}

fail_count() {
	local kind all=1000000 n=0
	for kind in failslab fail_page_alloc; do
		n=$((n + all - $(cat $fail_debug/$kind/times)))
		echo $all >$fail_debug/$kind/times
	done
	echo $n
}
