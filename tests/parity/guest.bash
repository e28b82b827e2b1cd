# shellcheck shell=bash
# What the tests of the module share inside of a test kernel (tests/kernel): a server on a tmpfs,
# cifs.ko as its client, TAP, and what must be left when all is over.
#
#	guest_begin [--off]		a folder $W; --off: everything by the daemon alone
#	guest_server [UP-OPTION...]	a server on port $PORT with its share in $SHARE (a tmpfs)
#	guest_down
#	cifs_mount NAME OPTIONS		mounts it at $W/NAME
#	cifs_umount NAME
#	test_that NAME COMMAND...	one TAP line; the output of a failing command as comments
#	remark				stdin as comments behind that line, whatever the result
#	skip NAME REASON
#	objects_are_zero, module_goes	what the end has to show
#	guest_end			the plan; the exit status
#
# KH_KERNEL_PATH=no in the environment is --off, too.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../peer/users
. "$top/tests/peer/users"
# shellcheck source=../peer/control
. "$top/tests/peer/control"

module=ksmbd_hybrid
debugfs=/sys/kernel/debug/$module
tests=0 failed=0
W='' PORT=4450 SHARE=''

test_that() {
	local name=$1 out status=0 began=$SECONDS
	shift
	out=$("$@" 2>&1 </dev/null) || status=$?
	tests=$((tests + 1))
	if [ $status = 0 ]; then
		echo "ok $tests - $name ($((SECONDS - began)) s)"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $name (status $status, $((SECONDS - began)) s)"
		tail -"${KH_LINES:-60}" <<<"$out" | sed 's/^/# /'
	fi
	[ ! -s "$W/remarks" ] || sed 's/^/# /' "$W/remarks"
	: >"$W/remarks"
	return $((status != 0))
}

remark() {
	cat >>"$W/remarks"
}

skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

guest_begin() {
	kernel_path=${KH_KERNEL_PATH:-yes}
	[ "${1:-}" = --off ] && kernel_path=no
	[ -z "${KERNEL_TEST:-}" ] && [ "$kernel_path" = yes ] &&
		{ echo "Bail out! runs inside of make uml or make vm"; exit 1; }
	W=$(mktemp -d "${KH_TMP:-/tmp}/kh-guest.XXXXXX") && chmod 1777 "$W" || exit 1
	SHARE=$W/tmpfs/share
	mkdir -p "$W/tmpfs" "$W/run" && mount -t tmpfs -o "size=${KH_SHARE_SIZE:-1G}" tmpfs "$W/tmpfs" &&
		mkdir "$SHARE" && kh_unix_users || exit 1
	chown "$KH_UNIX1" "$SHARE" && chmod 777 "$SHARE"
	# What modules need that nothing else asks for; a kernel that has it built in says so.
	modprobe -qa ccm gcm cmac hmac sha256 ctr
	trap guest_cleanup EXIT
}

guest_server() {
	cat >"$W/server.conf" <<-CONF
	[global]
		netbios name = KHGUEST
		smb ports = $PORT
		interfaces = ${KH_INTERFACES:-127.0.0.1}
		bind interfaces only = yes
		server min protocol = SMB2_02
		max connections = 0
		max connections per source = 0
		smb2 max read = ${KH_MAX_IO:-8M}
		smb2 max write = ${KH_MAX_IO:-8M}
		run directory = $W/run
		log file = $W/log
		log level = 1
	[share]
		path = $SHARE
		read only = no
		ea support = yes
	CONF
	[ "$kernel_path" = yes ] || set -- "$@" --no-kmod
	kh_adduser "$W/server.conf" "$KH_USER1" "$KH_PASS1" "$KH_UNIX1" || return 1
	KH_UP_OPTIONS=$* kh_up "$W" "$W/server.conf" guest
}

ctl() {
	kh_exec -c "$W/server.conf" --instance guest "$@"
}

guest_down() {
	kh_down "$W"
}

daemon_pid() {
	ctl -j status | jq -r .pid
}

smbc() { # COMMANDS [OPTION...]
	local commands=$1
	shift
	timeout 300 smbclient //127.0.0.1/share -p "$PORT" -U "$KH_USER1%$KH_PASS1" "$@" \
		-c "$commands"
}

# Fails unless a connection is there and all that are open have the path that is expected. Moving
# to the kernel happens at the second READ or WRITE of a file: a slow machine is waited for.
path_is_right() {
	local status paths i want=kernel
	[ "$kernel_path" = yes ] || want='user.*'
	for ((i = 0; i < 20; i++)); do
		status=$(ctl -j status) || return 1
		paths=$(jq -r '.connections[].path' <<<"$status")
		[ -n "$paths" ] && ! grep -qvxE "$want" <<<"$paths" && break
		sleep 0.5
	done
	jq -r '.connections[] | "connection \(.id): \(.path), \(.dialect), signing \(.signing), " +
		"cipher \(.cipher), \(.served) served, \(.passed_up) passed up"' <<<"$status" | remark
	[ $i -lt 20 ]
}

cifs_mount() { # NAME OPTIONS
	mkdir -p "$W/$1"
	mount -i -t cifs //127.0.0.1/share "$W/$1" -o \
		"ip=127.0.0.1,port=$PORT,username=$KH_USER1,password=$KH_PASS1,noperm,nosharesock,$2"
}

cifs_umount() {
	umount "$W/$1"
}

# What the module itself answered of a command (its number), from the pinned map: an entry for each
# lane, plane and command, see uapi/kh_maps.h.
kernel_ops() {
	local map=/sys/fs/bpf/ksmbd-hybrid/guest/kh_op_stats
	bpftool -j map dump pinned "$map" | jq --argjson command "$1" \
		'[.[].formatted | select(.key % 64 == 32 + $command) | .value.count] | add // 0'
}

objects_are_zero() {
	local i
	[ -r $debugfs/objects ] || { echo "no $debugfs/objects"; return 1; }
	for ((i = 0; i < 50; i++)); do
		awk '$2 != 0 { bad = 1 } END { exit bad }' $debugfs/objects && return 0
		sleep 0.2
	done
	cat $debugfs/objects
	return 1
}

module_goes() {
	grep -q "^$module " /proc/modules || { echo "is not loaded"; return 1; }
	rmmod $module
}

# The end of every test here: nothing is left of the module.
nothing_left() {
	[ "$kernel_path" = yes ] || return 0
	# `down` takes the module away where nobody else uses it.
	if grep -q "^$module " /proc/modules; then
		test_that "the module's objects are gone" objects_are_zero
		test_that "the module goes" module_goes
	else
		test_that "the module is gone" true
	fi
}

guest_cleanup() {
	local m
	awk -v w="$W/" 'index($2, w) == 1 && $3 == "cifs" { print $2 }' /proc/mounts |
		while read -r m; do umount -f -l "$m"; done
	guest_down >/dev/null 2>&1
	umount -l "$W/tmpfs" 2>/dev/null
	rm -rf "$W"
}

guest_end() {
	echo "1..$tests"
	[ $failed = 0 ]
}
