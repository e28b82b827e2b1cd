# SPDX-License-Identifier: GPL-2.0-or-later
# What who runs the server can do while it runs: close, debug, trace.

load helpers

setup_file() {
	server_setup_file
	start_server
}

teardown_file() {
	server_teardown_file
}

@test "close: a handle, a session, a connection, as the client sees it" {
	local kh=("$kh_ctl" -c "$CONF" --instance "$INSTANCE")
	ok py_client closing.py "${kh[@]}"
	assert_output 'what is closed is closed'
	grep -q 'handle [0-9a-f]* ("closing-handle.*" of share share) is closed by the administrator' "$T/log"
	grep -q 'session [0-9a-f]* of torture1 is closed by the administrator' "$T/log"
	grep -q 'connection [0-9]* from 127.0.0.1 is closed by the administrator' "$T/log"
}

@test "close: clients at work lose their sessions and connections, and the server nothing" {
	local i id pids=()
	dd if=/dev/urandom of="$T/big" bs=1M count=8 status=none
	for i in $(seq 8); do
		(for _ in 1 2 3 4 5 6; do smbc "put $T/big big$i; get big$i /dev/null" >/dev/null; done) &
		pids+=($!)
	done
	for i in $(seq 12); do
		for id in $(ctl -j status sessions | jq -r '.[].id'); do
			ctl close session "$id" >/dev/null 2>&1 || true
		done
		for id in $(ctl -j status connections | jq -r '.[].id'); do
			ctl close connection "$id" >/dev/null 2>&1 || true
		done
		for id in $(ctl -j status handles | jq -r '.[].id'); do
			ctl close handle "$id" >/dev/null 2>&1 || true
		done
	done
	wait "${pids[@]}" || true
	ok smbc "put $T/big after; get after $T/back"
	assert_same_file "$T/big" "$T/back"
}

@test "debug: components are switched while the server runs, and lines have them" {
	ok ctl debug
	assert_line '^smb +no +requests'
	assert_line '^config +no '
	ok ctl debug smb conn
	assert_line '^smb +yes'
	assert_line '^auth +no'
	ok ctl debug +auth -conn
	assert_line '^smb +yes'
	assert_line '^auth +yes'
	assert_line '^conn +no'
	run ctl debug smb nonsense
	assert_status 2
	assert_output 'no component "nonsense"'
	run ctl debug --nonsense
	assert_status 1
	assert_equal "$(ctl -j debug | jq -r '[.[]|select(.on).name]|join(" ")')" "smb auth"
	# a reload that says nothing else changes nothing
	ctl reload
	assert_equal "$(ctl -j debug | jq -r '[.[]|select(.on).name]|join(" ")')" "smb auth"
	ctl debug config
	ctl reload
	grep -q ' debug config: reload file=".*" shares=' "$T/log"
	grep -q ' debug config: share="share" folder=".*" read_only=0$' "$T/log"
	ctl debug bpf
	ctl block add 192.0.2.99 --for 5
	grep -q ' debug bpf: block address=192.0.2.99 seconds=5 by=hand$' "$T/log"
	ok ctl debug all
	refute_line ' no '
	ok ctl debug none
	refute_line ' yes '
}

# Until a trace that runs in the background is seen by the server.
trace_in_background() {
	: >"$T/trace.out"
	"$kh_ctl" -c "$CONF" --instance "$INSTANCE" trace "$@" >>"$T/trace.out" 2>"$T/trace.err" 3>&- &
	tracer=$!
	for _ in $(seq 200); do
		smbc 'exit' >/dev/null || true
		[ ! -s "$T/trace.out" ] || return 0
		kill -0 $tracer || return 1
	done
	return 1
}

trace_wait() {
	for _ in $(seq 200); do
		! grep -Eq -- "$1" "$T/trace.out" || return 0
		sleep 0.05
	done
	fail "no line matches: $1" "$(tail -20 "$T/trace.out")"
}

