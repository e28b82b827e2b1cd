# SPDX-License-Identifier: GPL-2.0-or-later
# tune: what it sees of cards that are files here, and a veth pair with queues that is really changed
# and put back, in a namespace of its own.
load helpers

setup() {
	T=$(mktemp -d)
	conf=$T/test.conf
	printf '[global]\n\trun directory = %s/run\n' "$T" >"$conf"
}

teardown() {
	[ -z "${ns:-}" ] || ip netns del "$ns"
	rm -rf "$T"
}

kh() {
	kh_exec -c "$conf" "$@"
}

# unpack NAME: files of tests/nic/NAME.tree below $T/NAME
unpack() {
	local line path value
	while IFS= read -r line; do
		path=$T/$1/${line%% *} value=${line#* * }
		case $line in
		'#'*) continue ;;
		*' -> '*) mkdir -p "${path%/*}" && ln -s "$value" "$path" ;;
		*' = '*) mkdir -p "${path%/*}" && echo "$value" >"$path" ;;
		*' <<')
			mkdir -p "${path%/*}"
			while IFS= read -r line && [ "$line" != . ]; do echo "$line"; done >"$path"
			;;
		esac
	done <"$top/tests/nic/$1.tree"
}

# What of the tree can be written, as one text.
settings() {
	(cd "$T/$1" && find . -name '*_cpus' -o -name smp_affinity_list | sort | xargs grep -H .)
}

advice() {
	jq -r '[.advice[].about] | join(" ")' <<<"$output"
}

@test "tune: an ixgbe card: queues, interrupts, irqbalance, and what is advised" {
	unpack ixgbe
	ok kh tune --root "$T/ixgbe"
	assert_line '^eth0: ixgbe, 10 Gb/s, NUMA node 0$'
	assert_line '^ +1  rx\+tx +65 +99182736  eth0-TxRx-1  0-3 +0 +off  1$'
	assert_output 'Bind the interrupts of eth0'
	assert_output 'Stop irqbalance, process 812'
	refute_output 'lo:'
	awk 'length > 100 { exit 1 }' <<<"$output" || fail "too wide: $output"
	ok kh -j tune --root "$T/ixgbe"
	assert_equal "$(advice)" 'irq irqbalance'
	assert_equal "$(jq -r '.cpus, .irqbalance, .server.running' <<<"$output" | xargs)" '0-3 812 false'
	assert_equal "$(jq -r '.server.reactors | length' <<<"$output")" 4
	assert_equal "$(jq -c '.interfaces[0].queues[3]' <<<"$output")" \
		'{"queue":3,"for":"rx+tx","irq":67,"interrupts":5,"name":"eth0-TxRx-3","affinity":"0-3","effective":"3","rps":"","xps":"3"}'
}

@test "tune: a mlx5 card below a bond, on the second node, with fewer queues than reactors" {
	unpack mlx5
	ok kh -j tune --root "$T/mlx5"
	assert_equal "$(jq -r '.interfaces[] | [.name, .above, .driver, .node] | join(" ")' <<<"$output")" \
		'ens3f0np0 bond0 mlx5_core 1'
	assert_equal "$(advice)" 'irq xps rps'
	ok kh tune --root "$T/mlx5"
	assert_line '^ens3f0np0: mlx5_core, 100 Gb/s, NUMA node 1, carries bond0$'
	awk 'length > 100 { exit 1 }' <<<"$output" || fail "too wide: $output"
	ok kh tune --root "$T/mlx5" --apply
	assert_output 'ens3f0np0 irq 122 mlx5_comp1@pci:0000:3b:00.0: 5, now 1'
	assert_output 'ens3f0np0 xps 3: off, now 3,7'
	assert_equal "$(cat "$T"/mlx5/sys/class/net/ens3f0np0/queues/tx-3/xps_cpus)" 88
}

