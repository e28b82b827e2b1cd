# SPDX-License-Identifier: GPL-2.0-or-later
"""build/tools/smbload at the gate: logged in, sampled, run, sampled, ended."""
import json
import os
import subprocess
import threading

import place
import proc
from servers import BenchError

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SMBLOAD = os.path.join(TOP, "build", "tools", "smbload")
USER, PASSWORD = "torture1", "Torture-pw1"
SHARE = "torture"
WARM_UP = "0.05"
# Of 10,000 logins at Samba's rate, with much to spare; a server that hangs does not hold the bench.
PATIENCE = 300


class Load:
    """One smbload that stands ready: a context manager."""

    def __init__(self, server, workload, options, seconds=None):
        command = [SMBLOAD, "--gate", "--json", "-u", USER, *options]
        if seconds and "-n" not in options:
            command += ["-t", str(seconds), "--warm-up", WARM_UP]
        command += [workload, f"//127.0.0.1:{server.port}/{SHARE}"]
        self.command = " ".join(command)
        # pylint: disable-next=consider-using-with
        self.child = subprocess.Popen(
            place.on("client", command), text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "SMBLOAD_PASSWORD": PASSWORD})
        proc.favour(self.child.pid)
        self.timer = threading.Timer(PATIENCE, self.child.kill)
        self.timer.start()
        try:
            self.ready = self.told("ready")
        except BenchError:
            self.__exit__()
            raise

    def told(self, kind):
        line = self.child.stdout.readline()
        try:
            fields = json.loads(line)
        except ValueError:
            fields = {}
        if fields.get("kind") != kind:
            self.child.kill()
            said = (line + self.child.stderr.read()).strip()
            raise BenchError(f"no {kind}: {said or 'it ended without a word'}\n  {self.command}")
        return fields

    def go(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def run(self):
        self.go()
        return self.told("result")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        try:
            self.child.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
        self.child.stderr.close()
