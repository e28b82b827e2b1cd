#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Byte-range locks: what smbtorture's smb2.lock does not ask. Connections that are lost, compounds,
malformed requests, and how long 100,000 locks on one file take.

locking.py PORT
"""
import struct
import sys
import time

from waiting import (CANCELLED, CLOSE, CREATE, LAST, OK, PENDING, READ, WRITE, Client, check, close,
                     pending, read, write)

LOCK = 10
SHARED, EXCLUSIVE, UNLOCK, NOW = 1, 2, 4, 16
NOT_GRANTED, CONFLICT, NOT_LOCKED = 0xC0000055, 0xC0000054, 0xC000007E
INVALID, INVALID_RANGE = 0xC000000D, 0xC00001A1


def lock(file, *elements, count=None, sequence=0):
    body = struct.pack("<HHI16s", 48, len(elements) if count is None else count, sequence, file)
    return body + b"".join(struct.pack("<QQII", start, length, flags, 0)
                           for start, length, flags in elements)


def create(name):
    raw = name.encode("utf-16le")
    return struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0x12019f, 0, 7, 3, 0, 120,
                       len(raw), 0, 0) + raw


class Locker(Client):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def file(self):
        mid = self.send(CREATE, self.disk, create(self.name))
        return self.expect(mid, OK, "open")[3][64 + 64:64 + 80]

    def ask(self, file, *elements, **fields):
        return self.send(LOCK, self.disk, lock(file, *elements, **fields))

    def lock(self, file, *elements, status=OK, **fields):
        self.expect(self.ask(file, *elements, **fields), status, f"lock {elements}")

    def end(self, *files):
        for file in files:
            self.expect(self.send(CLOSE, self.disk, close(file)), OK, "close")


def granted_by_unlock(one, two):
    a, b = one.file(), two.file()
    one.lock(a, (0, 10, EXCLUSIVE | NOW))
    mid = two.ask(b, (5, 10, EXCLUSIVE))
    async_id = pending(two, mid, "a lock that is held")
    two.expect(two.send(READ, two.disk, read(b, 1)), CONFLICT, "read of it")
    two.expect(two.send(WRITE, two.disk, write(b, b"x")), CONFLICT, "write to it")
    one.expect(one.send(WRITE, one.disk, write(a, b"x" * 10)), OK, "the holder's write")
    one.lock(a, (0, 10, UNLOCK))
    check(two.expect(mid, OK, "granted")[2], async_id, "async id")
    one.lock(a, (5, 1, SHARED | NOW), status=NOT_GRANTED)
    one.end(a)
    two.end(b)


def cancelled(one, two):
    a, b = one.file(), two.file()
    one.lock(a, (0, 10, EXCLUSIVE | NOW))
    mid = two.ask(b, (0, 1, SHARED))
    two.cancel(pending(two, mid, "waits"))
    two.expect(mid, CANCELLED, "cancelled")
    one.lock(a, (0, 10, UNLOCK))
    two.lock(b, (0, 1, UNLOCK), status=NOT_LOCKED)
    one.end(a)
    two.end(b)


def closed(one, two):
    a, b = one.file(), two.file()
    one.lock(a, (0, 10, EXCLUSIVE | NOW))
    waits = [two.ask(b, (i, 1, SHARED)) for i in range(3)]
    for mid in waits:
        pending(two, mid, "waits")
    closes = two.send(CLOSE, two.disk, close(b))
    got = {a[0]: a[1] for _ in range(4) for a in two.answers()}
    check(got, dict.fromkeys(waits, NOT_LOCKED) | {closes: OK}, "closed")
    one.end(a)


def holder_is_lost(one, two):
    a, b = one.file(), two.file()
    one.lock(a, *((i * 2, 1, EXCLUSIVE | NOW) for i in range(100)))
    waits = [two.ask(b, (i * 2, 1, EXCLUSIVE)) for i in range(50)]
    for mid in waits:
        pending(two, mid, "waits")
    one.sock.close()
    got = {a[0]: a[1] for _ in waits for a in two.answers()}
    check(got, dict.fromkeys(waits, OK), "the locks of a lost connection go on")
    two.end(b)


def waiter_is_lost(one, two):
    a, b = one.file(), two.file()
    one.lock(a, (0, 1, EXCLUSIVE | NOW))
    for _ in range(20):
        pending(two, two.ask(b, (0, 1, EXCLUSIVE)), "waits")
    two.sock.close()
    one.lock(a, (0, 1, UNLOCK))
    mid = one.ask(a, (0, 1, EXCLUSIVE))
    while (found := one.answers()[0])[1] == PENDING:
        pass
    check(found[:2], (mid, OK), "what a lost connection waited for")
    one.end(a)


def in_a_compound(one, two):
    a = one.file()
    one.lock(a, (0, 1, EXCLUSIVE | NOW))
    mids = two.chain(two.disk, (CREATE, create(two.name)), (LOCK, lock(LAST, (0, 1, EXCLUSIVE))))
    got = {}
    while len(got) < 2:
        for mid, status, _, _ in two.answers():
            if status == PENDING:
                one.lock(a, (0, 1, UNLOCK))
            else:
                got[mid] = status
    check(got, dict.fromkeys(mids, OK), "open and lock in one")
    one.end(a)


def malformed(one, _):
    a, b = one.file(), one.file()
    invalid = ([(0, 1, 0)], [(0, 1, SHARED | EXCLUSIVE)], [(0, 1, UNLOCK | NOW)], [(0, 1, 0x40)],
               [(0, 1, NOW)], [(0, 1, SHARED), (2, 1, SHARED)], [(0, 1, SHARED | NOW), (2, 1, UNLOCK)],
               [(0, 1, SHARED | NOW), (2, 1, SHARED)])
    for elements in invalid:
        one.lock(a, *elements, status=INVALID)
    one.lock(a, (0, 1, SHARED | NOW), count=0, status=INVALID)
    one.lock(a, (0, 1, SHARED | NOW), count=2, status=INVALID)
    one.lock(a, (0, 1, SHARED | NOW), count=65535, status=INVALID)
    one.lock(a, (2**64 - 1, 2, SHARED | NOW), status=INVALID_RANGE)
    one.lock(a, (2**64 - 1, 1, SHARED | NOW))
    one.lock(a, (2**64 - 1, 1, UNLOCK))
    one.lock(a, (5, 1, EXCLUSIVE | NOW))
    one.lock(b, (0, 1, EXCLUSIVE | NOW), (5, 1, EXCLUSIVE | NOW), status=NOT_GRANTED)
    one.lock(a, (0, 1, EXCLUSIVE | NOW))  # b did not keep it
    one.lock(a, (0, 1, UNLOCK), (1, 1, UNLOCK), (5, 1, UNLOCK), status=NOT_LOCKED)
    one.lock(b, (0, 1, EXCLUSIVE | NOW))  # the first one stays unlocked
    one.lock(b, (5, 1, EXCLUSIVE | NOW), status=NOT_GRANTED)
    one.end(a, b)


def many(one, two):
    a, b = one.file(), two.file()
    began = time.monotonic()
    for flags in (EXCLUSIVE | NOW, UNLOCK):
        for base in range(0, 100000, 2000):
            one.lock(a, *((i * 8, 4, flags) for i in range(base, base + 2000)))
        if flags != UNLOCK:
            two.lock(b, (99999 * 8, 8, SHARED | NOW), status=NOT_GRANTED)
            two.lock(b, (99999 * 8 + 4, 4, SHARED | NOW))
    print(f"# 100,000 locks set and released: {time.monotonic() - began:.2f} s")
    one.end(a)
    two.end(b)


for test in (malformed, granted_by_unlock, cancelled, closed, in_a_compound, waiter_is_lost,
             holder_is_lost, many):
    test(Locker(test.__name__), Locker(test.__name__))
print("all locks are right")
