# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bench measures: one Row is one line of the table."""
from dataclasses import dataclass, field

PROTECTION = {
    "plain": ("plain", ["--protection", "plain"]),
    "gmac": ("signed (AES-GMAC)", ["--protection", "signed", "--signing", "gmac"]),
    "cmac": ("signed (AES-CMAC)", ["--protection", "signed", "--signing", "cmac"]),
    "sealed": ("sealed (AES-128-GCM)", ["--protection", "sealed", "--cipher", "aes-128-gcm"]),
}
# Of all servers alike: to check a MiB costs a client more than it costs a server to send it, and on
# one machine the client would be what is measured. Requests are signed and sealed as ever.
UNCHECKED = ["--unchecked"]
CLIENT = ("The client counts data that is read and looks at no more than its header (smbload "
          "--unchecked): what is measured is the servers.")
BYTES = {"4k": 4096, "64k": 65536, "1m": 1 << 20}
SIZES = {"4k": "4 KiB", "64k": "64 KiB", "1m": "1 MiB"}
# (smbload's workload, size, depth): with every protection, and from one connection and eight.
DATA = [(w, "1m", d) for d in (1, 8) for w in ("read", "write")]
DATA += [(w, s, d) for s in ("4k", "64k") for d in (1, 16) for w in ("randread", "randwrite")]
METADATA = {
    "create": "create, write 4 KiB, close",
    "stat": "open, stat, close",
    "unlink": "unlink",
    "rename": "rename",
}
VERBS = {"read": "read", "write": "write", "randread": "random read",
         "randwrite": "random write"}
LISTED, LISTINGS = 100000, 2
FOLDERS = (100, 10000, LISTED)
CONNECTIONS = (1, 2, 4, 8)
SETUPS = 4
# The crowd: connections that work, connections that idle beside them; what is asked per second.
CROWD, CROWD_IDLE = 1000, 10000
CROWD_RATES = {"randread": 4000, "stat": 2000}

# group: the table's heading
GROUPS = {
    "data-1": "Data, one connection",
    "data-8": "Data, eight connections",
    "metadata": "Metadata",
    "setup": "Session setup",
    "idle": "Idle connections",
    "tail": "4 KiB reads while another client streams",
    "crowd": f"{CROWD:,} connections at work, beside {CROWD_IDLE:,} idle ones",
    "growth": "Growth",
    "clients": "Other clients",
}


@dataclass
class Row:
    """`kind` says who measures it (measure.py); `options` are smbload's without time and server."""
    name: str
    group: str
    title: str
    kind: str = "load"
    workload: str = ""
    protection: str = "plain"
    connections: int = 1
    depth: int = 1
    size: str = ""
    unit: str = "/s"
    options: list = field(default_factory=list)
    amount: int = 0  # of "load": entries of a folder; of others: connections, MiB
    quick: bool = False
    alone: bool = False  # of this server only

    def arguments(self):
        """smbload's words, without server, time and workload."""
        words = [*PROTECTION[self.protection][1], "-c", str(self.connections), "-d",
                 str(self.depth)]
        return [*words, *(["-s", self.size, *UNCHECKED] if self.size else []), *self.options]

    def bytes(self):
        """Of one operation, 0 for metadata."""
        return BYTES.get(self.size, 0)


def data_rows():
    for connections in (1, 8):
        for protection in PROTECTION:
            for workload, size, depth in DATA:
                many = f"-c{connections}" if connections > 1 else ""
                # Every day: one connection, the shapes that the targets name.
                quick = connections == 1 and (size, depth) in (("4k", 16), ("1m", 1)) and \
                    protection != "cmac"
                yield Row(f"{workload}-{size}-d{depth}{many}-{protection}", f"data-{connections}",
                          f"{VERBS[workload]} {SIZES[size]}, depth {depth}", workload=workload,
                          protection=protection, connections=connections, depth=depth, size=size,
                          unit="MiB/s" if size == "1m" else "/s", quick=quick)


