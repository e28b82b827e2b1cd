#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions: who may end one, what is signed, and what happens to requests that are under way.

session.py PORT SCENARIO
"""
import struct
import sys

from channel import (CLOSE, CONNECT, ECHO, LOGOFF, NOTIFY, OK, PENDING, READ, SIGNED,
                     TREE_DISCONNECT, Channel, check)

PORT = int(sys.argv[1])
LOCK = 10
USER1, USER2 = ("torture1", "Torture-pw1"), ("torture2", "Torture-pw2")
DELETED, DENIED, LOGON, CLOSED = 0xC0000203, 0xC0000022, 0xC000006D, 0xC0000128
CLEANUP, CANCELLED, NO_TREE, BAD_NAME = 0x10B, 0xC0000120, 0xC00000C9, 0xC00000CC
NO_RESOURCES, NOT_LOCKED = 0xC000009A, 0xC000007E


def login(user=USER1, share="share", **fields):
    c = Channel(PORT, "127.0.0.1", user=user, **fields)
    if share:
        c.connect(share)
    return c


def echo(c):
    return c.ask(ECHO, struct.pack("<HH", 4, 0)).status


def status_of_open(c, name="who"):
    """Of a command that needs a session."""
    mid = c.open(name)
    reply = c.next()
    check(reply.mid, mid, "message id")
    return reply.status


def notify(c, folder):
    return c.send(NOTIFY, struct.pack("<HHI16sII", 32, 0, 1024, folder, 0x3, 0))


def lock(c, file, flags):
    return c.send(LOCK, struct.pack("<HHI16sQQII", 48, 1, 0, file, 0, 10, flags, 0))


def simple(c, command):
    return c.send(command, struct.pack("<HH", 4, 0))


def reauth():
    c = login()
    file = c.opened("who")
    check(hex(c.reauthenticate(USER1)), hex(OK), "the same user again")
    c.close(file)
    check(hex(c.reauthenticate(USER2)), hex(DENIED), "another user")
    reply = c.ask(ECHO, struct.pack("<HH", 4, 0))
    check(hex(status_of_open(c)), hex(DELETED), "the session after that")
    c = login()
    check(hex(c.reauthenticate((USER1[0], "wrong"))), hex(LOGON), "a wrong password")
    check(hex(status_of_open(c)), hex(DELETED), "the session after that")
    check(hex(reply.status), hex(OK), "ECHO needs no session")


def previous():
    """A session ends an older one of its user's, once it has proved to be the user's."""
    old = login()
    try:
        login((USER1[0], "wrong"), previous=old.session)
        sys.exit("a wrong password is right")
    except SystemExit as e:
        check("second leg" in str(e), True, "how it was refused")
    check(hex(status_of_open(old)), hex(OK), "the old session after a failed login")
    login(USER2, previous=old.session)
    check(hex(status_of_open(old)), hex(OK), "the old session after a login of another user")
    new = login(previous=old.session)
    check(hex(status_of_open(old)), hex(DELETED), "the old session after a login of its user")
    check(hex(status_of_open(new)), hex(OK), "the new session")


def signed():
    """Whatever is refused is signed as what is granted."""
    c = login()
    path = "\\\\server\\nosuch".encode("utf-16le")
    asked = {
        c.send(CLOSE, struct.pack("<HHI16s", 24, 0, 0, b"\1" * 16)): CLOSED,
        c.send(CONNECT, struct.pack("<HHHH", 9, 0, 72, len(path)) + path): BAD_NAME,
        c.send(CLOSE, struct.pack("<HHI16s", 24, 0, 0, b"\1" * 16), tree=99): NO_TREE,
        c.open("no\\such\\path"): 0xC000003A,
        c.send(READ, struct.pack("<H", 7)): 0xC000000D,
    }
    for _ in range(len(asked)):
        reply = c.next()
        check(hex(reply.status), hex(asked.pop(reply.mid)), f"status of {reply.command}")
        check(reply.flags & SIGNED, SIGNED, f"flag of {reply.command}, {reply.status:#x}")


def flying(how):
    """READ, WRITE, NOTIFY and a LOCK that waits, on two channels, when their tree or session ends:
    each is answered once, and the file is free afterwards."""
    for _ in range(5):
        holder = login()
        held = holder.opened("contended")
        check(lock(holder, held, 0x12) is not None and holder.next().status, OK, "the lock")
        a = login()
        b = Channel(PORT, "127.0.0.1", bind=a)
        folder = a.opened("", options=1, access=0x81, disposition=1)
        file = a.opened("contended")
        wanted = {a: set(), b: set()}
        for c in (a, b):
            wanted[c].add(notify(c, folder))
            wanted[c].add(lock(c, file, 2))
        for i in range(16):
            c = (a, b)[i % 2]
            wanted[c].add(c.send_write(file, 1000 + i * 4096, b"x" * 4096))
            wanted[c].add(c.send_read(file, 1000, 4096))
        last = simple(a, how)
        wanted[a].add(last)
        for c, mids in wanted.items():
            while mids:
                reply = c.next()
                if reply is None:
                    sys.exit(f"{len(mids)} requests were not answered")
                check(reply.mid in mids, True, "an answer to something asked")
                mids.remove(reply.mid)
                allowed = (OK, CLOSED, CLEANUP, CANCELLED, NOT_LOCKED, NO_TREE, DELETED)
                check(reply.status in allowed, True, f"{reply.status:#x} of {reply.command}")
                if reply.mid == last and c is a:
                    check(hex(reply.status), hex(OK), "the end")
        gone = DELETED if how == LOGOFF else NO_TREE
        for c in (a, b):
            check(hex(status_of_open(c)), hex(gone), "afterwards")
        holder.close(held)
        again = holder.opened("contended")
        check(lock(holder, again, 0x12) is not None and holder.next().status, OK, "a new lock")
        holder.close(again)


def logoff():
    flying(LOGOFF)


def disconnect():
    flying(TREE_DISCONNECT)


def bounded():
    """What waits is counted per session, over all of its channels."""
    a = login()
    channels = [a] + [Channel(PORT, "127.0.0.1", bind=a) for _ in range(5)]
    folder = a.opened("", options=1, access=0x81, disposition=1)
    waiting = refused = 0
    for c in channels:
        for _ in range(50):  # credits
            check(echo(c), OK, "ECHO")
        for _ in range(450):
            notify(c, folder)
            reply = c.frame(10)
            if reply.status == PENDING:
                waiting += 1
            else:
                check(hex(reply.status), hex(NO_RESOURCES), "one too many")
                refused += 1
                break
    check((waiting, refused > 0), (2048, True), "how many wait")
    a.send(CLOSE, struct.pack("<HHI16s", 24, 0, 0, folder))
    ended = 0
    for c in channels:
        while True:
            reply = c.next(2)
            if reply is None:
                break
            ended += reply.status == CLEANUP
            if ended == waiting:
                break
    check(ended, waiting, "how many were told that the folder is closed")
    check(hex(status_of_open(a)), hex(OK), "the session lives")


if __name__ == "__main__":
    globals()[sys.argv[2]]()
