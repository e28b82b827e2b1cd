#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""CHANGE_NOTIFY: what is told, to whom, and when.

notify.py PORT clients|queue|folders|local|clients_only|fallback|listings|flood|written FOLDER [MAPS]

FOLDER: the share's, on this machine. MAPS: the folder of the BPF maps, where the module serves.
"""
import os
import shutil
import struct
import sys
import time

from impacket import smb3
from impacket.smbconnection import SMB2_DIALECT_30

import handles
from waiting import CANCELLED, CLEANUP, CLOSE, CREATE, NOTIFY, OK, PENDING, Client, check, close

SET_INFO, WRITE, ENUM_DIR, DELETE_PENDING = 17, 9, 0x10C, 0xC0000056
ADDED, REMOVED, MODIFIED, OLD, NEW, ADDED_S, REMOVED_S, MODIFIED_S = range(1, 9)
NAMES, ATTRIBUTES, SIZE, LAST_WRITE, CREATION, EA, SECURITY, ALL = 3, 4, 8, 16, 64, 128, 256, 0xFFF
DIRECTORY, DELETE_ON_CLOSE, OPEN, MAKE, OPEN_IF, OVERWRITE = 1, 0x1000, 1, 2, 3, 4
FOLDER = sys.argv[3] if len(sys.argv) > 3 else ""
WAIT = 20


def on_share(client, share):
    if share != "share":
        client.disk = client.keep.connectTree(share)
        client.mid = client.keep.getSMBServer()._Connection["SequenceWindow"]


class Watcher(Client):
    """A client with a folder that it watches."""

    def __init__(self, name="", flt=ALL, subtree=True, size=4096, share="share"):
        super().__init__()
        on_share(self, share)
        self.flt, self.subtree, self.size = flt, subtree, size
        self.file = self.open(self.disk, name, DIRECTORY, access=0x100081)
        self.mid_out, self.async_id = None, None
        self.ask()

    def ask(self):
        body = struct.pack("<HHI16sII", 32, self.subtree, self.size, self.file, self.flt, 0)
        self.mid_out = self.send(NOTIFY, self.disk, body)
        self.got = self.answers()[0]
        self.waits = self.got[1] == PENDING

    def result(self):
        """(status, events) of the request that is out."""
        if self.waits:
            self.got = self.answers()[0]
        check(self.got[0], self.mid_out, "the answer's message id")
        status, body = self.got[1], self.got[3][64:]
        offset, length = struct.unpack_from("<HI", body, 2)
        events, at = [], offset - 64
        while length:
            following, action, size = struct.unpack_from("<III", body, at)
            events.append((action, body[at + 12:at + 12 + size].decode("utf-16le")))
            if not following:
                break
            at += following
        return status, events

    def told(self, wanted, what, coalesce=False):
        """Until all of these came, in this order, in as many answers as it takes."""
        found, deadline = [], time.monotonic() + WAIT
        while len(found) < len(wanted) and time.monotonic() < deadline:
            try:
                status, events = self.result()
            except TimeoutError:
                break
            check(status, OK, what)
            found += [e for e in events if not (coalesce and e in found)]
            self.ask()
        check(found, wanted, what)

    def told_all(self, wanted, what):
        """Until all of these came, among others."""
        found, deadline = set(), time.monotonic() + WAIT
        while not wanted <= found and time.monotonic() < deadline:
            try:
                found |= set(self.result()[1])
            except TimeoutError:
                break
            self.ask()
        check(wanted - found, set(), what)

    def drain(self):
        """Whatever there was is gone, and a request waits."""
        status = OK
        while status != CANCELLED or not self.waits:
            if self.waits:
                self.cancel(self.got[2])
            status = self.result()[0]
            self.ask()

    def ends(self, status, what):
        check(hex(self.result()[0]), hex(status), what)


class Actor(Client):
    def create(self, name, disposition=MAKE, options=0, access=0x1701ff):
        raw = name.encode("utf-16le")
        body = struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, access, 0, 7, disposition,
                           options, 120, len(raw), 0, 0) + (raw or b"\0")
        return self.expect(self.send(CREATE, self.disk, body), OK, name)[3][128:144]

    def close(self, file):
        self.expect(self.send(CLOSE, self.disk, close(file)), OK, "close")

    def write(self, file, data=b"data", offset=0):
        body = struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), offset, file, 0, 0, 0, 0, 0)
        self.expect(self.send(WRITE, self.disk, body + data), OK, "write")

    def set(self, file, kind, info_class, data, additional=0):
        body = struct.pack("<HBBIHHI16s", 33, kind, info_class, len(data), 96, 0, additional, file)
        self.expect(self.send(SET_INFO, self.disk, body + data), OK, f"set {info_class}")

    def rename(self, file, name, replace=0):
        raw = name.encode("utf-16le")
        self.set(file, 1, 10, struct.pack("<B7xQI", replace, 0, len(raw)) + raw)

    def make(self, name, options=0):
        self.close(self.create(name, MAKE, options))

    def remove(self, name, options=0):
        self.close(self.create(name, OPEN, options | DELETE_ON_CLOSE))


def basic(attributes=0, write=0, creation=0):
    return struct.pack("<QQQQII", creation, 0, write, 0, attributes, 0)


def names(actor):
    deep, flat = Watcher("", NAMES), Watcher("", NAMES, subtree=False)
    actor.make("Dir", DIRECTORY)
    actor.make("Dir\\sub", DIRECTORY)
    actor.make("Dir\\sub\\f1")
    file = actor.create("Dir\\sub\\f1", OPEN)
    actor.rename(file, "Dir\\sub\\F1")
    actor.rename(file, "moved")
    actor.rename(file, "Moved2")
    actor.close(file)
    actor.remove("Moved2")
    actor.remove("Dir\\sub", DIRECTORY)
    actor.remove("dir", DIRECTORY)
    deep.told([(ADDED, "Dir"), (ADDED, "Dir\\sub"), (ADDED, "Dir\\sub\\f1"), (OLD, "Dir\\sub\\f1"),
               (NEW, "Dir\\sub\\F1"), (REMOVED, "Dir\\sub\\F1"), (ADDED, "moved"), (OLD, "moved"),
               (NEW, "Moved2"), (REMOVED, "Moved2"), (REMOVED, "Dir\\sub"), (REMOVED, "Dir")],
              "a subtree")
    flat.told([(ADDED, "Dir"), (ADDED, "moved"), (OLD, "moved"), (NEW, "Moved2"),
               (REMOVED, "Moved2"), (REMOVED, "Dir")], "one folder")


def files_or_folders(actor):
    dirs, files = Watcher("", 2), Watcher("", 1)
    actor.make("d", DIRECTORY)
    actor.make("f")
    actor.remove("d", DIRECTORY)
    actor.remove("f")
    dirs.told([(ADDED, "d"), (REMOVED, "d")], "folders only")
    files.told([(ADDED, "f"), (REMOVED, "f")], "files only")


def contents(actor):
    actor.make("f")
    file = actor.create("f", OPEN)
    sizes, attributes, times, eas, security = (Watcher("", flt) for flt in
                                               (SIZE, ATTRIBUTES, CREATION, EA, SECURITY))
    actor.write(file)
    sizes.told([(MODIFIED, "f")], "a write")
    actor.set(file, 1, 20, struct.pack("<Q", 100))
    sizes.told([(MODIFIED, "f")], "its end")
    actor.set(file, 1, 4, basic(attributes=2))
    attributes.told([(MODIFIED, "f")], "hidden")
    actor.set(file, 1, 4, basic(attributes=0x80))
    attributes.told([(MODIFIED, "f")], "and not")
    actor.set(file, 1, 4, basic(creation=132000000000000000))
    times.told([(MODIFIED, "f")], "creation time")
    actor.set(file, 1, 15, struct.pack("<IBBH", 0, 0, 1, 1) + b"E\0" + b"v")
    eas.told([(MODIFIED, "f")], "an EA")
    sd = struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20) + struct.pack(
        "<BBHHH", 2, 0, 28, 1, 0) + struct.pack("<BBHI", 0, 0, 20, 0x1F01FF) + \
        bytes.fromhex("010100000000000100000000")
    actor.set(file, 3, 0, sd, additional=4)
    security.told([(MODIFIED, "f")], "a security descriptor")
    actor.close(file)
    actor.close(actor.create("f", OVERWRITE))
    sizes.told([(MODIFIED, "f")], "an overwrite")
    actor.remove("f")


def replaced_and_streams(actor):
    actor.make("a")
    actor.make("b")
    watch, streams = Watcher("", 1), Watcher("", 0xE00)
    file = actor.create("a", OPEN)
    actor.rename(file, "b", replace=1)
    actor.close(file)
    watch.told([(REMOVED, "b"), (OLD, "a"), (NEW, "b")], "a rename over another")
    stream = actor.create("b:st")
    actor.write(stream)
    actor.close(stream)
    actor.remove("b:st")
    streams.told([(ADDED_S, "b:st"), (MODIFIED_S, "b:st"), (REMOVED_S, "b:st")], "a stream")
    actor.remove("b")


def vetoed(actor):
    watch = Watcher("", NAMES)
    os.mkdir(f"{FOLDER}/secret1")
    open(f"{FOLDER}/in/secret2", "w").close()
    actor.make("seen")
    actor.remove("seen")
    watch.told([(ADDED, "seen"), (REMOVED, "seen")], "what is vetoed is not told")
    os.rmdir(f"{FOLDER}/secret1")
    os.unlink(f"{FOLDER}/in/secret2")


def clients():
    actor = Actor()
    for part in (names, files_or_folders, contents, replaced_and_streams, vetoed):
        part(actor)


def queue():
    actor = Actor()
    watch = Watcher("", NAMES, size=64)
    small = Watcher("", NAMES, size=0)
    actor.make("q1")
    small.ends(ENUM_DIR, "no room")
    watch.told([(ADDED, "q1")], "the first")
    watch.cancel(watch.got[2])
    watch.ends(CANCELLED, "cancelled")
    for i in (2, 3):
        actor.make(f"q{i}")
    watch.ask()
    check(watch.result(), (OK, [(ADDED, "q2"), (ADDED, "q3")]), "kept")
    for i in range(1, 4):
        actor.remove(f"q{i}")
    for i in range(1, 4):
        actor.make(f"q{i}")
    watch.ask()
    check(watch.result()[0], ENUM_DIR, "more than fits")
    watch.size = 4096
    watch.ask()
    actor.remove("q1")
    check(watch.result(), (OK, [(REMOVED, "q1")]), "after it")
    for i in (2, 3):
        actor.remove(f"q{i}")
    watch.ask()
    watch.size = 8  # of a later request: what is there does not fit
    check(watch.result()[0], OK, "the size of a request")
    watch.ask()
    actor.make("q1")
    check(watch.result()[0], ENUM_DIR, "a smaller request")
    actor.remove("q1")
    watch.size = 1 << 31
    body = struct.pack("<HHI16sII", 32, 1, watch.size, watch.file, 3, 0)
    watch.expect(watch.send(NOTIFY, watch.disk, body), 0xC000000D, "larger than a transaction")
    deaf = Client()
    on_share(deaf, "deaf")
    body = struct.pack("<HHI16sII", 32, 1, 64, deaf.open(deaf.disk, "", 1, 0x100081), 3, 0)
    deaf.expect(deaf.send(NOTIFY, deaf.disk, body), 0xC0000002, "change notify = no")


def folders():
    actor = Actor()
    actor.make("w", DIRECTORY)
    actor.make("w\\x", DIRECTORY)
    inner, outer = Watcher("", NAMES, share="inner"), Watcher("in", NAMES)
    actor.make("in\\file")
    inner.told([(ADDED, "file")], "by way of another share")
    outer.told([(ADDED, "file")], "its own share")
    actor.remove("in\\file")
    inner.told([(REMOVED, "file")], "by way of another share")

    watch = Watcher("w", NAMES)
    file = actor.create("w", OPEN, DIRECTORY)
    actor.rename(file, "w2")
    actor.close(file)
    actor.make("w2\\new")
    watch.told([(ADDED, "new")], "a folder with a new name")
    actor.remove("w2\\new")
    watch.told([(REMOVED, "new")], "a folder with a new name")
    actor.remove("w2\\x", DIRECTORY)
    watch.told([(REMOVED, "x")], "a folder with a new name")
    file = actor.create("w2", OPEN, DIRECTORY)
    actor.set(file, 1, 13, b"\1")
    watch.ends(DELETE_PENDING, "to be deleted")
    watch.ask()
    watch.ends(DELETE_PENDING, "still to be deleted")
    actor.set(file, 1, 13, b"\0")
    watch.ask()
    check(watch.waits, True, "not to be deleted any more")
    actor.close(file)
    actor.remove("w2", DIRECTORY)
    watch.ends(DELETE_PENDING, "deleted")
    watch.expect(watch.send(CLOSE, watch.disk, close(watch.file)), OK, "close")


def local_names(deep, flat):
    def base(name):
        return f"{FOLDER}/{name}"
    os.mkdir(base("L"))
    os.mkdir(base("L/sub"))
    deep.told([(ADDED, "L"), (ADDED, "L\\sub")], "mkdir")
    open(base("L/sub/f"), "w").close()
    deep.told([(ADDED, "L\\sub\\f")], "a file below")
    os.rename(base("L/sub/f"), base("L/sub/g"))
    deep.told([(OLD, "L\\sub\\f"), (NEW, "L\\sub\\g")], "a rename")
    os.rename(base("L/sub/g"), base("top"))
    deep.told([(REMOVED, "L\\sub\\g"), (ADDED, "top")], "a move")
    flat.told([(ADDED, "L"), (ADDED, "top")], "one folder")
    os.rename(base("top"), base("top2"))
    flat.told([(OLD, "top"), (NEW, "top2")], "a rename in it")
    os.rename(base("top2"), base("L/h"))
    flat.told([(REMOVED, "top2")], "out of it")
    deep.told([(OLD, "top"), (NEW, "top2"), (REMOVED, "top2"), (ADDED, "L\\h")], "and elsewhere")


def local():
    actor = Actor()
    deep, flat = Watcher("", NAMES), Watcher("", NAMES, subtree=False)
    sizes, attributes = Watcher("", SIZE), Watcher("", ATTRIBUTES, subtree=False)
    local_names(deep, flat)
    sub = Watcher("L\\sub", NAMES, subtree=False)
    with open(f"{FOLDER}/L/h", "a") as f:
        f.write("more")
    sizes.told([(MODIFIED, "L\\h")], "a local write", coalesce=True)
    os.chmod(f"{FOLDER}/L", 0o755)
    attributes.told([(MODIFIED, "L")], "chmod")
    # The server's own changes come once, in their place among the local ones.
    actor.make("mine")
    os.unlink(f"{FOLDER}/L/h")
    deep.told([(ADDED, "mine"), (REMOVED, "L\\h")], "client and local")
    actor.remove("mine")
    flat.told([(ADDED, "mine"), (REMOVED, "mine")], "once each")
    os.rmdir(f"{FOLDER}/L/sub")
    sub.ends(DELETE_PENDING, "rmdir of a watched folder")
    deep.told([(REMOVED, "mine"), (REMOVED, "L\\sub")], "rmdir")
    os.rmdir(f"{FOLDER}/L")
    deep.told([(REMOVED, "L")], "rmdir")
    flat.told([(REMOVED, "L")], "rmdir")
    for watch in (deep, flat, sizes, attributes, sub):
        watch.sock.close()


def clients_only():
    """kernel change notify = no"""
    actor, watch = Actor(), Watcher("", NAMES, share="clients")
    seen = Watcher("", NAMES)
    os.mkdir(f"{FOLDER}/local")
    seen.told([(ADDED, "local")], "the local change was seen")
    actor.make("mine")
    watch.told([(ADDED, "mine")], "a client's change, and no local one")
    actor.remove("mine")
    os.rmdir(f"{FOLDER}/local")


def fallback():
    """By inotify, on a file system that has no file handles: in any order, some things twice."""
    actor = Actor()
    on_share(actor, "overlay")
    os.mkdir(f"{FOLDER}/old")
    deep = Watcher("", NAMES, share="overlay")
    sizes = Watcher("old", SIZE, subtree=False, share="overlay")
    actor.make("mine")
    actor.remove("mine")
    deep.told([(ADDED, "mine"), (REMOVED, "mine")], "client")
    os.makedirs(f"{FOLDER}/new/sub")
    deep.told_all({(ADDED, "new"), (ADDED, "new\\sub")}, "makedirs")
    open(f"{FOLDER}/old/f", "w").close()
    deep.told_all({(ADDED, "old\\f")}, "a file below")
    with open(f"{FOLDER}/old/f", "w") as f:
        f.write("x")
    sizes.told_all({(MODIFIED, "f")}, "a write")
    os.rename(f"{FOLDER}/old/f", f"{FOLDER}/old/g")
    deep.told_all({(OLD, "old\\f"), (NEW, "old\\g")}, "a rename")
    os.rename(f"{FOLDER}/old/g", f"{FOLDER}/new/sub/g")
    deep.told_all({(REMOVED, "old\\g"), (ADDED, "new\\sub\\g")}, "a move")
    shutil.rmtree(f"{FOLDER}/new")
    deep.told_all({(REMOVED, "new")}, "rmtree")
    closes = sizes.send(CLOSE, sizes.disk, close(sizes.file))
    check({a[0]: a[1] for _ in range(2) for a in sizes.answers()},
          {sizes.mid_out: CLEANUP, closes: OK}, "close")


class Lister(Client):
    """Has a lease on a folder, R: it caches the listing."""

    def __init__(self, name):
        named, smb3.SMB2_GLOBAL_CAP_ENCRYPTION = smb3.SMB2_GLOBAL_CAP_ENCRYPTION, 0x60
        super().__init__(SMB2_DIALECT_30)  # it names leases on directories among its abilities
        smb3.SMB2_GLOBAL_CAP_ENCRYPTION = named
        raw = name.encode("utf-16le")
        lease = struct.pack("<16sIIQ16sHH", os.urandom(16), 1, 0, 0, b"", 0, 0)
        at = 120 + (len(raw) + 7 & ~7)
        context = struct.pack("<IHHHHI4s4x", 0, 16, 4, 0, 24, len(lease), b"RqLs") + lease
        body = struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0xFF, 2, 0, 0, 0x100081, 0, 7, 1, DIRECTORY,
                           120, len(raw), at, len(context))
        mid = self.send(CREATE, self.disk, body + raw.ljust(at - 120, b"\0") + context)
        check(self.expect(mid, OK, "open with a lease")[3][66], 0xFF, "a lease")

    def breaks(self, what):
        mid, status, _, pdu = self.answers()[0]
        check((mid, status, pdu[12]), (2**64 - 1, OK, 18), what)
        check(struct.unpack_from("<II", pdu, 64 + 24), (1, 0), what)


def listings():
    """What local programs do to a folder breaks leases on it, and on no other."""
    os.mkdir(f"{FOLDER}/cached")
    other = Lister("in")
    for what, change in (
            ("mkdir", lambda: os.mkdir(f"{FOLDER}/cached/d")),
            ("a file", lambda: open(f"{FOLDER}/cached/f", "w").close()),
            ("a write", lambda: open(f"{FOLDER}/cached/f", "w").write("data")),
            ("chmod", lambda: os.chmod(f"{FOLDER}/cached/f", 0o600)),
            ("out of it", lambda: os.rename(f"{FOLDER}/cached/f", f"{FOLDER}/elsewhere")),
            ("into it", lambda: os.rename(f"{FOLDER}/elsewhere", f"{FOLDER}/cached/g")),
            ("unlink", lambda: os.unlink(f"{FOLDER}/cached/g"))):
        lister = Lister("cached")
        change()
        lister.breaks(what)
    shutil.rmtree(f"{FOLDER}/cached")
    os.mkdir(f"{FOLDER}/in/d")
    other.breaks("another folder, only now")
    os.rmdir(f"{FOLDER}/in/d")


def flood():
    watch = Watcher("", NAMES, size=65536)
    os.mkdir(f"{FOLDER}/flood")
    watch.told([(ADDED, "flood")], "the folder")
    watch.cancel(watch.got[2])
    watch.ends(CANCELLED, "cancelled")
    for i in range(4000):
        open(f"{FOLDER}/flood/a-file-with-some-name-{i}", "w").close()
    deadline = time.monotonic() + WAIT
    status = OK
    while status == OK and time.monotonic() < deadline:
        watch.ask()
        if watch.waits:
            watch.cancel(watch.got[2])
            watch.result()
            time.sleep(0.1)
        else:
            status = watch.result()[0]
    check(status, ENUM_DIR, "more than is kept")
    shutil.rmtree(f"{FOLDER}/flood")
    deadline = time.monotonic() + WAIT
    last = None
    while last != (REMOVED, "flood") and time.monotonic() < deadline:
        watch.ask()
        status, events = watch.result()
        last = events[-1] if events else (REMOVED, "flood") if status == ENUM_DIR else None
    check(last, (REMOVED, "flood"), "it goes on")


def written():
    """Each of these WRITEs, whoever serves it."""
    actor, watch = handles.User("kw"), Watcher("", SIZE)
    handles.MAPS = sys.argv[4] if len(sys.argv) > 4 else None
    file = actor.file()
    for i in range(3):
        actor.busy(file, True)
        time.sleep(1.2)
        watch.drain()
        before = handles.slot(file)["writes"] if handles.MAPS else 0
        actor.write(file, i * handles.BLOCK)
        check(watch.result(), (OK, [(MODIFIED, "kw")]), f"write {i}")
        if handles.MAPS:
            check(handles.slot(file)["writes"], before + 1, "WRITEs by the module")
        watch.ask()
    actor.end(file)


if __name__ == "__main__":
    globals()[sys.argv[2]]()
    print("all told")
