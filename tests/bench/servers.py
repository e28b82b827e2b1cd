# SPDX-License-Identifier: GPL-2.0-or-later
"""The servers of a bench: started and ended by tests/peer, their CPU time and memory."""
import os
import subprocess
import time

import place
import proc

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.normpath(os.path.join(HERE, "..", "peer"))
TITLES = {"ours": "ksmbd-hybrid", "samba": "Samba", "other": "the other build"}
# /proc/PID/smaps_rollup of a forked server takes milliseconds: of many processes, this many are read.
PSS_SAMPLE = 64
# What the kernel keeps for connections and processes (/proc/meminfo).
KERNEL_MEMORY = ("SUnreclaim", "PageTables", "KernelStack")


class BenchError(Exception):
    """A server or a client did not do what it was asked; the text says which."""


def process_seconds(pid):
    """CPU time of one process with its ended threads, to the nanosecond; 0 when it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3)
    except OSError:
        return 0.0


def reaped_seconds(pid):
    """CPU time of the children that it has waited for, in ticks of 10 ms."""
    try:
        fields = proc.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / proc.TICK


def listeners(port):
    """The processes that own the listening socket, found by its inode."""
    wanted = set()
    for line in proc.read("/proc/net/tcp").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port:
            wanted.add(f"socket:[{fields[9]}]")
    pids = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink(e.path) in wanted for e in os.scandir(f"/proc/{pid}/fd")):
                pids.append(int(pid))
        except OSError:
            continue
    return pids


def pss_of(pid):
    """KiB, 0 when it is gone."""
    try:
        rollup = proc.read(f"/proc/{pid}/smaps_rollup")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines()
                 if line.startswith("Pss:")), 0)


def kernel_memory():
    """KiB of unreclaimable slabs, page tables and kernel stacks of the whole machine."""
    return sum(int(line.split()[1]) for line in proc.read("/proc/meminfo").splitlines()
               if line.split(":")[0] in KERNEL_MEMORY)


class Server:
    """A server that tests/peer/NAME has started on a folder that all servers share.

    "other" is this server from another build folder, and "samba" may be tried with other settings:
    both by the environment of tests/peer.
    """

    def __init__(self, name, work, port, share, environment=None):
        self.name, self.port = name, port
        self.folder = os.path.join(work, name)
        self.script = os.path.join(PEER, "samba" if name.startswith("samba") else "ours")
        self.environment = {**os.environ, **(environment or {})}
        self.peer("start", self.folder, str(port), "bench", share)
        self.roots = listeners(port)
        if not self.roots:
            raise BenchError(f"{name}: nothing listens on port {port}")
        self.standing = self.processes()
        for pid in self.standing:
            proc.favour(pid)

    def peer(self, *words):
        # Of its own session: a Ctrl-C that ends the bench does not end the stopping.
        done = subprocess.run(place.on("server", [self.script, *words]), check=False,
                              stdin=subprocess.DEVNULL, env=self.environment,
                              start_new_session=True)
        if done.returncode:
            raise BenchError(f"{self.script} {' '.join(words)} failed ({done.returncode})")

    def stop(self):
        try:
            self.peer("stop", self.folder)
        except BenchError as e:
            print(e, flush=True)

    def processes(self):
        return proc.tree(self.roots)

    def cpu(self):
        """CPU seconds of all its processes, with those that have ended."""
        return sum(process_seconds(p) + reaped_seconds(p) for p in self.processes())

    def pss(self):
        """Proportional set size of all its processes, in KiB; of very many alike, by a sample."""
        found = self.processes()
        alike = sorted(found - self.standing)
        step = max(1, len(alike) // PSS_SAMPLE)
        total = sum(map(pss_of, found & self.standing))
        return total + sum(map(pss_of, alike[::step])) * len(alike) / max(1, len(alike[::step]))

    def settled(self, count, seconds=60):
        """Waits until no more than `count` processes are left: children of a bench before are gone."""
        end = time.monotonic() + seconds
        while len(self.processes()) > count and time.monotonic() < end:
            time.sleep(0.05)
