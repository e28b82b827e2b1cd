#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small client of SMB 3.0 with sessions of several channels, for tests that need to see each
message: tests/multichannel.py, tests/session.py."""
import os
import select
import socket
import struct
import sys
import time

from Cryptodome.Hash import CMAC
from Cryptodome.Cipher import AES
from impacket import crypto, ntlm

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

    def __init__(self, port, address, guid=None, bind=None, user=("torture1", "Torture-pw1"),
                 previous=0):
        self.sock = socket.create_connection((address, port), 10)
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
