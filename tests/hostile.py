#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What no well-behaved client sends: hostile.py PORT [before|after].

Each case is one connection and one bad frame; the answer has to be one of the statuses named, or
the end of the connection ("closed"). After each the server must still answer a good client. before:
without authentication. after: inside a session with a tree and an open file.
"""
import random
import socket
import struct
import sys

from impacket.smb3structs import FILE_READ_DATA, FILE_WRITE_DATA
from impacket.smbconnection import SMB2_DIALECT_21, SMBConnection

PORT = int(sys.argv[1])
CLOSED = "closed"
INVALID = 0xC000000D
NOT_SUPPORTED = 0xC00000BB
ACCESS_DENIED = 0xC0000022
LOGON_FAILURE = 0xC000006D
SESSION_DELETED = 0xC0000203
MISMATCH = 0xC0000004
FILE_CLOSED = 0xC0000128
NAME_DELETED = 0xC00000C9
NAME_INVALID = 0xC0000033
BUFFER_TOO_SMALL = 0xC0000023
MORE = 0xC0000016
PATH_SYNTAX_BAD = 0xC000003B
(NEGOTIATE, SESSION_SETUP, LOGOFF, TREE_CONNECT, TREE_DISCONNECT, CREATE, CLOSE, FLUSH, READ, WRITE,
 LOCK, IOCTL, CANCEL, ECHO, QUERY_DIRECTORY, NOTIFY, QUERY_INFO, SET_INFO, BREAK) = range(19)
LAST = 0xFFFFFFFFFFFFFFFF


class Wire:
    """One TCP connection, frames by hand."""

    def __init__(self):
        self.sock = socket.create_connection(("127.0.0.1", PORT), 10)
        self.session = self.tree = self.mid = 0
        self.file = b"\xff" * 16

    def header(self, command, **fields):
        mid = fields.get("mid", self.mid)
        self.mid = max(self.mid, mid + 1)
        return struct.pack("<4sHHIHHIIQIIQ16s", fields.get("magic", b"\xfeSMB"),
                           fields.get("size", 64), fields.get("charge", 1), 0, command, 8,
                           fields.get("flags", 0), fields.get("next", 0), mid, 0,
                           fields.get("tree", self.tree), fields.get("session", self.session),
                           b"\0" * 16)

    def raw(self, data):
        self.sock.sendall(data)

    def send(self, pdu):
        self.raw(struct.pack(">I", len(pdu)) + pdu)

    def command(self, command, body, **fields):
        self.send(self.header(command, **fields) + body)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.sock.recv(count - len(data))
            if not piece:
                return None
            data += piece
        return data

    def frame(self):
        head = self.exactly(4)
        return head and self.exactly(struct.unpack(">I", head)[0])

    def answer(self):
        """The status of the next reply, or CLOSED."""
        try:
            while True:
                pdu = self.frame()
                if not pdu:
                    return CLOSED
                status, = struct.unpack_from("<I", pdu, 8)
                if status != 0x103:
                    return status
        except ConnectionError:
            return CLOSED
        except socket.timeout:
            return "no answer"


def negotiate_body(dialects=(0x0202, 0x0210), count=None, size=36):
    body = struct.pack("<HHHHI16sQ", size, len(dialects) if count is None else count, 1, 0, 0,
                       b"hostile client..", 0)
    return body + b"".join(struct.pack("<H", d) for d in dialects)


def negotiated():
    wire = Wire()
    wire.command(NEGOTIATE, negotiate_body())
    if wire.answer() != 0:
        sys.exit("a good NEGOTIATE is refused")
    return wire


def setup_body(blob, offset=88, length=None):
    return struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, offset,
                       len(blob) if length is None else length, 0) + blob


def deep_der(depth):
    blob = b""
    for _ in range(depth):
        length = len(blob)
        blob = b"\x30" + (bytes([length]) if length < 128 else
                          b"\x84" + struct.pack(">I", length)) + blob
    return blob


def established():
    """A session without signing, a tree, an open file; impacket logs in, then we take its socket."""
    connection = SMBConnection("127.0.0.1", "127.0.0.1", sess_port=PORT,
                               preferredDialect=SMB2_DIALECT_21)
    connection.login("torture1", "Torture-pw1")
    tree = connection.connectTree("share")
    name = f"hostile-{random.getrandbits(48):x}"
    file = connection.createFile(tree, name, FILE_READ_DATA | FILE_WRITE_DATA | 0x30180,
                                 creationOption=0x1000)
    smb = connection.getSMBServer()
    wire = Wire.__new__(Wire)
    wire.keep = connection
    wire.sock = smb._NetBIOSSession.get_socket()
    wire.sock.settimeout(10)
    wire.session, wire.tree = smb._Session["SessionID"], tree
    wire.mid, wire.file = smb._Connection["SequenceWindow"], file
    return wire


def create_body(name="x", size=57, name_offset=120, name_length=None, ctx_offset=0, ctx_length=0,
                tail=b"", impersonation=2):
    raw = name.encode("utf-16le")
    body = struct.pack("<HBBIQQIIIIIHHII", size, 0, 0, impersonation, 0, 0, 0x80, 0, 7, 3, 0,
                       name_offset, len(raw) if name_length is None else name_length, ctx_offset,
                       ctx_length)
    return body + raw + tail


def read_body(file, length=10, size=49, padding=80, offset=0):
    return struct.pack("<HBBIQ16sIIIHHB", size, padding, 0, length, offset, file, 0, 0, 0, 0, 0, 0)


def write_body(file, data=b"x", size=49, data_offset=112, length=None, offset=0):
    return struct.pack("<HHIQ16sIIHHI", size, data_offset, len(data) if length is None else length,
                       offset, file, 0, 0, 0, 0, 0) + data


def query_info_body(file, size=41, kind=1, level=18, out=4096, offset=0, length=0, tail=b"\0"):
    return struct.pack("<HBBIHHIII16s", size, kind, level, out, offset, 0, length, 0, 0,
                       file) + tail


def set_info_body(file, size=33, kind=1, level=20, data=b"\0" * 8, offset=96, length=None):
    return struct.pack("<HBBIHHI16s", size, kind, level,
                       len(data) if length is None else length, offset, 0, 0, file) + data


def ioctl_body(file, code=0x140204, size=57, offset=120, count=0, tail=b"\0", out=1024):
    return struct.pack("<HHI16sIIIIIIII", size, 0, code, file, offset, count, 0, 0, 0, out, 1,
                       0) + tail


def context(name, data, following=0, data_offset=24, data_length=None):
    return struct.pack("<IHHHHI", following, 16, len(name), 0, data_offset,
                       len(data) if data_length is None else data_length) + name.ljust(8, b"\0") + data


def before():
    """(name, allowed answers, function that sends and returns the wire)"""
    def plain(data):
        def case():
            wire = Wire()
            wire.raw(data)
            wire.sock.shutdown(socket.SHUT_WR)
            return wire
        return case

    def first(command, body, **fields):
        def case():
            wire = Wire()
            wire.command(command, body, **fields)
            return wire
        return case

    def then(command, body, **fields):
        def case():
            wire = negotiated()
            wire.command(command, body, **fields)
            return wire
        return case

    def sealed(head):
        def case():
            wire = negotiated()
            wire.send(head)
            return wire
        return case

    gone = {CLOSED}
    refused = {CLOSED, INVALID}
    denied = {CLOSED, INVALID, LOGON_FAILURE, ACCESS_DENIED, NOT_SUPPORTED}
    yield "a frame of 16 MiB", gone, plain(b"\x00\xff\xff\xff" + b"x" * 1000)
    yield "an unknown frame type", gone, plain(b"\x42\x00\x00\x40" + b"x" * 64)
    yield "an empty frame", gone, plain(b"\x00\x00\x00\x00")
    yield "half a length", gone, plain(b"\x00\x00")
    yield "half a header", gone, plain(b"\x00\x00\x00\x20" + b"\xfeSMB" + b"\0" * 28)
    yield "a frame that ends early", gone, plain(b"\x00\x00\x10\x00" + b"\xfeSMB" + b"\0" * 60)
    yield "another magic", gone, first(NEGOTIATE, negotiate_body(), magic=b"\xffXXX")
    yield "SMB1 that is no negotiate", gone, plain(b"\x00\x00\x00\x40\xffSMB\x25" + b"\0" * 59)
    yield "SMB1 negotiate cut short", gone, plain(b"\x00\x00\x00\x24\xffSMB\x72" + b"\xff" * 31)
    yield "header size 65", refused, first(NEGOTIATE, negotiate_body(), size=65)
    yield "a command before NEGOTIATE", refused, first(TREE_CONNECT, b"\x09\0" + b"\0" * 7)
    yield "message id 7 first", gone, first(NEGOTIATE, negotiate_body(), mid=7)
    yield "no dialects", refused, first(NEGOTIATE, negotiate_body(()))
    yield "1,000 dialects that are not there", refused, first(NEGOTIATE, negotiate_body(count=1000))
    yield "only unknown dialects", refused | {NOT_SUPPORTED}, first(NEGOTIATE,
                                                                    negotiate_body((0x1234,)))
    yield "NEGOTIATE StructureSize 35", refused, first(NEGOTIATE, negotiate_body(size=35))
    yield "3.1.1 with contexts far away", refused, first(
        NEGOTIATE, struct.pack("<HHHHI16sIHH", 36, 1, 1, 0, 0, b"g" * 16, 0xFFFFFFF0, 3, 0)
        + b"\x11\x03")
    yield "3.1.1 without contexts", refused, first(
        NEGOTIATE, struct.pack("<HHHHI16sQ", 36, 1, 1, 0, 0, b"g" * 16, 0) + b"\x11\x03")
    yield "NEGOTIATE twice", refused, then(NEGOTIATE, negotiate_body())
    yield "a message id used twice", gone, then(SESSION_SETUP, setup_body(b"x"), mid=0)
    yield "a message id out of the window", gone, then(SESSION_SETUP, setup_body(b"x"), mid=1 << 40)
    yield "SESSION_SETUP blob out of the frame", denied, then(
        SESSION_SETUP, setup_body(b"x" * 10, offset=4000))
    yield "SESSION_SETUP blob longer than the frame", denied, then(
        SESSION_SETUP, setup_body(b"x" * 10, length=60000))
    yield "SESSION_SETUP blob over the header", denied, then(
        SESSION_SETUP, setup_body(b"x" * 10, offset=0, length=90))
    yield "SESSION_SETUP with an unknown session", {SESSION_DELETED, CLOSED}, then(
        SESSION_SETUP, setup_body(b"x" * 10), session=0x1234)
    yield "random blob", denied, then(SESSION_SETUP, setup_body(bytes(range(200))))
    yield "empty blob", denied, then(SESSION_SETUP, setup_body(b""))
    yield "DER 5,000 deep", denied, then(SESSION_SETUP, setup_body(deep_der(5000)))
    yield "DER with a length of 2^31", denied | {0xC0000206}, then(
        SESSION_SETUP, setup_body(b"\x60\x84\x7f\xff\xff\xff" + b"\0" * 40))
    yield "NTLMSSP AUTHENTICATE first", denied, then(
        SESSION_SETUP, setup_body(b"NTLMSSP\0\x03\0\0\0" + b"\xff" * 80))
    yield "NTLMSSP NEGOTIATE cut short", denied | {MORE}, then(
        SESSION_SETUP, setup_body(b"NTLMSSP\0\x01\0\0\0"))
    for command in range(LOGOFF, BREAK + 1):
        # CANCEL is never answered and ECHO needs no session.
        if command not in (CANCEL, ECHO):
            yield f"command {command} without a session", {
                CLOSED, SESSION_DELETED, INVALID, ACCESS_DENIED}, then(
                    command, b"\x04\0\0\0" + b"\0" * 60)
    yield "command 0x4242", {CLOSED, SESSION_DELETED, INVALID, NOT_SUPPORTED}, then(
        0x4242, b"\x04\0\0\0")
    yield "sealed for a session that is not there", gone, sealed(
        b"\xfdSMB" + b"\0" * 32 + struct.pack("<IHHQ", 64, 0, 1, 99) + b"\0" * 64)
    yield "sealed, cut short", gone, sealed(b"\xfdSMB" + b"\0" * 20)
    yield "compressed", gone, sealed(b"\xfcSMB" + struct.pack("<IHHI", 1 << 30, 1, 0, 0) + b"x" * 64)


def after():
    def case(command, body, **fields):
        def run():
            wire = established()
            data = body(wire) if callable(body) else body
            wire.command(command, data, **fields)
            return wire
        return run

    def chain(*offsets):
        def run():
            wire = established()
            pdu = b""
            for offset in offsets:
                pdu += wire.header(ECHO, next=offset) + b"\x04\0\0\0\0\0\0\0"
            wire.send(pdu)
            return wire
        return run

    invalid = {INVALID}
    refused = {INVALID, CLOSED}
    for command in (LOGOFF, TREE_CONNECT, TREE_DISCONNECT, CREATE, CLOSE, FLUSH, READ, WRITE, LOCK,
                    IOCTL, ECHO, QUERY_DIRECTORY, NOTIFY, QUERY_INFO, SET_INFO, BREAK):
        yield f"command {command}: StructureSize 3", refused, case(command, b"\x03\0" + b"\0" * 80)
        yield f"command {command}: no body", refused, case(command, b"")
    yield "an unknown tree", {NAME_DELETED}, case(ECHO + 1, lambda w: b"\x21\0" + b"\0" * 40,
                                                  tree=4711)
    yield "an unknown session", {SESSION_DELETED}, case(
        READ, lambda w: read_body(w.file), session=4711)
    yield "chain: next is no multiple of 8", refused, chain(76, 0)
    yield "chain: next points outside", refused, chain(0x10000, 0)
    yield "chain: next points into the header", refused, chain(8, 0)
    yield "chain: next is 2^32 - 8", refused, chain(0xFFFFFFF8, 0)
    yield "READ of a closed file", {FILE_CLOSED}, case(READ, read_body(b"\x77" * 16))
    yield "READ of 2 GiB", invalid, case(READ, lambda w: read_body(w.file, length=1 << 31))
    yield "READ more than its credits", invalid | {CLOSED}, case(
        READ, lambda w: read_body(w.file, length=1 << 20))
    yield "READ at -1", {INVALID, 0xC0000011}, case(READ, lambda w: read_body(w.file, offset=LAST))
    yield "WRITE data out of the frame", refused, case(
        WRITE, lambda w: write_body(w.file, data_offset=5000))
    yield "WRITE data over the header", refused, case(
        WRITE, lambda w: write_body(w.file, data_offset=16))
    yield "WRITE longer than the frame", refused, case(
        WRITE, lambda w: write_body(w.file, length=60000))
    yield "WRITE at 2^63", {INVALID, 0xC000007F, 0xC0000904}, case(
        WRITE, lambda w: write_body(w.file, offset=1 << 63))
    yield "CREATE name out of the frame", refused, case(CREATE, create_body(name_offset=60000))
    yield "CREATE name of odd length", {INVALID, NAME_INVALID, 0xC0000161}, case(
        CREATE, create_body("abc", name_length=5))
    yield "CREATE name longer than the frame", refused, case(
        CREATE, create_body(name_length=60000))
    yield "CREATE half a surrogate", {0, INVALID, NAME_INVALID, 0xC000003A, 0xC0000034}, case(
        CREATE, create_body().replace(b"x\0", b"\x00\xd8"))
    yield "CREATE with a NUL in the name", {INVALID, NAME_INVALID}, case(
        CREATE, create_body("a\0b"))
    yield "CREATE that climbs out", {INVALID, NAME_INVALID, PATH_SYNTAX_BAD, 0xC000003A, 0xC0000039,
                                     ACCESS_DENIED}, case(CREATE, create_body("..\\..\\etc\\passwd"))
    yield "CREATE with slashes", {INVALID, NAME_INVALID, PATH_SYNTAX_BAD, 0xC000003A, 0xC0000034}, case(
        CREATE, create_body("a/../../etc/passwd"))
    yield "CREATE impersonation 99", {0xC00000A5}, case(CREATE, create_body(impersonation=99))
    pad = b"\0" * 6
    for what, blob in (("outside", None),
                       ("that points to itself", context(b"MxAc", b"", following=0xFFFFFFF0)),
                       ("whose data is outside", context(b"MxAc", b"x" * 8, data_length=60000)),
                       ("whose name is outside", b"\0\0\0\0\xff\xff\x04\0" + b"\0" * 16),
                       ("that is cut", b"\0" * 8)):
        body = create_body(tail=pad + blob, ctx_offset=128, ctx_length=len(blob)) if blob else \
            create_body(ctx_offset=60000, ctx_length=60000)
        yield f"CREATE context {what}", refused, case(CREATE, body)
    yield "QUERY_INFO class 255", {0xC0000003, INVALID, NOT_SUPPORTED}, case(
        QUERY_INFO, lambda w: query_info_body(w.file, level=255))
    yield "QUERY_INFO kind 9", {INVALID, NOT_SUPPORTED}, case(
        QUERY_INFO, lambda w: query_info_body(w.file, kind=9))
    yield "QUERY_INFO into 3 bytes", {MISMATCH, BUFFER_TOO_SMALL}, case(
        QUERY_INFO, lambda w: query_info_body(w.file, out=3))
    yield "QUERY_INFO into 4 GiB", invalid, case(
        QUERY_INFO, lambda w: query_info_body(w.file, out=0xFFFFFFFF))
    yield "QUERY_INFO EA list outside", {INVALID, CLOSED, 0xC0000013}, case(
        QUERY_INFO, lambda w: query_info_body(w.file, level=15, offset=60000, length=60000))
    yield "SET_INFO data outside", refused, case(
        SET_INFO, lambda w: set_info_body(w.file, offset=60000))
    yield "SET_INFO too short for its class", {INVALID, MISMATCH}, case(
        SET_INFO, lambda w: set_info_body(w.file, data=b"\0"))
    yield "SET_INFO end of file -1", {INVALID, 0xC000007F}, case(
        SET_INFO, lambda w: set_info_body(w.file, data=b"\xff" * 8))
    yield "SET_INFO rename to a name outside", {INVALID, MISMATCH, NAME_INVALID}, case(
        SET_INFO, lambda w: set_info_body(w.file, level=10, data=b"\0" * 16 + b"\xff\xff\xff\x7f"
                                          + b"x\0"))
    yield "SET_INFO rename out of the share", {INVALID, NAME_INVALID, PATH_SYNTAX_BAD, 0xC000003A, 0xC0000039,
                                               ACCESS_DENIED}, case(
        SET_INFO, lambda w: set_info_body(w.file, level=10, data=b"\0" * 16 + struct.pack("<I", 26)
                                          + "..\\..\\tmp\\kh".encode("utf-16le")))
    yield "SET_INFO descriptor of noise", {INVALID, BUFFER_TOO_SMALL, 0xC0000079}, case(
        SET_INFO, lambda w: set_info_body(w.file, kind=3, level=0, data=b"\xee" * 40))
    yield "IOCTL input outside", refused, case(
        IOCTL, lambda w: ioctl_body(w.file, offset=60000, count=60000))
    yield "IOCTL validate negotiate with nothing", {INVALID, CLOSED, BUFFER_TOO_SMALL}, case(
        IOCTL, ioctl_body(b"\xff" * 16))
    yield "QUERY_DIRECTORY of a file", {INVALID, NOT_SUPPORTED}, case(
        QUERY_DIRECTORY, lambda w: struct.pack("<HBBI16sHHI", 33, 37, 0, 0, w.file, 96, 2, 4096)
        + b"*\0")
    yield "QUERY_DIRECTORY pattern outside", refused, case(
        QUERY_DIRECTORY, lambda w: struct.pack("<HBBI16sHHI", 33, 37, 0, 0, w.file, 60000, 60000,
                                               4096) + b"*\0")
    yield "LOCK of 60,000 that are not there", {INVALID, CLOSED}, case(
        LOCK, lambda w: struct.pack("<HHI16s", 48, 60000, 0, w.file) + b"\0" * 24)


def noise():
    """Random frames of a fixed seed; nothing is expected but that the server lives."""
    rng = random.Random(1)
    for _ in range(300):
        wire = negotiated() if rng.random() < 0.7 else Wire()
        body = rng.randbytes(rng.randrange(200))
        try:
            if rng.random() < 0.7:
                wire.command(rng.randrange(20), body, flags=rng.choice((0, 1, 2, 4, 8)),
                             next=rng.choice((0, 0, 64, 8, 0xFFFFFFFF)))
            else:
                wire.raw(body)
        except OSError:
            pass
        wire.sock.close()


def good_client():
    connection = SMBConnection("127.0.0.1", "127.0.0.1", sess_port=PORT)
    connection.login("torture1", "Torture-pw1")
    connection.listPath("share", "*")
    connection.logoff()


def show(answer):
    return answer if isinstance(answer, str) else f"0x{answer:08x}"


def main():
    cases = {"before": before, "after": after}
    failed = 0
    for which in sys.argv[2:] or cases:
        for name, allowed, case in cases[which]():
            wire = case()
            got = wire.answer()
            wire.sock.close()
            good = got in allowed
            failed += not good
            print(f"{'ok' if good else 'NOT OK'} - {name}: {show(got)}"
                  + ("" if good else f", expected {' or '.join(map(show, allowed))}"))
    noise()
    good_client()
    print(f"{failed} wrong answers")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
