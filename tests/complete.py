#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Types a line into an interactive bash, has readline insert every completion of its last word, and
prints the words that the line then has, one per line.

complete.py COMPLETION-FILE FOLDER-OF-THE-PROGRAM LINE [BEHIND]
With BEHIND it is the Tab key instead, and BEHIND is typed after that.
"""
import os
import pty
import select
import sys
import time

script, folder, line = sys.argv[1:4]
behind = sys.argv[4] if len(sys.argv) > 4 else ""
DONE = "<all done>"


def until(fd, text, seconds=20):
    seen, end = b"", time.monotonic() + seconds
    while text.encode() not in seen:
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"no {text!r} in {seen!r}")
        try:
            seen += os.read(fd, 65536)
        except OSError:
            sys.exit(f"bash ended: {seen!r}")
    return seen


pid, fd = pty.fork()
if not pid:
    os.environ.update(PATH=f"{folder}:{os.environ['PATH']}", TERM="dumb", INPUTRC="/dev/null",
                      HISTFILE="/dev/null", PS1="ready:")
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
until(fd, "ready:")
# What is printed goes to a file, not through the terminal.
out = f"/dev/shm/complete.{os.getpid()}"
os.write(fd, f". {script}; bind 'set bell-style none'; PS1=go:; stty cols 4000\n".encode())
until(fd, "go:")
os.write(fd, line.encode() + (b"\t" if behind else b"\x1b*"))
time.sleep(0.1)
os.write(fd, f"{behind}\x01printf '%s\\n' \x05 >{out}; echo '<all' 'done>'\n".encode())
until(fd, DONE)
os.write(fd, b"exit\n")
os.close(fd)
os.waitpid(pid, 0)
with open(out, encoding="utf-8") as f:
    print(f.read(), end="")
os.unlink(out)
