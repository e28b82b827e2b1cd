#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One session over two links, one of which fails (tests/multichannel.bats).

multichannel.py PORT ADDRESS-A ADDRESS-B DEVICE-A SCENARIO [down|drop]
"""
import os
import select
import socket
import struct
import subprocess
import sys
import time

from Cryptodome.Hash import CMAC
from Cryptodome.Cipher import AES
from impacket import crypto, ntlm

PORT, ADDRESS_A, ADDRESS_B, DEVICE_A = int(sys.argv[1]), *sys.argv[2:5]
HOW = sys.argv[6] if len(sys.argv) > 6 else "down"
(NEGOTIATE, SETUP, LOGOFF, CONNECT, _, CREATE, CLOSE, FLUSH, READ, WRITE, _, IOCTL, _, ECHO, _,
 NOTIFY) = range(16)
TREE_DISCONNECT, OPLOCK_BREAK = 4, 18
OK, PENDING, MORE = 0, 0x103, 0xC0000016
SIGNED, ASYNC, REPLAY = 8, 2, 0x20000000
UNASKED = 2**64 - 1
II, BATCH = 1, 9


def check(got, wanted, what):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, expected {wanted!r}")


class Reply:
    def __init__(self, pdu):
        self.pdu, self.body = pdu, pdu[64:]
        self.status, self.command = struct.unpack_from("<IH", pdu, 8)
        self.flags, self.mid = struct.unpack_from("<I", pdu, 16)[0], struct.unpack_from(
            "<Q", pdu, 24)[0]
        self.tree, self.session = struct.unpack_from("<IQ", pdu, 36)


class Channel:
    """A connection of SMB 3.0, signed by AES-CMAC. bind: a channel of the session of this one."""

    def __init__(self, address, guid=None, bind=None, user=("torture1", "Torture-pw1"),
                 previous=0):
        self.sock = socket.create_connection((address, PORT), 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, 32, 1 << 20)  # SO_SNDBUFFORCE: never blocks
        self.guid = guid or (bind.guid if bind else os.urandom(16))
        self.mid, self.sequence, self.session, self.key, self.tree = 0, 0, 0, None, 0
        self.unasked, self.data = [], b""
        reply = self.ask(NEGOTIATE, struct.pack("<HHHHI16sQH", 36, 1, 1, 0, 0x7F, self.guid, 0,
                                                0x300))
        check(reply.status, OK, "NEGOTIATE")
        if bind:
            self.session, self.tree, self.sequence = bind.session, bind.tree, bind.sequence
            self.key = bind.session_key  # until the channel has one of its own
        self.set_up(user, bool(bind), previous)
        if bind:
            self.session_key = bind.session_key

    def send(self, command, body, flags=0, tree=None, credit=16):
        """Message ids are used one by one: nothing here is larger than a credit."""
        mid, self.mid = self.mid, self.mid + 1
        flags |= SIGNED if self.key else 0
        pdu = struct.pack("<4sHHHHHHIIQIIQ16s", b"\xfeSMB", 64, 1, self.sequence, 0, command,
                          credit, flags, 0, mid, 0, self.tree if tree is None else tree,
                          self.session, b"") + body
        if self.key:
            pdu = pdu[:48] + self.signature(pdu) + pdu[64:]
        self.sock.sendall(struct.pack(">I", len(pdu)) + pdu)
        return mid

    def signature(self, pdu):
        return CMAC.new(self.key, pdu[:48] + bytes(16) + pdu[64:], ciphermod=AES).digest()

    def frame(self, timeout):
        """One message, or None."""
        end = time.monotonic() + timeout
        while len(self.data) < 4 or len(self.data) < 4 + struct.unpack(">I", self.data[:4])[0]:
            left = max(end - time.monotonic(), 0)
            if not select.select([self.sock], [], [], left)[0]:
                return None
            piece = self.sock.recv(1 << 20)
            if not piece:
                raise ConnectionResetError("closed")
            self.data += piece
        size = 4 + struct.unpack(">I", self.data[:4])[0]
        pdu, self.data = self.data[4:size], self.data[size:]
        reply = Reply(pdu)
        if reply.flags & SIGNED and self.key:
            check(pdu[48:64], self.signature(pdu), f"signature of {reply.command}")
        return reply

    def next(self, timeout=10):
        """The next answer that is final; what was not asked for is put aside. None: too late."""
        while True:
            reply = self.frame(timeout)
            if reply is None:
                return None
            if reply.mid == UNASKED:
                self.unasked.append(reply)
            elif reply.status != PENDING:
                return reply

    def ask(self, command, body, **fields):
        mid = self.send(command, body, **fields)
        reply = self.next()
        if reply is None:
            sys.exit(f"no answer to {command}")
        check(reply.mid, mid, f"message id of the answer to {command}")
        return reply

    def done(self, command, body, **fields):
        reply = self.ask(command, body, **fields)
        check(hex(reply.status), hex(OK), f"status of {command}")
        return reply

    def setup(self, token, binding, previous=0):
        return self.ask(SETUP, struct.pack("<HBBIIHHQ", 25, binding, 1, 0, 0, 88, len(token),
                                           previous) + token)

    def set_up(self, user, binding, previous):
        one = ntlm.getNTLMSSPType1("", "", False, True)
        reply = self.setup(one.getData(), binding)
        check(hex(reply.status), hex(MORE), "first leg")
        self.session = reply.session
        three, key = ntlm.getNTLMSSPType3(one, reply.body[8:], user[0], user[1], "")
        mine = crypto.KDF_CounterMode(key, b"SMB2AESCMAC\0", b"SmbSign\0", 128)
        token = three.getData()
        mid = self.send(SETUP, struct.pack("<HBBIIHHQ", 25, binding, 1, 0, 0, 88, len(token),
                                           previous) + token)
        # The last answer is signed with the key that comes of it.
        self.key = mine
        reply = self.next()
        check((reply.mid, hex(reply.status)), (mid, hex(OK)), "second leg")
        if not reply.flags & SIGNED:
            sys.exit("the last answer of a session setup is not signed")
        if not binding:
            self.session_key = mine

    def reauthenticate(self, user):
        """The status of the last leg."""
        key = self.key
        one = ntlm.getNTLMSSPType1("", "", False, True)
        reply = self.setup(one.getData(), False)
        check(hex(reply.status), hex(MORE), "first leg of a re-authentication")
        three, _ = ntlm.getNTLMSSPType3(one, reply.body[8:], user[0], user[1], "")
        status = self.setup(three.getData(), False).status
        check(self.key, key, "the key")
        return status

    def connect(self, share="share"):
        path = f"\\\\server\\{share}".encode("utf-16le")
        self.tree = self.done(CONNECT, struct.pack("<HHHH", 9, 0, 72, len(path)) + path).tree

    def open(self, name, level=0, access=0x12019F, options=0, disposition=3):
        raw = name.encode("utf-16le")
        return self.send(CREATE, struct.pack(
            "<HBBIQQIIIIIHHII", 57, 0, level, 2, 0, 0, access, 0, 7, disposition, options, 120,
            len(raw), 0, 0) + (raw or b"\0"))

    def opened(self, name, level=0, **fields):
        mid = self.open(name, level, **fields)
        return self.file_of(mid, level)

    def file_of(self, mid, level):
        reply = self.next(40)
        check((reply.mid, hex(reply.status), reply.body[2]), (mid, hex(OK), level), "CREATE")
        return reply.body[64:80]

    def close(self, file):
        self.done(CLOSE, struct.pack("<HHI16s", 24, 0, 0, file))

    def send_write(self, file, offset, data, flags=0):
        return self.send(WRITE, struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), offset, file, 0,
                                            0, 0, 0, 0) + data, flags=flags)

    def send_read(self, file, offset, length, flags=0):
        return self.send(READ, struct.pack("<HBBIQ16sIIIHHB", 49, 80, 0, length, offset, file, 0,
                                           0, 0, 0, 0, 0), flags=flags)

    def acknowledge(self, file, level):
        self.done(OPLOCK_BREAK, struct.pack("<HBBI16s", 24, level, 0, 0, file))


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
    a = Channel(ADDRESS_A)
    a.connect()
    b = Channel(ADDRESS_B, bind=a)
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
        c = Channel(ADDRESS_A, bind=b)  # the way back
        Reads((b, c), file, list(range(BLOCKS)), -1).run()
        b.close(file)
        b.ask(LOGOFF, struct.pack("<HH", 4, 0))


def breaks():
    """A batch oplock is broken over the link that works; nobody waits for the dead one."""
    a, b = two_channels()
    other = Channel(ADDRESS_B)
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
    other = Channel(ADDRESS_B)
    other.connect()
    mid = other.open("closed", BATCH)
    reply = b.frame(5)
    check((reply.mid, reply.command, reply.body[8:24]), (UNASKED, OPLOCK_BREAK, file), "the break")
    b.acknowledge(file, II)
    other.file_of(mid, II)
    b.close(file)


def interfaces():
    """What FSCTL_QUERY_NETWORK_INTERFACE_INFO says, a line each."""
    a = Channel(ADDRESS_A)
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
