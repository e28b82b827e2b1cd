# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of tests/bench/kernel whose client is smbload: a client that costs less than cifs.ko, so that
more of what is measured is the server. Runs in the guest; kernel_guest.py calls it."""
import json
import os
import statistics
import subprocess
import sys

from rows import UNCHECKED

HERE = os.path.dirname(os.path.abspath(__file__))
SMBLOAD = os.path.normpath(os.path.join(HERE, "..", "..", "build", "tools", "smbload"))
USER, PASSWORD = "torture1", "Torture-pw1"
# signed: by GMAC where the server has it (ksmbd and Samba 4.17 have not), else by CMAC.
PROTECTION = {
    "plain": ["--protection", "plain"],
    "signed": ["--protection", "signed"],
    "cmac": ["--protection", "signed", "--signing", "cmac"],
    "sealed": ["--protection", "sealed", "--cipher", "aes-128-gcm"],
}
# A system call of user-mode Linux takes as long as copying 100 KiB.
DROP = {"uml": ["--drop-from", "256k"], "vm": []}
SIZES = {"4k": ("4 KiB", 4096), "64k": ("64 KiB", 65536), "1m": ("1 MiB", 1 << 20)}
DATA = {"randread-4k": "random read", "randwrite-4k": "random write", "randread-64k": "random read",
        "randwrite-64k": "random write", "read-1m": "read", "write-1m": "write"}
NAMES = {"create": "create, write 4 KiB, close", "stat": "open, query, close", "unlink": "unlink"}
# Operations of a run, by size and by whether a cipher touches the data: about a second at most.
COUNT = {
    "uml": {"4k": (30000, 20000), "64k": (8000, 3000), "1m": (2000, 400), "names": 2000},
    "vm": {"4k": (3000, 1000), "64k": (500, 96), "1m": (64, 12), "names": 250},
}
# What the virtual machine runs when nothing is said: a run of a row takes it seconds.
USUAL = ("*-4k-d*-c1-*", "*-4k-d16-c8-plain", "*-1m-d1-c1-*", "*-c1")
FILE_SIZE = {"uml": {1: "64m", 8: "16m"}, "vm": {1: "16m", 8: "4m"}}


def rows(place):
    """All of them: name: (title, options of smbload, operations, bytes of one or 0)."""
    found = {}
    for protection in PROTECTION:
        for work, title in DATA.items():
            kind, size = work.split("-")
            for depth, connections in ((1, 1), (16, 1), (1, 8), (16, 8)):
                count = COUNT[place][size][protection != "plain"]
                if depth * connections < 8 and size == "4k":
                    count //= 3
                found[f"{work}-d{depth}-c{connections}-{protection}"] = (
                    f"{title} {SIZES[size][0]}, depth {depth}, "
                    f"{connections} connection{'s' if connections > 1 else ''}, {protection}",
                    [kind, "-s", size, "-d", str(depth), "-c", str(connections), "--file-size",
                     FILE_SIZE[place][connections], "--reuse", *UNCHECKED, *DROP[place],
                     *PROTECTION[protection]],
                    count, SIZES[size][1])
    for work, title in NAMES.items() if place == "vm" else ():
        for connections in (1, 8):
            found[f"{work}-c{connections}"] = (
                f"{title}, {connections} connection{'s' if connections > 1 else ''}",
                [work, "-c", str(connections), *PROTECTION["plain"]], COUNT[place]["names"], 0)
    return found


def run(server, options, count, mark):
    """The result of one run; mark("begin") and mark("end") are called around it."""
    command = [SMBLOAD, "-u", USER, "-n", str(count), "--warm-up", "0", "--gate",
               *options, f"//127.0.0.1:{server.port}/torture"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "SMBLOAD_PASSWORD": PASSWORD}) as child:
        if not child.stdout.readline():
            sys.exit(f"kernel bench: {server.name}: smbload failed: {' '.join(command)}")
        mark("begin")
        child.stdin.write("\n")
        child.stdin.flush()
        line = child.stdout.readline()
        mark("end")
        child.stdin.close()
        child.stdout.read()
    if child.returncode or not line:
        sys.exit(f"kernel bench: {server.name}: status {child.returncode}: {' '.join(command)}\n"
                 f"{line}")
    return json.loads(line)


def measure(servers, names, rounds, place, emit):
    """One line of output per row, the servers taking turns."""
    all_rows = rows(place)
    for name in names:
        title, options, count, size = all_rows[name]
        large = size >= 65536
        row = {"name": name, "title": title, "client": "smbload", "amount": count,
               "unit": "MiB/s" if large else "per s"}
        taken = {s.name: [] for s in servers}
        for turn in range(rounds + (place == "uml")):
            for server in servers:
                def mark(kind, server=server, turn=turn):
                    if place != "uml" or turn:
                        emit(kind, row=name, server=server.name, amount=count)
                result = run(server, options, count, mark)
                rate = result["mib_per_second"] if large else result["rate"]
                if place != "uml" or turn:  # the first is for caches
                    taken[server.name].append(rate)
                row.setdefault(server.name, {})["signing"] = result["signing"]
        for server in servers:
            row[server.name] |= {"rate": round(statistics.median(taken[server.name]), 1),
                                 "rates": [round(v, 1) for v in taken[server.name]]}
        emit("row", row=row)
