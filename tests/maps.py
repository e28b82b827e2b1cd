#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads and writes whose number and bytes are known exactly, for the maps to be compared with. Says
what it did as JSON on a line and keeps everything open until its standard input ends.

maps.py PORT ROUNDS
"""
import json
import random
import socket
import struct
import sys

from waiting import BIND, CREATE, OK, READ, WRITE, Client, check

LOCK = 10
EOF = 0xC0000011
ROUNDS = int(sys.argv[2])


class Counter(Client):
    def __init__(self, name):
        super().__init__()
        self.count = dict(reads=0, read_bytes=0, writes=0, write_bytes=0, errors=0)
        raw = name.encode("utf-16le")
        mid = self.send(CREATE, self.disk,
                        struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0x12019f, 0, 7, 3, 0,
                                    120, len(raw), 0, 0) + raw)
        self.file = self.expect(mid, OK, "open")[3][128:144]
        self.pipe = self.open(self.ipc, "srvsvc")

    def read(self, tree, file, length, offset, status=OK):
        body = struct.pack("<HBBIQ16sIIIHHB", 49, 80, 0, length, offset, file, 0, 0, 0, 0, 0, 0)
        answer = self.expect(self.send(READ, tree, body), status, f"read at {offset}")[3]
        if status:
            self.count["errors"] += 1
            return
        self.count["reads"] += 1
        self.count["read_bytes"] += struct.unpack_from("<I", answer, 68)[0]

    def write(self, tree, file, data, offset):
        body = struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), offset, file, 0, 0, 0, 0, 0) + data
        answer = self.expect(self.send(WRITE, tree, body), OK, f"write at {offset}")[3]
        check(struct.unpack_from("<I", answer, 68)[0], len(data), "count")
        self.count["writes"] += 1
        self.count["write_bytes"] += len(data)

    def lock(self):
        body = struct.pack("<HHI16sQQII", 48, 1, 0, self.file, 5, 10, 18, 0)
        self.expect(self.send(LOCK, self.disk, body), OK, "lock")

    def round(self):
        size, offset = random.randint(1, 65536), random.randint(0, 1 << 20)
        self.write(self.disk, self.file, b"w" * size, offset)
        self.read(self.disk, self.file, size, offset)
        self.read(self.disk, self.file, 65536, offset + size - 1)  # less, mostly
        self.read(self.disk, self.file, 1, 1 << 30, EOF)

    def tcp(self):
        """Bytes of the connection so far, as TCP counted them; our SYN is not data."""
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        acked, received = struct.unpack_from("<QQ", info, 120)
        return dict(bytes_in=acked - 1, bytes_out=received, port=self.sock.getsockname()[1])


clients = [Counter("counted one"), Counter("counted two")]
for client in clients:
    client.write(client.ipc, client.pipe, BIND, 0)
    client.read(client.ipc, client.pipe, 1024, 0)
for i in range(ROUNDS):
    for client in clients:
        client.round()
clients[0].lock()
total = {key: sum(c.count[key] for c in clients) for key in clients[0].count}
print(json.dumps(dict(total=total, connections=[c.tcp() for c in clients])), flush=True)
sys.stdin.read()
