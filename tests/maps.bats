# SPDX-License-Identifier: GPL-2.0-or-later
# The BPF maps of a server: pinned while it runs, readable by name, counting, and gone afterwards.

load helpers

setup() {
	server_setup_file
}

teardown() {
	server_teardown_file
}

pins() {
	echo "/sys/fs/bpf/ksmbd-hybrid/${INSTANCE//./_}"
}

need_bpf() {
	[ -d "$(pins)" ] || skip "no BPF maps here"
}

# dump MAP...: into files, an entry per line, which the functions below look at: 65,536 entries at
# once are too much for jq. Without -j bpftool writes each line of its 2,800,000 by itself, which
# takes user-mode Linux minutes.
dump() {
	local map
	for map in "$@"; do
		bpftool -j map dump pinned "$(pins)/$map" |
			awk -v 'RS="formatted":' 'NR > 1 { sub(/[}](,[{]"key":\["0x[^{]*|\]\n*)$/, ""); print }' \
				>"$BATS_TEST_TMPDIR/$map"
	done
}

# op_stat COMMAND FIELD: sum over lanes and planes
op_stat() {
	jq -s "[.[] | select(.key % 32 == $1) | .value.$2] | add" "$BATS_TEST_TMPDIR/kh_op_stats"
}

# op_sum FIELD: over all commands, planes and lanes
op_sum() {
	jq -s "[.[].value.$1] | add" "$BATS_TEST_TMPDIR/kh_op_stats"
}

# used MAP: the entries that are taken, of those whose values begin with an id
used() {
	grep -vE '^\{"key":[0-9]+,"value":\{"(id|vol)":0,' "$BATS_TEST_TMPDIR/$1" || true
}

# counting ROUNDS: starts maps.py, whose line is in $counted; counting_end ends it
counting() {
	mkfifo "$BATS_TEST_TMPDIR/fifo" "$BATS_TEST_TMPDIR/end"
	KH_TIMEOUT=900 py_client maps.py "$1" <"$BATS_TEST_TMPDIR/end" >"$BATS_TEST_TMPDIR/fifo" 3>&- &
	counting_pid=$!
	exec 8>"$BATS_TEST_TMPDIR/end"
}

counting_done() {
	read -r counted <"$BATS_TEST_TMPDIR/fifo" && [ "${counted:0:1}" = '{' ] || fail "$counted"
}

counting_end() {
	exec 8>&-
	wait "$counting_pid"
}

@test "the maps are pinned for root only, and have named fields" {
	start_server
	need_bpf
	assert_equal "$(stat -c %a "$(pins)")" 700
	for map in kh_bad_input kh_conns kh_handles kh_names kh_op_stats kh_reactors kh_server kh_sessions \
		kh_steer_conf kh_steer_groups kh_steer_socks; do
		[ -e "$(pins)/$map" ] || fail "$map is not pinned"
	done
	run bpftool map lookup pinned "$(pins)/kh_handles" key 0 0 0 0
	assert_output '"caps": 0'
	assert_output '"write_bytes": 0'
	run bpftool map lookup pinned "$(pins)/kh_conns" key 0 0 0 0
	assert_output '"passed_up": 0'
}

@test "operations are counted, with bytes and latency, as status says" {
	start_server
	need_bpf
	head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
	ok smbc "put $BATS_TEST_TMPDIR/f f; get f $BATS_TEST_TMPDIR/g"
	dump kh_op_stats
	assert_equal "$(op_stat 9 bytes_in)" 300000
	assert_equal "$(op_stat 8 bytes_out)" 300000
	assert_equal "$(op_stat 5 count)" "$(ctl --json status | jq .counters.ops.create.count)"
	assert_equal "$(op_stat 5 'latency_us | add')" "$(op_stat 5 count)"
}

