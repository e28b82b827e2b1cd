# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of one row against one server: what it gave, as a dictionary of plain numbers.

Every run has "rate" (in the row's unit) and "cpu" (server seconds per GB, or per 1,000 operations);
of smbload "latency_us" as well, and "others": the part of one CPU that went elsewhere. Idle
connections have "pss", "kernel" (KiB each) and "cpu" (percent of one processor).
"""
import contextlib
import os
import re
import shutil
import subprocess
import time

import place
import proc
from folders import Folders, fill
from load import PASSWORD, SHARE, USER, Load
from rows import UNCHECKED
from servers import BenchError, kernel_memory

GB = 1e9
MIB = 1 << 20
IDLE_WATCHED = 2.0
IDLE_REST = 3.0  # then they are at rest
CROWD_SECONDS = 3.0
# A process each: 10,000 take Samba two minutes to log in, as long to end, and 16 GiB.
SAMBA_IDLE = 2000
CLIENT_PROTECTION = {"plain": [], "gmac": ["--client-protection=sign"],
                     "cmac": ["--client-protection=sign"],
                     "sealed": ["--client-protection=encrypt"]}
CLIENT_CONF = """[global]
	client min protocol = SMB2_02
	client max protocol = SMB3_11
	client smb3 signing algorithms = AES-128-{signing}
	client smb3 encryption algorithms = AES-128-GCM
"""


class Measure:
    """The folder that the servers share, the clients' settings, and one method per kind of row."""

    def __init__(self, work, share, seconds, long=False):
        self.share, self.seconds, self.long = share, seconds, long
        self.local = os.path.join(work, "local")
        self.folders = Folders(share)
        os.makedirs(self.local, exist_ok=True)
        for signing in ("GMAC", "CMAC"):
            with open(f"{work}/client-{signing}.conf", "w", encoding="utf-8") as f:
                f.write(CLIENT_CONF.format(signing=signing))
        self.conf = os.path.join(work, "client-{}.conf")

    def run(self, row, server):
        return getattr(self, row.kind)(row, server)

    # ---- smbload ----

    def load(self, row, server):
        options = [*row.arguments(), *self.folders.options(row)]
        with Load(server, row.workload, options, self.seconds) as load:
            window = Window(server)
            result = load.run()
            window.end()
        return outcome(row, result, window, load.ready)

    def tail(self, row, server):
        """Latencies of a quiet client while another one reads 1 MiB pieces, eight in flight."""
        options = [*row.arguments(), *self.folders.options(row)]
        stream = [*row.arguments()[:2], *UNCHECKED, "-s", "1m", "-d", "8",
                  *self.folders.data("stream", 1)]
        with Load(server, "read", stream, 3 * self.seconds) as streaming, \
                Load(server, row.workload, options, self.seconds) as load:
            streaming.go()
            time.sleep(self.seconds / 2)
            window = Window(server)
            result = load.run()
            window.end()
            streamed = streaming.told("result")
        run = outcome(row, result, window, load.ready)
        del run["others"]  # the other client is one of them
        run["rate"] = result["latency_us"]["p99"]
        run["streamed_mib_per_second"] = round(streamed["mib_per_second"], 1)
        return run

    def idle(self, row, server):
        """Memory of connections that are logged in and have their share, and CPU while they wait."""
        count = row.connections
        if server.name == "samba" and not self.long:
            count = min(count, SAMBA_IDLE)
        standing = len(server.processes())
        pss, kernel = server.pss(), kernel_memory()
        with Load(server, "idle", ["-c", str(count)]) as load:
            time.sleep(1)
            run = {"pss": round((server.pss() - pss) / count, 2),
                   "kernel": round((kernel_memory() - kernel) / count, 2),
                   "connections": count, "login_seconds": load.ready["login_seconds"]}
            before = server.cpu()
            time.sleep(IDLE_WATCHED)
            run["cpu"] = round((server.cpu() - before) / IDLE_WATCHED * 100, 3)
        server.settled(standing)
        return {"rate": run["pss"], **run}

    def crowd(self, row, server):
        """Latencies of many connections that ask at a rate, while others idle beside them."""
        options = [*row.arguments(), *self.folders.options(row)]
        with contextlib.ExitStack() as stack:
            if row.amount:
                stack.enter_context(Load(server, "idle", ["-c", str(row.amount)]))
                time.sleep(IDLE_REST)
            load = stack.enter_context(Load(server, row.workload, options, CROWD_SECONDS))
            window = Window(server)
            result = load.run()
            window.end()
        run = outcome(row, result, window, load.ready)
        run["rate"] = result["latency_us"]["p50"]
        return run

    # ---- clients of others ----

    def smbclient(self, row, server):
        if row.workload in ("get", "put"):
            return self.copy(row, server)
        return self.many(row, server)

    def copy(self, row, server):
        big = self.folders.sample(self.local, row.amount)
        command = ("get big /dev/null" if row.workload == "get"
                   else f"lcd {self.local}; put {os.path.basename(big)} put-target")
        wall, cpu = self.client(server, command, row.protection)
        return {"rate": round(row.amount / wall, 1), "cpu": round(cpu / (row.amount * MIB / GB), 4),
                "seconds": round(wall, 4)}

    def many(self, row, server):
        small, target = f"{self.local}/small", f"{self.share}/mput"
        shutil.rmtree(target, ignore_errors=True)
        if row.workload == "mput":
            os.mkdir(target)
            os.chmod(target, 0o777)
            fill(small, "f{:05}", row.amount, 4096)
            command = f"prompt off; lcd {small}; cd mput; mput *"
        else:
            os.makedirs(f"{self.local}/out", exist_ok=True)
            fill(target, "f{:05}", row.amount, 4096)
            command = f"prompt off; lcd {self.local}/out; cd mput; mget *"
        wall, cpu = self.client(server, command, "plain")
        return {"rate": round(row.amount / wall, 1), "cpu": round(cpu / row.amount * 1000, 4),
                "seconds": round(wall, 4)}

    def client(self, server, commands, protection):
        """(wall, server CPU) seconds of an smbclient."""
        conf = self.conf.format("CMAC" if protection == "cmac" else "GMAC")
        before, began = server.cpu(), time.monotonic()
        run(["smbclient", f"//127.0.0.1/{SHARE}", "-p", str(server.port), "-U",
             f"{USER}%{PASSWORD}", "-s", conf, *CLIENT_PROTECTION[protection], "-c", commands])
        wall = time.monotonic() - began
        time.sleep(0.1)  # a forked server's child is reaped, its CPU time counted
        return wall, server.cpu() - before

    def smbtorture(self, row, server):
        """The last rate that the suite shows, of several connections of its own."""
        began, before = time.monotonic(), server.cpu()
        said = run(["smbtorture", f"//127.0.0.1/{SHARE}", "-p", str(server.port), "-U",
                    f"{USER}%{PASSWORD}", f"--option=torture:timelimit={max(1, round(self.seconds))}",
                    f"smb2.bench.{row.workload}"])
        wall = time.monotonic() - began
        time.sleep(0.1)
        cpu = server.cpu() - before
        shown = re.findall(r"num/s=(\d+)|([\d.]+) ops/second", said)
        if not shown:
            raise BenchError(f"smb2.bench.{row.workload} shows no rate:\n{said[-400:]}")
        rate = float(shown[-1][0] or shown[-1][1])
        return {"rate": rate, "cpu": round(cpu / max(rate * wall, 1) * 1000, 4)}


def run(command):
    with subprocess.Popen(place.on("client", command), stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True) as child:
        proc.favour(child.pid)
        try:
            said, _ = child.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            child.kill()
            said = "it takes longer than five minutes"
    if child.returncode:
        raise BenchError(f"failed ({child.returncode}): {' '.join(command)}\n{said[-800:]}")
    return said


class Window:
    """From the gate to the result: what the server took, and what others did meanwhile."""

    def __init__(self, server):
        self.server, self.began = server, time.monotonic()
        self.before, self.busy = server.cpu(), proc.busy()

    def end(self):
        self.cpu = self.server.cpu() - self.before
        self.busy = proc.busy() - self.busy
        self.seconds = time.monotonic() - self.began

    def others(self, client):
        """The part of one CPU that neither the server nor the client has had."""
        return max(0, self.busy - self.cpu - client) / self.seconds


def outcome(row, result, window, ready):
    """The numbers of a run; a run with errors is none."""
    if result["errors"] or not result["operations"]:
        raise BenchError(f"{row.name}: {result['errors']} errors in {result['operations']} "
                         f"operations: {result.get('statuses')}")
    operations = result["operations"] * (row.amount if row.workload == "list" else 1)
    seconds = result["seconds"]
    if row.bytes():
        per = result["operations"] * row.bytes() / GB
    else:
        per = operations / 1000
    rate = operations / seconds
    return {"rate": round(rate * row.bytes() / MIB if row.unit == "MiB/s" else rate, 1),
            "cpu": round(window.cpu / per, 5), "operations": operations, "seconds": seconds,
            "server_cpu_seconds": round(window.cpu, 4),
            "client_cpu_seconds": result["client_cpu_seconds"],
            "others": round(window.others(result["client_cpu_seconds"]), 2),
            "latency_us": result["latency_us"], "login_seconds": ready["login_seconds"]}
