# SPDX-License-Identifier: GPL-2.0-or-later
# Which reactor a connection goes to: two hosts over a link with two queues, two reactors. The
# connections are only negotiated; `status` says where each of them is.

load helpers
load netns

setup_file() {
	server_setup_file
	hosts_create
	export KH_INTERFACES="$SERVER4 $SERVER6" KH_PORT=445
	LINES_OF_CONF=('reactors = 2' 'max pre-auth connections = 0' 'preauth timeout = 600')
	start_server "${LINES_OF_CONF[@]}"
}

teardown_file() {
	local status=0
	server_teardown_file || status=1
	hosts_delete
	return $status
}

setup() {
	LINES_OF_CONF=('reactors = 2' 'max pre-auth connections = 0' 'preauth timeout = 600')
}

teardown() {
	[ -z "${STORM:-}" ] || kill "$STORM" 2>/dev/null || true
}

need_bpf() {
	[ "$(ctl -j status | jq -r .planes.steering.by)" = bpf ] || skip "no BPF here"
}

need_cpus() {
	[ "$(nproc)" -ge 2 ] || skip "one CPU"
}

# steer_to MODE
steer_to() {
	ctl tune "steer=$1"
}

steering() {
	ctl -j status | jq -r '.planes.steering | "\(.mode) \(.by)"'
}

# hold N [--cpu CPU] [ARGUMENT...]: prints an object per connection while N of them are open
hold() {
	local cpu=0-$(($(nproc) - 1)) n=$1 ready
	shift
	[ "$1" != --cpu ] || { cpu=$2 && shift 2; }
	coproc CLIENT { on_client taskset -c "$cpu" "${top:?}/tests/storm.py" count 445 "$n" "$@" --hold 2>&1; }
	read -r -t 120 ready <&"${CLIENT[0]}" || return 1
	[ "$ready" = ready ] || { echo "$ready" >&2 && return 1; }
	ctl -j status | jq -c '.connections[] | select(.dialect != "-") | {reactor, client}'
	eval "exec ${CLIENT[1]}>&-"
	wait "$CLIENT_PID"
	until [ "$(ctl -j status | jq '.connections | length')" = 0 ]; do sleep 0.05; done
}

# landed: how many of the objects in $output are on reactor 0 and on reactor 1
landed() {
	jq -s -r '[([.[] | select(.reactor == 0)] | length), ([.[] | select(.reactor == 1)] | length)]
		| "\(.[0]) \(.[1])"' <<<"$output"
}

# Connections without end, in the background, to every address of the server.
storm_start() {
	rm -f "$T/stop" "$T/storm"
	on_client "$top/tests/storm.py" until 445 "$T/stop" "$@" >"$T/storm" 2>&1 &
	STORM=$!
	until [ -s "$T/storm" ]; do sleep 0.05; done
}

# Fails if one was refused or lost.
storm_end() {
	touch "$T/stop"
	wait "$STORM" || fail "$(cat "$T/storm")"
	STORM=
	[ "$(tail -1 "$T/storm")" -gt "${1:-100}" ] || fail "only $(tail -1 "$T/storm") connections"
}

reload_with() {
	write_conf "$@" >"$CONF"
	ok ctl reload
}

@test "steer: auto is cpu on a device with two RX queues" {
	need_bpf
	assert_equal "$(steering)" "cpu bpf"
	run ctl -j status
	assert_output "$SERVER_DEV has 2 RX queues"
}

@test "steer: cpu: 1,000 connections are where their packets are" {
	need_bpf
	need_cpus
	ok steer_to cpu
	ok hold 500 --cpu 0 "$SERVER4" "$SERVER6"
	assert_equal "$(landed)" "500 0"
	ok hold 500 --cpu 1 "$SERVER4" "$SERVER6"
	assert_equal "$(landed)" "0 500"
}

@test "steer: cpu: that of the queue's interrupt, wherever the client is" {
	need_bpf
	need_cpus
	ok steer_to cpu
	hosts_pin_queues server 1 1 || skip "no NAPI threads here"
	ok hold 100 --cpu 0 "$SERVER4" "$SERVER6"
	assert_equal "$(landed)" "0 100"
	hosts_pin_queues server 0 0
	ok hold 100 --cpu 1 "$SERVER4" "$SERVER6"
	assert_equal "$(landed)" "100 0"
	hosts_sysfs server threaded 0
}

@test "steer: client: all connections of an address are on one reactor, with 40 addresses on both" {
	local i from=()
	need_bpf
	for i in $(seq 20); do
		hosts_add_address client "10.99.0.$((100 + i))/24"
		hosts_add_address client "fd99::$((100 + i))/64"
		from+=(--from "10.99.0.$((100 + i))" --from "fd99::$((100 + i))")
	done
	ok steer_to client
	ok hold 1000 "$SERVER4" "$SERVER6" "${from[@]}"
	assert_equal "$(wc -l <<<"$output")" 1000
	run jq -s -r 'group_by(.client) | "\(length) \(map(map(.reactor) | unique | length) | max)
		\(map(.[0].reactor) | unique | length)"' <<<"$output"
	assert_equal "$(tr -s '\n\t ' ' ' <<<"$output")" "40 1 2 "
}

@test "steer: round-robin: half and half; none and numa: both" {
	need_bpf
	ok steer_to round-robin
	ok hold 1000 "$SERVER4" "$SERVER6"
	assert_equal "$(landed)" "500 500"
	for mode in none numa; do
		ok steer_to $mode
		assert_equal "$(steering)" "$mode bpf"
		ok hold 100 "$SERVER4" "$SERVER6"
		assert_line '"reactor":0'
		[ $mode = numa ] || assert_line '"reactor":1'
	done
}

