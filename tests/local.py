#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients and local programs with the same files: oplocks, leases and byte-range locks.

local.py PORT FOLDER TEST
"""
import errno
import fcntl
import os
import signal
import struct
import sys
import threading
import time

from oplocks import (BATCH, CREATE, EXCLUSIVE, II, LEASE, NONE, OPLOCK_BREAK, SHARING, UNASKED,
                     Opener, acknowledge)
from waiting import CANCELLED, CLOSE, OK, WRITE, check, close, pending, read, write

READ, LOCK = 8, 10
FOLDER = sys.argv[2]
NOT_GRANTED, CONFLICT = 0xC0000055, 0xC0000054
SHARED, EXCLUSIVE_LOCK, UNLOCK, NOW = 1, 2, 4, 0x10
READING = 0x120089
RWH, RH = 7, 3


def path(name):
    return os.path.join(FOLDER, name)


def lock(file, start, length, flags):
    return struct.pack("<HHI16sQQII", 48, 1, 0, file, start, length, flags, 0)


class Local(threading.Thread):
    """A local program that opens a file, in a thread of its own as it may have to wait."""

    def __init__(self, name, flags, data=b""):
        super().__init__(daemon=True)
        self.name_, self.flags, self.data, self.got, self.error = name, flags, data, None, None
        self.opened = threading.Event()
        self.start()

    def run(self):
        try:
            fd = os.open(path(self.name_), self.flags)
            self.opened.set()
            if self.data:
                os.pwrite(fd, self.data, 0)
            if self.flags & 3 != os.O_WRONLY:
                self.got = os.pread(fd, 100, 0)
            os.close(fd)
        except OSError as error:
            self.error = error

    def done(self, what):
        self.join(10)
        if self.is_alive():
            sys.exit(f"{what}: the local program hangs")
        check(self.error, None, what)
        return self.got


class Client(Opener):
    def leased(self, name, state, access=0x12019f):
        """The file, and what was granted of this lease, version 1."""
        raw = name.encode("utf-16le")
        raw += b"\0" * (-len(raw) % 8)
        body = struct.pack("<HBBIQQIIIIIHHII", 57, 0, LEASE, 2, 0, 0, access, 0, 7, 3, 0, 120,
                           len(name) * 2, 120 + len(raw), 24 + 32) + raw
        body += struct.pack("<IHHHHI4s4x16sIIQ", 0, 16, 4, 0, 24, 32, b"RqLs", b"lease of " +
                            name.encode()[:6].ljust(7), state, 0, 0)
        element = self.expect(self.send(CREATE, self.disk, body), OK, f"open {name}")[3]
        check(element[64 + 2], LEASE, "a lease")
        offset, = struct.unpack_from("<I", element, 64 + 80)
        return element[64 + 64:64 + 80], struct.unpack_from("<I", element, offset + 24 + 16)[0]

    def lease_broken(self, old, new):
        mid, status, _, element = self.answers()[0]
        check((mid, status), (UNASKED, OK), "a break")
        size, _, flags, key, now, then = struct.unpack_from("<HHI16sII", element, 64)
        check((size, flags, now, then), (44, 1, old, new), "lease break")
        return key

    def lease_acknowledge(self, key, state):
        mid = self.send(OPLOCK_BREAK, self.disk, struct.pack("<HHI16sIQ", 36, 0, 0, key, state, 0))
        self.expect(mid, OK, "the acknowledgement")

    def acknowledge(self, file, level):
        mid = self.send(OPLOCK_BREAK, self.disk, acknowledge(file, level))
        self.expect(mid, OK, "the acknowledgement")

    def write(self, file, data):
        self.expect(self.send(WRITE, self.disk, write(file, data)), OK, "a write")

    def reads(self, file, wanted, what):
        data = self.expect(self.send(READ, self.disk, read(file, 100)), OK, what)[3]
        check(data[80:80 + len(wanted)], wanted, what)

    def close(self, file):
        self.expect(self.send(CLOSE, self.disk, close(file)), OK, "close")

    def lock(self, file, start, length, flags, status=OK, what="lock"):
        self.expect(self.send(LOCK, self.disk, lock(file, start, length, flags)), status, what)


def still_waits(local, what):
    time.sleep(0.3)
    check(local.opened.is_set(), False, what)


def oplock_is_broken():
    client = Client("oplock")
    file = client.file(BATCH)
    writer = Local("oplock", os.O_RDWR, b"local")
    client.broken(file, NONE)
    still_waits(writer, "the local program waits for the client")
    client.write(file, b"client's cached data")
    client.acknowledge(file, NONE)
    check(writer.done("the local write"), b"localt's cached data", "both writes, in order")
    client.reads(file, b"localt's", "the client sees what was written")
    client.close(file)
    file = client.file(EXCLUSIVE)
    reader = Local("oplock", os.O_RDONLY)
    client.broken(file, NONE)
    client.write(file, b"flushed")
    client.close(file)
    check(reader.done("the local read")[:7], b"flushed", "closing answers a break too")


def lease_is_broken():
    client = Client("lease")
    file, state = client.leased("lease", RWH)
    check(state, RWH, "granted")
    writer = Local("lease", os.O_WRONLY, b"local")
    key = client.lease_broken(RWH, 0)
    still_waits(writer, "the local program waits for the client")
    client.write(file, b"client's")
    client.lease_acknowledge(key, 0)
    writer.done("the local write")
    client.reads(file, b"localt's", "the client sees what was written")
    client.close(file)
    file, state = client.leased("lease", RH, READING)
    check(state, RH, "granted to who only reads")
    check(Local("lease", os.O_RDONLY).done("a local reader")[:5], b"local", "disturbs nobody")
    writer = Local("lease", os.O_WRONLY | os.O_TRUNC, b"new")
    key = client.lease_broken(RH, 0)
    still_waits(writer, "a local writer waits")
    client.lease_acknowledge(key, 0)
    writer.done("the local write")
    client.reads(file, b"new", "the client sees the new data")
    client.close(file)


def nothing_is_granted():
    client = Client("busy")
    with open(path("busy"), "wb") as file:
        os.chmod(path("busy"), 0o666)
        client.file(BATCH, granted=NONE)
        check(client.leased("busy", RH, READING)[1], 0, "a lease beside a local writer")
        file.write(b"x")
    client = Client("read")
    with open(path("read"), "wb") as file:
        os.chmod(path("read"), 0o666)
    with open(path("read"), "rb"):
        client.file(II, granted=NONE, access=READING)
        client.close(client.leased("read", RWH, READING)[0])


def client_waits_for_a_local_lease():
    client = Client("held")
    client.close(client.file(NONE))
    fd = os.open(path("held"), os.O_RDWR)
    fcntl.fcntl(fd, fcntl.F_SETSIG, 0)
    signals = []
    signal.signal(signal.SIGIO, lambda *a: signals.append(a))
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    opens = client.ask(NONE)
    pending(client, opens, "an open waits for the local program")
    check(len(signals), 1, "which was asked")
    other = client.ask(NONE)
    client.cancel(pending(client, other, "another open"))
    client.expect(other, CANCELLED, "is cancelled")
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    client.granted(opens, NONE, "and goes on when it lets go")
    os.close(fd)


def local_lock(fd, kind, start, length):
    try:
        fcntl.lockf(fd, kind | fcntl.LOCK_NB, length, start)
        return True
    except OSError as error:
        check(error.errno in (errno.EAGAIN, errno.EACCES), True, "lockf")
        return False


def locks_are_seen():
    client = Client("locks")
    file = client.file(NONE)
    client.write(file, b"0123456789" * 10)
    fd = os.open(path("locks"), os.O_RDWR)
    client.lock(file, 10, 10, EXCLUSIVE_LOCK | NOW)
    client.lock(file, 30, 10, SHARED | NOW)
    check(local_lock(fd, fcntl.LOCK_EX, 15, 1), False, "a client's exclusive lock")
    check(local_lock(fd, fcntl.LOCK_SH, 15, 1), False, "is against sharing too")
    check(local_lock(fd, fcntl.LOCK_SH, 35, 1), True, "a shared one is not")
    check(local_lock(fd, fcntl.LOCK_EX, 35, 1), False, "but excludes")
    client.lock(file, 10, 10, UNLOCK)
    check(local_lock(fd, fcntl.LOCK_EX, 15, 1), True, "unlocked")
    client.lock(file, 10, 10, EXCLUSIVE_LOCK | NOW, NOT_GRANTED, "a local program's lock")
    mid = client.send(LOCK, client.disk, lock(file, 10, 10, EXCLUSIVE_LOCK))
    pending(client, mid, "a lock waits for it")
    fcntl.lockf(fd, fcntl.LOCK_UN, 100, 0)
    client.expect(mid, OK, "and is granted")
    client.close(file)
    check(local_lock(fd, fcntl.LOCK_EX, 0, 0), True, "the close of a client")
    file = client.file(NONE)
    mid = client.send(LOCK, client.disk, lock(file, 0, 1, EXCLUSIVE_LOCK))
    client.cancel(pending(client, mid, "a lock waits"))
    client.expect(mid, CANCELLED, "and is cancelled")
    os.close(fd)


def io_heeds_locks():
    client = Client("strict")
    file = client.file(NONE)
    client.write(file, b"data")
    fd = os.open(path("strict"), os.O_RDWR)
    local_lock(fd, fcntl.LOCK_EX, 2, 1)
    mid = client.send(READ, client.disk, read(file, 100))
    client.expect(mid, CONFLICT, "a read where a local program has a lock")
    mid = client.send(WRITE, client.disk, write(file, b"1234"))
    client.expect(mid, CONFLICT, "a write there")
    fcntl.lockf(fd, fcntl.LOCK_UN, 100, 0)
    client.reads(file, b"data", "without it")
    os.close(fd)


def share_modes_are_flocks():
    client = Client("shares")
    alone = client.file(NONE, share=0)
    fd = os.open(path("shares"), os.O_RDWR)
    for kind, what in ((fcntl.LOCK_SH, "shared"), (fcntl.LOCK_EX, "exclusive")):
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
            sys.exit(f"{what}: a client has the file alone")
        except BlockingIOError:
            pass
    client.close(alone)
    first = client.file(NONE, share=1, access=READING)
    second = client.file(NONE, share=3, access=READING)
    fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    client.close(first)
    client.close(second)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    client.close(client.file(NONE))
    client.expect(client.ask(NONE, share=0), SHARING, "a local program has it alone")
    os.close(fd)
    client.close(client.file(NONE, share=0))


if __name__ == "__main__":
    globals()[sys.argv[3]]()
    print("all is right")
