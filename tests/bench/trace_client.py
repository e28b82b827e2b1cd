#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Of tests/bench/trace: 4 KiB READs, 64 at a time, and what they cost the server with trace and debug
lines off and on, taking turns.

trace_client.py PORT PID ROUNDS KSMBD-HYBRID...
"""
import glob
import os
import statistics
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
# pylint: disable=wrong-import-position
from waiting import CREATE, OK, READ, Client, create

PID, ROUNDS, KH = sys.argv[2], int(sys.argv[3]), sys.argv[4:]
READS, BATCH, SIZE = 20000, 64, 4096


def cpu_ns():
    """Time on a CPU of all threads of the server."""
    total = 0
    for path in glob.glob(f"/proc/{PID}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total


def run(client, file):
    body = struct.pack("<HBBIQ16sIIIHHB", 49, 80, 0, SIZE, 0, file, 0, 0, 0, 0, 0, 0)
    begin = cpu_ns()
    for _ in range(READS // BATCH):
        data = b""
        for _ in range(BATCH):
            head, _ = client.header(READ, client.disk)
            data += struct.pack(">I", len(head + body)) + head + body
        client.sock.sendall(data)
        client.exactly(BATCH * (4 + 64 + 16 + SIZE))
    return (cpu_ns() - begin) / (READS // BATCH * BATCH)


def tracing(*options):
    # The tracer is this program's, not the server's, expense: it only has to be there.
    # pylint: disable-next=consider-using-with
    tracer = subprocess.Popen(KH + ["trace", *options], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    return lambda: (tracer.kill(), tracer.wait())


def debugging():
    subprocess.run(KH + ["debug", "all"], check=True, stdout=subprocess.DEVNULL)
    return lambda: subprocess.run(KH + ["debug", "none"], check=True, stdout=subprocess.DEVNULL)


MODES = {
    "off": lambda: lambda: None,
    "trace of another client": lambda: tracing("--client", "192.0.2.1"),
    "trace of everything": tracing,
    "debug all": debugging,
}


def main():
    client = Client()
    mid = client.send(CREATE, client.disk, create("traced"))
    file = client.expect(mid, OK, "open traced")[3][128:144]
    figures = {name: [] for name in MODES}
    run(client, file)
    for _ in range(ROUNDS):
        for name, begin in MODES.items():
            end = begin()
            figures[name].append(run(client, file))
            end()
    off = statistics.median(figures["off"])
    for name, v in figures.items():
        m = statistics.median(v)
        print(f"{name:24} {m:8.0f} ns of CPU per READ  {m - off:+6.0f}  (lowest {min(v):.0f})")


main()
