#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Durable handles: opens whose client is lost, and comes back. What smbtorture does not ask.

durable.py PORT rules                       who may come back, and who not
durable.py PORT leave NAME TIMEOUT_MS [N]   opens N files durably, and loses the connection; prints
                                            what `back` wants for each
durable.py PORT back NAME PERSISTENT GUID STATUS
durable.py PORT loss SECONDS                packets are lost for so long (in a namespace, as root)

KH_HOST: the server, 127.0.0.1.
"""
import contextlib
import os
import socket
import struct
import subprocess
import sys
import time
import uuid

from impacket import smb3
from impacket.smbconnection import SMB2_DIALECT_21, SMB2_DIALECT_30, SMBConnection

from waiting import CLOSE, CREATE, OK, PENDING, PORT, READ, WRITE, Client, check, close

LOCK, LOGOFF, TREE_DISCONNECT = 10, 2, 4
HOST = os.environ.get("KH_HOST", "127.0.0.1")
DENIED, NOT_FOUND, INVALID = 0xC0000022, 0xC0000034, 0xC000000D
NOT_AVAILABLE, NOT_GRANTED, DELETED = 0xC0000467, 0xC0000055, 0xC0000203
CLOSED, DUPLICATE = 0xC0000128, 0xC000022A
BATCH, LEASE, REPLAY = 9, 0xFF, 0x20000000
USERS = {1: ("torture1", "Torture-pw1"), 2: ("torture2", "Torture-pw2")}


def contexts(*list_of):
    data = b""
    for i, (tag, value) in enumerate(list_of):
        one = struct.pack("<IHHHHI4sI", 0, 16, 4, 0, 24, len(value), tag, 0) + value
        one += b"\0" * (-len(one) % 8)
        if i < len(list_of) - 1:
            one = struct.pack("<I", len(one)) + one[4:]
        data += one
    return data


def create(name, level=BATCH, asked=(), access=0x12019f, share=7, options=0, disposition=3):
    raw = name.encode("utf-16le")
    padded = raw + b"\0" * (-len(raw) % 8)
    data = contexts(*asked)
    return struct.pack("<HBBIQQIIIIIHHII", 57, 0, level, 2, 0, 0, access, 0, share, disposition,
                       options, 120, len(raw), 120 + len(padded) if data else 0,
                       len(data)) + padded + data


def v1():
    return (b"DHnQ", b"\0" * 16)


def v1_back(file):
    return (b"DHnC", file)


def v2(guid, timeout=0, flags=0):
    return (b"DH2Q", struct.pack("<II8s16s", timeout, flags, b"", guid))


def v2_back(file, guid):
    return (b"DH2C", file + guid + struct.pack("<I", 0))


def write(file, offset, data):
    return struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), offset, file, 0, 0, 0, 0, 0) + data


def read(file, offset, size):
    return struct.pack("<HBBIQ16sIIIHHB", 49, 80, 0, size, offset, file, 0, 0, 0, 0, 0, 0)


def lock(file, start, length, flags):
    return struct.pack("<HHI16sQQII", 48, 1, 0, file, start, length, flags, 0)


EXCLUSIVE, UNLOCK, AT_ONCE = 2, 4, 16


@contextlib.contextmanager
def fixed(name, **fields):
    """Has impacket send these fields."""
    before = getattr(smb3, name)

    class Fixed(before):
        def getData(self):
            for field, value in fields.items():
                self[field] = value
            return super().getData()

    setattr(smb3, name, Fixed)
    try:
        yield
    finally:
        setattr(smb3, name, before)


class Peer(Client):
    def __init__(self, dialect=SMB2_DIALECT_30, user=1, share="share", previous=0, client=None):
        with fixed("SMB2Negotiate", ClientGuid=client or uuid.uuid4().bytes), \
                fixed("SMB2SessionSetup", PreviousSessionId=previous):
            self.keep = SMBConnection(HOST, HOST, sess_port=PORT, preferredDialect=dialect)
            self.keep.login(*USERS[user])
        self.disk = self.keep.connectTree(share)
        smb = self.keep.getSMBServer()
        self.sock = smb._NetBIOSSession.get_socket()
        self.sock.settimeout(20)
        self.session, self.mid = smb._Session["SessionID"], smb._Connection["SequenceWindow"]
        self.sequence = 0

    def header(self, command, tree, flags=0, **fields):
        head, mid = super().header(command, tree, flags=flags, **fields)
        return head[:8] + struct.pack("<H", self.sequence) + head[10:], mid

    def do(self, command, body, what, status=OK, **fields):
        return self.expect(self.send(command, self.disk, body, **fields), status, what)[3]

    def open(self, name, what="open", status=OK, **fields):
        """The FileId, and the names of the contexts that came."""
        flags = fields.pop("flags", 0)
        element = self.do(CREATE, create(name, **fields), what, status, flags=flags)
        if status != OK:
            return None, []
        self.level, = struct.unpack_from("<B", element, 64 + 2)
        at, size = struct.unpack_from("<II", element, 64 + 80)
        tags = []
        while size:
            following, name_at = struct.unpack_from("<IH", element, at)
            tags.append(element[at + name_at:at + name_at + 4])
            at += following
            if not following:
                break
        return element[64 + 64:64 + 80], tags

    def cut(self):
        """The server sees the connection end, and nothing else."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def content(self, file, offset, size):
        element = self.do(READ, read(file, offset, size), "read")
        return element[80:80 + size]


