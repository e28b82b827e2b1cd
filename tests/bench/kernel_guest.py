# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of tests/bench/kernel that runs in the guest: servers, mounts, fio.

Progress goes to standard error; every line of standard output is one JSON object.
"""
import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

import kernel_load
import proc

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.normpath(os.path.join(HERE, "..", "peer"))
WORK = "/run/kh-bench"
CREDENTIALS = "username=torture1,password=Torture-pw1"
# cache=none: every read and write of fio is one request. A connection of its own per mount.
MOUNT = "vers=3.1.1,cache=none,nosharesock,noperm"
PROTECTION = {"plain": "", "signed": ",sign", "sealed": ",seal"}

# 8 to 16 requests on the way: with a system call for each one, the client's are what is measured.
DEEP = ("--ioengine=libaio --iodepth=16 --iodepth_batch_submit=8 --iodepth_batch_complete_min=8 "
        "--iodepth_batch_complete_max=16")
# name: (title, fio's options)
WORKLOADS = {
    "seqread": ("read 1 MiB", "--rw=read --bs=1M --ioengine=psync"),
    "seqwrite": ("write 1 MiB", "--rw=write --bs=1M --ioengine=psync"),
    "randread-1": ("random read 4 KiB, depth 1", "--rw=randread --bs=4k --ioengine=psync"),
    "randwrite-1": ("random write 4 KiB, depth 1", "--rw=randwrite --bs=4k --ioengine=psync"),
    "randread-16": ("random read 4 KiB, depth 16",
                    f"--rw=randread --bs=4k {DEEP}"),
    "randwrite-16": ("random write 4 KiB, depth 16",
                     f"--rw=randwrite --bs=4k {DEEP}"),
}
# MiB that one run moves: long enough for fio's milliseconds, short enough for all the runs.
AMOUNT = {
    "uml": {("seq", "plain"): 2048, ("seq", "signed"): 192, ("seq", "sealed"): 1024,
            ("rand", "plain"): 128, ("rand", "signed"): 96, ("rand", "sealed"): 96},
    "vm": {("seq", "plain"): 128, ("seq", "signed"): 16, ("seq", "sealed"): 64,
           ("rand", "plain"): 16, ("rand", "signed"): 8, ("rand", "sealed"): 32},
}
IDLE_FEW, IDLE = 20, 100  # ksmbd has no more than 127 trees
# A short run of this part of it tells what fio's own start takes.
SHORT = 8
FILE_MIB = {"uml": 256, "vm": 64}
# name: (how it is started, its environment, what the table calls it)
SERVERS = {
    "ours": ("ours", {}, "ksmbd-hybrid"),
    "ksmbd": ("ksmbd", {}, "ksmbd"),
    "samba": ("samba", {}, "Samba"),
    "user": ("ours", {"KH_UP_OPTIONS": "--no-kmod"}, "ksmbd-hybrid --no-kmod"),
}


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def emit(kind, **fields):
    print(json.dumps({"kind": kind, **fields}), flush=True)


def run(command, **kwargs):
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
    if done.returncode:
        sys.exit(f"kernel bench: failed ({done.returncode}): {' '.join(command)}\n{done.stdout}")
    return done.stdout


class Server:
    """A server on a folder of its own of the one tmpfs, and this guest's mount of it."""

    def __init__(self, name, port):
        self.name, self.port = name, port
        self.script, environment, self.title = SERVERS[name]
        self.folder, self.share = f"{WORK}/{name}", f"{WORK}/tmpfs/{name}"
        self.mountpoint = f"{WORK}/mnt-{name}"
        for folder in (self.folder, self.share, self.mountpoint):
            os.makedirs(folder, exist_ok=True)
        run([f"{PEER}/{self.script}", "start", self.folder, str(port), "bench", self.share],
            env={**os.environ, **environment})

    def make_file(self, mib):
        block = os.urandom(1 << 20)
        with open(f"{self.share}/file", "wb") as f:
            for _ in range(mib):
                f.write(block)
        os.chmod(f"{self.share}/file", 0o666)

    def mount(self, protection):
        run(["mount", "-i", "-t", "cifs", "//127.0.0.1/torture", self.mountpoint, "-o",
             f"ip=127.0.0.1,port={self.port},{CREDENTIALS},{MOUNT}{PROTECTION[protection]}"])

    def unmount(self):
        run(["umount", self.mountpoint])

    def paths(self):
        """Which path our server says each of its connections takes; nothing for the others."""
        if self.script != "ours":
            return []
        out = subprocess.run([os.path.join(PEER, "..", "..", "ksmbd-hybrid"), "-c",
                              f"{self.folder}/server.conf", "--instance", f"peer{self.port}",
                              "--json", "status", "connections"], check=False,
                             capture_output=True, text=True).stdout
        try:
            return [": ".join(filter(None, (c.get("plane"), c.get("why"))))
                    for c in json.loads(out)]
        except (ValueError, AttributeError):
            return [f"status says: {out[:200]}"]

    def stop(self):
        subprocess.run([f"{PEER}/{self.script}", "stop", self.folder], check=False,
                       stdin=subprocess.DEVNULL, stdout=sys.stderr)


