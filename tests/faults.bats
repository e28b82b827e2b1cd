# SPDX-License-Identifier: GPL-2.0-or-later
# Things that go wrong around the server: it is killed, the disk fills up, the file system is
# read-only, the folder goes away, a file shrinks while it is read. Each time: the right status for
# the client, and a server that lives on.

load helpers

setup_file() {
	server_setup_file
	mkdir -p "$T/local"
	head -c 64M /dev/urandom >"$T/local/big"
	start_server
}

teardown_file() {
	server_teardown_file
}

# A test that failed halfway must not leave its mount to the next.
teardown() {
	mountpoint -q "$T/share" || return 0
	mount -o remount,rw "$T/share"
	umount_share
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# The share's folder becomes a mount of its own for one test.
mount_share() {
	mount -t tmpfs -o "size=$1" kh-test "$T/share"
	chown "$KH_UNIX1" "$T/share"
	chmod 777 "$T/share"
	restart_server
}

umount_share() {
	umount -l "$T/share"
	restart_server
}

restart_server() {
	stop_server
	start_server
}

@test "the disk is full: DISK_FULL, and room again after a del" {
	mount_share 8m
	printf small >small
	run smbc "lcd $T/local; put big"
	assert_output NT_STATUS_DISK_FULL
	run smbc 'del big; put small; ls'
	assert_status 0
	assert_line '^ *small +A +5 '
}

@test "a read-only file system: reading works, writing is refused" {
	mount_share 8m
	printf small >small
	ok smbc 'put small'
	mount -o remount,ro "$T/share"
	restart_server
	ok smbc 'get small back'
	assert_same_file small back
	run smbc 'put small other'
	assert_line 'NT_STATUS_(MEDIA_WRITE_PROTECTED|ACCESS_DENIED)'
	run smbc 'mkdir d'
	assert_line 'NT_STATUS_(MEDIA_WRITE_PROTECTED|ACCESS_DENIED)'
	run smbc 'del small'
	assert_output NT_STATUS_
}

@test "the folder vanishes and comes back" {
	printf x >x
	ok smbc 'put x'
	mv "$T/share" "$T/gone"
	run smbc 'ls'
	assert_output NT_STATUS_
	mkdir "$T/share" && chown "$KH_UNIX1" "$T/share"
	ok smbc 'put x; ls'
	assert_line '^ *x +A +1 '
	rm -rf "$T/share"
	mv "$T/gone" "$T/share"
	ok smbc 'get x back'
	assert_same_file x back
}

@test "a folder below vanishes while a client stands in it" {
	mkdir -p "$T/share/below" && chown "$KH_UNIX1" "$T/share/below"
	{
		echo 'cd below'
		sleep 0.5
		rm -rf "$T/share/below"
		printf '%s\n' ls 'mkdir y'
	} | smbclient //127.0.0.1/share -p "$PORT" -U "$KH_USER1%$KH_PASS1" >out 2>&1 || true
	run cat out
	assert_output NT_STATUS_
	ok smbc ls
}

@test "a file is truncated by someone else while it is read" {
	local i
	cp "$T/local/big" "$T/share/shrinking"
	chmod 666 "$T/share/shrinking"
	for i in 1 2 3 4 5; do
		smbc 'get shrinking /dev/null' >"out$i" &
		sleep 0.0$i
		truncate -s 0 "$T/share/shrinking"
		wait $! || true
		cp "$T/local/big" "$T/share/shrinking"
	done
	ok smbc 'get shrinking back'
	assert_same_file "$T/local/big" back
	rm -f "$T/share/shrinking"
}

@test "a file is deleted by someone else while it is open" {
	cp "$T/local/big" "$T/share/open"
	chmod 666 "$T/share/open"
	smbc 'get open /dev/null' &
	sleep 0.02
	rm -f "$T/share/open"
	wait $! || true
	run smbc 'get open'
	assert_output NT_STATUS_OBJECT_NAME_NOT_FOUND
}

@test "kill -9 while writing: other files whole, up again without cleaning" {
	[ "${KH_SERVER:-}" != samba ] || skip "about this server"
	local pid
	ok smbc "lcd $T/local; put big kept"
	pid=$(server_pid)
	[ "$pid" -gt 1 ]
	smbc "lcd $T/local; put big victim" >out &
	sleep 0.03
	kill -9 "$pid"
	wait $! || true
	while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	assert_same_file "$T/local/big" "$T/share/kept"
	start_server
	ok smbc "get kept back"
	smbc "del victim" || true # which may not have come into being
	assert_same_file "$T/local/big" back
}

@test "kill -9 in a loop, with clients at work" {
	[ "${KH_SERVER:-}" != samba ] || skip "about this server"
	local i pid client
	printf x >x
	for i in 1 2 3 4 5; do
		pid=$(server_pid)
		smbc "prompt; recurse; mkdir w$i; cd w$i; lcd $top/daemon; mput *" >out 2>&1 &
		client=$!
		sleep 0.0$i
		kill -9 "$pid"
		wait $client || true
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
		start_server
		ok smbc 'put x; get x back'
		assert_same_file x back
	done
}

@test "a client that vanishes in the middle leaves nothing behind" {
	local client
	smbc "lcd $T/local; put big half" >out &
	client=$!
	sleep 0.03
	kill -9 $(pgrep -f "^smbclient .* -p $PORT .*put big half") || true
	wait $client || true
	sleep 0.5
	printf x >x
	ok smbc 'put x half; del half'
}
