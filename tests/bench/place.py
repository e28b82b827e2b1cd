# SPDX-License-Identifier: GPL-2.0-or-later
"""Which CPUs servers and clients run on, and what network is between them.

On one machine the scheduler puts a server beside its client or on another CPU as the moment has it,
and both have two speeds for that: on this project's machines 4 KiB, one at a time, takes 20 us on one
CPU and 55 on two, and a stream of 1 MiB half of its rate. So each has CPUs of its own, as with any
network between them; --cpus shared leaves it to the scheduler.

The network is the loopback device of a namespace of the bench's own, with Reno's TCP: some machines
pace what they send (bbr), and then timers are measured, not servers. Where nothing is lost, Reno does
what Linux's default, Cubic, does, and it is the one that every namespace may choose.
"""
import os
import subprocess
import sys

PREFIX = {"client": [], "server": []}


def split():
    """Clients get the first half of the CPUs that are allowed, servers the other one."""
    cpus = sorted(os.sched_getaffinity(0))
    half = len(cpus) // 2
    if half:
        for who, part in (("client", cpus[:half]), ("server", cpus[half:])):
            PREFIX[who] = ["taskset", "-c", ",".join(map(str, part))]


def on(who, command):
    """The command, on the CPUs of a "client" or a "server"."""
    return PREFIX[who] + command


def network():
    """Starts the program again in a namespace of its own, unless it is there."""
    if os.environ.get("KH_BENCH_NETNS") != str(os.getpid()):
        os.environ["KH_BENCH_NETNS"] = str(os.getpid())
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with open("/proc/sys/net/ipv4/tcp_congestion_control", "w", encoding="utf-8") as f:
        f.write("reno")