@test "steer: the mode is switched while connections come, and none is refused" {
	local mode
	need_bpf
	storm_start "$SERVER4" "$SERVER6"
	for mode in client cpu none round-robin numa auto client; do
		ok steer_to $mode
		sleep 0.2
	done
	storm_end
	run steer_to sideways
	assert_status 2
	assert_output sideways
	assert_equal "$(steering)" "client bpf"
	ok ctl reload # the file's word again
	assert_equal "$(steering)" "cpu bpf"
}

@test "steer: a reload that changes ports, addresses and reactors refuses no connection" {
	local i
	storm_start "$SERVER4" "$SERVER6"
	for i in 1 2 3; do
		reload_with 'reactors = 1' 'smb ports = 445 4450'
		KH_INTERFACES="$SERVER4 $SERVER6 127.0.0.1" reload_with 'reactors = 2'
		reload_with 'bind interfaces only = no' 'reactors = 2' 'steer = client'
		reload_with "${LINES_OF_CONF[@]}"
	done
	storm_end
	assert_equal "$(ctl -j status | jq -c '.listeners | sort')" "[\"$SERVER4:445\",\"[$SERVER6]:445\"]"
}

@test "steer: an address that goes is refused, one that comes answers" {
	hosts_add_address server 10.99.0.77/24
	run on_client "$top/tests/storm.py" count 445 1 10.99.0.77
	assert_output refused
	KH_INTERFACES="$SERVER4 $SERVER6 10.99.0.77" reload_with "${LINES_OF_CONF[@]}"
	ok on_client "$top/tests/storm.py" count 445 10 10.99.0.77
	reload_with "${LINES_OF_CONF[@]}"
	for ((i = 0; i < 100; i++)); do
		run on_client "$top/tests/storm.py" count 445 1 10.99.0.77
		[ "$status" = 0 ] || break
		sleep 0.1
	done
	assert_output refused
	# It comes back before its last sockets have gone.
	KH_INTERFACES="$SERVER4 $SERVER6 10.99.0.77" reload_with "${LINES_OF_CONF[@]}"
	ok on_client "$top/tests/storm.py" count 445 100 10.99.0.77
	reload_with "${LINES_OF_CONF[@]}"
}

@test "steer: a reload to a port that is taken changes nothing" {
	local pid
	on_server python3 -c 'import socket, time
s = socket.socket(); s.bind(("10.99.0.1", 4451)); s.listen(); time.sleep(600)' 3>&- &
	pid=$!
	until on_server bash -c "echo >/dev/tcp/$SERVER4/4451" 2>/dev/null; do sleep 0.05; done
	write_conf "${LINES_OF_CONF[@]}" 'smb ports = 4452 4451' 'server string = other' >"$CONF"
	run ctl reload
	kill "$pid"
	assert_status 2
	assert_output "4451 is taken"
	assert_equal "$(ctl -j status | jq -c '.listeners | sort')" "[\"$SERVER4:445\",\"[$SERVER6]:445\"]"
	ok on_client "$top/tests/storm.py" count 445 10 "$SERVER4" "$SERVER6"
	run on_client "$top/tests/storm.py" count 4452 1 "$SERVER4"
	assert_output refused
	reload_with "${LINES_OF_CONF[@]}"
}

@test "steer: without BPF, cpu is SO_INCOMING_CPU, and status says so" {
	need_cpus
	ok stop_server
	KH_EXEC_PREFIX="setpriv --bounding-set -bpf,-sys_admin" start_server "${LINES_OF_CONF[@]}"
	assert_equal "$(steering)" "cpu incoming-cpu"
	run steer_to client
	assert_status 2
	assert_output "needs BPF"
	if [ "$(printf '%s\n' 6.2 "$(uname -r)" | sort -V | head -1)" = 6.2 ]; then
		ok hold 100 --cpu 0 "$SERVER4" "$SERVER6"
		assert_equal "$(landed)" "100 0"
		ok hold 100 --cpu 1 "$SERVER4" "$SERVER6"
		assert_equal "$(landed)" "0 100"
	fi
	ok steer_to none
	assert_equal "$(steering)" "none kernel"
	ok hold 100 "$SERVER4" "$SERVER6"
	assert_line '"reactor":0'
	assert_line '"reactor":1'
	reload_with "${LINES_OF_CONF[@]}" 'steer = round-robin'
	run ctl -j status
	assert_output "round-robin needs BPF"
	storm_start "$SERVER4" "$SERVER6"
	reload_with 'reactors = 1'
	reload_with "${LINES_OF_CONF[@]}"
	storm_end 10
	ok stop_server
}

@test "steer: a reload adds reactors, which get connections and count; connections stay" {
	local held
	need_cpus
	start_server 'reactors = 1' 'max pre-auth connections = 0'
	need_bpf
	coproc HELD { on_client "${top:?}/tests/storm.py" count 445 20 "$SERVER4" --hold 2>&1; }
	read -r -t 60 held <&"${HELD[0]}"
	assert_equal "$held" ready
	reload_with 'reactors = 2' 'steer = round-robin'
	assert_equal "$(ctl -j status | jq '.connections | length')" 20
	eval "exec ${HELD[1]}>&-"
	wait "$HELD_PID"
	until [ "$(ctl -j status | jq '.connections | length')" = 0 ]; do sleep 0.05; done
	ok hold 100 "$SERVER4" "$SERVER6"
	assert_equal "$(landed)" "50 50"
	assert_equal "$(ctl -j status | jq .counters.ops.negotiate.count)" 120
	reload_with 'reactors = 1'
	ok hold 10 "$SERVER4" "$SERVER6"
	assert_equal "$(landed)" "10 0"
	reload_with "reactors = $(($(nproc) + 5))"
	run cat "$T/log"
	assert_output "need a restart"
}