def comes_back(peer, name, *asked, what):
    """Until the server has seen that the old connection is lost."""
    end = time.monotonic() + 15
    while True:
        mid = peer.send(CREATE, peer.disk, create(name, asked=asked))
        _, status, _, element = peer.answers()[0]
        if status == NOT_FOUND and time.monotonic() < end:
            time.sleep(0.05)
            continue
        check(hex(status), hex(OK), what)
        return element[64 + 64:64 + 80]


def kept(version, dialect):
    """Data, position and locks are there; the id is the same."""
    one, guid, name = Peer(dialect), uuid.uuid4().bytes, f"kept{version}"
    file, tags = one.open(name, asked=[v1() if version == 1 else v2(guid)])
    check((one.level, tags), (BATCH, [b"DHnQ" if version == 1 else b"DH2Q"]), "a durable handle")
    one.do(WRITE, write(file, 0, b"before the loss"), "write")
    one.do(LOCK, lock(file, 0, 10, EXCLUSIVE | AT_ONCE), "lock")
    one.cut()
    two = Peer(dialect)
    asked = v1_back(file) if version == 1 else v2_back(file, guid)
    again = comes_back(two, name, asked, what="reconnect")
    check(again[:8], file[:8], "persistent part of the id")
    check(two.content(again, 0, 15), b"before the loss", "data")
    two.do(LOCK, lock(again, 5, 1, EXCLUSIVE | AT_ONCE), "the lock is held", NOT_GRANTED)
    two.do(LOCK, lock(again, 0, 10, UNLOCK), "unlock")
    two.do(WRITE, write(again, 0, b"after"), "write again")
    two.do(CLOSE, close(again), "close")
    two.open(name, "after the close", NOT_FOUND, asked=[asked])
    two.cut()


def many_times():
    """A handle goes from client to client."""
    guid = uuid.uuid4().bytes
    one = Peer()
    file, _ = one.open("often", asked=[v2(guid)])
    for i in range(10):
        one.do(WRITE, write(file, i, b"%d" % i), "write")
        one.cut()
        one = Peer()
        file = comes_back(one, "often", v2_back(file, guid), what=f"reconnect {i}")
    check(one.content(file, 0, 10), b"0123456789", "data")
    one.do(CLOSE, close(file), "close")
    one.cut()


