#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""connects.py ADDRESS PORT COUNT [SECONDS [SOURCE]]: begins COUNT TCP connections at once, and
prints how many of them are established after SECONDS (0.7: before a lost SYN is sent again)."""

import errno
import select
import socket
import sys
import time

address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
wait = float(sys.argv[4]) if len(sys.argv) > 4 else 0.7
family = socket.AF_INET6 if ":" in address else socket.AF_INET
poll = select.poll()
socks = {}
for _ in range(count):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setblocking(False)
    if len(sys.argv) > 5:
        s.bind((sys.argv[5], 0))
    if s.connect_ex((address, port)) not in (0, errno.EINPROGRESS):
        continue
    socks[s.fileno()] = s
    poll.register(s, select.POLLOUT)
end = time.monotonic() + wait
established = 0
while established < count and (left := end - time.monotonic()) > 0:
    for fd, _ in poll.poll(left * 1000):
        poll.unregister(fd)
        established += socks[fd].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
print(established)
