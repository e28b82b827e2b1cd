# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # helpers.bash sets top
# What `top` and `metrics` show of the XDP guard, between two hosts.

load helpers
load netns

setup() {
	server_setup_file
	hosts_create 2
	export KH_INTERFACES=$SERVER4
	start_server "xdp interfaces = $SERVER_DEV" 'xdp mode = generic' 'syn rate = 5/second'
	[ -e "/sys/fs/bpf/ksmbd-hybrid/$INSTANCE/kh_queue_stats" ] || skip "no XDP here"
}

teardown() {
	local status=0
	server_teardown_file || status=1
	hosts_delete
	return $status
}

# sum FAMILY: over all queues
sum() {
	ctl metrics | awk -v name="ksmbd_hybrid_$1{" 'index($0, name) == 1 { n += $2 } END { print n + 0 }'
}

@test "top, metrics: the guard's counters are those of the packets" {
	local blocked
	assert_equal "$(sum xdp_packets_total)" 0
	ok on_client /usr/bin/python3 "$top/tests/connects.py" "$SERVER4" "$PORT" 30 1
	[ "$(sum xdp_syns_total)" -ge 30 ]
	[ "$(sum xdp_limited_total)" -gt 0 ]
	[ "$(sum xdp_packets_total)" -ge "$(sum xdp_syns_total)" ]
	ok ctl block add "$CLIENT4"
	run on_client /usr/bin/python3 "$top/tests/connects.py" "$SERVER4" "$PORT" 3 1
	blocked=$(sum xdp_blocked_total)
	[ "$blocked" -ge 3 ]
	assert_equal "$(ctl -j block list | jq '[.blocks[].packets_dropped] | add')" "$blocked"
	ctl metrics | grep -q "^ksmbd_hybrid_xdp_bytes_total{interface=\"$SERVER_DEV\",queue=\"0\"} [1-9]"
	on_client /usr/bin/python3 "$top/tests/connects.py" "$SERVER4" "$PORT" 20 4 >/dev/null 2>&1 3>&- &
	ok ctl top -n 1 -i 1
	assert_line "^$SERVER_DEV +0 +"
	ok ctl top -n 1 -i 0.2 --json
	assert_output "\"interface\":\"$SERVER_DEV\""
	wait
}