@test "trace: a line per request, with what it was about" {
	mkdir -p "$T/share/dir"
	head -c 3000000 /dev/urandom >"$T/data"
	chmod 777 "$T/share/dir"
	trace_in_background
	smbc "put $T/data dir/some; get dir/none $T/x; get dir/some $T/back" || true
	smbc -o nosuch ls || true
	trace_wait 'TREE_CONNECT +BAD_NETWORK_NAME .* nosuch$'
	smbc "del dir/some"
	trace_wait 'CLOSE +SUCCESS .* share/dir/some$'
	kill $tracer
	output=$(cat "$T/trace.out")
	refute_output $'\x1b'
	assert_line '^[0-9:]{8}\.[0-9]{6}  127.0.0.1 +- +NEGOTIATE +SUCCESS +[0-9]+ us  user +-$'
	assert_line ' 127.0.0.1 +torture1 +SESSION_SETUP +SUCCESS '
	assert_line ' torture1 +CREATE +OBJECT_NAME_NOT_FOUND +.* us  user +share/dir/none$'
	assert_line ' torture1 +WRITE +SUCCESS .* share/dir/some  [0-9]+@0$'
	assert_line ' torture1 +READ +SUCCESS .* share/dir/some  1048576@0$'
	assert_line ' torture1 +READ +SUCCESS .* share/dir/some  902848@2097152$'
	assert_equal "$(cat "$T/trace.err")" ""
}

@test "trace: filters, count, JSON" {
	echo x >"$T/share/traced"
	trace_in_background --op NEGOTIATE,TREE_CONNECT --json
	smbc ls >/dev/null
	smbc -o nosuch ls >/dev/null || true
	trace_wait BAD_NETWORK_NAME
	kill $tracer
	assert_equal "$(jq -r .command <"$T/trace.out" | sort -u | xargs)" "NEGOTIATE TREE_CONNECT"
	assert_equal "$(jq -c 'select(.status == "BAD_NETWORK_NAME") | [.client, .user, .share, .file,
		.plane, (.connection > 0), (.latency_us >= 0), (.time > 1700000000)]' <"$T/trace.out")" \
		'["127.0.0.1","torture1","nosuch","","user",true,true,true]'

	trace_in_background -n 1 --op TREE_CONNECT
	wait $tracer
	assert_equal "$(wc -l <"$T/trace.out")" 1

	# Two at a time: one sees nothing of what it does not want.
	"$kh_ctl" -c "$CONF" --instance "$INSTANCE" trace --client 192.0.2.0/24 >"$T/none" 3>&- &
	local other=$!
	trace_in_background --client 127.0.0.0/8 --share SHARE
	smbc 'get none /dev/null' || true
	trace_wait 'OBJECT_NAME_NOT_FOUND .* share/none'
	kill $tracer $other
	[ ! -s "$T/none" ]
	! grep -v ' share' "$T/trace.out" || fail "another share"

	"$kh_ctl" -c "$CONF" --instance "$INSTANCE" trace --status error >"$T/errors" 3>&- &
	other=$!
	trace_in_background
	smbc 'get none2 /dev/null' || true
	trace_wait 'share/none2'
	sleep 0.2
	kill $tracer $other
	grep -q 'OBJECT_NAME_NOT_FOUND .*share/none2' "$T/errors"
	! grep SUCCESS "$T/errors" || fail "no error"

	run timeout 1 "$kh_ctl" -c "$CONF" --instance "$INSTANCE" trace --slow 1000s
	assert_status 124
	for i in '--op NONSENSE' '--client here' '--client 1.2.3.4/33'; do
		# shellcheck disable=SC2086 # two words
		run ctl trace $i
		assert_status 2
	done
	for i in '--slow x' '--status NONSENSE' '-n 0' '-n -1' '--op' 'word'; do
		# shellcheck disable=SC2086 # two words
		run ctl trace $i
		assert_status 1
	done
}

