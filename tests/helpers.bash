# shellcheck shell=bash
# What every bats file here loads:	load helpers
# shellcheck disable=SC2154 # status and output are set by `run` of bats
#
# One server per test file or per test, each with an instance name, a port, a run folder and a
# share of its own below $T, a temporary folder on tmpfs that is gone afterwards.
#
#	setup_file()    { server_setup_file; start_server; }	one server for the file
#	teardown_file() { server_teardown_file; }
#
#	start_server ['[global]-line' ...] [--share 'share-line' ...] [--conf 'section text']
#	stop_server		fails if the server crashed or a sanitizer complained
#	smbc [-o SHARE] 'COMMANDS' [smbclient options]	smbclient as the first user
#	ctl ARGS		ksmbd-hybrid on this instance
#	assert_status N, assert_output TEXT, assert_line REGEX, refute_line REGEX, assert_equal A B,
#	assert_same_file A B	all print both sides when they fail
#	with_netns NAME		the server runs in a namespace of its own from now on (port 445 is free)
#	ns_create NAME ITS-ADDRESS/BITS OUR-ADDRESS/BITS, ns_run NAME COMMAND, ns_delete NAME
#		a network namespace as another host

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=peer/users
. "$top/tests/peer/users"
# shellcheck source=peer/control
. "$top/tests/peer/control"

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# ---- assertions: on what bats' `run` left in $status and $output, or on two values ----

assert_status() {
	[ "$status" = "$1" ] || fail "status: $status, expected $1" "output: $output"
}

assert_output() {
	case $output in *"$1"*) ;; *) fail "output: $output" "expected in it: $1" ;; esac
}

refute_output() {
	case $output in *"$1"*) fail "output: $output" "not expected in it: $1" ;; esac
}

assert_line() {
	grep -Eq -- "$1" <<<"$output" || fail "output: $output" "no line matches: $1"
}

refute_line() {
	! grep -Eq -- "$1" <<<"$output" || fail "output: $output" "a line matches: $1"
}

assert_equal() {
	[ "$1" = "$2" ] || fail "got:      $1" "expected: $2"
}

assert_same_file() {
	cmp "$1" "$2" || fail "$1: $(stat -c %s "$1" 2>&1) bytes, $2: $(stat -c %s "$2" 2>&1) bytes"
}

# run COMMAND and expect success, showing its output if it fails.
ok() {
	run "$@"
	assert_status 0
}

# ---- the server ----

port_answers() {
	(exec 3<>"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null
}

# A port that nobody uses, from a range that belongs to this process.
free_port() {
	local p tries
	for tries in $(seq 200); do
		p=$((20000 + (BASHPID * 7 + tries * 13 + RANDOM) % 12000))
		port_answers "$p" || { echo "$p"; return 0; }
	done
	return 1
}

server_setup_file() {
	T=$(mktemp -d "${KH_TMP:-/dev/shm}/kh-bats.XXXXXX")
	chmod 1777 "$T" # a sanitizer reports as whoever the thread acts for
	export T
	kh_unix_users
}

# Ends whatever start_server left, and removes every trace.
server_teardown_file() {
	local status=0
	stop_server || status=1
	if [ $status != 0 ] && [ -s "$T/log" ]; then tail -30 "$T/log" >&2; fi
	rm -rf "$T"
	return $status
}

write_conf() {
	local section=global extra=''
	printf '[global]\n\tnetbios name = KHOURS\n\tworkgroup = KHTEST\n\tsmb ports = %s\n' "$PORT"
	printf '\tinterfaces = %s\n\tbind interfaces only = yes\n' "${KH_INTERFACES:-127.0.0.1}"
	printf '\trun directory = %s/run\n\tlog file = %s/log\n\tlog level = 1\n' "$T" "$T"
	while [ $# -gt 0 ] && [ "$1" != --share ] && [ "$1" != --conf ]; do
		printf '\t%s\n' "$1"
		shift
	done
	printf '[share]\n\tpath = %s/share\n\tread only = no\n\tea support = yes\n' "$T"
	printf '\tvfs objects = acl_xattr streams_xattr\n'
	section=share
	while [ $# -gt 0 ]; do
		case $1 in
		--share) section=share ;;
		--conf) section=conf ;;
		*) if [ $section = share ]; then printf '\t%s\n' "$1"; else extra+=$1$'\n'; fi ;;
		esac
		shift
	done
	printf '%s' "$extra"
}

