# SPDX-License-Identifier: GPL-2.0-or-later
# Two smbtorture clients at once against one server, each in a share of its own: opens, leases, locks,
# durable handles, notify and copies of the one are none of the other's.

load helpers

setup_file() {
	command -v smbtorture >/dev/null || skip "no smbtorture"
	server_setup_file
	mkdir "$T/share2"
	chmod 777 "$T/share2"
	start_server 'server multi channel support = yes' --conf "[share2]" --conf "	copy = share" \
		--conf "	path = $T/share2"
}

teardown_file() {
	server_teardown_file
}

# Quick ones: most of what takes long waits for a break that nobody answers. Without smb2.notify.basedir,
# which asks for a notification on one connection and makes the change on another one without waiting
# for what says that it is asked for: where that comes late on a busy machine, it waits for ever.
tests=(
	smb2.lease.{request,upgrade,upgrade2,upgrade3,nobreakself,statopen}
	smb2.lease.{complex1,v2_request_parent,v2_epoch1,v2_epoch2,v2_epoch3,v2_complex1}
	smb2.oplock.{exclusive1,exclusive2,batch1,batch4,batch7,batch10,batch13}
	smb2.oplock.brl2
	smb2.lock.{valid-request,rw-none,rw-shared,rw-exclusive,auto-unlock,lock,async,cancel,unlock}
	smb2.lock.{cancel-tdis,cancel-logoff,multiple-unlock,stacking,contend,context,range,overlap}
	smb2.durable-open.{open-oplock,open-lease,reopen1,reopen2,reopen2-lease,reopen3,reopen4,lock-oplock}
	smb2.durable-open.{lock-lease,open2-lease,open2-oplock,delete_on_close1,file-position,oplock}
	smb2.durable-v2-open.{create-blob,open-oplock,open-lease,reopen1,reopen2,lock-oplock}
	smb2.notify.{valid-req,dir,mask-change,file,tcp,close,logoff,tree,double,rec,overflow}
	smb2.compound.{related1,related2,unrelated1,interim1}
	smb2.session.{reconnect1,reauth1,two_logoff,bind1}
	smb2.sharemode.sharemode-access smb2.rename.{simple,msword,share_delete_and_delete_access}
	smb2.create.{open,multi,leading-slash} smb2.streams.{dir,io,rename,create-disposition}
	smb2.rw.{rw1,rw2} smb2.dir.{find,many} smb2.ioctl.{copy_chunk_simple,copy_chunk_multi,sparse_punch}
	smb2.acls.{CREATOR,GENERIC,INHERITANCE}
)

torture() {
	in_netns timeout 300 smbtorture "//127.0.0.1/$1" -p "$PORT" -U "$KH_USER1%$KH_PASS1" \
		--extra-user="$KH_USER2%$KH_PASS2" --format=subunit --seed="$2" "${tests[@]}"
}

# Those that failed, with their reasons; those that did not come to their end, and where it stopped.
bad() {
	local name none=()
	awk '/^(failure|error): /, /^\]/' "$1"
	for name in "${tests[@]}"; do
		grep -qE "^(success|skip|failure|error): ${name##*.}( |$)" "$1" || none+=("${name#smb2.}")
	done
	[ ${#none[@]} = 0 ] || {
		echo "no result: ${none[*]}" | fold -w 500
		tail -4 "$1"
		cat "$BATS_TEST_TMPDIR/late" 2>/dev/null
	}
}

@test "two smbtorture clients at once" {
	local one=$BATS_TEST_TMPDIR/one two=$BATS_TEST_TMPDIR/two
	(
		sleep 280
		ctl status
		in_netns ss -tnmo "( sport = :$PORT or dport = :$PORT )"
	) >"$BATS_TEST_TMPDIR/late" 2>&1 3>&- &
	local late=$!
	torture share 1 >"$one" 2>&1 &
	local first=$!
	torture share2 2 >"$two" 2>&1 || true
	wait $first || true
	kill $late $(pgrep -P $late) 2>/dev/null || true # it is over where it was wanted
	echo "# $(grep -c ^success: "$one") and $(grep -c ^success: "$two") of ${#tests[@]} passed" >&3
	assert_equal "$(bad "$one")" ''
	assert_equal "$(bad "$two")" ''
	kh_reports "$T"
}