@test "tune: a dry run changes nothing; apply, apply again, undo, undo again" {
	unpack virtio
	settings virtio >"$T/before"
	ok kh tune --root "$T/virtio" --apply --dry-run
	assert_output 'eth0 rps 0: 0-1, would be off'
	assert_same_file "$T/before" <(settings virtio)
	[ ! -e "$T/virtio/tune.json" ]
	ok kh tune --root "$T/virtio" --apply
	assert_output 'eth0 irq 40 virtio2-input.1: 0-1, now 1'
	assert_output 'eth0 xps 1: off, now 1'
	assert_output 'eth0 rps 0: 0-1, now off'
	ok kh -j tune --root "$T/virtio"
	assert_equal "$(advice)" ''
	# What somebody changes in between is seen, and undo still goes back to the beginning.
	echo 0 >"$T/virtio/proc/irq/40/smp_affinity_list"
	ok kh -j tune --root "$T/virtio" --apply
	assert_equal "$(jq -c '.changed' <<<"$output")" \
		'[{"interface":"eth0","item":"irq 40 virtio2-input.1","before":"0","after":"1"}]'
	ok kh tune --root "$T/virtio" --apply
	assert_output 'Nothing to change'
	ok kh tune --root "$T/virtio" --undo
	assert_output 'eth0 rps 1: off, now 0-1'
	assert_same_file "$T/before" <(settings virtio)
	[ ! -e "$T/virtio/tune.json" ]
	ok kh tune --root "$T/virtio" --undo
	assert_output 'Nothing to undo'
}

@test "tune: what cannot be changed is said, kept, and the rest is done" {
	unpack virtio
	settings virtio >"$T/before"
	rm "$T/virtio/proc/irq/40/smp_affinity_list"
	mkdir "$T/virtio/proc/irq/40/smp_affinity_list"
	ok kh tune --root "$T/virtio" --apply
	assert_output 'eth0 xps 1: off, now 1'
	# In the middle of it: only a part was done when the process was killed.
	echo 3 >"$T/virtio/sys/class/net/eth0/queues/rx-1/rps_cpus"
	rm "$T/virtio/sys/class/net/eth0/queues/tx-1/xps_cpus"
	mkdir "$T/virtio/sys/class/net/eth0/queues/tx-1/xps_cpus"
	ok kh tune --root "$T/virtio" --undo
	rmdir "$T/virtio/sys/class/net/eth0/queues/tx-1/xps_cpus"
	echo 0 >"$T/virtio/sys/class/net/eth0/queues/tx-1/xps_cpus"
	echo 0-1 >"$T/irq40" && rmdir "$T/virtio/proc/irq/40/smp_affinity_list"
	mv "$T/irq40" "$T/virtio/proc/irq/40/smp_affinity_list"
	assert_same_file "$T/before" <(settings virtio)
	# A file of another boot, or of an interface that was made anew, restores nothing.
	ok kh tune --root "$T/virtio" --apply
	echo 99 >"$T/virtio/sys/class/net/eth0/ifindex"
	settings virtio >"$T/after"
	run kh tune --root "$T/virtio" --undo
	assert_output 'eth0 all: not changed: the interface is gone'
	assert_same_file "$T/after" <(settings virtio)
	[ ! -e "$T/virtio/tune.json" ]
}

@test "tune: what is mistyped, and who may not" {
	run kh tune --apply --undo
	assert_status 1
	run kh tune --dry-run
	assert_status 1
	run kh tune --undo eth0
	assert_status 1
	run kh tune steer=cpu --apply
	assert_status 1
	run kh tune nosuch0
	assert_status 2
	assert_output 'There is no network interface "nosuch0"'
	run kh tune steer=cpu
	assert_status 3
	KH_EXEC_PREFIX='setpriv --bounding-set=-net_admin --inh-caps=-net_admin' \
		run kh tune --apply nosuch0
	assert_status 2
	assert_output 'needs CAP_NET_ADMIN'
}

# ---- queues that are there ----

# veth QUEUES: a pair in a namespace, addresses 192.0.2.1 and 2001:db8::1 on its one end
veth() {
	ns=kh$$-tune
	ip netns add "$ns"
	ip -n "$ns" link add kh0 numrxqueues "$1" numtxqueues "$1" type veth \
		peer name kh1 numrxqueues "$1" numtxqueues "$1"
	ip -n "$ns" addr add 192.0.2.1/24 dev kh0
	ip -n "$ns" addr add 2001:db8::1/64 dev kh0 nodad
	ip -n "$ns" link set kh0 up && ip -n "$ns" link set kh1 up && ip -n "$ns" link set lo up
}

in_ns() {
	KH_NETNS=$ns kh_exec -c "$conf" "$@"
}

queues() {
	ip netns exec "$ns" sh -c 'cd /sys/class/net/kh0/queues && grep -H . */rps_cpus */xps_cpus'
}