# KH_SERVER=samba runs the same tests against Samba, to see whether it is the test that is wrong.
# Its settings are those of tests/peer/torture.conf, so tests that set options differ there.
start_samba() {
	[ -s "$T/port" ] || echo "${KH_PORT:-$(free_port)}" >"$T/port"
	PORT=$(cat "$T/port") INSTANCE=samba CONF=$T/samba/smb.conf
	export PORT INSTANCE CONF
	in_netns "$top/tests/peer/samba" start "$T/samba" "$PORT" torture "$T/share"
}

# Pins in the bpffs have it, which knows no network namespaces: the port is not enough.
instance_name() {
	echo "t$PORT-$(cksum <<<"$T" | cut -d' ' -f1)"
}

start_server() {
	local fresh=yes
	[ "${KH_SERVER:-}" != samba ] || { start_samba && return; }
	[ -s "$T/port" ] && fresh=no
	mkdir -p "$T/run" "$T/share"
	[ $fresh = yes ] && { echo "${KH_PORT:-$(free_port)}" >"$T/port" || return 1; }
	PORT=$(cat "$T/port")
	INSTANCE=$(instance_name)
	CONF=$T/server.conf
	export PORT INSTANCE CONF
	# A share that is read-only for the moment stays as it is.
	chown "$KH_UNIX1" "$T/share" && chmod 777 "$T/share" || true
	write_conf "$@" >"$CONF"
	if [ $fresh = yes ]; then
		kh_adduser "$CONF" "$KH_USER1" "$KH_PASS1" "$KH_UNIX1" || return 1
		kh_adduser "$CONF" "$KH_USER2" "$KH_PASS2" "$KH_UNIX2" || return 1
	fi
	kh_up "$T" "$CONF" "$INSTANCE"
}

stop_server() {
	[ -n "${T:-}" ] || return 0
	[ "${KH_SERVER:-}" != samba ] || { "$top/tests/peer/samba" stop "$T/samba" && return; }
	kh_down "$T"
}

ctl() {
	kh_exec -c "$CONF" --instance "$INSTANCE" "$@"
}

server_pid() {
	ctl -j status | jq -r '.pid'
}

# ---- clients ----

smbc() {
	local share=share commands
	[ "$1" = -o ] && { share=$2 && shift 2; }
	commands=$1
	shift
	in_netns timeout "${KH_TIMEOUT:-120}" smbclient "//127.0.0.1/$share" -p "$PORT" \
		-U "$KH_USER1%$KH_PASS1" "$@" -c "$commands" 2>&1 </dev/null
}

# A Python client of tests/ that takes the port as its first argument.
py_client() {
	local script=$1
	shift
	in_netns timeout "${KH_TIMEOUT:-120}" /usr/bin/python3 "$top/tests/$script" "$PORT" "$@" 2>&1
}

# ---- a namespace for the server and its clients ----

with_netns() {
	KH_NETNS=kh$$-$1
	export KH_NETNS
	ip netns add "$KH_NETNS" && ip -n "$KH_NETNS" link set lo up
}

end_netns() {
	[ -z "${KH_NETNS:-}" ] || ip netns del "$KH_NETNS"
	unset KH_NETNS
}

# ---- network namespaces as hosts: a veth pair each, named after this process ----

ns_create() {
	local ns=kh$$-$1 dev=kh$$$1
	ip netns add "$ns" && ip link add "${dev:0:13}h" type veth peer name eth0 netns "$ns" &&
		ip addr add "${3:?host address}" dev "${dev:0:13}h" && ip link set "${dev:0:13}h" up &&
		ip -n "$ns" addr add "$2" dev eth0 && ip -n "$ns" link set eth0 up &&
		ip -n "$ns" link set lo up
}

ns_run() {
	local ns=kh$$-$1
	shift
	ip netns exec "$ns" "$@"
}

ns_delete() {
	ip netns del "kh$$-$1" 2>/dev/null || true
}