def fio(server, options, file_mib, amount_mib, before=()):
    """(MiB/s, operations/s, seconds) of one run; amounts are fixed, so the clock is what differs."""
    command = [*before, "fio", "--name=bench", f"--filename={server.mountpoint}/file", "--direct=1",
               f"--size={file_mib}M", f"--io_size={amount_mib}M", "--allow_file_create=0",
               "--randrepeat=1", "--norandommap", "--gtod_reduce=1", "--invalidate=0",
               "--thread", "--output-format=json", *options.split()]
    text = run(command)
    job = json.loads(text[text.index("{"):])["jobs"][0]
    side = job["read"] if job["read"]["total_ios"] else job["write"]
    if job["error"] or side["io_bytes"] != amount_mib << 20:
        sys.exit(f"kernel bench: fio moved {side['io_bytes']} bytes, error {job['error']}")
    seconds = side["runtime"] / 1000
    return amount_mib / seconds, side["total_ios"] / seconds, seconds


def connections():
    """Sections of DebugData by connection id: lines that tell dialect, sizes, signing, encryption."""
    try:
        with open("/proc/fs/cifs/DebugData", encoding="utf-8", errors="replace") as f:
            text = f.read()
    except OSError:
        return {}
    found = {}
    for part in re.split(r"ConnectionId: ", text)[1:]:
        lines = [line.strip() for line in part.splitlines()]
        found[lines[0].split()[0]] = [
            line for line in lines[1:]
            if re.search(r"Dialect|Security type|[Cc]ipher|[Ee]ncrypt|[Ss]ign", line)]
    return found


def mounted_options(server):
    with open("/proc/self/mounts", encoding="utf-8") as f:
        for line in f:
            if line.split()[1] == server.mountpoint:
                return line.split()[3]
    return ""


def ciphers():
    """The implementations that the kernel takes for what is measured."""
    best = {}
    with open("/proc/crypto", encoding="utf-8") as f:
        for part in f.read().split("\n\n"):
            fields = dict(re.findall(r"^(\w+)\s*: (.*)$", part, flags=re.M))
            name, priority = fields.get("name"), int(fields.get("priority", 0))
            if name in ("aes", "gcm(aes)", "cmac(aes)") and priority > best.get(name, (0, ""))[0]:
                best[name] = priority, fields["driver"]
    return {name: driver for name, (_, driver) in best.items()}


