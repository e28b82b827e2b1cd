# SPDX-License-Identifier: GPL-2.0-or-later
# The XDP guard and the block list, with network namespaces as hosts.

load helpers
load netns
bats_require_minimum_version 1.5.0

setup_file() {
	server_setup_file
	export KH_PORT=4450
	hosts_create 2 || return 1
	export KH_INTERFACES="$SERVER4 $SERVER6"
	# Second addresses, which the client uses when it is told to.
	ip -n "$CLIENT_NETNS" addr add 10.99.0.3/24 dev "$CLIENT_DEV"
	ip -n "$CLIENT_NETNS" addr add fd99::3/64 dev "$CLIENT_DEV" nodad preferred_lft 0
	on_server /usr/bin/python3 -c "import socket, time
s = socket.create_server(('$SERVER4', 8080), backlog=512)
time.sleep(600)" >/dev/null 2>&1 3>&- &
	wait_until 'port_open 8080'
}

teardown_file() {
	local status=0
	server_teardown_file || status=1
	hosts_delete
	return $status
}

setup() {
	[ -s "$T/port" ] || return 0
	export PORT=$KH_PORT CONF=$T/server.conf INSTANCE
	INSTANCE=$(instance_name)
}

# ---- helpers ----

wait_until() {
	for _ in $(seq 100); do
		eval "$1" && return 0
		sleep 0.1
	done
	fail "not within 10 s: $1"
}

port_open() {
	[ "$(connects "${2:-$SERVER4}" "$1" 1 1)" = 1 ]
}

# connects ADDRESS PORT COUNT [SECONDS [SOURCE]], from the client's host
connects() {
	on_client /usr/bin/python3 "$top/tests/connects.py" "$@"
}

# guarded ['[global]-line' ...]: the server runs with these; a reload if it does already
guarded() {
	if [ -n "${CONF:-}" ] && ctl -j status >/dev/null 2>&1; then
		write_conf "$@" >"$CONF" && ok ctl reload
	else
		start_server "$@"
	fi
	ctl -j block list | jq -r '.blocks[].address' | while read -r a; do ctl block del "$a"; done
}

client_smb() {
	on_client timeout "${KH_TIMEOUT:-60}" smbclient "//$1/share" -p "$PORT" -U "$2" -c ls 2>&1 </dev/null
}

good_login() { client_smb "$1" "$KH_USER1%$KH_PASS1"; }
bad_login() { client_smb "$1" "$KH_USER1%wrong"; }

pin() { echo "/sys/fs/bpf/ksmbd-hybrid/$INSTANCE/$1"; }

# queues FIELD: the sum over CPUs and queues
queues() {
	bpftool -j map dump pinned "$(pin kh_queue_stats)" |
		jq "[.[].formatted.values[].value.$1] | add"
}

blocks() {
	ctl -j block list | jq -r ".blocks[] | select(.address == \"$1\") | .$2"
}

xdp_mode() {
	ctl -j block list | jq -r '.xdp[] | "\(.interface) \(.mode)"'
}

# The program's id on an interface of the server's host, if there is one.
xdp_on() {
	ip -n "$KH_NETNS" -d link show "$1" | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'
}

need_xdp() {
	[ -n "$(xdp_on "$SERVER_DEV")" ] || skip "XDP does not work here: $(grep -i xdp "$T/log" | tail -1)"
}

# ---- the block list ----

@test "blocked sources are dropped before the stack, IPv4 and IPv6, and other ports are theirs" {
	guarded "xdp interfaces = $SERVER_DEV"
	need_xdp
	assert_equal "$(xdp_mode)" "$SERVER_DEV native"
	ok good_login "$SERVER4"
	ok good_login "$SERVER6"
	ok ctl block add "$CLIENT4"
	ok ctl block add "$CLIENT6"
	assert_equal "$(connects "$SERVER4" "$PORT" 3)" 0
	assert_equal "$(connects "$SERVER6" "$PORT" 2)" 0
	port_open 8080
	assert_equal "$(connects "$SERVER4" "$PORT" 1 5 10.99.0.3)" 1
	assert_equal "$(connects "$SERVER6" "$PORT" 1 5 fd99::3)" 1
	[ "$(blocks "$CLIENT4" packets_dropped)" -ge 3 ]
	[ "$(blocks "$CLIENT6" packets_dropped)" -ge 2 ]
	assert_equal "$(blocks "$CLIENT4" connections_refused)" 0
	ok ctl block del "$CLIENT6"
	ok good_login "$SERVER6"
	# A retransmission may come between the two looks.
	wait_until '[ "$(queues blocked)" -ge "$(blocks "$CLIENT4" packets_dropped)" ]'
}

