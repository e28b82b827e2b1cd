#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that go away in the middle of things: cutoff.py PORT SECONDS [SEED].

Half frames before a login, and sessions with waiting and running requests of every kind, some of
them with their answers unread; then a FIN or a reset. Prints how many there were.
"""
import random
import socket
import struct
import sys
import time

from waiting import (BIND, CANCEL, CLOSE, CREATE, NOTIFY, OK, PORT, READ, WRITE, Client, close,
                     notify, read, write)

LOGOFF, TREE_DISCONNECT, LOCK, ECHO, QUERY_DIRECTORY = 2, 4, 10, 13, 14
END = time.monotonic() + float(sys.argv[2])
chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)


def cut(sock):
    if chance.random() < 0.5:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def negotiate():
    head = struct.pack("<4sHHIHHIIQQQ16s", b"\xfeSMB", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, b"")
    body = struct.pack("<HHHHI16sQHH", 36, 2, 1, 0, 0, b"", 0, 0x202, 0x210)
    return struct.pack(">I", len(head + body)) + head + body


def strangers(count):
    socks = []
    for i in range(count):
        sock = socket.create_connection(("127.0.0.1", PORT), 10)
        pdu = negotiate()
        sock.sendall((pdu[:chance.randrange(1, len(pdu))], pdu, pdu + pdu[:30], pdu + pdu,
                      struct.pack(">I", 100000) + pdu[4:])[i % 5])
        socks.append(sock)
    for sock in socks:
        cut(sock)


def create(name, options=0, access=0x12019f, oplock=0):
    """Opens it, or makes it."""
    raw = name.encode("utf-16le")
    return struct.pack("<HBBIQQIIIIIHHII", 57, 0, oplock, 2, 0, 0, access, 0, 7, 3, options, 120,
                       len(raw), 0, 0) + (raw or b"\0")


def lock(file, start):
    return struct.pack("<HHI16sQQII", 48, 1, 0, file, start, 10, 2, 0)


def list_dir(folder):
    return struct.pack("<HBBI16sHHI", 33, 1, 0, 0, folder, 96, 2, 65536) + "*".encode("utf-16le")


class Guest(Client):
    """A session with a file, a folder and a pipe open."""

    def __init__(self, name):
        super().__init__()
        self.name = name
        self.file = self.made(self.disk, create(name))
        self.folder = self.open(self.disk, "", 1)
        self.pipe = self.open(self.ipc, "srvsvc")

    def made(self, tree, body):
        mid = self.send(CREATE, tree, body)
        while True:  # PENDING comes before it when there is an oplock in the way
            got = self.answers()[0]
            if got[:2] == (mid, OK):
                return got[3][64 + 64:64 + 80]

    def anything(self):
        data = bytes(chance.choice((100, 5000, 65536)))
        return chance.choice((
            (READ, self.disk, read(self.file, 65536)),
            (WRITE, self.disk, write(self.file, data)),
            (LOCK, self.disk, lock(self.file, 0)),
            (LOCK, self.disk, lock(self.file, 5)),
            (NOTIFY, self.disk, notify(self.folder)),
            (QUERY_DIRECTORY, self.disk, list_dir(self.folder)),
            (CREATE, self.disk, create(self.name, oplock=chance.choice((0, 1, 8, 9)))),
            (CREATE, self.disk, create(self.name + "2", 0x1000, 0x13019f, 9)),
            (READ, self.ipc, read(self.pipe)),
            (WRITE, self.ipc, write(self.pipe, BIND)),
            (CLOSE, self.disk, close(self.file)),
            (CLOSE, self.ipc, close(self.pipe)),
            (ECHO, 0, struct.pack("<HH", 4, 0)),
            (CANCEL, 0, struct.pack("<HH", 4, 0)),
        ))

    def flood(self, count):
        """One write, so that the server has all of it at once."""
        data = b""
        for _ in range(count):
            command, tree, body = self.anything()
            head, _ = self.header(command, tree)
            data += struct.pack(">I", len(head + body)) + head + body
        if chance.random() < 0.3:
            command = chance.choice((LOGOFF, TREE_DISCONNECT))
            head, _ = self.header(command, self.disk)
            data += struct.pack(">I", 68) + head + struct.pack("<HH", 4, 0)
        self.sock.sendall(data[:len(data) - chance.choice((0, 0, 10))])


gone = 0
while time.monotonic() < END:
    strangers(10)
    guests = [Guest(f"cutoff") for _ in range(3)]
    for guest in guests:
        guest.flood(chance.randrange(1, 40))
    time.sleep(chance.choice((0, 0, 0.001, 0.02)))
    for guest in guests:
        cut(guest.sock)
    gone += 13
print(gone, "clients went away")
