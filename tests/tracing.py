#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""COUNT READs of one byte of a file, 100 at a time, each at an offset of its own.

tracing.py PORT COUNT
"""
import struct
import sys

from waiting import CREATE, OK, READ, Client, check, create

BATCH = 100


def read(file, offset):
    return struct.pack("<HBBIQ16sIIIHHB", 49, 80, 0, 1, offset, file, 0, 0, 0, 0, 0, 0)


def main():
    client, count = Client(), int(sys.argv[2])
    mid = client.send(CREATE, client.disk, create("traced"))
    file = client.expect(mid, OK, "open traced")[3][128:144]
    for start in range(0, count, BATCH):
        mids = {client.send(READ, client.disk, read(file, i))
                for i in range(start, min(start + BATCH, count))}
        while mids:
            for answer in client.answers():
                check(answer[1], OK, "read")
                mids.remove(answer[0])
    print(count, "reads")


main()
