# SPDX-License-Identifier: GPL-2.0-or-later
# The command by itself: accounts, shares, and start and stop with a daemon that only pretends.
load helpers

setup() {
	T=$(mktemp -d)
	conf=$T/test.conf
	mkdir "$T/bin" "$T/share"
	cp "$top/ksmbd-hybrid" "$T/bin/"
	install -m 755 "$top/tests/fake_daemon.py" "$T/bin/ksmbd-hybridd"
	printf '[global]\n\trun directory = %s/run\n' "$T" >"$conf"
}

teardown() {
	[ ! -s "$T/run/pid" ] || kill -9 "$(cat "$T/run/pid")" 2>/dev/null || true
	rm -rf "$T"
}

kh() {
	"$T/bin/ksmbd-hybrid" -c "$conf" "$@"
}

@test "ctl: help, version, and what is mistyped" {
	ok kh --help
	assert_output 'addshare'
	ok kh addshare --help
	assert_output 'Usage: ksmbd-hybrid addshare'
	ok kh --version
	run kh staus
	assert_status 1
	assert_output 'Is "status" meant?'
	run kh start
	assert_output 'Is "up" meant?'
	run kh
	assert_status 1
	run kh --nonsense
	assert_status 1
	run kh --instance ../x status
	assert_status 1
}

@test "ctl: every verb has help, and a usage error is exit code 1" {
	local verb
	for verb in $(kh __complete verbs); do
		ok kh "$verb" --help
		assert_output "Usage: ksmbd-hybrid $verb"
		[ "$verb" = help ] || {
			run kh "$verb" --nonsense x y z
			[ "$status" = 1 ] || [ "$verb" = addshare ] || fail "$verb: $status $output"
		}
	done
}

@test "ctl: accounts" {
	echo secret | kh adduser root
	assert_equal "$(cat "$T/ksmbdpwd.db")" "root:h42AFGBs2ilnekTvoTU/xw=="
	assert_equal "$(stat -c %a "$T/ksmbdpwd.db")" 600
	run kh adduser nosuchuser <<<secret
	assert_status 2
	assert_output 'useradd'
	assert_output '--unix-user'
	ok kh adduser anna --unix-user root <<<other
	ok kh -j listusers
	assert_output '"unix_user":"root"'
	ok kh adduser anna <<<third
	assert_output 'Changed the password'
	ok kh listusers
	assert_line '^anna +root +0 +yes$'
	run kh adduser "a:b" <<<x
	assert_status 2
	run kh adduser root </dev/null
	assert_status 2
	assert_output 'first line'
	run kh adduser root <<<""
	assert_status 2
	run kh adduser -p secret root
	assert_status 1
	assert_output 'never'
	run kh passwd nobody-here <<<x
	assert_status 2
	ok kh passwd root <<<new
	ok kh deluser anna
	run kh deluser anna
	assert_status 2
	assert_equal "$(cat "$T/ksmbdpwd.db.map")" ""
	ok kh __complete users
	assert_equal "$output" root
}

@test "ctl: two writers do not lose an account" {
	local i
	for i in 1 2 3 4 5 6 7 8; do
		kh adduser "u$i" --unix-user root <<<pw >/dev/null &
	done
	wait
	assert_equal "$(kh __complete users | sort | tr '\n' ' ')" "u1 u2 u3 u4 u5 u6 u7 u8 "
	assert_equal "$(wc -l <"$T/ksmbdpwd.db.map")" 8
}

@test "ctl: a password from the terminal is asked twice and not shown" {
	command -v python3 >/dev/null || skip "no python3"
	cat >"$T/on_a_tty.py" <<-'PY'
		import os, pty, sys, time
		answers = sys.argv[1].split(",")
		pid, fd = pty.fork()
		if not pid:
		    os.execv(sys.argv[2], sys.argv[2:])
		out = b""
		while True:
		    try:
		        got = os.read(fd, 1000)
		    except OSError:
		        break
		    if not got:
		        break
		    out += got
		    if out.endswith(b": ") and answers:
		        time.sleep(0.1)
		        os.write(fd, answers.pop(0).encode() + b"\n")
		print(out.decode())
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	PY
	ok python3 "$T/on_a_tty.py" "secret,secret" "$T/bin/ksmbd-hybrid" -c "$conf" adduser root
	refute_output secret
	assert_equal "$(cat "$T/ksmbdpwd.db")" "root:h42AFGBs2ilnekTvoTU/xw=="
	run python3 "$T/on_a_tty.py" "secret,other" "$T/bin/ksmbd-hybrid" -c "$conf" adduser root
	assert_status 2
	assert_output 'differ'
}

