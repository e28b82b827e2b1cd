#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tagged.py DEVICE SOURCE PORT COUNT: sends so many SYNs from SOURCE to PORT with two VLAN tags
(802.1ad, 802.1Q), IPv4, or IPv6 behind a hop-by-hop header; nobody is to answer them."""

import socket
import struct
import sys

device, source, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
tcp = struct.pack(">HHIIBBHHH", 40000, port, 1, 0, 0x50, 0x02, 1024, 0, 0)
if ":" in source:
    kind = 0x86DD
    options = struct.pack(">BBBB4x", 6, 0, 1, 4)
    body = options + tcp
    ip = struct.pack(">IHBB", 0x60000000, len(body), 0, 64)
    ip += socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, "fd99::1")
else:
    kind = 0x0800
    body = tcp
    ip = struct.pack(">BBHIBBH", 0x45, 0, 20 + len(body), 0, 64, 6, 0)
    ip += socket.inet_aton(source) + socket.inet_aton("10.99.0.1")
frame = b"\xff" * 6 + b"\x02\0\0\0\0\1" + struct.pack(">HHHHH", 0x88A8, 7, 0x8100, 5, kind) + ip + body
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((device, 0))
for _ in range(count):
    s.send(frame)