@test "the pins go with the server; what a killed one left is replaced" {
	start_server
	need_bpf
	ok stop_server
	[ ! -e "$(pins)" ]
	mkdir -p "$(pins)"
	bpftool map create "$(pins)/kh_handles" type array key 4 value 4 entries 1 name stale
	start_server
	run bpftool map show pinned "$(pins)/kh_handles"
	assert_output 'name kh_handles'
	kill -9 "$(cat "$T/run/pid")"
	until run ctl status && [ "$status" = 3 ]; do sleep 0.1; done
	[ -e "$(pins)/kh_server" ]
	start_server
	ok ctl status
	ok stop_server
	[ ! -e "$(pins)" ]
}

@test "during a load the maps can be dumped, and at its end they have counted what the clients did" {
	local name
	start_server
	need_bpf
	head -c 3000001 /dev/urandom >"$BATS_TEST_TMPDIR/f"
	counting 100
	smbc "put $BATS_TEST_TMPDIR/f f; get f $BATS_TEST_TMPDIR/g" >/dev/null 3>&- 8>&- &
	dump kh_server kh_reactors kh_sessions kh_op_stats
	for name in kh_server kh_reactors kh_op_stats; do
		jq -e .value "$BATS_TEST_TMPDIR/$name" >/dev/null
	done
	counting_done
	wait $!
	dump kh_op_stats kh_handles kh_conns kh_sessions kh_server
	assert_equal "$(op_stat 8 bytes_out)" "$(jq '.total.read_bytes + 3000001' <<<"$counted")"
	assert_equal "$(op_stat 9 bytes_in)" "$(jq '.total.write_bytes + 3000001' <<<"$counted")"
	assert_equal "$(op_sum bytes_out)" "$(op_stat 8 bytes_out)"
	assert_equal "$(op_sum bytes_in)" "$(op_stat 9 bytes_in)"
	assert_equal "$(op_stat 8 errors)" "$(jq .total.errors <<<"$counted")"
	assert_equal "$(op_stat 9 errors)" 0
	assert_equal "$(op_sum 'latency_us | add')" "$(op_sum count)"
	for name in reads read_bytes writes write_bytes; do
		assert_equal "$(used kh_handles | jq -s "[.[].value | .user_$name + .$name] | add")" \
			"$(jq ".total.$name" <<<"$counted")"
	done
	if [ "${KH_KERNEL:-}" = yes ]; then
		[ "$(jq -s '[.[] | select(.key % 64 == 40 or .key % 64 == 41) | .value.count] | add' \
			"$BATS_TEST_TMPDIR/kh_op_stats")" -gt 500 ]
	fi
	# The connections are idle now: what TCP moved is what was counted, to the byte.
	assert_equal "$(used kh_conns | jq -sc '[.[].value |
			{(.port | tostring): [.user_bytes_in + .bytes_in, .user_bytes_out + .bytes_out]}] | add')" \
		"$(jq -c '[.connections[] | {(.port | tostring): [.bytes_in, .bytes_out]}] | add' \
			<<<"$counted")"
	assert_equal "$(used kh_sessions | jq -sc '[.[].value | [.user, .trees, .opens]]')" \
		'[["torture1",2,2],["torture1",2,2]]'
	assert_equal "$(jq -c '[.value | .connections, .sessions, .opens]' "$BATS_TEST_TMPDIR/kh_server")" \
		'[2,2,4]'
	counting_end
	until [ "$(ctl -j status | jq -c '[(.connections, .sessions, .handles | length),
			(.counters | .connections, .sessions, .opens)]')" = '[0,0,0,0,0,0]' ]; do
		sleep 0.1
	done
}