@test "a network is blocked for a time; a reload does not change that" {
	guarded "xdp interfaces = $SERVER_DEV"
	need_xdp
	ok ctl block add 10.99.0.0/24 --for 4s
	ok ctl block add fd99::/64 --for 1h
	ok ctl reload
	ok ctl block list
	assert_line '^10\.99\.0\.0/24 +by hand'
	assert_line '^fd99::/64 +by hand .*60 min'
	assert_line "^XDP guard on $SERVER_DEV: native\\.$"
	assert_equal "$(connects "$SERVER4" "$PORT" 1)" 0
	assert_equal "$(connects "$SERVER6" "$PORT" 1)" 0
	wait_until '[ "$(connects "$SERVER4" "$PORT" 1)" = 1 ]'
	wait_until '[ -z "$(blocks 10.99.0.0/24 why)" ]'
	assert_equal "$(connects "$SERVER6" "$PORT" 1)" 0
	grep -q '10.99.0.0/24 is no longer blocked' "$T/log"
	ok ctl block del fd99::/64
}

@test "what the command refuses" {
	guarded
	run ctl block add 127.0.0.1
	assert_status 2
	assert_output "never blocked"
	run ctl block add "$SERVER6"
	assert_status 2
	for a in 10.0.0.256 10.0.0.0/33 10.0.0.0/x fd99::/129 '' nobody; do
		run ctl block add "$a"
		assert_status 2
	done
	run ctl block del 10.0.0.1
	assert_status 2
	assert_output "not on the list"
	run ctl block add 10.0.0.1 --for ever
	assert_status 1
	run ctl block sub 10.0.0.1
	assert_status 1
	ok ctl block list
	assert_output "Nobody is blocked."
}

# ---- the SYN limit ----

@test "the SYN limit acts per source and counts, IPv4 and IPv6" {
	guarded "xdp interfaces = $SERVER_DEV" 'syn rate = 1/second burst 5'
	need_xdp
	local before n
	before=$(queues limited)
	n=$(connects "$SERVER4" "$PORT" 30)
	[ "$n" -ge 5 ] && [ "$n" -le 8 ] || fail "$n of 30 connections with a burst of 5"
	[ "$(queues limited)" -ge $((before + 22)) ]
	n=$(connects "$SERVER6" "$PORT" 30)
	[ "$n" -ge 5 ] && [ "$n" -le 8 ] || fail "$n of 30 connections with a burst of 5, IPv6"
	n=$(connects "$SERVER4" "$PORT" 2 0.7 10.99.0.3)
	assert_equal "$n" 2
	assert_equal "$(connects "$SERVER4" 8080 30)" 30
	guarded "xdp interfaces = $SERVER_DEV"
	assert_equal "$(connects "$SERVER4" "$PORT" 30)" 30
}

# ---- failed logins ----

@test "failed logins block their source in XDP, which is free again after the time" {
	guarded "xdp interfaces = $SERVER_DEV" 'auth block = 3 failures in 60 s for 6 s'
	need_xdp
	local i
	for i in 1 2; do
		run bad_login "$SERVER4"
		assert_output LOGON_FAILURE
	done
	ok good_login "$SERVER4"
	run bad_login "$SERVER4"
	assert_equal "$(blocks "$CLIENT4" why)" "failed logins"
	assert_equal "$(connects "$SERVER4" "$PORT" 1)" 0
	ok good_login "$SERVER6"
	[ "$(blocks "$CLIENT4" packets_dropped)" -ge 1 ]
	grep -q "$CLIENT4 is blocked for 6 s: 3 failed logins within 60 s" "$T/log"
	wait_until '[ -z "$(blocks "$CLIENT4" why)" ]'
	ok good_login "$SERVER4"
	[ "$(ctl -j block list | jq .blocked_by_failed_logins)" -ge 1 ]
}

