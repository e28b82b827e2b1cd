# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # helpers.bash sets top
# `ksmbd-hybrid metrics`, the listener of `metrics listen`, and the dashboard that reads it.

load helpers

setup_file() {
	server_setup_file
	start_server "metrics listen = $T/metrics.sock"
}

teardown_file() {
	server_teardown_file
}

need_maps() {
	[ -e "/sys/fs/bpf/ksmbd-hybrid/$INSTANCE/kh_server" ] || skip "no BPF maps here"
}

get() {
	curl -s -m 20 --unix-socket "$T/metrics.sock" "$@"
}

strict() {
	/usr/bin/python3 "$top/tests/prometheus_text.py" command plane reactor reason mode by \
		version interface queue
}

# value OF-SERIES: from $output
value() {
	awk -v s="$1" '$1 == s { print $2 }' <<<"$output"
}

@test "metrics: the format is Prometheus', and the figures are those of the client" {
	local before
	need_maps
	output=$(ctl metrics | strict)
	before=$(value 'ksmbd_hybrid_requests_total{command="create",plane="user"}')
	head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
	ok smbc "put $BATS_TEST_TMPDIR/f f; get f $BATS_TEST_TMPDIR/g"
	ctl metrics >"$BATS_TEST_TMPDIR/text"
	output=$(strict <"$BATS_TEST_TMPDIR/text")
	assert_equal "$(value 'ksmbd_hybrid_written_bytes_total{plane="user"}')" 100000
	assert_equal "$(value 'ksmbd_hybrid_read_bytes_total{plane="user"}')" 100000
	assert_equal "$(value 'ksmbd_hybrid_requests_total{command="create",plane="user"}')" \
		$((${before:-0} + 2))
	assert_equal "$(value 'ksmbd_hybrid_kernel_plane')" \
		"$([ "$(ctl -j status | jq -r .planes.data)" = kernel ]; echo $((1 - $?)))"
	assert_line 'request_duration_seconds_bucket.command="write",le="\+Inf",plane="user". 1'
	if command -v promtool >/dev/null; then
		ok promtool check metrics <"$BATS_TEST_TMPDIR/text"
		assert_equal "$output" ""
	fi
}

@test "metrics: GET /metrics is the same text, and there is nothing else" {
	get http://server/metrics | strict >"$BATS_TEST_TMPDIR/by_http"
	if [ -e "/sys/fs/bpf/ksmbd-hybrid/$INSTANCE/kh_server" ]; then
		ctl metrics | strict | cut -d' ' -f1 >"$BATS_TEST_TMPDIR/by_ctl"
		assert_equal "$(cut -d' ' -f1 <"$BATS_TEST_TMPDIR/by_http")" \
			"$(cat "$BATS_TEST_TMPDIR/by_ctl")"
	fi
	ok get -i http://server/metrics
	assert_line '^Content-Type: text/plain; version=0.0.4'
	ok get -I http://server/metrics
	refute_output ksmbd_hybrid_build_info
	ok get -o /dev/null -w '%{http_code}' http://server/
	assert_output 404
	ok get -o /dev/null -w '%{http_code}' http://server/metrics/../etc/passwd --path-as-is
	assert_output 404
	ok get -o /dev/null -w '%{http_code}' -X DELETE http://server/metrics
	assert_output 405
	assert_equal "$(stat -c %a "$T/metrics.sock")" 600
}

@test "metrics: clients that stall, talk nonsense or too much hinder nobody" {
	ok /usr/bin/python3 - "$T/metrics.sock" <<-'PY'
		import os, socket, sys

		def client(data=b""):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(sys.argv[1])
		    s.settimeout(20)
		    s.sendall(data)
		    return s

		def answer(s):
		    out = b""
		    try:
		        while got := s.recv(65536):
		            out += got
		    except ConnectionResetError:
		        pass
		    return out

		whole = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
		stalled = [client(b"GET /met") for _ in range(100)]
		unread = [client(whole) for _ in range(20)]
		for bad in (b"\0" * 10, b"\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"x" * 100000,
		            b"GET /" + b"a" * 5000, b"GET  /metrics HTTP/1.1\r\n\r\n" * 3, os.urandom(4096)):
		    try:
		        a = answer(client(bad))
		    except BrokenPipeError:
		        continue
		    assert a == b"" or a.startswith(b"HTTP/1.1 4") or b"GET  /" in bad, (bad[:20], a[:40])
		s = client()
		for byte in whole:
		    s.sendall(bytes([byte]))
		assert answer(s).startswith(b"HTTP/1.1 200 OK\r\n")
	PY
	ok get -o /dev/null -w '%{http_code}' http://server/metrics
	assert_output 200
	ok ctl status
}

