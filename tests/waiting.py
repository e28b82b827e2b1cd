#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests that wait: pipe reads and directory watches until data, CANCEL, CLOSE or the end.

waiting.py PORT
"""
import struct
import sys

from impacket.smbconnection import SMB2_DIALECT_21, SMBConnection

PORT = int(sys.argv[1])
TREE_CONNECT, CREATE, CLOSE, READ, WRITE, IOCTL, CANCEL, NOTIFY = 3, 5, 6, 8, 9, 11, 12, 15
OK, PENDING, CLEANUP = 0, 0x103, 0x10B
CANCELLED, FILE_CLOSED, NO_RESOURCES = 0xC0000120, 0xC0000128, 0xC000009A
LAST = b"\xff" * 16
RELATED, ASYNC = 4, 2
# A bind of srvsvc in NDR (C706 12.6.4.3)
BIND = bytes.fromhex("05000b03100000004800000001000000b810b8100000000001000000000001"
                     "00c84f324b7016d30112785a47bf6ee18803000000045d888aeb1cc9119fe8"
                     "08002b10486002000000")


def check(got, wanted, what):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, expected {wanted!r}")


class Client:
    def __init__(self, dialect=SMB2_DIALECT_21):
        self.keep = SMBConnection("127.0.0.1", "127.0.0.1", sess_port=PORT,
                                  preferredDialect=dialect)
        self.keep.login("torture1", "Torture-pw1")
        self.ipc, self.disk = self.keep.connectTree("IPC$"), self.keep.connectTree("share")
        smb = self.keep.getSMBServer()
        self.sock = smb._NetBIOSSession.get_socket()
        self.sock.settimeout(10)
        self.session, self.mid = smb._Session["SessionID"], smb._Connection["SequenceWindow"]

    def header(self, command, tree, flags=0, following=0, mid=None, async_id=0):
        if mid is None:
            mid, self.mid = self.mid, self.mid + 1
        head = struct.pack("<4sHHIHHIIQ", b"\xfeSMB", 64, 1, 0, command, 64, flags, following, mid)
        head += struct.pack("<Q", async_id) if flags & ASYNC else struct.pack("<II", 0, tree)
        return head + struct.pack("<Q16s", self.session, b""), mid

    def send(self, command, tree, body, **fields):
        head, mid = self.header(command, tree, **fields)
        self.sock.sendall(struct.pack(">I", len(head + body)) + head + body)
        return mid

    def chain(self, tree, *commands):
        """A related compound; the message ids."""
        data, mids = b"", []
        for i, (command, body) in enumerate(commands):
            last = i == len(commands) - 1
            body += b"\0" * (-len(body) % 8 if not last else 0)
            head, mid = self.header(command, tree, flags=RELATED if i else 0,
                                    following=0 if last else 64 + len(body))
            data += head + body
            mids.append(mid)
        self.sock.sendall(struct.pack(">I", len(data)) + data)
        return mids

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.sock.recv(count - len(data))
            if not piece:
                sys.exit("the connection was closed")
            data += piece
        return data

    def answers(self):
        """One frame: [(mid, status, async id or None, whole element)]."""
        pdu = self.exactly(struct.unpack(">I", self.exactly(4))[0])
        found = []
        while True:
            status, = struct.unpack_from("<I", pdu, 8)
            flags, following, mid, async_id = struct.unpack_from("<IIQQ", pdu, 16)
            element = pdu[:following] if following else pdu
            found.append((mid, status, async_id if flags & ASYNC else None, element))
            if not following:
                return found
            pdu = pdu[following:]

    def expect(self, mid, status, what):
        mine = self.answers()[0]
        check((mine[0], hex(mine[1])), (mid, hex(status)), what)
        return mine

    def open(self, tree, name, options=0, access=0x12019f):
        mid = self.send(CREATE, tree, create(name, options, access))
        return self.expect(mid, OK, f"open {name}")[3][64 + 64:64 + 80]

    def cancel(self, async_id):
        self.send(CANCEL, 0, struct.pack("<HH", 4, 0), flags=ASYNC, mid=0, async_id=async_id)


def create(name, options=0, access=0x12019f):
    raw = name.encode("utf-16le")
    return struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, access, 0, 7, 1, options, 120,
                       len(raw), 0, 0) + (raw or b"\0")


def read(file, length=1024):
    return struct.pack("<HBBIQ16sIIIHHB", 49, 80, 0, length, 0, file, 0, 0, 0, 0, 0, 0)


def write(file, data):
    return struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), 0, file, 0, 0, 0, 0, 0) + data


def close(file):
    return struct.pack("<HHI16s", 24, 0, 0, file)


def notify(file):
    return struct.pack("<HHI16sII", 32, 0, 1024, file, 0x3, 0)


def pending(client, mid, what):
    found = client.expect(mid, PENDING, what)
    if not found[2]:
        sys.exit(f"{what}: no async id")
    return found[2]


def data_ends_a_read(client):
    file = client.open(client.ipc, "srvsvc")
    waits = client.send(READ, client.ipc, read(file))
    async_id = pending(client, waits, "a read of an empty pipe")
    writes = client.send(WRITE, client.ipc, write(file, BIND))
    got = {a[0]: a for _ in range(2) for a in client.answers()}
    check(got[writes][1], OK, "the write")
    check((got[waits][1], got[waits][2]), (OK, async_id), "the read that waited")
    check(got[waits][3][80 + 2], 12, "it brings a bind_ack")
    client.send(CLOSE, client.ipc, close(file))
    client.answers()


def cancel_ends_it(client):
    file = client.open(client.ipc, "srvsvc")
    waits = client.send(READ, client.ipc, read(file))
    client.cancel(pending(client, waits, "read"))
    client.expect(waits, CANCELLED, "a cancelled read")
    folder = client.open(client.disk, "", 1, 0x100081)
    watch = client.send(NOTIFY, client.disk, notify(folder))
    client.cancel(pending(client, watch, "notify"))
    client.expect(watch, CANCELLED, "a cancelled watch")
    for tree, handle in ((client.ipc, file), (client.disk, folder)):
        client.expect(client.send(CLOSE, tree, close(handle)), OK, "close")


def close_ends_it(client):
    for tree, name, options, access, command, body, status in (
            (client.ipc, "wkssvc", 0, 0x12019f, READ, read, FILE_CLOSED),
            (client.disk, "", 1, 0x100081, NOTIFY, notify, CLEANUP)):
        file = client.open(tree, name, options, access)
        waits = [client.send(command, tree, body(file)) for _ in range(3)]
        for mid in waits:
            pending(client, mid, "waits")
        closes = client.send(CLOSE, tree, close(file))
        got = {a[0]: a[1] for _ in range(4) for a in client.answers()}
        check(got, dict.fromkeys(waits, status) | {closes: OK}, "closed")


def only_so_many(client):
    file = client.open(client.ipc, "srvsvc")
    mids = []
    for _ in range(520):
        mids.append(client.send(READ, client.ipc, read(file)))
        status = client.answers()[0][1]
        if status != PENDING:
            break
    check(hex(status), hex(NO_RESOURCES), "one too many")
    check(len(mids), 513, "of them wait, and one more")
    client.send(CLOSE, client.ipc, close(file))
    done = [a for _ in range(513) for a in client.answers()]
    check(sum(a[1] == FILE_CLOSED for a in done), 512, "all are ended")


def in_a_compound(client):
    mids = client.chain(client.disk, (CREATE, create("", 1, 0x100081)), (NOTIFY, notify(LAST)))
    got, interim = {}, None
    while len(got) < 2:
        for mid, status, async_id, _ in client.answers():
            if status == PENDING:
                check(mid, mids[1], "which one waits")
                interim = async_id
                client.cancel(interim)
            else:
                got[mid] = status
    check(got, {mids[0]: OK, mids[1]: CANCELLED}, "open and watch in one")
    mids = client.chain(client.ipc, (CREATE, create("srvsvc")), (WRITE, write(LAST, BIND)),
                        (READ, read(LAST)), (CLOSE, close(LAST)))
    got = {}
    while len(got) < 4:
        got |= {a[0]: a[1] for a in client.answers() if a[1] != PENDING}
    check(got, dict.fromkeys(mids, OK), "a whole bind in one")


def lost_with_the_connection(client):
    file, folder = client.open(client.ipc, "srvsvc"), client.open(client.disk, "", 1, 0x100081)
    for _ in range(20):
        client.send(READ, client.ipc, read(file))
        client.send(NOTIFY, client.disk, notify(folder))
    for _ in range(10):
        client.answers()
    client.sock.close()


if __name__ == "__main__":
    for test in (data_ends_a_read, cancel_ends_it, close_ends_it, only_so_many, in_a_compound,
                 lost_with_the_connection, lost_with_the_connection, data_ends_a_read):
        test(Client())
    print("all waits end")
