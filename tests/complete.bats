# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion, by an interactive bash at a terminal.
# shellcheck disable=SC2154 # of helpers: top, kh_ctl

load helpers

setup_file() {
	server_setup_file
	start_server 'debug components = none' --conf '[second share]' --conf "path = $T/share"
	ln -s "$kh_ctl" "$T/ksmbd-hybrid"
}

teardown_file() {
	server_teardown_file
}

# The last words of the line, in $output, when all completions of LINE are inserted.
completed() {
	local line=$1
	shift
	output=$(/usr/bin/python3 "$top/tests/complete.py" "$top/dist/ksmbd-hybrid.bash-completion" \
		"$T" "ksmbd-hybrid -c $CONF --instance $INSTANCE $line" "$@" | tail -n +6) || return 1
}

completes() {
	completed "$1"
	[ "$(xargs -d '\n' <<<"$output")" = "$2" ] || fail "line: $1" "got: $output" "expected: $2"
}

@test "complete: verbs, options, fixed words" {
	completed ''
	assert_line '^status$'
	assert_line '^trace$'
	refute_line '^__complete$'
	assert_equal "$(wc -l <<<"$output")" "$("$kh_ctl" __complete verbs | wc -l)"
	completes st status
	completes 'up --' 'up --foreground --help --no-kmod'
	completes 'testconf -' 'testconf --example --help -v'
	completes 'close ' 'close connection handle session'
	completes 'status s' 'status sessions shares'
	completes 'help pas' 'help passwd'
	completes 'block ' 'block add del list'
	completes 'nonsense x' 'nonsense x'
}

@test "complete: names of shares and accounts" {
	completes 'passwd ' "passwd $KH_USER1 $KH_USER2"
	completes 'deluser torture2' 'deluser torture2'
	completes 'delshare sh' 'delshare share'
	completes 'updateshare ' 'updateshare second share share'
	assert_line '^second share$'
	completes 'trace --share s' 'trace --share second share share'
	completes 'updateshare share vfs' 'updateshare share vfs objects='
	completed "updateshare share 'read o" no
	assert_line '^read only=no$'
	mkdir -p "$T/folder one"
	completes "addshare new $T/fol" "addshare new $T/folder one"
}

@test "complete: what is connected and open now" {
	py_client stay.py 20 &
	local client=$!
	for _ in $(seq 100); do
		[ "$(ctl -j status handles | jq length)" != 0 ] && break
		sleep 0.1
	done
	completes 'close connection ' "close connection $(ctl -j status connections | jq -r '.[0].id')"
	completes 'close s ' "close s $(ctl -j status sessions | jq -r '.[0].id')"
	completes 'close handle ' "close handle $(ctl -j status handles | jq -r '.[0].id')"
	completes 'trace --client 12' 'trace --client 127.0.0.1'
	kill $client
	wait $client || true
}

@test "complete: components, commands, statuses, modes" {
	completed 'debug '
	assert_line '^oplock$'
	assert_line '^all$'
	completes 'debug smb +co' 'debug smb +config +conn'
	completes 'debug -co' 'debug -config -conn'
	completes 'trace --op READ,WR' 'trace --op READ,WRITE'
	completes 'trace --status LOGON' 'trace --status LOGON_FAILURE'
	completes 'tune steer=cp' 'tune steer=cpu'
	completed 'tune '
	assert_line '^lo$'
}

@test "complete: without a server, and without a configuration" {
	stop_server
	completes 'close connection ' 'close connection'
	completes 'delshare sh' 'delshare share'
	start_server
	CONF=/nonexistent completed 'delshare '
	assert_equal "$output" delshare
}