def metadata_rows():
    for protection in PROTECTION:
        for workload, title in METADATA.items():
            yield Row(f"{workload}-{protection}", "metadata", title, workload=workload,
                      protection=protection, quick=protection == "plain")
    for workload, title in METADATA.items():
        yield Row(f"{workload}-d8-plain", "metadata", f"{title}, depth 8", workload=workload,
                  depth=8)
        yield Row(f"{workload}-c8-plain", "metadata", f"{title}, 8 connections",
                  workload=workload, connections=8)
    yield Row("stat-compound-plain", "metadata", f"{METADATA['stat']}, one message", workload="stat",
              options=["--compound"], quick=True)
    for protection in PROTECTION:
        yield Row(f"list-{protection}", "metadata", f"list {LISTED:,} entries", workload="list",
                  protection=protection, unit="entries/s", amount=LISTED,
                  options=["--entries", str(LISTED), "-n", str(LISTINGS), "--warm-up", "0"],
                  quick=protection == "plain")


def growth_rows():
    for connections in CONNECTIONS[1:-1]:
        for workload, size, depth in (("randread", "4k", 1), ("randread", "4k", 16)):
            yield Row(f"{workload}-{size}-d{depth}-c{connections}-plain", "growth",
                      f"{VERBS[workload]} {SIZES[size]}, depth {depth}, {connections} connections",
                      workload=workload, connections=connections, depth=depth, size=size)
        yield Row(f"stat-c{connections}-plain", "growth",
                  f"{METADATA['stat']}, {connections} connections", workload="stat",
                  connections=connections)
    for files in FOLDERS:
        yield Row(f"stat-of-{files}", "growth", f"{METADATA['stat']}, folder of {files:,}",
                  workload="stat", amount=files)
        yield Row(f"create-in-{files}", "growth", f"{METADATA['create']}, folder of {files:,}",
                  workload="create", amount=files)


def other_rows():
    for protection in PROTECTION:
        yield Row(f"setup-{protection}", "setup", f"{SETUPS} clients, {PROTECTION[protection][0]}",
                  workload="setup", protection=protection, connections=SETUPS,
                  quick=protection == "plain")
    for count in (1000, 10000):
        fewer = " (Samba: 2,000)" if count > 2000 else ""
        yield Row(f"idle-{count}", "idle", f"{count:,} connections{fewer}", "idle",
                  connections=count, unit="KiB", quick=count == 1000)
    for protection in ("plain", "sealed"):
        yield Row(f"tail-{protection}", "tail",
                  f"random read 4 KiB, depth 1, {protection}: 99th percentile", "tail",
                  workload="randread", protection=protection, size="4k", unit="µs",
                  quick=protection == "plain")
    for workload, rate in CROWD_RATES.items():
        title = "random read 4 KiB" if workload == "randread" else METADATA[workload]
        for idle in (0, CROWD_IDLE):
            yield Row(f"crowd-{workload}-{idle}", "crowd", f"{title}, {rate:,} per second, "
                      f"{idle:,} idle: median", "crowd", workload=workload, connections=CROWD,
                      size="4k" if workload == "randread" else "", unit="µs", amount=idle,
                      options=["--rate", str(rate)], alone=True)
    for protection, (title, _) in PROTECTION.items():
        for verb in ("get", "put"):
            yield Row(f"smbclient-{verb}-{protection}", "clients", f"smbclient {verb}, {title}",
                      "smbclient", workload=verb, protection=protection, unit="MiB/s", amount=512)
    yield Row("smbclient-mput", "clients", "smbclient mput, 1,000 of 4 KiB", "smbclient",
              workload="mput", unit="files/s", amount=1000)
    yield Row("smbclient-mget", "clients", "smbclient mget, 1,000 of 4 KiB", "smbclient",
              workload="mget", unit="files/s", amount=1000)
    for test in ("oplock1", "path-contention-shared", "echo"):
        yield Row(f"smbtorture-{test}", "clients", f"smbtorture smb2.bench.{test}", "smbtorture",
                  workload=test)


def all_rows():
    return [*data_rows(), *metadata_rows(), *growth_rows(), *other_rows()]


def selected(only, quick):
    """Rows that --only names by name, group, protection or the start of a name; in table order."""
    rows = [r for r in all_rows() if r.quick or not quick]
    if not only:
        return rows
    words = only.split(",")
    found = [r for r in all_rows() if any(w in (r.group, r.protection) or r.name.startswith(w)
                                          for w in words)]
    for word in words:
        if not any(word in (r.group, r.protection) or r.name.startswith(word) for r in found):
            raise ValueError(f"no such row: {word}")
    return found