@test "trace: what was not shown is counted" {
	local shown lost
	head -c 20000 /dev/zero >"$T/share/traced"
	chmod 666 "$T/share/traced"
	trace_in_background --op READ,TREE_CONNECT --json
	: >"$T/trace.out"
	ok py_client tracing.py 3000
	trace_wait '"offset":2999,'
	assert_equal "$(grep -c '"READ"' "$T/trace.out")" 3000
	assert_equal "$(jq -r 'select(.command == "READ") | .offset' <"$T/trace.out" | sort -n | uniq | wc -l)" 3000
	refute_line lost <"$T/trace.out"
	: >"$T/trace.out"
	kill -STOP $tracer
	ok py_client tracing.py 12000
	kill -CONT $tracer
	trace_wait '"offset":11999,'
	kill $tracer
	# 4096 of each ring that it went through are there, the others are counted.
	shown=$(grep -c '"READ"' "$T/trace.out")
	lost=$(jq -s 'map(.lost // 0) | add' <"$T/trace.out")
	[ "$shown" -ge 4000 ] && [ "$lost" -gt 0 ] || fail "$shown shown, $lost lost"
	[ $((shown + lost)) -ge 12000 ] && [ $((shown + lost)) -le 12010 ] || fail "$shown + $lost"
}

@test "trace: who dies while he traces leaves nothing, and the end of the server is said" {
	local i
	for i in 1 2 3 4 5 6; do
		trace_in_background
		kill -9 $tracer
		wait $tracer || true
	done
	local all=()
	for i in 1 2 3 4; do
		trace_in_background
		all+=("$tracer")
	done
	run timeout 5 "$kh_ctl" -c "$CONF" --instance "$INSTANCE" trace
	assert_status 2
	assert_output 'running already'
	kill "${all[@]}"
	wait "${all[@]}" || true
	trace_in_background
	stop_server
	run wait $tracer
	run cat "$T/trace.err"
	assert_output 'The server has ended.'
	start_server
}

# The debug lines of one component while a command runs, in $output.
debug_of() {
	local component=$1 from
	shift
	from=$(($(wc -c <"$T/log") + 1))
	ctl debug "$component" >/dev/null
	"$@" >/dev/null 2>&1 || true
	ctl debug none >/dev/null
	output=$(tail -c "+$from" "$T/log" | grep " debug $component: " || true)
}

@test "debug: what each component says, and no secret" {
	mkdir -p "$T/share/dir"
	debug_of conn smbc exit
	assert_line ' conn=[0-9]+ accepted client=127.0.0.1$'
	assert_line ' conn=[0-9]+ negotiated dialect=SMB3_11 cipher=AES-128-[GC]CM signing=AES-[GC]MAC '
	assert_line ' conn=[0-9]+ ends age_ms=[0-9]+ requests=0 unsent=[0-9]+ plane=user$'
	debug_of conn smbc exit -m SMB2_02
	assert_line ' negotiated dialect=SMB2_02 cipher=none signing=HMAC-SHA256 '
	debug_of conn bash -c "printf 'GET / HTTP/1.0\r\n\r\n' >/dev/tcp/127.0.0.1/$PORT; sleep 0.3"
	assert_line ' refused input=frame_type$'

	debug_of auth smbc exit
	assert_line ' conn=[0-9]+ session=[0-9a-f]{16} login name="torture1" user=torture1 .* mechanism=NTLMv2 guest=0 '
	refute_output "$KH_PASS1"
	debug_of auth smbc exit -U "$KH_USER1%wrong"
	assert_line ' login refused name="torture1" status=LOGON_FAILURE why="wrong password"$'
	refute_output wrong$
	debug_of auth smbc exit -U 'nobody-knows%x'
	assert_line ' login refused name="nobody-knows" status=LOGON_FAILURE why="there is no such account"$'

	debug_of smb smbc 'get dir/none /dev/null'
	assert_line ' conn=[0-9]+ session=[0-9a-f]{16} CREATE share="share" file="dir/none" user=torture1 status=OBJECT_NAME_NOT_FOUND us='
	debug_of smb smbc -o nosuch ls
	assert_line ' TREE_CONNECT refused share="nosuch" why="no such share"$'
	smbc 'mkdir full; mkdir full/of' >/dev/null
	debug_of vfs smbc 'rmdir full'
	assert_line ' errno=39 \(Directory not empty\) status=DIRECTORY_NOT_EMPTY$'
	debug_of ipc smbc -o IPC$ 'exit' -L 127.0.0.1
	assert_line ' open pipe="srvsvc" status=SUCCESS$'
	debug_of oplock py_client oplocks.py
	assert_line ' session=[0-9a-f]{16} handle=[0-9a-f]+ break from=R[WH]* to='
	debug_of oplock py_client locking.py
	assert_line ' lock waits start=5 length=10 exclusive=1$'
	assert_line ' lock wait ends status='
}

