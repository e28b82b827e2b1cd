#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A share on a file system whose files can share blocks: cloned extents, and copies on the server.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	server_setup_file
	export WHY_NOT=
	mkdir "$T/disk"
	truncate -s 256M "$T/image"
	if ! command -v mkfs.btrfs >/dev/null; then
		WHY_NOT="no mkfs.btrfs"
	elif ! mkfs.btrfs -q "$T/image" >/dev/null 2>&1 || ! mount -o loop "$T/image" "$T/disk"; then
		WHY_NOT="btrfs cannot be mounted here"
	else
		mkdir -m 777 "$T/disk/share"
		start_server --conf '[clone]' $'\tpath = '"$T/disk/share" $'\tread only = no'
	fi
}

teardown_file() {
	local status=0
	stop_server || status=1
	umount "$T/disk" 2>/dev/null || true
	server_teardown_file && return $status
}

setup() {
	[ -z "$WHY_NOT" ] || skip "$WHY_NOT"
}

torture() {
	timeout 120 smbtorture "//127.0.0.1/$1" -p "$PORT" -U "$KH_USER1%$KH_PASS1" "${@:2}" 2>&1
}

# What smbtorture knows of Windows' FSCTL_DUPLICATE_EXTENTS_TO_FILE.
@test "cloned extents" {
	local tests=(simple len_beyond_dest len_beyond_src len_zero sparse_src sparse_dest sparse_both
		src_is_dest src_is_dest_overlap bad_handle src_lock dest_lock)
	run torture clone "${tests[@]/#/smb2.ioctl.dup_extents_}"
	refute_line "^(failure|error|skip)"
	assert_equal "$(grep -c '^success' <<<"$output")" "${#tests[@]}"
	refute_line '^(failure|error|skip)'
}

# smb2.ioctl.compress_*, and files that are sparse or clones besides.
@test "compression" {
	local tests=(file_flag dir_inherit invalid_format invalid_buf query_file_attr create_with_attr
		inherit_disable set_file_attr perms)
	run torture clone "${tests[@]/#/smb2.ioctl.compress_}" smb2.ioctl.sparse_compressed \
		smb2.ioctl.dup_extents_compressed_src smb2.ioctl.dup_extents_compressed_dest
	refute_line '^(failure|error|skip)'
	assert_equal "$(grep -c '^success' <<<"$output")" $((${#tests[@]} + 3))
}

@test "a copy by the server shares the blocks of its source" {
	local used
	head -c 33554432 /dev/urandom >"$T/big"
	ok smbc -o clone "put $T/big big"
	sync -f "$T/disk"
	used=$(df --output=used "$T/disk" | tail -1)
	ok smbc -o clone 'scopy big copy'
	sync -f "$T/disk"
	assert_same_file "$T/big" "$T/disk/share/copy"
	used=$(($(df --output=used "$T/disk" | tail -1) - used))
	[ "$used" -lt 4096 ] || fail "the copy takes $used KiB"
}

@test "where blocks cannot be shared nothing is cloned" {
	run torture share smb2.ioctl.dup_extents_simple
	assert_line '^skip'
}