@test "who is allowed, and this machine, is never blocked for failed logins" {
	guarded "xdp interfaces = $SERVER_DEV" 'auth block = 2 in 60 for 60' \
		"auth block allow = 10.99.0.0/24 EXCEPT 10.99.0.3"
	local i
	for i in 1 2 3; do
		run bad_login "$SERVER4"
		assert_output LOGON_FAILURE
		run on_server smbclient "//$SERVER6/share" -p "$PORT" -U "$KH_USER1%wrong" -c ls
		assert_output LOGON_FAILURE
	done
	assert_equal "$(ctl -j block list | jq '.blocks | length')" 0
	run bad_login "$SERVER6"
	run bad_login "$SERVER6"
	assert_equal "$(blocks "$CLIENT6" why)" "failed logins"
}

@test "without XDP, the daemon refuses the same sources" {
	guarded 'auth block = 2 failures in 60 s for 5 s'
	assert_equal "$(xdp_on "$SERVER_DEV")" ''
	run bad_login "$SERVER6"
	run bad_login "$SERVER6"
	run good_login "$SERVER6"
	[ "$status" != 0 ]
	ok good_login "$SERVER4"
	[ "$(blocks "$CLIENT6" connections_refused)" -ge 1 ]
	wait_until '[ -z "$(blocks "$CLIENT6" why)" ]'
	ok good_login "$SERVER6"
	ok ctl block add 10.99.0.0/24
	run good_login "$SERVER4"
	[ "$status" != 0 ]
	ok on_server smbclient "//$SERVER4/share" -p "$PORT" -U "$KH_USER1%$KH_PASS1" -c ls
	[ "$(ctl -j status counters | grep -o '"blocked": *[0-9]*' | grep -o '[0-9]*$')" -ge 2 ]
}

# ---- attaching ----

@test "generic mode, by a reload, does the same; its counters add up over CPUs" {
	guarded "xdp interfaces = $SERVER_DEV" 'xdp mode = generic'
	[ -n "$(ip -n "$KH_NETNS" link show "$SERVER_DEV" | grep xdpgeneric)" ] || skip "no generic XDP here"
	assert_equal "$(xdp_mode)" "$SERVER_DEV generic"
	local before
	before=$(queues syns)
	assert_equal "$(connects "$SERVER4" "$PORT" 10)" 10
	assert_equal "$(($(queues syns) - before))" 10
	ok ctl block add "$CLIENT6"
	assert_equal "$(connects "$SERVER6" "$PORT" 1)" 0
	guarded "xdp interfaces = $SERVER_DEV"
	assert_equal "$(xdp_mode)" "$SERVER_DEV native"
}

@test "each receive queue has its counters, each source its own" {
	guarded "xdp interfaces = $SERVER_DEV"
	need_xdp
	local syns sources
	syns=$(queues syns)
	assert_equal "$(connects "$SERVER4" "$PORT" 60)" 60
	assert_equal "$(($(queues syns) - syns))" 60
	syns=$(bpftool -j map dump pinned "$(pin kh_queue_stats)" |
		jq -c '[.[].formatted | select(.key < 2) | [.values[].value.syns] | add > 0]')
	assert_equal "$syns" '[true,true]'
	ok good_login "$SERVER6"
	sources=$(bpftool -j map dump pinned "$(pin kh_sources)" |
		jq '[.[].formatted.values[].value.packets] | add')
	# What passed and was no SYN; connections of before go on ending.
	[ "$sources" -gt 60 ] && [ "$sources" -le "$(($(queues packets) - $(queues syns)))" ]
}

@test "packets with VLAN tags and extension headers are seen and blocked" {
	guarded "xdp interfaces = $SERVER_DEV"
	need_xdp
	local syns blocked
	syns=$(queues syns)
	blocked=$(queues blocked)
	ok ctl block add fd99::77
	on_client /usr/bin/python3 "$top/tests/tagged.py" "$CLIENT_DEV" 10.99.0.77 "$PORT" 5
	on_client /usr/bin/python3 "$top/tests/tagged.py" "$CLIENT_DEV" fd99::77 "$PORT" 7
	wait_until "[ \$((\$(queues syns) - $syns)) = 12 ]"
	assert_equal "$(($(queues blocked) - blocked))" 7
	on_client /usr/bin/python3 "$top/tests/tagged.py" "$CLIENT_DEV" 10.99.0.77 8080 5
	assert_equal "$(($(queues syns) - syns))" 12
}

