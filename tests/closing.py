#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a client meets when the administrator closes its handle, its session, its connection.

closing.py PORT KSMBD-HYBRID [OPTIONS before the verb]
"""
import json
import os
import subprocess
import sys

from handles import User
from waiting import CLOSE, FILE_CLOSED, NOTIFY, READ, check, close, notify, pending, read

KH = sys.argv[2:]
DELETED, CLEANUP = 0xC0000203, 0x10B


def kh(*args, status=0):
    done = subprocess.run(KH + list(args), capture_output=True, text=True, check=False)
    check((done.returncode, done.stderr if not status else ""), (status, ""), " ".join(args))
    return done.stdout + done.stderr


def listed(what, **wanted):
    rows = json.loads(kh("-j", "status", what))
    return [r["id"] for r in rows if all(r[k] == v for k, v in wanted.items())]


def in_kernel(**wanted):
    """Where the test is run with the module, it is to serve what is closed."""
    if os.environ.get("KH_KERNEL"):
        check(bool(listed("handles", plane="kernel", **wanted)), True, "the module has the handle")


def handle(user):
    file = user.file()
    user.busy(file, True)
    user.busy(file, False)
    in_kernel(path=user.name)
    found, = listed("handles", path=user.name)
    check("Closed handle" in kh("close", "handle", found), True, "close handle says so")
    check(listed("handles", path=user.name), [], "the handle is off the list")
    user.expect(user.send(READ, user.disk, read(file, 1)), FILE_CLOSED, "read of a closed handle")
    user.expect(user.send(CLOSE, user.disk, close(file)), FILE_CLOSED, "close of it")
    check("no handle " in kh("close", "handle", found, status=2), True, "a second close")
    # it lives on, and a watch ends as by CLOSE
    folder = user.open(user.disk, "", 1, 0x100081)
    watch = user.send(NOTIFY, user.disk, notify(folder))
    pending(user, watch, "notify")
    found, = listed("handles", path="/")
    kh("close", "handle", str(found))
    user.expect(watch, CLEANUP, "a watch whose handle is closed")


def session(user, other):
    busy = user.file()
    user.busy(busy, True)
    in_kernel(path=user.name)
    user.end(busy)
    file = user.file(options=0x1000, access=0x110080)  # to be deleted on close
    mine = f"{user.session:016x}"
    check(mine in listed("sessions"), True, "the session is listed")
    check("from 127.0.0.1: 1 open file." in kh("close", "session", mine), True, "it says so")
    check(mine in listed("sessions"), False, "the session is off the list")
    check(listed("handles", path=user.name), [], "so are its handles")
    other.name = user.name
    other.expect(other.ask(disposition=1), 0xC0000034, "what was to be deleted on close")
    user.expect(user.send(READ, user.disk, read(file, 1)), DELETED, "a request of no session")
    check("no session" in kh("close", "session", mine, status=2), True, "a second close")


def connection(user):
    file = user.file()
    user.busy(file, True)
    in_kernel(path=user.name)
    peer = [r for r in json.loads(kh("-j", "status", "sessions")) if r["id"] ==
            f"{user.session:016x}"]
    where = str(peer[0]["connection"])
    said = kh("close", "connection", where)
    check(f"Closed connection {where} from 127.0.0.1: 1 session, 1 open file." in said, True, said)
    check(int(where) in listed("connections"), False, "the connection is off the list")
    check(listed("handles", path=user.name), [], "and so is its handle")
    user.sock.settimeout(10)
    check(user.sock.recv(1), b"", "the client sees the end")
    check("no connection" in kh("close", "connection", where, status=2), True, "a second close")


def nonsense():
    for what in ("connection", "session", "handle"):
        for word in ("x!", "-1", "99999999999999999999999999", ""):
            kh("close", what, word, status=2)
        kh("close", what, status=1)
        kh("close", what, "ffffffffffff" if what != "connection" else "999999", status=2)
    kh("close", "share", "1", status=1)
    kh("close", status=1)


def main():
    handle(User(f"closing-handle{os.getpid()}"))
    session(User("closing-session"), User(""))
    connection(User("closing-connection"))
    nonsense()
    left = User("closing-handle-left")
    left.end(left.file())
    print("what is closed is closed")


main()
