# SPDX-License-Identifier: GPL-2.0-or-later
# A server in a network namespace of its own, so on port 445: for the tools that know no other, and
# to see that several servers live on one machine.

load helpers

setup_file() {
	server_setup_file
	with_netns server
	KH_PORT=445 start_server
}

teardown_file() {
	local status=0
	server_teardown_file || status=1
	end_netns
	return $status
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "net rpc share list" {
	ok in_netns net rpc share list -S 127.0.0.1 -U "$KH_USER1%$KH_PASS1"
	assert_line '^share$'
}

@test "smbcacls reads a descriptor" {
	printf x >x
	ok smbc 'put x acl'
	ok in_netns smbcacls //127.0.0.1/share acl -U "$KH_USER1%$KH_PASS1"
	assert_line '^OWNER:'
	assert_line '^ACL:'
	ok smbc 'del acl'
}

@test "impacket's smbclient.py" {
	printf 'shares\nuse share\nmkdir by-impacket\nls\ncd by-impacket\nput original\nls\nget original\ninfo\nexit\n' >script
	head -c 100000 /dev/urandom >original
	cp original kept
	ok in_netns /usr/bin/python3 /usr/share/doc/python3-impacket/examples/smbclient.py \
		"$KH_USER1:$KH_PASS1@127.0.0.1" -file script
	assert_output by-impacket
	assert_line '100000 .*original'
	assert_same_file original kept
	assert_same_file original "$T/share/by-impacket/original"
}

@test "libsmb2's smb2-ls" {
	command -v smb2-ls >/dev/null || skip "libsmb2-utils is not packaged here"
	ok in_netns smb2-ls "smb://$KH_USER1:$KH_PASS1@127.0.0.1/share/"
}

@test "a second server beside it, same port, other namespace" {
	local other=$BATS_TEST_TMPDIR/other
	[ "${KH_SERVER:-}" != samba ] || skip "one Samba is enough"
	mkdir -p "$other/share"
	(
		T=$other
		unset KH_NETNS
		with_netns second
		KH_PORT=445 start_server && smbc ls && stop_server
		status=$?
		end_netns
		exit $status
	)
	ok smbc ls
}