def measure(servers, protection, names, rounds, place):
    """One line of output per workload: the rates of every round, the servers taking turns."""
    told, known = {}, set(connections())
    for server in servers:
        server.mount(protection)
        now = connections()
        told[server.name] = {"options": mounted_options(server),
                             "connection": [now[c] for c in now if c not in known]}
        known |= set(now)
    for name in names:
        title, options = WORKLOADS[name]
        amount = AMOUNT[place][name[:3] if name[:3] == "seq" else "rand", protection]
        taken = {s.name: [] for s in servers}
        # The first run of each, a short one, brings connection, handle and caches up.
        short = max(1, amount // SHORT)
        for server in servers:
            fio(server, options, FILE_MIB[place], short)
        for _ in range(rounds):
            for server in servers:
                emit("begin", row=f"{name}-{protection}", server=server.name, amount=short)
                fio(server, options, FILE_MIB[place], short)
                emit("end")
                emit("begin", row=f"{name}-{protection}", server=server.name, amount=amount)
                taken[server.name].append(fio(server, options, FILE_MIB[place], amount))
                emit("end")
        sequential = name.startswith("seq")
        row = {"name": f"{name}-{protection}", "title": f"{title}, {protection}",
               "unit": "MiB/s" if sequential else "per s", "amount_mib": amount}
        for server in servers:
            rates = [v[0] if sequential else v[1] for v in taken[server.name]]
            row[server.name] = {"rate": round(statistics.median(rates), 1),
                                "rates": [round(v, 1) for v in rates]}
        emit("row", row=row)
    for server in servers:
        told[server.name]["paths"] = server.paths()
    emit("mounts", protection=protection, servers=told)
    for server in servers:
        server.unmount()


def memory_used():
    """
    KiB that the kernel has given to somebody: slabs, stacks, page tables, vmalloc, processes. Not
    what is free: pages that wait on the CPUs' lists make that jump by megabytes.
    """
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("3")
    v = dict(re.findall(r"^(\w+): +(\d+)", proc.read("/proc/meminfo"), flags=re.M))
    return sum(int(v[k]) for k in ("Slab", "KernelStack", "PageTables", "VmallocUsed", "AnonPages"))


def per_connection(command):
    """KiB without those of the client's process; the step from few to many of them counts."""
    used = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as client:
        for _ in range(2):
            line = client.stdout.readline()
            if not line.startswith("ready"):
                sys.exit(f"kernel bench: idle connections: {line}")
            time.sleep(1)
            rollup = proc.read(f"/proc/{client.pid}/smaps_rollup")
            anonymous = int(re.search(r"^Anonymous: +(\d+)", rollup, flags=re.M)[1])
            tables = int(re.search(r"^VmPTE:\s+(\d+)", proc.read(f"/proc/{client.pid}/status"),
                                   flags=re.M)[1])
            used.append(memory_used() - anonymous - tables)
            client.stdin.write("\n")
            client.stdin.flush()
        client.stdin.close()
        client.wait()
    return round((used[1] - used[0]) / (IDLE - IDLE_FEW), 1)


def idle_memory(server):
    """Memory per idle connection that has moved data: kernel and user space, both sockets."""
    emit("idle", server=server.name, paths=server.paths(), kib=per_connection(
        [os.path.join(HERE, "idle"), str(server.port), f"{IDLE_FEW},{IDLE}", "torture", "file"]))


def profile(server, name, protection, place, out):
    """One run, sampled: here by perf, in user-mode Linux by the machine, which "begin" tells."""
    _, options = WORKLOADS[name]
    amount = AMOUNT[place][name[:3] if name[:3] == "seq" else "rand", protection] * 4
    fio(server, options, FILE_MIB[place], max(1, amount // SHORT))
    with open("/proc/kallsyms", encoding="ascii") as f, \
            open(f"{out}/kallsyms", "w", encoding="ascii") as copy:
        copy.write(f.read())
    data = f"{WORK}/perf.data"
    perf = ["perf", "record", "-q", "-a", "-g", "-e", "cpu-clock", "-c", "100000", "-o", data, "--"]
    emit("begin", row=f"{name}-{protection}", server=server.name, amount=amount)
    time.sleep(0.5 if place == "uml" else 0)
    _, _, seconds = fio(server, options, FILE_MIB[place], amount, perf if place == "vm" else ())
    emit("end")
    if place == "vm":
        with open(f"{out}/{server.name}.{name}-{protection}.chains", "w", encoding="utf-8") as f:
            subprocess.run(["perf", "script", "-i", data, "-F", "comm,ip"], check=True, stdout=f)
    block = 1 << 20 if name.startswith("seq") else 4096
    emit("profiled", row=f"{name}-{protection}", server=server.name, seconds=seconds,
         operations=(amount << 20) // block)


def profile_load(server, name, out):
    """The same of a row of smbload (uml)."""
    _, options, count, _ = kernel_load.rows("uml")[name]
    with open(f"{out}/kallsyms", "w", encoding="ascii") as copy:
        copy.write(proc.read("/proc/kallsyms"))

    def mark(kind):
        emit(kind, row=name, server=server.name, amount=count)
        time.sleep(0.5 if kind == "begin" else 0)
    result = kernel_load.run(server, options, count * 4, mark)
    emit("profiled", row=name, server=server.name, seconds=result["seconds"], operations=count * 4)


def guest(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("place", choices=("uml", "vm"))
    parser.add_argument("--servers", required=True)
    parser.add_argument("--protections", required=True)
    parser.add_argument("--only", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--insmod", help="a module to load first")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args(arguments)
    only = args.only.split(",")
    servers = []
    os.makedirs(f"{WORK}/tmpfs", exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", "mode=755,size=80%", "bench", f"{WORK}/tmpfs"])
    if args.profile and args.place == "vm":
        run(["sysctl", "-q", "kernel.perf_event_max_sample_rate=100000",
             "kernel.perf_cpu_time_max_percent=0"])
    # What udev loads where there is one: ciphers for this processor.
    modalias = "/sys/devices/system/cpu/modalias"
    if os.path.exists(modalias):
        subprocess.run(["modprobe", "-q", proc.read(modalias).strip()], check=False)
    if args.insmod:
        run(["insmod", args.insmod])
    run(["modprobe", "cifs"])
    try:
        for i, name in enumerate(args.servers.split(",")):
            say(f"starting {name}")
            servers.append(Server(name, 14450 + i))
            servers[-1].make_file(FILE_MIB[args.place])
        emit("where", kernel=platform.release(), machine=platform.machine(), cpus=os.cpu_count(),
             mount=MOUNT)
        if "idle" in only:
            idle_memory(servers[0])
        for protection in args.protections.split(","):
            names = [n for n in WORKLOADS if f"{n}-{protection}" in only]
            if names and args.profile:
                for server in servers:
                    server.mount(protection)
                    for name in names:
                        profile(server, name, protection, args.place, os.environ["KERNEL_OUT"])
                    server.unmount()
            elif names:
                measure(servers, protection, names, args.rounds, args.place)
        loads = [n for n in kernel_load.rows(args.place) if n in only]
        if loads and args.profile:
            for server in servers:
                for name in loads:
                    profile_load(server, name, os.environ["KERNEL_OUT"])
        elif loads:
            kernel_load.measure(servers, loads, args.rounds, args.place, emit)
        emit("ciphers", **ciphers())
    finally:
        for server in servers:
            server.stop()
    time.sleep(0.2)
