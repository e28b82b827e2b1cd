#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One session over two links, one of which fails (tests/multichannel.bats).

multichannel.py PORT ADDRESS-A ADDRESS-B DEVICE-A SCENARIO [down|drop]
"""
import select
import socket
import struct
import subprocess
import sys
import time

from channel import (BATCH, ECHO, FLUSH, II, IOCTL, LOGOFF, OK, OPLOCK_BREAK, REPLAY, UNASKED,
                     Channel, check)

PORT, ADDRESS_A, ADDRESS_B, DEVICE_A = int(sys.argv[1]), *sys.argv[2:5]
HOW = sys.argv[6] if len(sys.argv) > 6 else "down"


def link(up):
    """The client's end of link A fails, or is back."""
    if HOW == "down":
        subprocess.run(["ip", "link", "set", DEVICE_A, "up" if up else "down"], check=True)
        return
    rules = "delete table ip loss\n" if up else f"""table ip loss {{
        chain in {{ type filter hook input priority 0; iifname {DEVICE_A} drop; }}
        chain out {{ type filter hook output priority 0; oifname {DEVICE_A} drop; }}
    }}\n"""
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def two_channels():
    a = Channel(PORT, ADDRESS_A)
    a.connect()
    b = Channel(PORT, ADDRESS_B, bind=a)
    check(b.session, a.session, "the session of the second channel")
    return a, b


# ---- scenarios ----

SIZE, BLOCKS, DEPTH, PATIENCE = 32768, 400, 8, 1.0


class Job:
    """Blocks of a file, over both channels, so many at a time; a channel that is silent for too
    long is dead, and what it had goes again over the other one (MS-SMB2 3.2.4.20)."""

    def __init__(self, channels, file, blocks, fail_at):
        self.live, self.file, self.fail_at = list(channels), file, fail_at
        self.todo, self.count, self.done = [(i, False) for i in blocks], len(blocks), 0
        self.flying = {c: {} for c in channels}
        self.heard = {c: time.monotonic() for c in channels}

    def start(self, channel, block, again):
        raise NotImplementedError

    def finish(self, block, reply):
        raise NotImplementedError

    def run(self):
        while self.done < self.count:
            for c in self.live:
                while self.todo and len(self.flying[c]) < DEPTH:
                    block, again = self.todo.pop(0)
                    if not self.flying[c]:
                        self.heard[c] = time.monotonic()
                    self.flying[c][self.start(c, block, again)] = block
            ready = select.select([c.sock for c in self.live], [], [], 0.2)[0]
            for c in list(self.live):
                while c.sock in ready or c.data:
                    reply = c.next(0)
                    if reply is None:
                        break
                    self.heard[c] = time.monotonic()
                    block = self.flying[c].pop(reply.mid)
                    check(hex(reply.status), hex(OK), f"status of block {block}")
                    self.finish(block, reply)
                    self.done += 1
                    if self.done == self.fail_at:
                        link(False)
                if self.flying[c] and time.monotonic() > self.heard[c] + PATIENCE:
                    self.lost(c)

    def lost(self, channel):
        self.live.remove(channel)
        if not self.live:
            sys.exit("both channels are silent")
        for other in self.live:
            other.sequence += 1
        self.todo += [(block, True) for block in self.flying.pop(channel).values()]