@test "debug: a flood is cut, and how much was left out is said" {
	head -c 20000 /dev/zero >"$T/share/traced"
	chmod 666 "$T/share/traced"
	ctl debug smb >/dev/null
	ok py_client tracing.py 3000
	for _ in $(seq 100); do
		grep -q 'smb lines like the last of .* were left out' "$T/log" && break
		sleep 0.1
	done
	ctl debug none >/dev/null
	grep -Eq ' notice: [0-9]+ smb lines like the last of daemon/core/trace.c:[0-9]+ were left out' "$T/log"
}

@test "debug: the option, at start and at a reload" {
	stop_server
	start_server 'debug components = auth conn'
	assert_equal "$(ctl -j debug | jq -r '[.[]|select(.on).name]|join(" ")')" "auth conn"
	sed -i 's/debug components = .*/debug components = all/' "$CONF"
	ctl reload
	assert_equal "$(ctl -j debug | jq -r '[.[]|select(.on|not).name]|join(" ")')" ""
	sed -i 's/debug components = .*/debug components = nonsense/' "$CONF"
	run ctl reload
	assert_status 2
	sed -i 's/debug components = .*/log level = 3/' "$CONF"
	ctl debug none
	ctl reload
	assert_equal "$(ctl -j debug | jq -r '[.[]|select(.on).name]|join(" ")')" ""
	stop_server
	start_server
}

@test "trace: what the kernel module answers" {
	[ -n "${KH_KERNEL:-}" ] || skip "no module here (tests/kmod.bats, tests/vm.bats)"
	head -c 20000 /dev/zero >"$T/share/traced"
	chmod 666 "$T/share/traced"
	trace_in_background --op READ,TREE_CONNECT --json --client 127.0.0.1
	: >"$T/trace.out"
	ok py_client tracing.py 1000
	if grep -q 'is not here' "$T/trace.err"; then # user-mode Linux
		trace_wait '"READ"'
		kill $tracer
		grep -q '/sys/kernel/tracing/events/ksmbd_hybrid' "$T/trace.err"
		return
	fi
	for _ in $(seq 200); do
		[ "$(grep -c '"READ"' "$T/trace.out")" -lt 1000 ] || break
		sleep 0.1
	done
	kill $tracer
	assert_equal "$(grep -c '"READ"' "$T/trace.out")" 1000
	run jq -c 'select(.plane == "kernel") | [.command, .client, .user, .status, .latency_us < 10000000]' <"$T/trace.out"
	[ "${#lines[@]}" -gt 500 ] || fail "${#lines[@]} lines of the module"
	assert_equal "$(sort -u <<<"$output")" '["READ","127.0.0.1","torture1","SUCCESS",true]'
	# message ids are those of one connection, each once
	assert_equal "$(jq -r 'select(.command == "READ") | .message_id' <"$T/trace.out" | sort -n | uniq | wc -l)" 1000
}

# What a terminal would get, in $output.
on_a_terminal() {
	timeout -s INT 20 env "$@" script -qc "$kh_ctl -c $CONF --instance $INSTANCE trace -n 6 --status error" \
		"$T/typescript" </dev/null >/dev/null 3>&- &
	local shown=$!
	while kill -0 $shown 2>/dev/null; do smbc 'get none /dev/null' >/dev/null || true; done
	output=$(cat "$T/typescript")
}

@test "trace: colours on a terminal only, and not where NO_COLOR is set" {
	on_a_terminal TERM=xterm
	assert_line '^TIME +CLIENT +USER +COMMAND '
	assert_output $'\x1b[31mOBJECT_NAME_NOT_FOUND'
	on_a_terminal TERM=xterm NO_COLOR=1
	assert_output 'OBJECT_NAME_NOT_FOUND'
	refute_output $'\x1b'
	on_a_terminal TERM=dumb
	refute_output $'\x1b'
}
