# SPDX-License-Identifier: GPL-2.0-or-later
# CHANGE_NOTIFY: what clients are told of each other's changes, and of those of local programs.

load helpers

setup_file() {
	server_setup_file
	start_server --share 'veto files = /secret*/' \
		--conf "[inner]
	path = $T/share/in
	read only = no
[deaf]
	path = $T/share
	change notify = no
[clients]
	path = $T/share
	kernel change notify = no
[overlay]
	path = $T/overlay/share
	read only = no"
	mkdir -p "$T/share/in"
	chmod 777 "$T/share/in"
}

teardown_file() {
	umount -l "$T/overlay/share" 2>/dev/null || true
	server_teardown_file
}

@test "changes of clients: names, attributes, data, streams, renames and moves, subtrees" {
	ok py_client notify.py clients "$T/share"
	assert_output 'all told'
}

@test "changes are kept between requests, up to the size of the first, then ENUM_DIR" {
	ok py_client notify.py queue "$T/share"
	assert_output 'all told'
	# what the last test's clients watched goes with them
	for _ in $(seq 100); do
		[ "$(ctl -j status | jq -c '.counters | [.watches, .changes_lost > 0]')" != '[0,true]' ] ||
			return 0
		sleep 0.1
	done
	ctl -j status | jq .counters >&2
	false
}

@test "a watched folder that is renamed, removed, or seen through another share" {
	ok py_client notify.py folders "$T/share"
	assert_output 'all told'
}

@test "changes of local programs, not the server's own twice" {
	ok py_client notify.py local "$T/share"
	assert_output 'all told'
}

@test "kernel change notify = no: clients' changes only" {
	ok py_client notify.py clients_only "$T/share"
	assert_output 'all told'
}

@test "changes of local programs break leases on folders" {
	ok py_client notify.py listings "$T/share"
	assert_output 'all told'
}

@test "changes of local programs where there are no file handles: inotify" {
	mkdir -p "$T"/overlay/{low,up,work,share}
	mount -t overlay overlay -o "lowerdir=$T/overlay/low,upperdir=$T/overlay/up,workdir=$T/overlay/work" \
		"$T/overlay/share" || skip "no overlayfs"
	chmod 777 "$T/overlay/share"
	ok py_client notify.py fallback "$T/overlay/share"
	assert_output 'all told'
}

@test "every write is told, by the kernel module too" {
	local pins=/sys/fs/bpf/ksmbd-hybrid/${INSTANCE//./_}
	if [ "$(ctl --json status | jq -r .planes.data)" != kernel ]; then
		[ -z "${KH_KERNEL:-}" ] || fail "the module is not used" # tests/kmod.bats
		pins=
	fi
	# shellcheck disable=SC2086 # none or one
	ok py_client notify.py written "$T/share" $pins
	assert_output 'all told'
}

@test "more changes of local programs than the kernel keeps are ENUM_DIR, and it goes on" {
	ok py_client notify.py flood "$T/share"
	assert_output 'all told'
}
