#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon that only starts, answers the control socket and ends: for the tests of the command.

A file named "how" beside it says what it does instead of that: fail, die, silent, stubborn."""
import fcntl, json, os, signal, socket, struct, sys

args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
run, ready = args["--run-dir"], int(args["--ready-fd"])
here = os.path.dirname(os.path.abspath(sys.argv[0]))
try:
    how = open(os.path.join(here, "how")).read().strip()
except OSError:
    how = ""
if how == "fail":
    os.write(ready, b"FAIL Port 445 is taken by another program.\n")
    sys.exit(1)
if how == "die":
    sys.stderr.write("out of luck\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGSEGV)

os.makedirs(run, exist_ok=True)
pid = os.open(run + "/pid", os.O_RDWR | os.O_CREAT, 0o644)
fcntl.fcntl(pid, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
os.ftruncate(pid, 0)
os.write(pid, b"%d\n" % os.getpid())
path = run + "/control.sock"
if os.path.exists(path):
    os.unlink(path)
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen()
os.write(ready, b"READY 127.0.0.1:4450\n")
os.close(ready)

STATUS = {
    "ok": True, "version": "0", "pid": os.getpid(), "uptime_s": 300,
    "planes": {"data": "user", "why": "no kernel module in this version"},
    "listeners": [{"address": "127.0.0.1", "port": 4450}],
    "counters": {"accepted": 3, "bad": {"frame_type": 1, "name": 0}},
    "connections": [{"id": 1, "client": "127.0.0.1:50000", "dialect": "SMB3_11",
                     "bytes_in": 1536, "bytes_out": 5 << 30, "idle_s": 7300}],
    "sessions": [], "shares": [],
    "handles": [{"share": "x", "path": "long/" * 40 + "end", "user": "anna\x1b[31m"}],
}
while True:
    c = s.accept()[0]
    req = json.loads(c.makefile().readline())
    reply = {"ok": True}
    if req["verb"] == "status":
        reply = STATUS
    elif req["verb"] == "down" and how == "stubborn":
        reply = {"ok": False, "error": "No."}
    elif req["verb"] not in ("down", "reload"):
        reply = {"ok": False, "error": "What?"}
    c.sendall(json.dumps(reply).encode() + b"\n")
    c.close()
    if req["verb"] == "down" and how != "stubborn":
        os.unlink(path)
        sys.exit(0)
