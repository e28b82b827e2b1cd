#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Oplocks: what smbtorture's smb2.oplock does not ask. Who waits is cancelled, or lost; who holds is
lost, answers nonsense, or is in the way of a rename.

oplocks.py PORT
"""
import struct
import time

from waiting import (CANCELLED, CLOSE, CREATE, OK, PENDING, WRITE, Client, check, close, pending,
                     write)

SET_INFO, OPLOCK_BREAK = 17, 18
NONE, II, EXCLUSIVE, BATCH, LEASE = 0, 1, 8, 9, 0xFF
SHARING, PROTOCOL, INVALID = 0xC0000043, 0xC00000E3, 0xC000000D
DENIED, NOT_FOUND = 0xC0000022, 0xC0000034
UNASKED = 2**64 - 1
DIRECTORY, DELETE = 1, 0x10000


def create(name, level, access=0x12019f, share=7, options=0, disposition=3):
    raw = name.encode("utf-16le")
    return struct.pack("<HBBIQQIIIIIHHII", 57, 0, level, 2, 0, 0, access, 0, share, disposition,
                       options, 120, len(raw), 0, 0) + raw


def acknowledge(file, level):
    return struct.pack("<HBBI16s", 24, level, 0, 0, file)


def rename(file, name, replace):
    raw = name.encode("utf-16le")
    data = struct.pack("<B7sQI", replace, b"", 0, len(raw)) + raw
    return struct.pack("<HBBIHHI16s", 33, 1, 10, len(data), 96, 0, 0, file) + data


class Opener(Client):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def ask(self, level, name=None, **fields):
        return self.send(CREATE, self.disk, create(name or self.name, level, **fields))

    def granted(self, mid, level, what):
        element = self.expect(mid, OK, what)[3]
        check(element[64 + 2], level, f"level of {what}")
        return element[64 + 64:64 + 80]

    def file(self, level, granted=None, **fields):
        mid = self.ask(level, **fields)
        return self.granted(mid, level if granted is None else granted, "open")

    def broken(self, file, level):
        """A break comes, for this file, to this level."""
        mid, status, async_id, element = self.answers()[0]
        check((mid, status, async_id), (UNASKED, OK, None), "a break")
        check(struct.unpack_from("<HBBI16s", element, 64), (24, level, 0, 0, file), "its body")

    def answer(self, file, level, status=OK):
        mid = self.send(OPLOCK_BREAK, self.disk, acknowledge(file, level))
        self.expect(mid, status, f"acknowledgement of {level}")

    def end(self, *files):
        for file in files:
            self.expect(self.send(CLOSE, self.disk, close(file)), OK, "close")


def acknowledged(one, two):
    a = one.file(BATCH)
    mid = two.ask(BATCH)
    async_id = pending(two, mid, "behind a batch oplock")
    one.broken(a, II)
    one.answer(a, II)
    b = two.granted(mid, II, "the second open")
    check(async_id is not None, True, "async id")
    mid = two.send(WRITE, two.disk, write(b, b"x"))
    got = {two.answers()[0][0], two.answers()[0][0]}
    check(got, {mid, UNASKED}, "a write, and a break for who wrote it")
    one.broken(a, NONE)
    one.answer(a, NONE, PROTOCOL)
    one.end(a)
    two.end(b)


def closed(one, two):
    a = one.file(BATCH, share=0)
    mid = two.ask(EXCLUSIVE)
    pending(two, mid, "a sharing conflict with a batch oplock")
    one.broken(a, II)
    one.end(a)
    two.end(two.granted(mid, EXCLUSIVE, "after the close"))


def exclusive_is_no_handle(one, two):
    a = one.file(EXCLUSIVE, share=0)
    two.expect(two.ask(NONE), SHARING, "a sharing conflict with an exclusive oplock")
    one.end(a)


def cancelled(one, two):
    a = one.file(BATCH)
    mid = two.ask(NONE)
    two.cancel(pending(two, mid, "waits"))
    two.expect(mid, CANCELLED, "cancelled")
    one.broken(a, II)
    one.answer(a, II)
    one.end(a)


def nonsense(one, two):
    a = one.file(BATCH)
    one.answer(a, II, PROTOCOL)  # nobody asked
    mid = two.ask(BATCH)
    pending(two, mid, "waits")
    one.broken(a, II)
    one.answer(a, LEASE, INVALID)
    one.expect(one.send(OPLOCK_BREAK, one.disk, b"\x24\0" + b"\0" * 34), NOT_FOUND, "a lease's")
    one.expect(one.send(OPLOCK_BREAK, one.disk, b"\x24\0" + b"\0" * 22), INVALID, "a short one")
    one.answer(a, BATCH, PROTOCOL)  # and the oplock is gone
    b = two.granted(mid, II, "after a wrong answer")
    one.answer(a, NONE, PROTOCOL)
    one.end(a)
    two.end(b)


def many_wait(one, two):
    a = one.file(BATCH)
    waits = [two.ask(NONE) for _ in range(40)]
    got = {}
    while len(got) < 40:
        for mid, status, _, element in two.answers():
            check(status, PENDING, "waits")
            got[mid] = element
    one.broken(a, II)
    one.answer(a, NONE)
    files = {}
    while len(files) < 40:
        for mid, status, _, element in two.answers():
            check(status, OK, "goes on")
            files[mid] = element[64 + 64:64 + 80]
    check(sorted(files), sorted(waits), "all of them")
    two.end(*files.values())
    one.end(a)


def holder_is_lost(one, two):
    one.file(BATCH, share=0)
    mid = two.ask(BATCH)
    pending(two, mid, "waits")
    one.sock.close()
    two.end(two.granted(mid, BATCH, "after the holder is gone"))


def waiter_is_lost(one, two):
    a = one.file(BATCH)
    for _ in range(20):
        pending(two, two.ask(BATCH), "waits")
    two.sock.close()
    one.broken(a, II)
    one.answer(a, II)
    one.end(a)
    # What waited may have been opened before the end of its connection was seen: that is closed soon.
    for _ in range(100):
        mid, status = one.ask(BATCH), PENDING
        while status == PENDING:  # behind one that has the oplock, and is told in vain
            got, status, _, element = one.answers()[0]
        check((got, status), (mid, OK), "open")
        one.end(element[64 + 64:64 + 80])
        if element[64 + 2] == BATCH:
            return
        time.sleep(0.1)
    check(element[64 + 2], BATCH, "level when the waiters are gone")


def in_the_way_of_a_rename(one, two):
    a = one.file(BATCH, name="target")
    b = two.file(NONE, access=0x13019f)
    mid = two.send(SET_INFO, two.disk, rename(b, "target", True))
    pending(two, mid, "a rename over it")
    one.broken(a, II)
    one.end(a)
    two.expect(mid, OK, "the rename")
    a = one.file(BATCH, name="other")
    mid = two.send(SET_INFO, two.disk, rename(b, "other", True))
    pending(two, mid, "a rename over it")
    one.broken(a, II)
    one.answer(a, II)
    two.expect(mid, DENIED, "a rename over what stays open")
    one.end(a)
    two.end(b)


def below_a_directory(one, two):
    d = two.file(BATCH, NONE, name="folder", options=DIRECTORY, access=0x110081)
    a = one.file(BATCH, name="folder\\file")
    mid = two.send(SET_INFO, two.disk, rename(d, "moved", False))
    pending(two, mid, "a rename of its directory")
    one.broken(a, II)
    one.end(a)
    two.expect(mid, OK, "the rename")
    two.end(d)


if __name__ == "__main__":
    for test in (acknowledged, closed, exclusive_is_no_handle, cancelled, nonsense, many_wait,
                 holder_is_lost, waiter_is_lost, in_the_way_of_a_rename, below_a_directory):
        test(Opener(test.__name__), Opener(test.__name__))
    print("all oplocks are right")
