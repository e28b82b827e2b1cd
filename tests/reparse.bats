#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Symlinks and special files as clients without POSIX extensions see them, in a share where this
# server follows symlinks, and in one where clients do.

load helpers

setup_file() {
	server_setup_file
	start_server --conf '[native]' $'\tpath = '"$T/share" $'\tread only = no' \
		$'\tnative symlinks = yes' '[hidden]' $'\tpath = '"$T/share" $'\tfollow symlinks = no'
}

teardown_file() {
	server_teardown_file
}

setup() {
	find "$T/share" -mindepth 1 -delete
	echo content >"$T/share/target"
	mkdir "$T/share/folder"
	echo below >"$T/share/folder/file"
	ln -s target "$T/share/link"
	ln -s folder "$T/share/linkdir"
	ln -s nowhere "$T/share/dangling"
	ln -s /etc/hostname "$T/share/outside"
	mkfifo "$T/share/fifo"
	chmod -R a+rwX "$T/share"
}

@test "the server follows what stays inside; the rest is shown as links" {
	ok smbc "get link $T/got; get linkdir/file $T/got2"
	assert_equal "$(cat "$T/got" "$T/got2" | xargs)" "content below"
	ok smbc 'allinfo link'
	assert_line '^attributes:  \(80\)'
	ok smbc 'allinfo linkdir'
	assert_line '^attributes: D '
	for name in dangling outside; do
		run smbc "get $name $T/got"
		assert_output NT_STATUS_STOPPED_ON_SYMLINK
	done
	ok smbc 'allinfo dangling'
	assert_line 'symlink: subst=\[nowhere\], .*flags=1'
	ok smbc 'allinfo outside'
	assert_line 'symlink: subst=\[\\etc\\hostname\], .*flags=0'
	run smbc "get outside/x $T/got"
	assert_output NT_STATUS_OBJECT_PATH_NOT_FOUND
}

@test "deleting and renaming a link leaves its target" {
	ok smbc 'rm dangling; rm link; rename outside renamed'
	[ ! -L "$T/share/dangling" ] && [ ! -L "$T/share/link" ] && [ -e "$T/share/target" ]
	assert_equal "$(readlink "$T/share/renamed")" /etc/hostname
}

@test "clients make symlinks" {
	ok smbc 'symlink some\where made'
	assert_equal "$(readlink "$T/share/made")" some/where
	ok smbc -o native 'symlink ..\target folder\up'
	assert_equal "$(cat "$T/share/folder/up")" content
}

@test "native symlinks: clients see each link, and are stopped on the way" {
	ok smbc -o native 'allinfo link'
	assert_line 'symlink: subst=\[target\], '
	ok smbc -o native 'allinfo linkdir'
	assert_line '^attributes: D?r'
	run smbc -o native "get link $T/got"
	assert_output NT_STATUS_STOPPED_ON_SYMLINK
	run smbc -o native "get linkdir/file $T/got"
	assert_output NT_STATUS_STOPPED_ON_SYMLINK
	ok smbc -o native "get folder/file $T/got; rm link"
	[ -e "$T/share/target" ] && [ ! -L "$T/share/link" ]
}

@test "follow symlinks = no: there are none" {
	ok smbc -o hidden ls
	refute_line 'link|dangling|outside'
	run smbc -o hidden "get link $T/got"
	assert_output NT_STATUS_OBJECT_NAME_NOT_FOUND
}

@test "a FIFO is a reparse point that nobody reads" {
	ok smbc 'allinfo fifo'
	assert_line '^attributes: r '
	run smbc "get fifo $T/got"
	assert_output NT_STATUS_IO_REPARSE_TAG_NOT_HANDLED
	ok smbc 'rm fifo'
	[ ! -e "$T/share/fifo" ]
}
