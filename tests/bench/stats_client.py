#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Of tests/bench/stats: READs of two servers in turns, and what each costs on a CPU.

stats_client.py ROUNDS FILE PORT PID PORT PID	the one that counts, and the one that does not; adds to
						the file
stats_client.py FILE				what it says of them all
"""
import glob
import os
import statistics
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
LIMIT = 1.02
# bytes, requests on their way, requests a round
WORK = [(512, 64, 6400), (4096, 64, 6400), (4096, 1, 5000)]


def cpu_ns(pid):
    """Time on a CPU of all threads of the server."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total


class Reader:
    def __init__(self, port, pid):
        sys.argv[1] = port
        # pylint: disable=import-outside-toplevel
        import waiting

        waiting.PORT = int(port)
        self.read, self.pid, self.client = waiting.READ, pid, self.connect(waiting)
        mid = self.client.send(waiting.CREATE, self.client.disk, waiting.create("small"))
        self.file = self.client.expect(mid, waiting.OK, "open small")[3][128:144]

    @staticmethod
    def connect(waiting):
        """Its clients want a share of the name `share`."""
        connect = waiting.SMBConnection.connectTree
        waiting.SMBConnection.connectTree = lambda self, name: connect(
            self, "torture" if name == "share" else name)
        client = waiting.Client()
        waiting.SMBConnection.connectTree = connect
        return client

    def run(self, size, depth, count):
        body = struct.pack("<HBBIQ16sIIIHHB", 49, 80, 0, size, 0, self.file, 0, 0, 0, 0, 0, 0)
        begin = cpu_ns(self.pid)
        for _ in range(count // depth):
            data = b""
            for _ in range(depth):
                head, _ = self.client.header(self.read, self.client.disk)
                data += struct.pack(">I", len(head + body)) + head + body
            self.client.sock.sendall(data)
            self.client.exactly(depth * (4 + 64 + 16 + size))
        return (cpu_ns(self.pid) - begin) / (count // depth * depth)


def compare(readers, rounds, size, depth, count):
    """Median of the pairs' ratios; each pair is two turns after one another, in changing order."""
    costs, ratios = ([], []), []
    for i in range(-1, rounds):
        pair = [0, 0]
        for which in ((0, 1), (1, 0))[i % 2]:
            pair[which] = readers[which].run(size, depth, count)
        if i >= 0:  # the first is to warm up
            costs[0].append(pair[0])
            costs[1].append(pair[1])
            ratios.append(pair[0] / pair[1])
    with_, without = map(statistics.median, costs)
    ratio = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4)
    print(f"READ {size:5} bytes, {depth:2} at a time: {with_:6.0f} ns of CPU with, {without:6.0f} "
          f"without: {with_ / without:.3f}; by pairs {ratio:.3f} ({low:.3f} to {high:.3f})",
          flush=True)
    return ratio


def measure(rounds, file, servers):
    readers = [Reader(port, pid) for port, pid in servers]
    ratios = [compare(readers, rounds, *work) for work in WORK]
    with open(file, "a", encoding="ascii") as f:
        print(*ratios, file=f)


def judge(file):
    with open(file, encoding="ascii") as f:
        lives = [[float(ratio) for ratio in line.split()] for line in f]
    ratios = [statistics.median(column) for column in zip(*lives)]
    print("The statistics cost " + ", ".join(f"{100 * (r - 1):.1f} %" for r in ratios) +
          f"; allowed are {100 * (LIMIT - 1):.0f} %.")
    sys.exit(max(ratios) > LIMIT)


if len(sys.argv) == 2:
    judge(sys.argv[1])
measure(int(sys.argv[1]), sys.argv[2], [sys.argv[3:5], sys.argv[5:7]])
