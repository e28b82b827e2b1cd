#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Leases: what smbtorture's smb2.lease does not ask. Folders, keys of two connections, contexts and
acknowledgements that are wrong, clients that are lost, deletion, what status shows.

leases.py PORT COMMAND...   (COMMAND shows the handles as JSON)
"""
import json
import struct
import subprocess
import sys

from impacket import smb3
from impacket.smbconnection import SMB2_DIALECT_30

from oplocks import (BATCH, DELETE, DIRECTORY, II, LEASE, NONE, OPLOCK_BREAK, SET_INFO, SHARING,
                     UNASKED, create, rename)
from waiting import (CANCELLED, CLOSE, CREATE, OK, PENDING, WRITE, Client, check, close,
                     pending, write)

# What impacket says that it can: a server offers leases on folders to who knows of them.
smb3.SMB2_GLOBAL_CAP_ENCRYPTION |= smb3.SMB2_GLOBAL_CAP_DIRECTORY_LEASING

R, H, W = 1, 2, 4
RH, RW, RWH = R | H, R | W, R | W | H
INVALID, NOT_FOUND, UNSUCCESSFUL, NOT_ACCEPTED = 0xC000000D, 0xC0000034, 0xC0000001, 0xC00000D0
DELETE_PENDING = 0xC0000056
FOLDER = 0x100081  # FILE_LIST_DIRECTORY, READ_ATTRIBUTES, SYNCHRONIZE
BREAKING, PARENT = 2, 4


def key_of(letter):
    return letter.encode() * 16


def context(key, state, parent=None, epoch=0, version=2, size=None):
    data = key_of(key) + struct.pack("<IIQ", state, PARENT if parent else 0, 0)
    if version == 2:
        data += (key_of(parent) if parent else b"\0" * 16) + struct.pack("<HH", epoch, 0)
    if size is not None:
        data = data[:size].ljust(size, b"\0")
    return struct.pack("<IHHHHI", 0, 16, 4, 0, 24, len(data)) + b"RqLs\0\0\0\0" + data


def create_with(name, lease, level=LEASE, **fields):
    body = create(name, level, **fields)
    body += b"\0" * (-len(body) % 8)
    return body[:48] + struct.pack("<II", 64 + len(body), len(lease)) + body[56:] + lease


def answer_of(element):
    """(level, state, flags, epoch) of a CREATE's answer; None where there is no lease."""
    level = element[64 + 2]
    at, length = struct.unpack_from("<II", element, 64 + 80)
    end = at + length
    while at < end:
        following, name, _, _, data, size = struct.unpack_from("<IHHHHI", element, at)
        if element[at + name:at + name + 4] == b"RqLs":
            lease = element[at + data:at + data + size]
            state, flags = struct.unpack_from("<II", lease, 16)
            return level, state, flags, struct.unpack_from("<H", lease, 48)[0] if size > 48 else None
        if not following:
            break
        at += following
    return level, None, None, None


