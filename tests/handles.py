#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Locks, oplocks, deletion and closing around files that are read and written all the time: the same
answers, whether the kernel module serves them or not. With the folder of the BPF maps, also what the
module may do at each point.

handles.py PORT [MAPS]
"""
import json
import struct
import subprocess
import sys

from waiting import CLOSE, CREATE, OK, READ, WRITE, Client, check, close

LOCK, QUERY_INFO, SET_INFO, OPLOCK_BREAK, FLUSH = 10, 16, 17, 18, 7
CONFLICT, SHARING, NOT_FOUND, CLOSED = 0xC0000054, 0xC0000043, 0xC0000034, 0xC0000128
CANNOT_DELETE = 0xC0000121
R, W, F, C = 1, 2, 4, 8
UNASKED = 2**64 - 1
BLOCK = 4096
ALL, READ_ONLY, DELETE = 0x13019F, 0x120089, 0x110080
MAPS = sys.argv[2] if len(sys.argv) > 2 else None


def slot(file):
    """The module's view of an open, by its FileId."""
    key = [str(b) for b in file[8:12]]
    found = subprocess.run(["bpftool", "-j", "map", "lookup", "pinned", MAPS + "/kh_handles", "key"]
                           + key, capture_output=True, check=True).stdout
    return json.loads(found)["formatted"]["value"]


def caps(file, wanted, what):
    if MAPS:
        check(slot(file)["caps"], wanted, f"capabilities, {what}")


class User(Client):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def ask(self, access=ALL, share=7, level=0, options=0, disposition=3):
        raw = self.name.encode("utf-16le")
        return self.send(CREATE, self.disk,
                         struct.pack("<HBBIQQIIIIIHHII", 57, 0, level, 2, 0, 0, access, 0, share,
                                     disposition, options, 120, len(raw), 0, 0) + raw)

    def file(self, **fields):
        return self.expect(self.ask(**fields), OK, "open")[3][128:144]

    def call(self, command, body, status, what):
        return self.expect(self.send(command, self.disk, body), status, what)[3]

    def write(self, file, offset=0, status=OK):
        self.call(WRITE, struct.pack("<HHIQ16sIIHHI", 49, 112, BLOCK, offset, file, 0, 0, 0, 0, 0)
                  + b"w" * BLOCK, status, f"write at {offset}")

    def read(self, file, offset=0, status=OK):
        self.call(READ, struct.pack("<HBBIQ16sIIIHHB", 49, 80, 0, BLOCK, offset, file, 0, 0, 0, 0,
                                    0, 0), status, f"read at {offset}")

    def flush(self, file):
        self.call(FLUSH, struct.pack("<HHI16s", 24, 0, 0, file), OK, "flush")

    def lock(self, file, start, flags):
        self.call(LOCK, struct.pack("<HHI16sQQII", 48, 1, 0, file, start, BLOCK, flags, 0), OK,
                  "lock")

    def set_info(self, file, level, data, status=OK):
        self.call(SET_INFO, struct.pack("<HBBIHHI16s", 33, 1, level, len(data), 96, 0, 0, file)
                  + data, status, f"set {level}")

    def query(self, file, level, size):
        answer = self.call(QUERY_INFO, struct.pack("<HBBIHHIII16s", 41, 1, level, 1024, 104, 0, 0,
                                                   0, 0, file), OK, f"query {level}")
        return answer[72:72 + size]

    def busy(self, file, write):
        """Until the module has it, where it does."""
        for i in range(4):
            if write:
                self.write(file, i * BLOCK)
            else:
                self.read(file, i * BLOCK)
        if write:
            self.flush(file)

    def end(self, file, flags=0):
        return self.call(CLOSE, struct.pack("<HHI16s", 24, flags, 0, file), OK, "close")


def locks(one, two):
    a, b = one.file(), two.file()
    one.busy(a, True)
    two.busy(b, False)
    caps(a, R | W | F, "a writer")
    two.lock(b, 0, 18)
    caps(a, F, "somebody has a lock")
    one.read(a, 0, CONFLICT)
    one.write(a, 0, CONFLICT)
    one.read(a, BLOCK)
    two.write(b)
    two.lock(b, 0, 4)
    caps(a, R | W | F, "unlocked")
    one.write(a)
    two.lock(b, BLOCK, 18)
    one.write(a, BLOCK, CONFLICT)
    two.end(b)
    caps(a, R | W | F, "the holder closed")
    one.write(a, BLOCK)
    one.end(a)


def oplocks(one, two):
    a = one.file()
    one.busy(a, True)
    for _ in range(3):
        b = two.file(level=1)
        caps(a, R | F, "somebody caches")
        two.busy(b, False)
        one.write(a)
        mid, status, _, element = two.answers()[0]
        check((mid, status), (UNASKED, OK), "a break")
        check(struct.unpack_from("<HBBI16s", element, 64), (24, 0, 0, 0, b), "its body")
        caps(a, R | W | F, "nobody caches")
        one.write(a)
        two.end(b)
    one.end(a)