def refused():
    one, guid = Peer(), uuid.uuid4().bytes
    file, _ = one.open("refused", asked=[v2(guid)])
    back = v2_back(file, guid)
    one.open("refused", "it has a client", NOT_FOUND, asked=[back])
    one.cut()
    two, other = Peer(), Peer(user=2)
    file = comes_back(two, "refused", back, what="reconnect")
    two.cut()
    two = Peer()
    for what, status, asked in (
            ("another id", NOT_FOUND, [v2_back(b"\x77" * 16, guid)]),
            ("another guid", NOT_FOUND, [v2_back(file, uuid.uuid4().bytes)]),
            ("with more contexts", NOT_FOUND, [back, (b"MxAc", b"")]),
            ("with a lease", NOT_FOUND, [back, (b"RqLs", b"\1" * 16 + b"\7" + b"\0" * 15)]),
            ("both requests", INVALID, [v1(), v2(guid)]),
            ("request and reconnect", INVALID, [back, v2(guid)]),
            ("both reconnects", INVALID, [back, v1_back(file)])):
        two.open("refused", what, status, asked=asked)
    elsewhere = Peer(share="other")
    elsewhere.open("refused", "another share", NOT_FOUND, asked=[back])
    other.open("refused", "another user", DENIED, asked=[back])
    off = Peer(share="off")
    _, tags = off.open("off", asked=[v2(uuid.uuid4().bytes)])
    check(tags, [], "a share without durable handles")
    file = comes_back(two, "any name does", back, what="the right one")
    two.do(CLOSE, close(file), "close")


def ends():
    """What keeps a handle, and what does not."""
    one, guid = Peer(), uuid.uuid4().bytes
    file, _ = one.open("ends", asked=[v2(guid)])
    one.do(LOGOFF, struct.pack("<HH", 4, 0), "logoff")
    one = Peer()
    file = comes_back(one, "ends", v2_back(file, guid), what="after a logoff")
    one.do(TREE_DISCONNECT, struct.pack("<HH", 4, 0), "tree disconnect")
    two = Peer()
    two.open("ends", "after a tree disconnect", NOT_FOUND, asked=[v2_back(file, guid)])
    two.cut()
    one.cut()


def lease(key, state, version=1):
    data = key + struct.pack("<II8s", state, 0, b"")
    return (b"RqLs", data + (b"\0" * 20 if version == 2 else b""))


def leased():
    """A lease comes back with its key and its file's name, and to the same client only."""
    client = uuid.uuid4().bytes
    one, guid, key = Peer(client=client), uuid.uuid4().bytes, uuid.uuid4().bytes
    file, tags = one.open("leased", level=LEASE, asked=[lease(key, 7), v2(guid)])
    check((one.level, sorted(tags)), (LEASE, [b"DH2Q", b"RqLs"]), "a durable lease")
    one.cut()
    two, other = Peer(client=client), Peer()
    back = v2_back(file, guid)
    file = comes_back(two, "leased", lease(key, 0), back, what="reconnect")
    two.cut()
    two = Peer(client=client)
    for _ in range(100):  # until the server has seen that
        mid = two.send(CREATE, two.disk, create("wrong", asked=[lease(key, 0), back]))
        status = two.answers()[0][1]
        if status != NOT_FOUND:
            break
        time.sleep(0.05)
    check(hex(status), hex(INVALID), "another name")
    wrong = uuid.uuid4().bytes
    two.open("leased", "without a lease", NOT_FOUND, asked=[back])
    two.open("leased", "another key", NOT_FOUND, asked=[lease(wrong, 0), back])
    other.open("leased", "another client", NOT_FOUND, asked=[lease(key, 0), back])
    file, tags = two.open("leased", asked=[lease(key, 0), back])
    check((two.level, tags), (LEASE, [b"RqLs"]), "the right one")
    two.do(CLOSE, close(file), "close")
    for peer in two, other:
        peer.cut()


def taken_over():
    """Who opens the file meanwhile gets it, at once; and what was to be deleted is."""
    for kind, asked in (("oplock", []), ("lease", [lease(uuid.uuid4().bytes, 7)])):
        one, two, guid = Peer(), Peer(), uuid.uuid4().bytes
        name = f"taken by {kind}"
        level = LEASE if asked else BATCH
        file, _ = one.open(name, level=level, share=0, asked=asked + [v2(guid, 60000)])
        one.cut()
        began = time.monotonic()
        mid = two.send(CREATE, two.disk, create(name))
        status = PENDING
        while status == PENDING:
            got, status, _, element = two.answers()[0]
        check((got, hex(status)), (mid, hex(OK)), "the other open")
        check(time.monotonic() - began < 10, True, "at once")
        two.open(name, "too late", NOT_FOUND, asked=asked + [v2_back(file, guid)])
        two.cut()
    one, two, guid = Peer(), Peer(), uuid.uuid4().bytes
    one.open("on close", access=0x13019f, options=0x1000, asked=[v2(guid, 60000)])
    one.cut()
    mid = two.send(CREATE, two.disk, create("on close", level=0, disposition=1))
    status = PENDING
    while status == PENDING:
        _, status, _, _ = two.answers()[0]
    check(hex(status), hex(NOT_FOUND), "delete on close")
    two.cut()