class Leaser(Client):
    """As waiting.Client, by SMB 3.0, which has leases of version 2 and on folders."""

    def __init__(self):
        super().__init__(SMB2_DIALECT_30)
        self.early = []

    def ask(self, name, key, state, parent=None, epoch=0, version=2, size=None, **fields):
        lease = context(key, state, parent, epoch, version, size)
        return self.send(CREATE, self.disk, create_with(name, lease, **fields))

    def plain(self, name, level=NONE, **fields):
        return self.send(CREATE, self.disk, create(name, level, **fields))

    def opened(self, mid, what):
        """The file, behind whatever breaks come first: those are kept."""
        while True:
            element = self.answers()[0]
            if element[0] != UNASKED:
                break
            self.early.append(element)
        check((element[0], hex(element[1])), (mid, hex(OK)), what)
        return element[3][64 + 64:64 + 80], element[3]

    def file(self, name, key, state, granted=None, what="open", **fields):
        file, element = self.opened(self.ask(name, key, state, **fields), what)
        check(answer_of(element)[:2], (LEASE, state if granted is None else granted), what)
        return file

    def broken(self, key, before, after, ack=True, epoch=None):
        found = self.early.pop(0) if self.early else self.answers()[0]
        check(found[:3], (UNASKED, OK, None), f"a break of {key}")
        size, got_epoch, flags, lease, old, new = struct.unpack_from("<HHI16sII", found[3], 64)
        check((size, flags, lease, old, new), (44, int(ack), key_of(key), before, after),
              f"the break of {key}")
        if epoch is not None:
            check(got_epoch, epoch, f"epoch of the break of {key}")

    def answer(self, key, state, status=OK):
        body = struct.pack("<HHI16sIQ", 36, 0, 0, key_of(key), state, 0)
        element = self.expect(self.send(OPLOCK_BREAK, self.disk, body), status,
                              f"acknowledgement of {key}")[3]
        if status == OK:
            check(struct.unpack_from("<HHI16sI", element, 64), (36, 0, 0, key_of(key), state),
                  "its answer")

    def quiet(self):
        """Nothing came: an ECHO's answer is the next."""
        mid = self.send(13, 0, struct.pack("<HH", 4, 0))
        self.expect(mid, OK, "nothing but the answer to an ECHO")

    def set_info(self, file, info_class, data):
        body = struct.pack("<HBBIHHI16s", 33, 1, info_class, len(data), 96, 0, 0, file) + data
        return self.send(SET_INFO, self.disk, body)

    def end(self, *files):
        for file in files:
            mid = self.send(CLOSE, self.disk, close(file))
            while True:
                element = self.answers()[0]
                if element[0] == mid:
                    break
                self.early.append(element)
            check(hex(element[1]), hex(OK), "close")


def contexts(one, two):
    file, element = one.opened(one.ask("contexts", "a", RWH, version=1), "version 1")
    check(answer_of(element), (LEASE, RWH, 0, None), "a context of version 1")
    one.end(file)
    file, element = one.opened(one.ask("contexts", "a", RWH, epoch=7), "version 2")
    check(answer_of(element), (LEASE, RWH, 0, 8), "one of version 2")
    one.expect(one.ask("elsewhere", "a", R), INVALID, "the key of another file")
    one.expect(one.plain("elsewhere", disposition=1), NOT_FOUND, "which was not made")
    one.end(file)
    for size in (0, 31, 33, 51, 53):
        one.expect(one.ask("contexts", "a", RWH, size=size), INVALID, f"a context of {size} bytes")
    file, element = one.opened(one.ask("contexts", "a", 0xFFFFFFF8), "bits without a meaning")
    check(answer_of(element)[:2], (LEASE, 0), "grant nothing")
    one.end(file)
    file, element = one.opened(one.ask("contexts", "a", RWH, level=BATCH), "a context not asked for")
    check(answer_of(element)[:2], (BATCH, None), "is not looked at")
    one.end(file)
    file, element = one.opened(one.plain("contexts", LEASE), "a lease without a context")
    check(answer_of(element)[:2], (NONE, None), "is none")
    one.end(file)
    two.quiet()


def acknowledgements(one, two):
    a = one.file("acks", "a", RWH, epoch=1)
    one.answer("a", RH, UNSUCCESSFUL)  # nobody asked
    one.answer("z", RH, NOT_FOUND)
    mid = two.plain("acks")
    pending(two, mid, "waits")
    one.broken("a", RWH, RH, epoch=3)
    one.answer("a", RWH, NOT_ACCEPTED)
    one.answer("a", 0xFFFFFFFF, NOT_ACCEPTED)
    two.answer("a", RH, NOT_FOUND)  # it is another client's
    body = struct.pack("<HHI16sIQ", 36, 0, 0, key_of("a"), RH, 0)
    one.expect(one.send(OPLOCK_BREAK, one.disk, body[:30]), INVALID, "a short one")
    one.answer("a", R)  # less than asked for
    two.end(two.opened(mid, "goes on")[0])
    file, element = one.opened(one.ask("acks", "a", 0), "a look")
    check(answer_of(element)[1], R, "what is left")
    one.end(a, file)