@test "status reads the maps of a server that is stopped, and asks for shares and locks" {
	local pid part
	start_server
	need_bpf
	counting 2
	counting_done
	ok ctl status
	[[ ${lines[0]} =~ ^Serving\ +(user\ space\ \(2\ connections\;|kernel\ \() ]] || fail "${lines[0]}"
	ok ctl status locks
	assert_line '^share +counted one +torture1 +[0-9a-f]+ +5 +10 +exclusive +no$'
	pid=$(cat "$T/run/pid")
	kill -STOP "$pid"
	for part in connections sessions handles queues; do
		ok ctl status $part
		awk 'length($0) > 100 { exit 1 }' <<<"$output"
	done
	run ctl status
	assert_line "^Process +$pid \(does not answer"
	assert_equal "$(ctl -j status handles | jq -c 'map([.share, .path, .kind]) | sort')" \
		'[["IPC$","srvsvc","pipe"],["IPC$","srvsvc","pipe"],["share","counted one","file"],["share","counted two","file"]]'
	assert_equal "$(ctl -j status | jq -c '[.from, .answers, .shares]')" '["maps",false,null]'
	run ctl status shares
	assert_status 2
	assert_output "does not answer"
	run ctl status locks
	assert_status 2
	kill -CONT "$pid"
	ok ctl status shares
	ok ctl status -v connections
	awk 'length($0) > 100 { exit 1 }' <<<"$output"
	ok ctl status -v handles
	awk 'length($0) > 100 { exit 1 }' <<<"$output"
	counting_end
}

# Every name of the JSON, without the counters that a reason or a device makes.
names() {
	ctl -j status | jq -c '[paths | map(select(type == "string")) | join(".")] | unique |
		map(select(test("user_reasons|rtt|cwnd|retransmits|unacked") | not))'
}

@test "without the right to BPF the server serves, says so in a line, and status has the same names" {
	local with kinds
	start_server
	need_bpf
	counting 2
	counting_done
	with=$(names)
	kinds=$(ctl -j status handles | jq -c 'map([.share, .path, .kind, .writes, .write_bytes > 0]) | sort')
	counting_end
	rm "$BATS_TEST_TMPDIR"/{fifo,end}
	ok stop_server
	KH_EXEC_PREFIX="setpriv --bounding-set -bpf,-sys_admin" start_server
	grep -q '^BPF is incomplete: no maps: .*not permitted (CAP_BPF' "$T/up.out"
	[ ! -e "$(pins)" ]
	counting 2
	counting_done
	assert_equal "$(names)" "$with"
	assert_equal "$(ctl -j status handles | jq -c 'map([.share, .path, .kind, .writes, .write_bytes > 0]) |
		sort')" "$kinds"
	assert_equal "$(ctl -j status | jq -c '[.from, .answers, .planes.why]')" \
		'["server",true,"no BPF maps"]'
	run ctl status
	assert_line '^BPF +incomplete: no maps: making BPF maps: not permitted'
	counting_end
}

# without 'COMMANDS': a server in a mount namespace where they were run
without() {
	printf '#!/bin/sh\nexec unshare -m /bin/sh -c '\''%s; exec "$@"'\'' - "$@"\n' "$1" >"$T/without"
	chmod 755 "$T/without"
	KH_EXEC_PREFIX=$T/without start_server
	ok smbc ls
	ok stop_server
}

@test "without a bpffs, or the BTF of the kernel, the server serves and says so in a line" {
	start_server
	need_bpf
	ok stop_server
	without 'mount -t tmpfs -o ro none /sys/fs'
	grep -q '^BPF is incomplete: no maps: mounting /sys/fs/bpf: No such file' "$T/up.out"
	without 'mount -t tmpfs none /sys/kernel/btf'
	grep -q '^BPF is incomplete: no BTF of the kernel' "$T/up.out"
}

@test "a group may read the maps, and nobody else" {
	local as=(setpriv --init-groups --regid "$(id -g "$KH_UNIX1")" --reuid)
	start_server "bpf group = $(id -gn "$KH_UNIX1")"
	need_bpf
	assert_equal "$(stat -c '%a %U %G' "$(pins)")" "750 root $(id -gn "$KH_UNIX1")"
	assert_equal "$(stat -c '%a %G' "$(pins)"/* | sort -u)" "640 $(id -gn "$KH_UNIX1")"
	install -m 755 "$top/ksmbd-hybrid" "$T/ctl"
	ok "${as[@]}" "$KH_UNIX1" "$T/ctl" -c "$CONF" --instance "$INSTANCE" status queues
	assert_line '^ +0 '
	run setpriv --clear-groups --regid 65534 --reuid 65534 "$T/ctl" -c "$CONF" \
		--instance "$INSTANCE" status queues
	assert_status 2
}
