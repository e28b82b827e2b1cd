# SPDX-License-Identifier: GPL-2.0-or-later
# Real clients doing what people do: smbclient in every dialect and protection, rpcclient, impacket.
# Tools that only know port 445 are in namespace.bats.

load helpers

setup_file() {
	server_setup_file
	start_server --conf "[sealed]
	path = $T/share
	read only = no
	smb encrypt = required
[readonly]
	path = $T/share
	read only = yes
[hidden]
	path = $T/share
	browseable = no"
	mkdir -p "$T/local"
}

teardown_file() {
	server_teardown_file
}

setup() {
	local=$BATS_TEST_TMPDIR
	cd "$local"
}

# put FILE, get it back under another name and protection, compare.
round_trip() {
	local size=$1
	shift
	head -c "$size" /dev/urandom >original
	ok smbc "put original copy; get copy back; del copy" "$@"
	assert_same_file original back
	rm -f original back
}

# ---- files ----

@test "put and get: 0 bytes, 3 bytes, odd sizes" {
	local size
	for size in 0 3 4096 65535 65537 1048577 9000001; do
		round_trip $size
	done
}

@test "put and get: 1 GiB" {
	round_trip 1G
}

@test "what is put is what the server's disk holds" {
	head -c 100000 /dev/urandom >original
	ok smbc 'put original ondisk'
	assert_same_file original "$T/share/ondisk"
	assert_equal "$(stat -c %U "$T/share/ondisk")" "$KH_UNIX1"
	ok smbc 'del ondisk'
	[ ! -e "$T/share/ondisk" ]
}

@test "ls shows names, sizes and kinds" {
	printf 123 >three
	ok smbc 'mkdir listing; cd listing; put three; mkdir sub; ls'
	assert_line '^ *three +A +3 '
	assert_line '^ *sub +D +0 '
	assert_line 'blocks of size'
	ok smbc 'deltree listing'
}

@test "mkdir, rename, move, rmdir, del" {
	printf x >x
	ok smbc 'mkdir d1; put x; rename x d1\y; rename d1 d2; ls d2\*'
	assert_line '^ *y +A +1 '
	ok smbc 'del d2\y; rmdir d2; ls'
	refute_line '^ *d[12] '
}

@test "rmdir of a folder that is not empty is refused" {
	ok smbc 'mkdir full; mkdir full\inner'
	run smbc 'rmdir full'
	assert_output NT_STATUS_DIRECTORY_NOT_EMPTY
	ok smbc 'deltree full'
}

@test "names: spaces, umlauts, beyond the BMP, 255 units" {
	local name long
	long=$(printf 'n%.0s' {1..255})
	printf x >x
	for name in 'with space' 'Grüße' '日本語' 'emoji 😀🎉' "$long"; do
		ok smbc "put x \"$name\"; ls \"$name\"; del \"$name\""
		assert_output "$name"
	done
	run smbc "put x ${long}n"
	assert_output NT_STATUS_OBJECT_NAME_INVALID
}

@test "names are found in any case, and keep theirs" {
	printf x >x
	ok smbc 'mkdir MixedCase; put x MixedCase\Name.TXT; ls mixedcase\NAME.txt; ls'
	assert_line '^ *Name.TXT '
	assert_line '^ *MixedCase '
	ok smbc 'deltree MIXEDCASE'
}

@test "allinfo" {
	printf 12345 >info
	ok smbc 'put info; allinfo info'
	assert_line '^create_time: '
	assert_line '^attributes: A \(20\)'
	assert_line 'stream: \[::\$DATA\], 5 bytes'
	ok smbc 'del info'
}

@test "attributes are set, stored in user.DOSATTRIB and shown" {
	printf x >attr
	ok smbc 'put attr; setmode attr +hs; allinfo attr'
	assert_line '^attributes: .*H'
	getfattr -n user.DOSATTRIB "$T/share/attr"
	ok smbc 'setmode attr -hs; del attr'
}

@test "alternate data streams" {
	printf 'in the stream' >s
	printf base >b
	ok smbc 'put b f; put s f:extra; get f:extra back; allinfo f'
	assert_same_file s back
	assert_output ':extra:$DATA], 13 bytes'
	ok smbc 'get f base'
	assert_same_file b base
	ok smbc 'del f'
}

@test "a tree comes back as it went: recursive mput and mget" {
	# a tree without two names that differ in case only
	cp -rL /usr/lib/python3/dist-packages/impacket tree
	ok smbc 'recurse; prompt; mput tree'
	mkdir out && cd out
	ok smbc 'recurse; prompt; mget tree'
	cd ..
	diff -r tree out/tree
	diff -r tree "$T/share/tree"
	ok smbc 'deltree tree'
	[ ! -e "$T/share/tree" ]
}

@test "a listing of 10,000 entries is complete" {
	mkdir "$T/share/many"
	(cd "$T/share/many" && seq -f 'entry-%06g' 10000 | xargs touch)
	ok smbc 'cd many; ls'
	assert_equal "$(grep -c ' entry-' <<<"$output")" 10000
	assert_equal "$(grep -o 'entry-[0-9]*' <<<"$output" | sort -u | wc -l)" 10000
	rm -rf "$T/share/many"
}

@test "a listing ends with a short answer, not with the buffer that was ready for entries" {
	[ "${KH_SERVER:-}" != samba ] || skip "about this server"
	local before after
	before=$(ctl -j status | jq .counters.bytes_out)
	smbc 'ls'
	after=$(ctl -j status | jq .counters.bytes_out)
	[ $((after - before)) -lt 100000 ]
}