def content(block):
    return struct.pack("<Q", block * 0x9E3779B97F4A7C15 % 2**64) * (SIZE // 8)


class Writes(Job):
    def start(self, channel, block, again):
        return channel.send_write(self.file, block * SIZE, content(block), REPLAY * again)

    def finish(self, block, reply):
        check(struct.unpack_from("<I", reply.body, 4)[0], SIZE, "bytes written")


class Reads(Job):
    def start(self, channel, block, again):
        return channel.send_read(self.file, block * SIZE, SIZE, REPLAY * again)

    def finish(self, block, reply):
        where, length = reply.body[2] - 64, struct.unpack_from("<I", reply.body, 4)[0]
        check(reply.body[where:where + length] == content(block), True, f"data of block {block}")


def data():
    """Writes, then reads, while a link fails in the middle; no byte is lost."""
    for job in (Writes, Reads):
        a, b = two_channels()
        file = a.opened("data", access=0x1F01FF)
        if job is Reads:
            a.done(FLUSH, struct.pack("<HHI16s", 24, 0, 0, file))
        running = job((a, b), file, list(range(BLOCKS)), BLOCKS // 3)
        running.run()
        check(running.live, [b], "the channels that are left")
        link(True)
        c = Channel(PORT, ADDRESS_A, bind=b)  # the way back
        Reads((b, c), file, list(range(BLOCKS)), -1).run()
        b.close(file)
        b.ask(LOGOFF, struct.pack("<HH", 4, 0))


def breaks():
    """A batch oplock is broken over the link that works; nobody waits for the dead one."""
    a, b = two_channels()
    other = Channel(PORT, ADDRESS_B)
    other.connect()
    file = a.opened("broken", BATCH)
    a.done(ECHO, struct.pack("<HH", 4, 0))
    link(False)
    began = time.monotonic()
    mid = other.open("broken", BATCH)
    reply = b.frame(12)
    if reply is None:
        sys.exit("no break over the other link")
    took = time.monotonic() - began
    check((reply.mid, reply.command, reply.body[2], reply.body[8:24]),
          (UNASKED, OPLOCK_BREAK, II, file), "the break")
    b.acknowledge(file, II)
    other.close(other.file_of(mid, II))
    print(f"break over the other link after {took:.1f} s")
    check(b.frame(2.5), None, "anything else over the other link")
    link(True)
    try:
        extra = a.frame(6)
    except OSError:
        extra = None
    check(extra, None, "what comes over the dead link when it is back")
    b.close(file)
    # A break by a level II too, to the channel that is left.
    file = b.opened("broken2", II)
    theirs = other.opened("broken2")
    other.send_write(theirs, 0, b"x")
    check(hex(other.next().status), hex(OK), "a write")
    reply = b.frame(5)
    check((reply.mid, reply.command, reply.body[2]), (UNASKED, OPLOCK_BREAK, 0), "level II's end")


def closed():
    """The client closes the connection that it opened the file on: the session lives."""
    a, b = two_channels()
    file = a.opened("closed", BATCH)
    a.sock.close()
    time.sleep(0.3)
    other = Channel(PORT, ADDRESS_B)
    other.connect()
    mid = other.open("closed", BATCH)
    reply = b.frame(5)
    check((reply.mid, reply.command, reply.body[8:24]), (UNASKED, OPLOCK_BREAK, file), "the break")
    b.acknowledge(file, II)
    other.file_of(mid, II)
    b.close(file)


def interfaces():
    """What FSCTL_QUERY_NETWORK_INTERFACE_INFO says, a line each."""
    a = Channel(PORT, ADDRESS_A)
    a.connect("IPC$")
    reply = a.done(IOCTL, struct.pack("<HHI16sIIIIIIII", 57, 0, 0x1401FC, b"\xff" * 16, 0, 0, 0, 0,
                                      0, 65536, 1, 0))
    where, length = struct.unpack_from("<II", reply.body, 32)
    table, at = reply.pdu[where:where + length], 0
    while table:
        following, index, caps, _, speed, family = struct.unpack_from("<IIIIQH", table, at)
        raw = table[at + 28:at + 32] if family == 2 else table[at + 32:at + 48]
        text = socket.inet_ntop(socket.AF_INET if family == 2 else socket.AF_INET6, raw)
        print(f"{text} index={index} capability={caps} speed={speed}")
        if not following:
            break
        at += following


def main():
    globals()[sys.argv[5]]()


if __name__ == "__main__":
    main()