def cancelled(one, two):
    a = one.file("cancelled", "a", RWH)
    mid = two.plain("cancelled")
    two.cancel(pending(two, mid, "waits"))
    two.expect(mid, CANCELLED, "cancelled")
    one.broken("a", RWH, RH)
    one.answer("a", RH)
    one.end(a)


def several_break(one, two):
    """A sharing conflict with two leases: both are asked, and both close."""
    three = Leaser()
    a = one.file("several", "a", RH, share=1, access=0x100081)
    b = three.file("several", "b", RH, share=1, access=0x100081)
    mid = two.plain("several", share=1)
    pending(two, mid, "waits for both")
    one.broken("a", RH, R)
    three.broken("b", RH, R)
    one.end(a)
    two.quiet()
    three.end(b)
    two.end(two.opened(mid, "when both have closed")[0])


def one_of_two_opens(one, two):
    """The conflict is with one open of a lease, which closes it; the other stays."""
    a = one.file("opens", "a", RH, share=1, access=0x100081)
    b = one.file("opens", "a", RH, access=0x100081)
    mid = two.plain("opens")
    pending(two, mid, "waits")
    one.broken("a", RH, R)
    one.end(a)
    one.answer("a", R)
    two.end(two.opened(mid, "goes on")[0])
    one.end(b)


def holder_is_lost(one, two):
    one.file("lost", "a", RWH)
    mid = two.ask("lost", "b", RWH)
    pending(two, mid, "waits")
    one.sock.close()
    file, element = two.opened(mid, "after the holder is gone")
    check(answer_of(element)[1], RWH, "all of it")
    two.end(file)


def changes(one, two):
    a = one.file("changes", "a", RH)
    b = two.file("changes", "b", RH)
    two.expect(two.send(WRITE, two.disk, write(b, b"x")), OK, "a write")
    one.broken("a", RH, 0)
    one.answer("a", 0)
    two.quiet()  # its own lease stays
    one.end(a)
    a = one.file("changes", "a", RH)
    two.opened(two.plain("changes", disposition=5), "an overwrite does not wait")
    found = sorted([two.early.pop(0)[3][64 + 8:64 + 24]])
    check(found, [key_of("b")], "and breaks who else reads")
    one.broken("a", RH, 0)
    one.answer("a", 0)
    two.answer("b", 0)
    one.end(a)
    two.end(b)


def deletion(one, two):
    a = one.file("deletion", "a", RH)
    b = two.opened(two.plain("deletion", access=0x13019F), "open")[0]
    mid = two.set_info(b, 13, b"\1")
    pending(two, mid, "others may close first")
    one.broken("a", RH, R)
    one.answer("a", R)
    two.expect(mid, OK, "marked")
    one.expect(one.plain("deletion"), DELETE_PENDING, "nobody opens it")
    one.end(a)
    two.end(b)
    one.expect(one.plain("deletion", disposition=1), NOT_FOUND, "gone")
    a = one.file("deletion", "a", RH)
    b = two.opened(two.plain("deletion", access=0x13019F, options=0x1000), "delete on close")[0]
    one.quiet()
    two.end(b)
    one.broken("a", RH, R)
    one.answer("a", R)
    one.end(a)


def renames(one, two):
    a = one.file("from", "a", RH)
    b = two.opened(two.plain("from", access=0x13019F), "open")[0]
    mid = two.send(SET_INFO, two.disk, rename(b, "to", False))
    pending(two, mid, "a rename of what another keeps open")
    one.broken("a", RH, R)
    one.end(a)
    two.expect(mid, OK, "renamed")
    two.end(b)
    b = two.opened(two.plain("to", access=0x13019F), "its new name")[0]
    c = two.file("to", "c", RH, access=0x13019F)
    mid = two.send(SET_INFO, two.disk, rename(c, "third", False))
    two.expect(mid, OK, "the own lease is not in the way")
    two.end(b, c)