@test "du, volume, wildcards" {
	printf 1 >a.txt && cp a.txt b.txt && cp a.txt c.dat
	ok smbc 'mkdir w; cd w; put a.txt; put b.txt; put c.dat; ls *.txt'
	assert_line ' *a.txt '
	assert_line ' *b.txt '
	refute_line '^ *c.dat '
	ok smbc 'recurse; du w\*; volume'
	assert_output 'Total number of bytes: 3'
	ok smbc 'deltree w'
}

# ---- dialects, signing, sealing ----

dialect() {
	round_trip 1500000 --option="client min protocol=$1" -m "$1"
	ok smbc 'mkdir dd; ls; rmdir dd' --option="client min protocol=$1" -m "$1"
}

@test "dialect SMB2_02" { dialect SMB2_02; }
@test "dialect SMB2_10" { dialect SMB2_10; }
@test "dialect SMB3_00" { dialect SMB3_00; }
@test "dialect SMB3_02" { dialect SMB3_02; }
@test "dialect SMB3_11" { dialect SMB3_11; }

@test "multi-protocol negotiate from SMB1" {
	ok smbc ls --option='client min protocol=NT1' -m SMB3_11
}

@test "signing in every dialect" {
	local d
	for d in SMB2_02 SMB2_10 SMB3_00 SMB3_02 SMB3_11; do
		round_trip 300000 --client-protection=sign --option="client min protocol=$d" -m "$d"
	done
}

signing() {
	round_trip 3000000 --client-protection=sign \
		--option="client smb3 signing algorithms=$1"
}

@test "signing with AES-128-GMAC" { signing AES-128-GMAC; }
@test "signing with AES-128-CMAC" { signing AES-128-CMAC; }
@test "signing with HMAC-SHA256" { signing HMAC-SHA256; }

cipher() {
	round_trip 3000000 --client-protection=encrypt \
		--option="client smb3 encryption algorithms=$1"
	ok smbc -o sealed 'ls' --option="client smb3 encryption algorithms=$1"
}

@test "encryption with AES-128-GCM" { cipher AES-128-GCM; }
@test "encryption with AES-128-CCM" { cipher AES-128-CCM; }
@test "encryption with AES-256-GCM" { cipher AES-256-GCM; }
@test "encryption with AES-256-CCM" { cipher AES-256-CCM; }

@test "encryption in SMB3_00 and SMB3_02" {
	local d
	for d in SMB3_00 SMB3_02; do
		round_trip 300000 --client-protection=encrypt \
			--option="client min protocol=$d" -m "$d"
	done
}

@test "a share that requires encryption refuses a client that cannot" {
	run smbc -o sealed ls -m SMB2_10
	assert_output NT_STATUS_ACCESS_DENIED
}

# ---- who may do what ----

@test "a wrong password and an unknown user are refused alike" {
	run smbclient //127.0.0.1/share -p "$PORT" -U "$KH_USER1%wrong" -c ls
	assert_output NT_STATUS_LOGON_FAILURE
	run smbclient //127.0.0.1/share -p "$PORT" -U nobody-here%wrong -c ls
	assert_output NT_STATUS_LOGON_FAILURE
}

@test "anonymous and guest are refused by default" {
	[ "${KH_SERVER:-}" != samba ] || skip "Samba lets anonymous into IPC$"
	run smbclient //127.0.0.1/share -p "$PORT" -N -U% -c ls
	[ "$status" != 0 ]
	assert_output NT_STATUS_
}

@test "an unknown share is a bad network name" {
	run smbc -o no-such-share ls
	assert_output NT_STATUS_BAD_NETWORK_NAME
}

@test "a read-only share is read-only" {
	[ "${KH_SERVER:-}" != samba ] || skip "the Samba peer has no such share"
	printf x >x
	ok smbc -o readonly ls
	run smbc -o readonly 'put x'
	assert_output NT_STATUS_ACCESS_DENIED
	run smbc -o readonly 'mkdir x'
	assert_output NT_STATUS_
}

@test "another user's private file stays private" {
	printf secret >"$T/share/private"
	chown "$KH_UNIX2" "$T/share/private" && chmod 600 "$T/share/private"
	run smbc 'get private'
	assert_output NT_STATUS_ACCESS_DENIED
	ok smbclient //127.0.0.1/share -p "$PORT" -U "$KH_USER2%$KH_PASS2" -c 'get private'
	rm -f "$T/share/private"
}

# ---- RPC and the other tools ----

@test "smbclient -L lists the shares, not the hidden one" {
	ok smbclient -L 127.0.0.1 -p "$PORT" -U "$KH_USER1%$KH_PASS1"
	assert_line '^\s*share +Disk'
	assert_line '^\s*IPC\$ +IPC'
	refute_line '^\s*hidden '
}

@test "rpcclient srvinfo and netshareenumall" {
	ok rpcclient 127.0.0.1 -p "$PORT" -U "$KH_USER1%$KH_PASS1" -c 'srvinfo; netshareenumall'
	assert_line 'platform_id'
	assert_line 'netname: share'
}

@test "rpcclient netsharegetinfo" {
	ok rpcclient 127.0.0.1 -p "$PORT" -U "$KH_USER1%$KH_PASS1" -c 'netsharegetinfo share 1'
	assert_line 'netname: share'
}

@test "impacket: SMBConnection" {
	ok py_client impacket_client.py
	assert_output 'all of it'
}

# ---- many ----

@test "200 connections at once, and the server forgets them" {
	ok timeout 100 "$top/tests/bench/idle" "$PORT" 200 share </dev/null
	assert_output 'ready 200'
	ok smbc ls
}