@test "connections are spread over CPUs" {
	on_client ethtool -K "$CLIENT_DEV" tx off >/dev/null
	guarded "xdp interfaces = $SERVER_DEV" 'xdp cpus = 0-1'
	need_xdp
	ok good_login "$SERVER4"
	ok good_login "$SERVER6"
	[ "$(queues redirected)" -gt 20 ]
	guarded "xdp interfaces = $SERVER_DEV"
	on_client ethtool -K "$CLIENT_DEV" tx on >/dev/null
}

@test "an interface without native XDP gets generic; without any, the server says why" {
	stop_server
	ip -n "$KH_NETNS" link add br0 type bridge 2>/dev/null || skip "no bridge here"
	start_server "xdp interfaces = br0 nosuch lo"
	assert_equal "$(ctl -j block list | jq -c '[.xdp[] | [.interface, .mode]]')" \
		'[["br0","generic"],["nosuch","off"],["lo","off"]]'
	run cat "$T/up.out"
	assert_output "No XDP guard on nosuch: there is no such interface."
	assert_output "No XDP guard on lo: loopback is never guarded."
	grep -q 'XDP guard on br0, in generic mode: natively, its driver has no XDP' "$T/log"
	stop_server
	run start_server "xdp interfaces = br0" "xdp mode = native"
	assert_status 1
	assert_output "no XDP guard on br0: its driver has no XDP"
	assert_equal "$(xdp_on br0)" ''
	ip -n "$KH_NETNS" link del br0
}

@test "what XDP does to an interface is said beforehand, another's program is left alone" {
	stop_server || true
	start_server "xdp interfaces = $SERVER_DEV"
	need_xdp
	run cat "$T/up.out"
	assert_output "native XDP turns off TSO at the peer of a veth"
	local other=$INSTANCE
	bpftool prog pin id "$(xdp_on "$SERVER_DEV")" "/sys/fs/bpf/kh-$other"
	stop_server
	assert_equal "$(xdp_on "$SERVER_DEV")" ''
	ip -n "$KH_NETNS" link set "$SERVER_DEV" mtu 3900
	on_server bpftool net attach xdpgeneric pinned "/sys/fs/bpf/kh-$other" dev "$SERVER_DEV"
	start_server "xdp interfaces = $SERVER_DEV"
	run cat "$T/up.out"
	assert_output "another XDP program is on it"
	assert_output "The server runs"
	assert_equal "$(xdp_mode)" "$SERVER_DEV off"
	stop_server
	[ -n "$(xdp_on "$SERVER_DEV")" ]
	on_server bpftool net detach xdpgeneric dev "$SERVER_DEV"
	rm "/sys/fs/bpf/kh-$other"
	start_server "xdp interfaces = $SERVER_DEV"
	run cat "$T/up.out"
	assert_output "an MTU of 3900 needs a driver with multi-buffer XDP"
	stop_server
	ip -n "$KH_NETNS" link set "$SERVER_DEV" mtu 1500
}

@test "a killed daemon's guard goes with the next start, or with down" {
	start_server "xdp interfaces = $SERVER_DEV"
	need_xdp
	local first second
	ok ctl block add "$CLIENT4"
	first=$(xdp_on "$SERVER_DEV")
	kill -KILL "$(server_pid)"
	wait_until '! ctl -j status >/dev/null 2>&1'
	assert_equal "$(xdp_on "$SERVER_DEV")" "$first"
	assert_equal "$(connects "$SERVER4" 8080 1 5)" 1
	start_server "xdp interfaces = $SERVER_DEV"
	second=$(xdp_on "$SERVER_DEV")
	[ "$second" != "$first" ]
	ok good_login "$SERVER4"
	kill -KILL "$(server_pid)"
	wait_until '! ctl -j status >/dev/null 2>&1'
	run ctl down
	assert_status 3
	assert_output "Its XDP guard was still on 1 interface, and is gone now."
	assert_equal "$(xdp_on "$SERVER_DEV")" ''
	[ ! -e "$(pin kh_blocklist)" ]
	start_server
	assert_equal "$(xdp_on "$SERVER_DEV")" ''
}
