# SPDX-License-Identifier: GPL-2.0-or-later
# Many connections: none fails, those that are idle cost little memory and no CPU, and a crowd that
# comes at once is served in turn. Figures: docs/performance/user.md, tests/bench/run.

load helpers

setup_file() {
	server_setup_file
	start_server 'max pre-auth connections = 64'
	export SMBLOAD_PASSWORD=$KH_PASS1
}

teardown_file() {
	server_teardown_file
}

setup() {
	[ "${KH_SERVER:-}" != samba ] || skip "about this server"
	LOAD=$BATS_TEST_DIRNAME/../build/tools/smbload
	[ -x "$LOAD" ] || skip "no smbload (make tools)"
	cd "$BATS_TEST_TMPDIR"
}

smbload() {
	"$LOAD" --json -u "$KH_USER1" "$@" "//127.0.0.1:$PORT/share"
}

pss() {
	awk '/^Pss:/ { print $2 }' "/proc/$(server_pid)/smaps_rollup"
}

# Times that a thread of the server went to sleep by itself.
switches() {
	cat /proc/"$(server_pid)"/task/*/status | awk '/^voluntary/ { n += $2 } END { print n }'
}

@test "2,000 idle connections and 200 that work" {
	local before after
	before=$(pss)
	mkfifo hold
	smbload --gate -c 2000 idle <hold >ready &
	local holder=$!
	exec 7>hold
	for _ in $(seq 600); do
		[ ! -s ready ] || break
		sleep 0.1
	done
	assert_equal "$(jq .connections ready)" 2000
	sleep 4
	after=$(pss)
	echo "# KiB per idle connection: $(((after - before) * 100 / 2000))e-2" >&3
	case ${KH_BUILD:-} in
	*-asan | *-tsan) ;;
	*) [ $((after - before)) -lt $((2000 * 6)) ] || fail "more than 6 KiB each" ;;
	esac
	before=$(switches)
	sleep 3
	after=$(switches)
	case ${KH_BUILD:-} in
	*-tsan) ;; # its own thread wakes up ten times a second
	*) [ $((after - before)) -le 4 ] || fail "idle, and $((after - before)) wake-ups in 3 s" ;;
	esac
	smbload -c 200 --file-size 64k -n 4000 randread >result
	assert_equal "$(tail -1 result | jq -c '[.errors, .operations >= 4000]')" '[0,true]'
	exec 7>&-
	wait "$holder"
}

@test "more that log in at once than may: the rest waits, and none is refused" {
	/usr/bin/python3 - "$PORT" <<-'PY' &
		import socket, sys, time
		silent = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(80)]
		time.sleep(30)
	PY
	local crowd=$!
	sleep 1
	smbload -c 100 --file-size 64k -n 1000 randread >result
	kill "$crowd"
	assert_equal "$(tail -1 result | jq -c '[.errors, .operations >= 1000]')" '[0,true]'
}

# Wake-ups that were no sleep, of all reactors.
looked() {
	ctl --json status queues | jq '[.[] | select(.kind == "reactor").looked] | add'
}

@test "a client that asks one thing at a time is waited for awake, unless busy poll = 0" {
	local before
	[ "$(getconf _NPROCESSORS_ONLN)" -gt 1 ] || skip "one CPU: nobody is waited for awake"
	before=$(looked)
	smbload --files 100 -n 2000 stat >result
	[ $(($(looked) - before)) -gt 100 ] || fail "$(looked) after $before"
	sed -i 's/^\[global\]/&\n\tbusy poll = 0/' "$CONF"
	ctl reload
	before=$(looked)
	smbload --files 100 -n 2000 stat >result
	assert_equal "$(looked)" "$before"
}