def closing(one, two):
    a = one.file()
    one.busy(a, True)
    one.end(a)
    for _ in range(100):
        a = one.file(access=READ_ONLY, share=0)
        two.expect(two.ask(access=READ_ONLY), SHARING, "an open that shares nothing")
        one.busy(a, False)
        caps(a, R | C, "a reader")
        one.end(a)
        two.end(two.file(access=READ_ONLY, share=0))
        one.read(a, 0, CLOSED)


def closing_and_asking(one, two):
    """What is behind a CLOSE without waiting for its answer finds nothing any more."""
    a = one.file()
    one.busy(a, True)
    one.end(a)
    for _ in range(50):
        a = one.file(access=READ_ONLY)
        one.busy(a, False)
        mids = [one.send(CLOSE, one.disk, close(a)),
                one.send(QUERY_INFO, one.disk, struct.pack("<HBBIHHIII16s", 41, 1, 14, 1024, 104, 0,
                                                           0, 0, 0, a))]
        got = {m: s for _ in mids for m, s, _, _ in one.answers()}
        check([got[m] for m in mids], [OK, CLOSED], "close and query")


def deletion(one, two):
    for on_close in (False, True):
        for _ in range(30):
            a = one.file()
            one.busy(a, True)
            one.end(a)
            a, b = one.file(access=READ_ONLY), two.file(access=DELETE,
                                                       options=0x1000 if on_close else 0)
            one.busy(a, False)
            caps(a, R | C, "a reader, not deleted yet")
            if not on_close:
                two.set_info(b, 13, b"\1")
                caps(a, R, "a reader of what is to be deleted")
            two_first = _ % 2
            if two_first:
                two.end(b)
                caps(a, R, "it is to be deleted")
            one.end(a)
            if not two_first:
                two.end(b)
            one.expect(one.ask(disposition=1), NOT_FOUND, "what was deleted")


def attributes(one, two):
    a = one.file()
    one.busy(a, True)
    one.end(a)
    a, b = one.file(access=READ_ONLY), two.file()
    one.busy(a, False)
    caps(a, R | C, "a reader")
    two.set_info(b, 4, struct.pack("<QQQQII", 116444736010000000, 0, 0, 0, 2, 0))
    caps(a, R, "attributes were set")
    created, _, written, _, _, size, attrs = struct.unpack_from("<QQQQQQI", one.end(a, 1), 72)
    check((created, size, attrs), (116444736010000000, 4 * BLOCK, 2), "what CLOSE says")
    # a time that is kept
    a = one.file(access=READ_ONLY)
    one.busy(a, False)
    two.write(b)
    caps(a, R, "somebody wrote")
    check(struct.unpack_from("<Q", one.end(a, 1), 72 + 16)[0], written, "the time is kept")
    two.end(b)


def read_only(one, two):
    """Whether a file may be deleted is asked of what it is now, not when it was opened."""
    one.end(one.file())
    a, b = one.file(access=DELETE), two.file()
    for attributes, status in ((1, CANNOT_DELETE), (0x80, OK)):
        two.set_info(b, 4, struct.pack("<QQQQII", 0, 0, 0, 0, attributes, 0))
        one.set_info(a, 13, b"\1", status)
    one.set_info(a, 13, b"\0")
    two.set_info(b, 4, struct.pack("<QQQQII", 0, 0, 0, 0, 1, 0))
    c = one.file(access=DELETE)
    for file in a, c:
        one.set_info(file, 13, b"\1", CANNOT_DELETE)
    two.set_info(b, 4, struct.pack("<QQQQII", 0, 0, 0, 0, 0x80, 0))
    one.set_info(c, 13, b"\1")
    for user, file in (one, a), (two, b), (one, c):
        user.end(file)
    one.expect(one.ask(disposition=1), NOT_FOUND, "what was deleted")


def position(one, two):
    a = one.file()
    one.busy(a, True)
    for offset in (0, 3 * BLOCK, BLOCK, BLOCK):
        one.read(a, offset)
        check(struct.unpack("<Q", one.query(a, 14, 8))[0], offset + BLOCK, "position")
        one.set_info(a, 14, struct.pack("<Q", 7))
        check(struct.unpack("<Q", one.query(a, 14, 8))[0], 7, "position that was set")
    one.end(a)


if __name__ == "__main__":
    for test in (locks, oplocks, closing, closing_and_asking, deletion, attributes, read_only,
                 position):
        test(User("h-" + test.__name__), User("h-" + test.__name__))
        print(test.__name__)
    print("all handles are right")
