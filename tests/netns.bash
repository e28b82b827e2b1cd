# shellcheck shell=bash
# Two network namespaces as two hosts, joined by a veth pair of two queues:	load netns
#
#	hosts_create [QUEUES]	makes them; from then on start_server, ctl and smbc are on the server's
#				host (KH_NETNS), whose addresses $SERVER4 and $SERVER6 (fd99::1) are
#	on_server COMMAND, on_client COMMAND	runs it there; /sys/fs/bpf is that of this machine, but
#				/sys/class/net too: see hosts_sysfs
#	hosts_sysfs server|client FILE [VALUE]	reads or writes /sys/class/net/DEV/FILE of that host
#	hosts_add_address server|client ADDRESS/BITS
#	hosts_pin_queues server|client [CPU ...]	NAPI of each queue in a thread of its own, queue n on
#				the nth CPU (default: n). A veth uses NAPI when GRO is on and its peer does no
#				TSO, so that is set too.
#	hosts_second_link	a second veth pair, $SERVER_DEV2 and $CLIENT_DEV2, with $SERVER4B and
#				$CLIENT4B (10.98.0.x): two ways from one host to the other
#	hosts_delete		ends what runs in them, and deletes them
#
# $SERVER_DEV and $CLIENT_DEV are the devices, with names of their own per test process; $CLIENT4 and
# $CLIENT6 the client's addresses.

SERVER4=10.99.0.1 CLIENT4=10.99.0.2 SERVER6=fd99::1 CLIENT6=fd99::2

hosts_create() {
	local queues=${1:-2} id=$((BASHPID % 100000))
	export KH_NETNS=khs$id CLIENT_NETNS=khc$id SERVER_DEV=khs$id CLIENT_DEV=khc$id
	export SERVER4 CLIENT4 SERVER6 CLIENT6
	hosts_delete_names
	ip netns add "$KH_NETNS" && ip netns add "$CLIENT_NETNS" &&
		ip link add "$SERVER_DEV" netns "$KH_NETNS" numrxqueues "$queues" numtxqueues "$queues" \
			type veth peer name "$CLIENT_DEV" netns "$CLIENT_NETNS" \
			numrxqueues "$queues" numtxqueues "$queues" &&
		host_addresses "$KH_NETNS" "$SERVER_DEV" "$SERVER4" "$SERVER6" &&
		host_addresses "$CLIENT_NETNS" "$CLIENT_DEV" "$CLIENT4" "$CLIENT6"
}

host_addresses() {
	ip -n "$1" link set lo up && ip -n "$1" addr add "$3/24" dev "$2" &&
		ip -n "$1" addr add "$4/64" dev "$2" nodad && ip -n "$1" link set "$2" up
}

hosts_second_link() {
	export SERVER4B=10.98.0.1 CLIENT4B=10.98.0.2
	export SERVER_DEV2=${SERVER_DEV}b CLIENT_DEV2=${CLIENT_DEV}b
	ip link add "$SERVER_DEV2" netns "$KH_NETNS" type veth \
		peer name "$CLIENT_DEV2" netns "$CLIENT_NETNS" &&
		host_addresses "$KH_NETNS" "$SERVER_DEV2" "$SERVER4B" fd98::1 &&
		host_addresses "$CLIENT_NETNS" "$CLIENT_DEV2" "$CLIENT4B" fd98::2
}

hosts_delete_names() {
	local ns
	for ns in "$CLIENT_NETNS" "$KH_NETNS"; do
		[ -e "/run/netns/$ns" ] || continue
		# shellcheck disable=SC2046 # a list of processes
		kill -KILL $(ip netns pids "$ns") 2>/dev/null || true
		ip netns del "$ns"
	done
}

hosts_delete() {
	[ -n "${KH_NETNS:-}" ] || return 0
	hosts_delete_names
	unset KH_NETNS CLIENT_NETNS
}

on_server() {
	nsenter --net="/run/netns/$KH_NETNS" "$@"
}

on_client() {
	nsenter --net="/run/netns/$CLIENT_NETNS" "$@"
}

# The namespace and the device of a host: two words.
host_of() {
	case $1 in
	server) echo "$KH_NETNS $SERVER_DEV" ;;
	client) echo "$CLIENT_NETNS $CLIENT_DEV" ;;
	*) return 1 ;;
	esac
}

hosts_sysfs() {
	local ns dev
	read -r ns dev < <(host_of "$1")
	# shellcheck disable=SC2016 # for the inner shell
	ip netns exec "$ns" sh -c 'if [ $# = 1 ]; then cat "$1"; else echo "$2" >"$1"; fi' \
		sh "/sys/class/net/$dev/$2" ${3+"$3"}
}

hosts_add_address() {
	local ns dev
	read -r ns dev < <(host_of "$1")
	case $2 in
	*:*) ip -n "$ns" addr add "$2" dev "$dev" nodad ;;
	*) ip -n "$ns" addr add "$2" dev "$dev" ;;
	esac
}

hosts_pin_queues() {
	local ns dev peer_ns peer_dev pid queue=0 cpus
	read -r ns dev < <(host_of "$1")
	read -r peer_ns peer_dev < <(if [ "$1" = server ]; then host_of client; else host_of server; fi)
	shift
	cpus=("$@")
	[ $# -gt 0 ] || mapfile -t cpus < <(seq 0 $(($(nproc) - 1)))
	nsenter --net="/run/netns/$ns" ethtool -K "$dev" gro on || return 1
	nsenter --net="/run/netns/$peer_ns" ethtool -K "$peer_dev" tso off || return 1
	ip netns exec "$ns" sh -c "echo 1 >/sys/class/net/$dev/threaded" || return 1
	# Threads are called napi/DEV-ID; the id of a queue is above that of the queue before.
	for pid in $(pgrep -l "^napi/$dev-" | sort -t- -k2n | cut -d' ' -f1); do
		taskset -pc "${cpus[queue % ${#cpus[@]}]}" "$pid" >/dev/null || return 1
		queue=$((queue + 1))
	done
	[ $queue -gt 0 ]
}