@test "ctl: shares are edited in place, comments and order stay" {
	cat >"$conf" <<-EOF
		# top
		[global]
			workgroup = X ; y

		# about one
		[one]
			path = $T/share
			# inside
			comment = hello \\
				there
		; tail of one

		# about two
		[two]
			path = $T/share
	EOF
	ok kh addshare three "$T/share" 'read only=no' 'valid users = root @root'
	ok kh updateshare one 'comment=short' 'guest ok=yes' 'writable = yes'
	ok kh updateshare two 'writeable=yes'
	ok kh updateshare two 'read only='
	ok kh delshare two
	assert_equal "$(tr -d '\t' <"$conf")" "$(
		cat <<-EOF
			# top
			[global]
				workgroup = X ; y

			# about one
			[one]
				path = $T/share
				# inside
				comment = short
				guest ok = yes
				writable = yes
			; tail of one

			# about two
			[three]
				path = $T/share
				read only = no
				valid users = root @root
		EOF
	)"
	ok kh listshares
	assert_line '^three .* no +no +root @root'
	ok kh -j listshares
	assert_output '"read_only":false'
}

@test "ctl: what would break the configuration is refused, and nothing changes" {
	local before
	kh addshare one "$T/share"
	before=$(cat "$conf")
	run kh addshare one "$T/share"
	assert_status 2
	run kh addshare two /no/such
	assert_status 2
	assert_output 'mkdir -p /no/such'
	run kh addshare 'a/b' "$T/share"
	assert_status 2
	run kh addshare two "$T/share" 'reed only=no'
	assert_status 2
	assert_output 'is "read only" meant?'
	run kh updateshare one 'read only=perhaps'
	assert_status 2
	run kh delshare two
	assert_status 2
	run kh updateshare one $'comment=a\n[evil]'
	assert_status 1
	assert_equal "$(cat "$conf")" "$before"
	printf '[sub]\npath = /\n' >"$T/sub.conf"
	printf 'include = sub.conf\n' >>"$conf"
	run kh delshare sub
	assert_status 2
	assert_output 'included file'
}

@test "ctl: the first share makes the configuration" {
	conf=$T/new/a.conf
	run kh up
	assert_status 2
	assert_output 'addshare NAME /folder'
	ok kh addshare x "$T/share"
	ok kh testconf
}

@test "ctl: up, status, reload, down" {
	run kh status
	assert_status 3
	run kh down
	assert_status 3
	ok kh up
	assert_output 'The server runs on 127.0.0.1:4450.'
	run kh up
	assert_status 2
	assert_output 'already running'
	ok kh status
	assert_line '^Serving +user space \(0 connections; kernel: no kernel module in this version\)$'
	assert_line 'Now +1 connection, 0 sessions, 0 shares, 1 handle'
	ok kh status connections
	assert_line '127.0.0.1:50000 +SMB3_11 +1.5 KiB +5.0 GiB +2 h'
	ok kh status sessions
	assert_output 'Nobody is logged in.'
	ok kh status counters
	assert_line 'bad.frame_type +1$'
	ok kh status handles
	refute_output $'\x1b'
	awk 'length($0) > 100 { exit 1 }' <<<"$output"
	ok kh -j status handles
	assert_output '"share":"x"'
	run kh status nonsense
	assert_status 1
	ok kh reload
	ok kh addshare x "$T/share"
	echo 'wrokgroup = x' >>"$conf"
	run kh reload
	assert_status 2
	run kh restart
	assert_status 2
	ok kh down
	run kh status
	assert_status 3
}

@test "ctl: up says why not" {
	echo fail >"$T/bin/how"
	run kh up
	assert_status 2
	assert_output 'did not start. Port 445 is taken'
	echo die >"$T/bin/how"
	run kh up
	assert_status 2
	assert_output 'Segmentation fault'
	assert_output 'out of luck'
	rm "$T/bin/ksmbd-hybridd"
	run kh up
	assert_status 2
	assert_output 'is not there'
}

@test "ctl: kill -9 leaves nothing to clean" {
	kh up
	kill -9 "$(cat "$T/run/pid")"
	sleep 0.1
	run kh status
	assert_status 3
	ok kh up
	ok kh restart
	ok kh down
}

@test "ctl: a server that refuses to end is ended by a signal" {
	echo stubborn >"$T/bin/how"
	kh up
	ok kh down
	run kh status
	assert_status 3
}
