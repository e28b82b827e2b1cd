#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What of ethtool(8) the tests need, without the package.

ethtool.py DEV channels N	combined channels
ethtool.py DEV rss DIGITS	the RSS table, DIGITS over and over: 0001"""
import array, fcntl, socket, struct, sys

SIOCETHTOOL, GRXFHINDIR, SRXFHINDIR, SCHANNELS = 0x8946, 0x38, 0x39, 0x3D
dev, what, value = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def ask(data):
    buf = array.array("B", data)
    fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP", dev.encode(), buf.buffer_info()[0]))
    return buf.tobytes()


if what == "channels":
    ask(struct.pack("9I", SCHANNELS, 0, 0, 0, 0, 0, 0, 0, int(value)))
elif what == "rss":
    size = struct.unpack("II", ask(struct.pack("II", GRXFHINDIR, 0)))[1]
    table = [int(value[i % len(value)]) for i in range(size)]
    ask(struct.pack("II%dI" % size, SRXFHINDIR, size, *table))
