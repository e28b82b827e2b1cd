# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # helpers.bash sets top
# `ksmbd-hybrid top`: as JSON, as lines, and on a real terminal (tmux).

load helpers

setup_file() {
	server_setup_file
	start_server
}

teardown_file() {
	server_teardown_file
}

setup() {
	[ -e "/sys/fs/bpf/ksmbd-hybrid/$INSTANCE/kh_server" ] || skip "no BPF maps here"
}

teardown() {
	close_screen
	# timeout passes it on to what it runs, a process group of its own
	[ -z "${LOAD:-}" ] || { kill "$LOAD" && wait "$LOAD"; } 2>/dev/null || true
}

# Reads and writes files until it is killed, with a session that stays.
start_load() {
	head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
	# shellcheck disable=SC2016 # the inner shell's
	setsid timeout 60 bash -c 'while sleep 0.05; do
		printf "put %s load.bin\nget load.bin /dev/null\nls\nget none /dev/null\n" "$1"
	done | smbclient "//127.0.0.1/share" -p "$2" -U "$3"' load "$BATS_TEST_TMPDIR/f" "$PORT" \
		"$KH_USER1%$KH_PASS1" </dev/null >/dev/null 2>&1 3>&- &
	LOAD=$!
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || { "$@"; return; }
		sleep 0.1
	done
}

counted() {
	[ "$(ctl metrics | sed -n 's/^ksmbd_hybrid_requests_total{command="write",plane="user"} //p')" -gt 3 ]
}

# ---- a terminal ----

terminal() {
	tmux -S "$TERMINAL" "$@"
}

# By its key first: a leak check that runs while the terminal goes away spins for ever.
close_screen() {
	[ -n "${TERMINAL:-}" ] || return 0
	terminal send-keys q 2>/dev/null && wait_for 10 shows '^code' || true
	terminal kill-server 2>/dev/null || true
}

# on_screen ROWS COLUMNS WORDS...: runs them in a shell there, which says "code N" at the end
on_screen() {
	local rows=$1 cols=$2 words
	shift 2
	# A server of tmux each: one that ends would take a newcomer along.
	TERMINAL=$(mktemp -u "$T/tmux.XXXXXX")
	rm -f "$T/before" "$T/after"
	printf -v words '%q ' "$kh_ctl" -c "$CONF" --instance "$INSTANCE" "$@"
	terminal -f /dev/null new-session -d -x "$cols" -y "$rows" \
		"stty -a >$T/before; $words; echo code \$?; stty -a >$T/after; exec sleep 100"
}

screen() {
	terminal capture-pane -p "$@"
}

shows() {
	screen | grep -Eq -- "$1"
}

# shown REGEX: waits for it
shown() {
	wait_for 30 shows "$1" || fail "expected: $1" "$(screen)"
}

keys() {
	terminal send-keys "$@"
}

# ---- without one ----

@test "top: --json is an object per interval, and its rates are those of the client" {
	start_load
	wait_for 30 counted
	ctl top -n 3 -i 0.5 --json >"$BATS_TEST_TMPDIR/json"
	assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/json")" 3
	ok jq -s 'map(.seconds > 0.3 and .alive and (.ops | map(.command) | index("write"))) | all' \
		"$BATS_TEST_TMPDIR/json"
	assert_output true
	# Each round writes, and reads, the whole file.
	ok jq -s 'map(.total) | (map(.bytes_in_s) | add) as $in | (map(.bytes_out_s) | add) as $out |
		$in > 0 and $out > 0' "$BATS_TEST_TMPDIR/json"
	assert_output true
	ok jq -s 'map(.ops[] | select(.command == "create") | .errors_s) | add > 0' \
		"$BATS_TEST_TMPDIR/json"
	assert_output true
	ok jq -s 'map(.ops[] | select(.ops_s > 0) | .p50_us > 0 and .p50_us <= .p99_us) | all' \
		"$BATS_TEST_TMPDIR/json"
	assert_output true
}

@test "top: clients, files and reactors; what TCP knows, by the iterator and by sock_diag" {
	local pins=/sys/fs/bpf/ksmbd-hybrid/$INSTANCE name
	start_load
	wait_for 30 counted
	wait_for 30 busy_file
	ctl top -n 1 -i 0.5 --json >"$BATS_TEST_TMPDIR/json"
	assert_equal "$(jq -r '.clients[0] | .user + " " + .plane' "$BATS_TEST_TMPDIR/json")" \
		"$KH_USER1 user"
	assert_equal "$(jq '.clients[0] | .ops_s > 0 and .bytes_in_s > 0 and .rtt_us > 0 and .cwnd > 0' \
		"$BATS_TEST_TMPDIR/json")" true
	assert_equal "$(jq '[.reactors[].connections] | add' "$BATS_TEST_TMPDIR/json")" 1
	if [ -e "$pins/kh_tcp" ]; then
		run cat "$pins/kh_tcp"
		assert_line "^127.0.0.1 [0-9]+ $PORT [0-9]+ [0-9]+ [0-9]+ [0-9]+ [0-9]+\$"
		assert_equal "$(stat -c %a "$pins/kh_tcp")" 600
		rm "$pins/kh_tcp"
		ctl top -n 1 -i 0.1 --json >"$BATS_TEST_TMPDIR/json"
		assert_equal "$(jq '.clients[0] | .rtt_us > 0 and .cwnd > 0' "$BATS_TEST_TMPDIR/json")" true
	fi
	jq -r '[paths | map(strings) | .[]] | unique | .[]' "$BATS_TEST_TMPDIR/json" |
		while read -r name; do
			grep -qw "$name" "$top/docs/ksmbd-hybrid.8" || fail "not in the manual: $name"
		done
}

