#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Many connections, one after another, for tests of where they land and whether any is refused.

    storm.py count PORT N [ADDRESS ...] [--from SOURCE ...] [--hold]
        makes N connections, in turn to each ADDRESS (default 127.0.0.1) from each SOURCE. Each says
        NEGOTIATE and reads the answer, so that a reactor has accepted it. With --hold, they are
        closed only when standard input ends, after "ready" was printed.
    storm.py until PORT FILE [ADDRESS ...]
        goes on, 16 at a time, until FILE exists, then prints how many there were; prints "ready"
        after the first.

Ends with 1 at the first connection that is refused, reset, or not answered within ten seconds.
"""

import argparse
import os
import selectors
import socket
import struct
import sys
import time


def negotiate():
    """SMB 3.0.2 only, so that there is no context to fill (MS-SMB2 2.2.3)."""
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16s", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, b"")
    body = struct.pack("<HHHHI16sQH", 36, 1, 1, 0, 0, os.urandom(16), 0, 0x0302)
    return struct.pack(">I", len(header) + len(body)) + header + body


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def talk(port, address, source=None):
    s = socket.socket(family(address))
    s.settimeout(10)
    if source:
        s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        s.bind((source, 0))
    s.connect((address, port))
    s.sendall(negotiate())
    if len(s.recv(4)) != 4:
        raise ConnectionError("closed without an answer")
    return s


def count(args):
    pairs = [(a, f) for a in args.address for f in (args.source or [None])
             if not f or family(a) == family(f)]
    held = []
    for i in range(args.n):
        s = talk(args.port, *pairs[i % len(pairs)])
        if args.hold:
            held.append(s)
        else:
            s.close()
    print("ready" if args.hold else args.n, flush=True)
    if args.hold:
        sys.stdin.read()
    return 0


def start(port, address):
    s = socket.socket(family(address))
    s.setblocking(False)
    s.connect_ex((address, port))
    return s


def until(args):
    """Without threads: a connection is written to when it is made, and closed when answered."""
    sel, n, made = selectors.DefaultSelector(), 0, 0
    while True:
        stop = os.path.exists(args.file)
        while not stop and len(sel.get_map()) < 16:
            address = args.address[made % len(args.address)]
            made += 1
            sel.register(start(args.port, address), selectors.EVENT_WRITE, time.monotonic())
        if stop and not sel.get_map():
            print(n)
            return 0
        for key, _ in sel.select(1):
            s = key.fileobj
            if key.events == selectors.EVENT_WRITE:
                s.sendall(negotiate())
                sel.modify(s, selectors.EVENT_READ, key.data)
                continue
            if not s.recv(4):
                raise ConnectionError("closed without an answer")
            sel.unregister(s)
            s.close()
            n += 1
            if n == 1:
                print("ready", flush=True)
        late = [k for k in sel.get_map().values() if time.monotonic() - k.data > 10]
        if late:
            raise TimeoutError(f"{len(late)} connections without an answer")


def main():
    p = argparse.ArgumentParser()
    sub = p.add_subparsers(required=True)
    c = sub.add_parser("count")
    c.add_argument("port", type=int)
    c.add_argument("n", type=int)
    c.add_argument("address", nargs="*", default=["127.0.0.1"])
    c.add_argument("--from", dest="source", action="append")
    c.add_argument("--hold", action="store_true")
    c.set_defaults(run=count)
    u = sub.add_parser("until")
    u.add_argument("port", type=int)
    u.add_argument("file")
    u.add_argument("address", nargs="*", default=["127.0.0.1"])
    u.set_defaults(run=until)
    args = p.parse_args()
    try:
        return args.run(args)
    except OSError as e:
        print(f"storm: {e}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