def folders(one, two):
    one.end(one.opened(one.plain("folder", options=DIRECTORY, access=FOLDER), "a folder")[0])
    d = one.file("folder", "d", RWH, RH, options=DIRECTORY, access=FOLDER, epoch=4)

    def again(epoch):
        one.answer("d", 0)
        file, element = one.opened(one.ask("folder", "d", RH, options=DIRECTORY, access=FOLDER),
                                   "asked for again")
        check(answer_of(element), (LEASE, RH, 0, epoch), "and granted")
        one.end(file)

    f = two.opened(two.plain("folder\\new", access=0x13019F), "a new file")[0]
    one.broken("d", RH, 0, epoch=6)
    again(7)
    two.expect(two.send(WRITE, two.disk, write(f, b"x")), OK, "a write")
    one.quiet()  # shows when it is closed
    two.end(f)
    one.broken("d", RH, 0, epoch=8)
    again(9)
    f = two.opened(two.plain("folder\\new", access=0x13019F), "open")[0]
    one.quiet()
    times = struct.pack("<QQQQII", 0, 0, 0, 0, 2, 0)
    two.expect(two.set_info(f, 4, times), OK, "hidden")
    one.broken("d", RH, 0)
    again(11)
    two.expect(two.send(SET_INFO, two.disk, rename(f, "folder\\other", False)), OK, "renamed")
    one.broken("d", RH, 0)
    again(13)
    two.expect(two.set_info(f, 13, b"\1"), OK, "marked")
    one.quiet()
    two.end(f)
    one.broken("d", RH, 0)
    one.answer("d", 0)
    one.end(d)
    two.quiet()


def own_folder(one, two):
    one.end(one.opened(one.plain("own", options=DIRECTORY, access=FOLDER), "a folder")[0])
    d = one.file("own", "d", RH, options=DIRECTORY, access=FOLDER)
    f, element = one.opened(one.ask("own\\file", "f", RWH, parent="d"), "a file in it")
    check(answer_of(element)[:3], (LEASE, RWH, PARENT), "names its parent")
    one.expect(one.send(WRITE, one.disk, write(f, b"x")), OK, "a write")
    one.end(f)
    one.quiet()
    f = one.opened(one.ask("own\\file", "f", RWH, parent="x"), "another parent's")[0]
    times = struct.pack("<QQQQII", 0, 0, 0, 0, 2, 0)
    mid = one.set_info(f, 4, times)
    got = {a[0] for _ in range(2) for a in one.answers()}
    check(got, {UNASKED, mid}, "its change breaks the folder's")
    one.answer("d", 0)
    one.end(f, d)
    two.quiet()


def folder_in_use(one, two):
    """H of a folder says that it is only kept open: who wants to delete it gets it."""
    one.end(one.opened(one.plain("inuse", options=DIRECTORY, access=FOLDER), "a folder")[0])
    one.file("inuse", "d", RH, options=DIRECTORY, access=FOLDER, share=3)
    mid = two.plain("inuse", options=DIRECTORY, access=FOLDER | DELETE)
    pending(two, mid, "a conflict")
    one.broken("d", RH, R)
    one.answer("d", R)
    two.expect(mid, SHARING, "it stays open")


def with_oplocks(one, two):
    a = one.file("oplock", "a", RWH)
    mid = two.plain("oplock", BATCH)
    pending(two, mid, "an oplock waits for a lease")
    one.broken("a", RWH, RH)
    one.answer("a", RH)
    file, element = two.opened(mid, "and there is none beside H")
    check(element[64 + 2], NONE, "level")
    two.end(file)
    one.end(a)
    file, element = two.opened(two.plain("oplock", II), "level II")
    check(element[64 + 2], II, "level")
    a = one.file("oplock", "a", RWH, R)
    two.end(file)
    one.end(a)


def shown(one, two):
    file = one.file("shown", "a", RWH)
    out = subprocess.run(sys.argv[2:], check=True, capture_output=True).stdout
    rows = [h for h in json.loads(out) if h["path"] == "shown"]
    check([(h["oplock"], h["lease"]) for h in rows], [("lease", "RWH")], "status")
    one.end(file)
    two.quiet()


if __name__ == "__main__":
    for test in (contexts, acknowledgements, cancelled, several_break, one_of_two_opens,
                 holder_is_lost, changes, deletion, renames, folders, own_folder, folder_in_use,
                 with_oplocks, shown):
        test(Leaser(), Leaser())
    print("all leases are right")