def replayed():
    """A CREATE whose answer is lost gives the same open again, until it is used."""
    one, guid = Peer(), uuid.uuid4().bytes
    file, _ = one.open("replay", asked=[v2(guid)])
    again, _ = one.open("replay", "replay", asked=[v2(guid)], flags=REPLAY)
    check(again, file, "the same open")
    one.open("replay", "no replay", DUPLICATE, asked=[v2(guid)])
    one.do(WRITE, write(file, 0, b"x"), "it is used")
    one.sequence = 5
    one.do(WRITE, write(file, 0, b"y"), "a channel was lost")
    one.sequence = 4
    one.do(WRITE, write(file, 0, b"z"), "over the lost channel", NOT_AVAILABLE)
    check(one.content(file, 0, 1), b"y", "data")
    one.sequence = 5
    one.do(CLOSE, close(file), "close")
    one.cut()


def rules():
    kept(1, SMB2_DIALECT_21)
    kept(1, SMB2_DIALECT_30)
    kept(2, SMB2_DIALECT_30)
    many_times()
    refused()
    ends()
    leased()
    taken_over()
    replayed()
    print("durable handles are right")


def leave(name, timeout, count=1):
    one = Peer()
    for i in range(int(count)):
        guid = uuid.uuid4().bytes
        file, tags = one.open(f"{name}{i}", asked=[v2(guid, int(timeout))])
        check(tags, [b"DH2Q"], "a durable handle")
        one.do(WRITE, write(file, 0, b"x"), "write")
        print(f"{name}{i}", file.hex(), guid.hex())
    one.cut()


def back(name, file, guid, status):
    """Closes it, if it comes back."""
    two = Peer()
    file, guid = bytes.fromhex(file), bytes.fromhex(guid)
    file, _ = two.open(name, "reconnect", int(status, 16), asked=[v2_back(file, guid)])
    if file:
        two.do(CLOSE, close(file), "close")


def nft(*words):
    subprocess.run(["nft", *words], check=True)


def loss(seconds):
    one, guid = Peer(), uuid.uuid4().bytes
    block = os.urandom(1 << 16)
    file, _ = one.open("loss", asked=[v2(guid)])
    for i in range(64):
        one.do(WRITE, write(file, i << 16, block), "write")
    one.do(LOCK, lock(file, 0, 1 << 30, EXCLUSIVE | AT_ONCE), "lock")
    nft("add", "table", "ip", "khloss")
    for hook in "input", "output":
        nft("add", "chain", "ip", "khloss", hook, f"{{ type filter hook {hook} priority 0; }}")
        nft("add", "rule", "ip", "khloss", hook, "drop")
    try:
        one.send(WRITE, one.disk, write(file, 0, b"too late"))
        time.sleep(float(seconds))
    finally:
        nft("delete", "table", "ip", "khloss")
    two = Peer(previous=one.session)
    file = comes_back(two, "loss", v2_back(file, guid), what="reconnect after the loss")
    for i in range(64):
        check(two.content(file, i << 16, 1 << 16) == block, True, f"block {i}")
    two.do(LOCK, lock(file, 7, 1, EXCLUSIVE | AT_ONCE), "the lock is held", NOT_GRANTED)
    two.do(WRITE, write(file, 0, b"in time!"), "the write again")
    # TCP goes on sending what was lost, if not at once: the session that it is for is no more.
    one.sock.settimeout(150)
    _, status, _, _ = one.answers()[0]
    check(hex(status), hex(DELETED), "the write that was lost")
    check(two.content(file, 0, 8), b"in time!", "data")
    two.do(LOCK, lock(file, 0, 1 << 30, UNLOCK), "unlock")
    two.do(CLOSE, close(file), "close")
    print("nothing was lost")


if __name__ == "__main__":
    {"rules": rules, "leave": leave, "back": back, "loss": loss}[sys.argv[2]](*sys.argv[3:])
