#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# tune and a card with RSS, interrupts and channels: virtio_net in the machine of tests/kernel/vm,
# which gets the card by a qemu of our own in its path. One boot.
load helpers

setup_file() {
	local why
	export WHY_NOT=
	[ -z "${KH_VARIANT:-}" ] || WHY_NOT="nothing here is built with sanitizers"
	why=$("$top/tests/kernel/vm" --check 2>&1) || WHY_NOT=$why
	[ -c /dev/net/tun ] || WHY_NOT="no /dev/net/tun"
	[ -z "$WHY_NOT" ] || return 0
	T=$(mktemp -d)
	ns=kh$$-tunevm
	export T ns
	ip netns add "$ns" && ip -n "$ns" tuntap add dev khtap mode tap multi_queue &&
		ip -n "$ns" link set khtap up || return 1
	mkdir "$T/bin"
	cat >"$T/bin/qemu-system-x86_64" <<-END
		#!/bin/sh
		exec $(command -v qemu-system-x86_64) "\$@" \\
			-netdev tap,id=kh,ifname=khtap,script=no,downscript=no,queues=2,vhost=off \\
			-device virtio-net-pci,netdev=kh,mq=on,vectors=8,rss=on,hash=on
	END
	chmod +x "$T/bin/qemu-system-x86_64"
	PATH=$T/bin:$PATH ip netns exec "$ns" "$top/tests/kernel/vm" -t 300 -- \
		bash "$top/tests/nic/guest" "$top" >"$T/out" 2>&1 3>&- || true
}

teardown_file() {
	[ -z "${ns:-}" ] || ip netns del "$ns"
	[ -z "${T:-}" ] || rm -rf "$T"
}

setup() {
	[ -z "$WHY_NOT" ] || skip "$WHY_NOT"
}

# part TITLE: its lines in $output
part() {
	output=$(awk -v title="== $1" '/^== / { on = $0 == title } on' "$T/out")
	[ -n "$output" ] || fail "$(cat "$T/out")"
}

@test "tune: one channel of a virtio card becomes two, and one again" {
	part 'one channel'
	assert_output 'before: [1,[128],[["0-1",null],[null,"0-1"]]]'
	assert_output 'eth0 channels: combined 1, now combined 2'
	assert_output 'eth0 rps 0: 0-1, now off'
	assert_line '^advised: $'
	assert_output 'eth0 channels: combined 2, now combined 1'
	assert_output 'eth0 irq '
	assert_output 'as before'
}

@test "tune: an uneven RSS table becomes even, and uneven again" {
	part 'an uneven table'
	assert_output 'before: [2,[96,32],'
	assert_output 'eth0 rss: a table of its own, now even'
	assert_line '^advised: $'
	assert_output 'eth0 rss: even, now a table of its own'
	assert_output 'as before'
}

@test "tune: a table that names the queue that goes is taken out of the way, and comes back" {
	part 'a table in the way of one channel'
	assert_output 'eth0 rss: a table of its own, now even'
	assert_output 'eth0 channels: combined 2, now combined 1'
	assert_line '^advised: $'
	assert_output 'as before'
}
