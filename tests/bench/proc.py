# SPDX-License-Identifier: GPL-2.0-or-later
"""Process trees and their CPU time, from /proc."""
import os

TICK = os.sysconf("SC_CLK_TCK")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def tree(roots):
    """The roots and everything below them."""
    children = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(pid))
    found, todo = set(), list(roots)
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.add(pid)
            todo += children.get(pid, [])
    return found


def cpu(pids):
    """CPU seconds of living processes, and of children that were waited for."""
    ticks = 0
    for pid in pids:
        try:
            f = read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(int(v) for v in f[11:15])
    return ticks / TICK


def busy():
    """CPU seconds that the machine has not been idle, with what its host took."""
    fields = [int(v) for v in read("/proc/stat").splitlines()[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:8])) / TICK


def favour(pid):
    """The process's session goes before others as its nice value says: groups of a session's
    processes, where the kernel makes them, know only their own."""
    try:
        with open(f"/proc/{pid}/autogroup", "w", encoding="utf-8") as f:
            f.write(str(os.getpriority(os.PRIO_PROCESS, pid)))
    except OSError:
        pass
