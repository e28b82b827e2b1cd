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

# op_stat COMMAND FIELD: sum over the lanes of the user plane
op_stat() {
	bpftool -j map dump pinned "$(pins)/kh_op_stats" |
		jq "[.[].formatted | select(.key % 64 == $1) | .value.$2] | add"
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
	ok stop_server
	[ ! -e "$(pins)" ]
}
