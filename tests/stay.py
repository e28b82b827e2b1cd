#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One connection with one open file, for SECONDS: stay.py PORT SECONDS."""
import struct
import sys
import time

from waiting import CREATE, OK, Client

client = Client()
raw = "stays".encode("utf-16le")
mid = client.send(CREATE, client.disk, struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0x12019f, 0,
                                                   7, 3, 0, 120, len(raw), 0, 0) + raw)
client.expect(mid, OK, "open")
time.sleep(float(sys.argv[2]))