@test "tune: channels, XPS and RPS of a veth are changed by its driver, and put back" {
	veth 3
	printf '\treactors = 2\n' >>"$conf"
	ip netns exec "$ns" sh -c 'echo 2 >/sys/class/net/kh0/queues/rx-2/rps_cpus
		echo 1 >/sys/class/net/kh0/queues/tx-2/xps_cpus'
	queues >"$T/before"
	ok in_ns tune --apply kh0
	assert_output 'kh0 channels: rx 3 tx 3, now rx 2 tx 2'
	assert_output 'kh0 xps 1: off, now 1'
	ok in_ns -j tune kh0
	assert_equal "$(jq -r '.interfaces[0].channels | [.rx, .max_rx, .tx] | join(" ")' <<<"$output")" '2 3 2'
	assert_equal "$(jq '[.advice[] | select(.applies)] | length' <<<"$output")" 0
	assert_equal "$(jq -r '[.interfaces[0].queues[] | .xps] | join(" ")' <<<"$output")" '0 1'
	assert_equal "$(stat -c %a "$T/run/tune.json")" 600
	run kh tune --undo
	assert_status 2
	assert_output 'in another network namespace'
	refute_output 'Nothing'
	ok in_ns tune --undo
	assert_output 'kh0 channels: rx 2 tx 2, now rx 3 tx 3'
	assert_same_file "$T/before" <(queues)
	[ ! -e "$T/run/tune.json" ]
	ok in_ns tune --undo
	assert_output 'Nothing to undo'
}

@test "tune: interfaces that a server listens on, by address or all of them, below a bridge too" {
	veth 2
	printf '\tinterfaces = 192.0.2.1\n\tbind interfaces only = yes\n' >>"$conf"
	ok in_ns -j tune
	assert_equal "$(jq -r '[.interfaces[].name] | join(" ")' <<<"$output")" kh0
	printf '[global]\n\trun directory = %s/run\n\tinterfaces = kh1 2001:db8::1\n\tbind interfaces only = yes\n' \
		"$T" >"$conf"
	ok in_ns -j tune
	assert_equal "$(jq -r '[.interfaces[].name] | sort | join(" ")' <<<"$output")" 'kh0 kh1'
	printf '[global]\n\trun directory = %s/run\n' "$T" >"$conf"
	ok in_ns -j tune
	assert_equal "$(jq -r '[.interfaces[].name] | sort | join(" ")' <<<"$output")" 'kh0 kh1'
	ip -n "$ns" link del kh0
	ok in_ns tune
	assert_output 'Loopback has no queues to tune'
}

# Three connections, and the reactors that they landed on.
landed() {
	local before pid
	before=$(ctl -j tune | jq '[.server.reactors[].accepted] | add')
	ip netns exec "$ns" bash -c "exec 3<>/dev/tcp/192.0.2.1/$PORT 4<>/dev/tcp/192.0.2.1/$PORT \
		5<>/dev/tcp/192.0.2.1/$PORT; exec sleep 60" 3>&- &
	pid=$!
	for _ in $(seq 200); do
		ok ctl -j tune
		[ "$(jq '[.server.reactors[].connections] | add >= 3' <<<"$output")" != true ] || break
		sleep .1
	done
	kill $pid
	assert_equal "$(jq '[.server.reactors[].connections] | add >= 3' <<<"$output")" true
	# Without maps the control socket says nothing of those that are gone.
	[ ! -d "/sys/fs/bpf/ksmbd-hybrid/$INSTANCE" ] ||
		assert_equal "$(jq "[.server.reactors[].accepted] | add >= $before + 3" <<<"$output")" true
	assert_equal "$(jq '.server.imbalance >= 1 and .server.imbalance <= 2' <<<"$output")" true
}

@test "tune: a server in a namespace is found from outside, and its reactors" {
	server_setup_file
	veth 2
	KH_NETNS=$ns KH_INTERFACES='192.0.2.1' start_server 'reactors = 2'
	ok ctl -j tune
	assert_equal "$(jq -r '[.interfaces[].name] | join(" ")' <<<"$output")" kh0
	assert_equal "$(jq -c '[.server.running, (.server.reactors | length)]' <<<"$output")" '[true,2]'
	ok ctl tune --apply
	assert_output 'kh0 xps 1: off, now 1'
	ok ctl tune
	assert_line '^Server +2 reactors'
	assert_line '^REACTOR .*CONNECTIONS'
	landed
	ok ctl tune --undo
	ok ctl tune steer=none
	assert_output 'New connections are steered: none, by '
	ok ctl tune
	assert_line '^Steering +none, by '
	run ctl tune steer=sideways
	assert_status 2
	assert_output 'there is no steering "sideways"'
	ok stop_server
}
