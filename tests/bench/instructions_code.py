# SPDX-License-Identifier: GPL-2.0-or-later
"""The plane "code" of tests/bench/instructions: what the daemon's own code and its libraries take,
without the kernel, counted by callgrind. The server is this machine's, on a port of its own."""
import collections
import contextlib
import glob
import os
import re
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.normpath(os.path.join(HERE, "..", ".."))
PEER = f"{TOP}/tests/peer"
WARM_UP, COUNT, BATCHES = 96, 320, 3  # operations; of the batches the median counts
KEPT = 40  # functions of a figure
SECONDS = 120  # for anything under valgrind


def accounts():
    """KH_USER1 and the like, of tests/peer/users."""
    with open(f"{PEER}/users", encoding="utf-8") as f:
        return dict(re.findall(r"(KH_\w+1)=(\S+)", f.read()))


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def prepare(folder, port, who):
    """A share with a file, a configuration with an account, the object that is preloaded."""
    os.chmod(folder, 0o777)
    os.makedirs(f"{folder}/run")
    os.makedirs(f"{folder}/share", mode=0o777)
    with open(f"{folder}/share/file", "wb") as f:
        f.write(bytes(1 << 20))
    os.chmod(f"{folder}/share", 0o777)
    os.chmod(f"{folder}/share/file", 0o666)
    with open(f"{PEER}/ours-bench.conf", encoding="utf-8") as f:
        text = f.read()
    for key, value in (("@DIR@", folder), ("@PORT@", str(port)), ("@SHARE@", f"{folder}/share"),
                       ("[global]", "[global]\n\treactors = 1\n\tbusy poll = 0")):
        text = text.replace(key, value, 1 if key == "[global]" else -1)
    with open(f"{folder}/server.conf", "w", encoding="utf-8") as f:
        f.write(text)
    subprocess.run(["bash", "-c", f". {PEER}/users && kh_unix_users"], check=True)
    subprocess.run([f"{TOP}/ksmbd-hybrid", "-c", f"{folder}/server.conf", "adduser", "--unix-user",
                    who["KH_UNIX1"], who["KH_USER1"]], check=True, text=True,
                   input=who["KH_PASS1"] + "\n", stdout=subprocess.DEVNULL)
    subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC", "-o", f"{folder}/callgrind_uring.so",
                    f"{HERE}/callgrind_uring.c", "-luring"], check=True)


@contextlib.contextmanager
def server(folder, port):
    """The process of the daemon, once it listens."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/callgrind",
               f"{TOP}/build/ksmbd-hybridd", "-c", f"{folder}/server.conf", "--no-kmod",
               "--instance", f"code{port}", "--run-dir", f"{folder}/run"]
    with open(f"{folder}/valgrind.log", "wb") as log, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, "LD_PRELOAD": f"{folder}/callgrind_uring.so"}) as child:
        try:
            until = time.monotonic() + SECONDS
            while True:
                with contextlib.closing(socket.socket()) as s:
                    if s.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if child.poll() is not None or time.monotonic() > until:
                    with open(f"{folder}/valgrind.log", encoding="utf-8") as f:
                        raise RuntimeError("the daemon does not start under valgrind:\n" + f.read())
                time.sleep(.2)
            yield child
        finally:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()


def control(child, option):
    subprocess.run(["callgrind_control", option, str(child.pid)], check=True, timeout=SECONDS,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def functions(path):
    """Instructions by function, and all of them, of a dump."""
    text = subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=100", path], check=True,
                          text=True, capture_output=True).stdout
    found, total = collections.Counter(), 0
    for line in text.splitlines():
        m = re.match(r"\s*([\d,]+) .*?\)\s+(PROGRAM TOTALS|\S*?([^:\s]+)(?: \[(.*)\])?)$", line)
        if not m:
            continue
        n = int(m[1].replace(",", ""))
        if m[2] == "PROGRAM TOTALS":
            total = n
        elif n < total:  # the threads' first functions are told with all that they call
            name = re.sub(r"(\.(constprop|isra|part|cold)(\.\d+)?)+$", "", m[3])
            found[name.split("@")[0]] += n
    return found, total


def newest(folder):
    return max(glob.glob(f"{folder}/callgrind.*"), key=lambda p: int(p.rsplit(".", 1)[1]))


def measure(workloads):
    """{workload: {"instructions": ..., "functions": {...}}}, per operation."""
    who, port, found = accounts(), free_port(), {}
    # In memory: what may block would be a worker's, and who wakes whom is not the same each time.
    with tempfile.TemporaryDirectory(prefix="kh-instructions.", dir="/dev/shm") as folder:
        prepare(folder, port, who)
        with server(folder, port) as child, subprocess.Popen(
                [f"{TOP}/build/tools/counted", str(port), "torture", "file"], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env={**os.environ, "KH_USER": who["KH_USER1"],
                     "KH_PASSWORD": who["KH_PASS1"]}) as client:

            def operations(name, count):
                client.stdin.write(f"{name} {count}\n")
                client.stdin.flush()
                if not client.stdout.readline().startswith("done"):
                    raise RuntimeError(f"the client could not {name} under valgrind")

            for name in workloads:
                operations(name, WARM_UP)
                batches = []
                for _ in range(BATCHES):
                    control(child, "-z")
                    operations(name, COUNT)
                    control(child, "-d")
                    batches.append(functions(newest(folder)))
                by, total = sorted(batches, key=lambda b: b[1])[BATCHES // 2]
                found[name] = {"instructions": round(total / COUNT),
                               "functions": {f: round(n / COUNT) for f, n in by.most_common(KEPT)}}
            client.stdin.close()
    return found