# It is open for a moment only: a file that is closed again at the second look is not seen.
busy_file() {
	ctl top -n 1 -i 0.02 --json >"$BATS_TEST_TMPDIR/json"
	jq -e '.files | map(select(.share == "share" and .path == "load.bin" and .opens == 1 and
		(.client | startswith("127.0.0.1:")) and .bytes_in_s + .bytes_out_s > 0)) | length > 0' \
		"$BATS_TEST_TMPDIR/json" >/dev/null
}

@test "top: counts of --json are exact" {
	local before after
	ctl top -n 1 -i 0.1 --json >"$BATS_TEST_TMPDIR/a"
	ok smbc 'put /etc/hostname a; put /etc/hostname b'
	ctl top -n 1 -i 0.1 --json >"$BATS_TEST_TMPDIR/b"
	before=$(jq '[.ops[] | select(.command == "write") | .count] | add // 0' "$BATS_TEST_TMPDIR/a")
	after=$(jq '[.ops[] | select(.command == "write") | .count] | add' "$BATS_TEST_TMPDIR/b")
	assert_equal "$after" $((before + 2))
}

@test "top: lines where there is no terminal" {
	ok smbc ls
	ok ctl top -n 2 -i 0.2
	assert_line '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}  Serving: (user space|kernel) '
	assert_line '^CREATE +user'
	assert_line '^REACTOR +CPU'
	refute_output $'\033'
	assert_equal "$(grep -c '^COMMAND' <<<"$output")" 2
}

@test "top: whoever reads the lines may go away" {
	run bash -c "$(printf '%q ' "$kh_ctl" -c "$CONF" --instance "$INSTANCE") top -i 0.1 | head -1"
	assert_status 0
	assert_output 'Serving:'
}

@test "top: what it refuses" {
	local words
	for words in '-i 0' '-i x' '-i nan' '-n 0' '-n 1.5' '-n -1' '-s size' 'files' '--frob'; do
		# shellcheck disable=SC2086 # words
		run ctl top $words
		assert_status 1
	done
	run kh_exec -c "$BATS_TEST_TMPDIR/none.conf" top -n 1
	assert_status 3
	assert_output 'not running'
}

# ---- with one ----

@test "top: a screen of 80x24, its keys, another size, and the terminal as it was" {
	start_load
	on_screen 24 80 top -i 0.3
	shown '^READ +user +[0-9.]+'
	output=$(screen)
	assert_equal "$(head -1 <<<"$output" | cut -c1-8)" "Serving:"
	assert_line '^q quit  h help '
	assert_line '^COMMAND .* P99 *$'
	assert_line '^CLIENT .* RESENT *$'
	assert_line '^REACTOR .* BUSY *$'
	assert_equal "$(grep -c '' <<<"$output")" 24
	keys 1
	shown 'tables: commands'
	refute_shown '^CLIENT'
	keys l
	shown 'sort: latency'
	keys h
	shown 'Sort by +o +operations'
	keys h 0
	shown 'tables: all'
	terminal resize-window -x 132 -y 43
	shown 'P99 +SO FAR *$'
	assert_equal "$(screen | tail -1 | cut -c1-6)" "q quit"
	keys p
	shown PAUSED
	keys p q
	shown '^code 0'
	refute_shown 'Serving:'
	wait_for 10 test -s "$T/after"
	assert_equal "$(cat "$T/after")" "$(sed 's/rows [0-9]*; columns [0-9]*/rows 43; columns 132/' "$T/before")"
}

refute_shown() {
	! shows "$1" || fail "not expected: $1" "$(screen)"
}

@test "top: colours on a terminal only, and not with NO_COLOR" {
	ok smbc ls
	on_screen 24 80 top -i 0.3
	shown '^CREATE'
	output=$(screen -e)
	assert_output $'\033[30m\033[46m'
	close_screen
	NO_COLOR=1 on_screen 24 80 top -i 0.3
	shown '^CREATE'
	output=$(screen -e)
	[ -z "$(grep -oE $'\033\\[[0-9;]*(3[0-7]|4[0-7])m' <<<"$output")" ] || fail "$output"
}

@test "top: signals and ctrl-C give the terminal back" {
	local signal
	for signal in TERM HUP INT SEGV; do
		on_screen 24 80 top -i 0.3
		shown '^q quit'
		if [ $signal = INT ]; then keys C-c; else
			kill -$signal "$(terminal list-panes -F '#{pane_pid}' | xargs -n1 pgrep -f ' top -i' -P)"
		fi
		case $signal in
		TERM) shown '^code 143' ;;
		HUP) shown '^code 129' ;;
		INT) shown '^code 0' ;;
		SEGV) shown 'code 139' ;;
		esac
		refute_shown '^q quit'
		wait_for 10 test -s "$T/after"
		assert_equal "$(cat "$T/after")" "$(cat "$T/before")"
		close_screen
	done
}

@test "top: a number of frames, and a server that ends and comes back" {
	on_screen 24 80 top -i 0.2 -n 2
	shown '^code 0'
	close_screen
	on_screen 24 80 top -i 0.2
	shown 'Serving:'
	ctl down >/dev/null
	shown 'The server has ended'
	shown 'waiting for the server'
	kh_up "$T" "$CONF" "$INSTANCE"
	shown 'Serving:'
	shown 'q quit  h help'
	keys q
	shown '^code 0'
}
