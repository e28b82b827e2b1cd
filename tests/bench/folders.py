# SPDX-License-Identifier: GPL-2.0-or-later
"""The files that smbload finds on the share (--reuse), made by the file system's own calls: they cost
no server anything, and both servers have the same ones. Names are those of tests/smbload."""
import os

MIB = 1 << 20
DATA_MIB = 32
STATED = 1000
# Files that smbload makes for all its connections, and ends when they are gone.
MADE = {"unlink": 4000, "rename": 1000}


def fill(folder, name, count, size=0):
    """Files of so many bytes, unless they are there; everyone may write."""
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    for i in range(count):
        path = os.path.join(folder, name.format(i))
        try:
            fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return
        os.fchmod(fd, 0o666)
        if size:
            os.write(fd, bytes(size))
        os.close(fd)


class Folders:
    """Made once, when a row first wants them."""

    def __init__(self, share):
        self.share, self.made = share, set()

    def once(self, *key):
        new = key not in self.made
        self.made.add(key)
        return new

    def path(self, *names):
        path = self.share
        for name in names:
            path = os.path.join(path, name)
            if not os.path.isdir(path):
                os.mkdir(path)
                os.chmod(path, 0o777)
        return path

    def options(self, row):
        """Words for smbload; what they name is there when this returns."""
        if row.kind == "crowd":  # made and removed by smbload
            return ["--file-size", "64k"] if row.size else ["--files", "10"]
        if row.size:
            return self.data("data", row.connections)
        if row.workload == "list":
            self.listed(row.amount)
            return ["--folder", "list", "--reuse"]
        if row.workload == "stat":
            return self.stated(row)
        if row.workload == "create" and row.amount:
            if self.once("in", row.amount):
                fill(self.path(f"in-{row.amount}", "c00000"), "x{:07}", row.amount)
            return ["--folder", f"in-{row.amount}"]
        if row.workload in MADE:
            return ["--files", str(MADE[row.workload] // row.connections)]
        return []

    def data(self, folder, connections):
        for i in range(connections):
            if not self.once(folder, i):
                continue
            path = os.path.join(self.path(folder, f"c{i:05}"), "data")
            with open(path, "wb") as f:
                for _ in range(DATA_MIB):
                    f.write(os.urandom(MIB))
            os.chmod(path, 0o666)
        return ["--folder", folder, "--file-size", f"{DATA_MIB}m", "--reuse"]

    def stated(self, row):
        """1,000 names are looked at, in a folder that may have more."""
        folder, more = f"stat-{row.amount or STATED}", row.amount - STATED
        count = min(row.amount or STATED, STATED)
        for i in range(row.connections):
            if self.once(folder, i):
                path = self.path(folder, f"c{i:05}")
                fill(path, "f{:07}", count)
                fill(path, "x{:07}", more)
        return ["--folder", folder, "--files", str(count), "--reuse"]

    def listed(self, count):
        folder = self.path("list", f"list{count}")
        if self.once("list", count):
            fill(folder, "file-number-{:07}.dat", count)
        return folder

    def sample(self, local, mib):
        """A large file for clients that copy, on their side and on the share."""
        path = f"{local}/big"
        if self.once("big"):
            block = os.urandom(MIB)
            for name in (path, f"{self.share}/big"):
                with open(name, "wb") as f:
                    for _ in range(mib):
                        f.write(block)
                os.chmod(name, 0o666)
        return path