@test "metrics: an address that others reach is refused, unless it is meant" {
	local conf=$BATS_TEST_TMPDIR/a.conf bad
	for bad in 0.0.0.0:9445 '[::]:9445' 192.0.2.1:9445 127.0.0.1 127.0.0.1:0 127.0.0.1:65536 \
		localhost:9445 '[::1:9445' '127.0.0.1:9445 public' "/$(printf 'x%.0s' {1..108})"; do
		printf '[global]\nmetrics listen = %s\n' "$bad" >"$conf"
		run kh_exec -c "$conf" testconf
		assert_status 2
		assert_output 'metrics listen'
	done
	for good in 127.0.0.1:9445 '[::1]:9445' '127.9.9.9:1' '0.0.0.0:9445 unprotected' /run/x.sock; do
		printf '[global]\nmetrics listen = %s\n' "$good" >"$conf"
		ok kh_exec -c "$conf" testconf
		assert_output "metrics listen = $good"
	done
}

@test "metrics: a reload moves the listener" {
	local port
	port=$(free_port)
	sed -i "s|metrics listen = .*|metrics listen = 127.0.0.1:$port|" "$CONF"
	ok ctl reload
	[ ! -e "$T/metrics.sock" ]
	ok in_netns curl -s -m 20 "http://127.0.0.1:$port/metrics"
	assert_output ksmbd_hybrid_build_info
	sed -i '/metrics listen/d' "$CONF"
	ok ctl reload
	run in_netns curl -s -m 20 "http://127.0.0.1:$port/metrics"
	assert_status 7
}

@test "metrics: the dashboard asks for what there is" {
	need_maps
	jq -r '.. | .expr? // empty' "$top/dist/grafana-dashboard.json" |
		grep -oE 'ksmbd_hybrid_[a-z_]+' | sort -u >"$BATS_TEST_TMPDIR/asked"
	ok smbc ls
	ctl metrics | sed -n 's/^\(ksmbd_hybrid_[a-z_]*\).*/\1/p' | sort -u >"$BATS_TEST_TMPDIR/there"
	output=$(comm -23 "$BATS_TEST_TMPDIR/asked" "$BATS_TEST_TMPDIR/there" | grep -v _xdp_ || true)
	assert_equal "$output" ""
	[ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" -gt 15 ]
}

@test "metrics: the manual names them all" {
	need_maps
	ctl metrics | sed -n 's/^# TYPE ksmbd_hybrid_\([a-z_]*\) .*/\1/p' >"$BATS_TEST_TMPDIR/names"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -gt 20 ]
	while read -r name; do
		grep -qw "$name" "$top/docs/ksmbd-hybrid.8" || fail "not in the manual: $name"
	done <"$BATS_TEST_TMPDIR/names"
}

@test "metrics: without BPF, the listener has them, and the command says where it stands" {
	ok stop_server
	KH_EXEC_PREFIX="setpriv --bounding-set -bpf,-sys_admin" \
		start_server "metrics listen = $T/metrics.sock"
	ok smbc ls
	output=$(get http://server/metrics | strict)
	assert_line '^ksmbd_hybrid_requests_total.command="query_directory",plane="user". [1-9]'
	assert_equal "$(value ksmbd_hybrid_bpf_complete)" 0
	for verb in metrics 'top -n 1'; do
		# shellcheck disable=SC2086 # words
		run ctl $verb
		assert_status 2
		assert_output 'the server runs without'
	done
}

@test "metrics: without a server, exit code 3" {
	run kh_exec -c "$BATS_TEST_TMPDIR/none.conf" metrics
	assert_status 3
	run ctl metrics x
	assert_status 1
}
