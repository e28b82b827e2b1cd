# SPDX-License-Identifier: GPL-2.0-or-later
"""From the runs of a row to the numbers of its line: medians, spread, ratios, exponents, limits."""
import math
import statistics

from rows import BYTES, CONNECTIONS, FOLDERS

MIB = 1 << 20
# Rows whose number is better when it is smaller.
LOW_UNITS = ("µs", "KiB")
CIPHER_OF = {"gmac": "aes-128-gmac", "cmac": "aes-128-cmac", "sealed": "aes-128-gcm"}


def median(runs, key):
    values = [r[key] for r in runs if key in r]
    return statistics.median(values) if values else None


def spread(runs):
    """Half of what lies between the least and the most, as a part of the median."""
    values = [r["rate"] for r in runs]
    middle = statistics.median(values) if values else 0
    return (max(values) - min(values)) / 2 / middle if middle else 0


def ratio(row, key="rate"):
    """Median over the rounds of this server / the other: what ran side by side is compared."""
    first, second = (row["runs"].get(s, []) for s in row["servers"][:2]) \
        if len(row["servers"]) > 1 else ([], [])
    pairs = [a[key] / b[key] for a, b in zip(first, second) if b.get(key) and key in a]
    return statistics.median(pairs) if pairs else None


def ahead(row):
    """How many times better this server is, whichever way the row counts."""
    value = ratio(row)
    if value is None:
        return None
    return 1 / max(value, 1e-9) if row["unit"] in LOW_UNITS else value


def percentile_ratio(row, key="p99"):
    first, second = (row["runs"].get(s, []) for s in row["servers"][:2])
    pairs = [a["latency_us"][key] / b["latency_us"][key] for a, b in zip(first, second)
             if b.get("latency_us", {}).get(key)]
    return statistics.median(pairs) if pairs else None


def latency(runs, key):
    values = [r["latency_us"][key] for r in runs if "latency_us" in r]
    return statistics.median(values) if values else None


# ---- limits ----

class Limits:
    """What build/tools/limits told: the best of its runs is the limit."""

    def __init__(self, told):
        self.best = {}
        for t in told:
            key = (t["kind"], t["op"], t.get("size", 0), t.get("depth", 0),
                   t.get("connections", 0))
            self.best[key] = max(self.best.get(key, 0), t["rate"])

    def crypto(self, protection, size):
        """Seconds that one message's protection takes one core."""
        rate = self.best.get(("crypto", CIPHER_OF.get(protection), max(size, 4096), 0, 0))
        return 1 / rate if rate else 0

    def tcp(self, op, size, depth, connections):
        """Requests per second without a protocol; deep ones may go one by one if that is faster."""
        wide = 8 if connections > 1 else 1
        rates = [v for (kind, o, s, d, c), v in self.best.items()
                 if (kind, o, s, c) == ("tcp", op, size, wide) and (d == 1 or depth > 1)]
        return max(rates, default=0)

    def of(self, row):
        """Operations per second that no server can beat here, or None."""
        if row["kind"] != "load":
            return None
        if row["size"]:
            op = "write" if "write" in row["workload"] else "read"
            bare = self.tcp(op, BYTES[row["size"]], row["depth"], row["connections"])
            protect = self.crypto(row["protection"], BYTES[row["size"]])
            return 1 / (1 / bare + protect) if bare else None
        if row["workload"] == "list":
            return self.best.get(("file", "getdents", 0, 0, 0))
        local = self.best.get(("file", row["workload"], 0, 0, 0))
        trip = self.tcp("echo", 0, row["depth"], row["connections"])
        return 1 / (1 / local + 1 / trip) if local and trip else None

    def share(self, row):
        limit, runs = self.of(row), row["runs"].get(row["servers"][0], [])
        if not limit or not runs:
            return None
        rate = median(runs, "rate")
        return rate / (limit * BYTES[row["size"]] / MIB if row["unit"] == "MiB/s" else limit)


# ---- growth ----

def exponent(points):
    """Of y = c * x^e through the points, by least squares of the logarithms."""
    logs = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    if len(logs) < 2:
        return None
    mx, my = (statistics.mean(v) for v in zip(*logs))
    return sum((x - mx) * (y - my) for x, y in logs) / sum((x - mx) ** 2 for x, _ in logs)


def growth(rows):
    """(title, sizes, {server: rates}, {server: exponent}) of what was measured at several sizes."""
    by_name = {r["name"]: r for r in rows}
    series = [(f"rate of {title}, by connections", CONNECTIONS,
               [name.format("" if n == 1 else f"-c{n}") for n in CONNECTIONS])
              for title, name in (("random read 4 KiB, depth 1", "randread-4k-d1{}-plain"),
                                  ("random read 4 KiB, depth 16", "randread-4k-d16{}-plain"),
                                  ("open, stat, close", "stat{}-plain"))]
    series += [(f"rate of {title}, by files in the folder", FOLDERS,
                [f"{name}-{n}" for n in FOLDERS])
               for title, name in (("open, stat, close", "stat-of"),
                                   ("create, write 4 KiB, close", "create-in"))]
    for title, sizes, names in series:
        if not all(n in by_name for n in names):
            continue
        found = [by_name[n] for n in names]
        rates = {s: [median(r["runs"].get(s, []), "rate") or 0 for r in found]
                 for s in found[0]["servers"]}
        yield title, sizes, rates, {s: exponent(zip(sizes, v)) for s, v in rates.items()}


# ---- targets ----

def is_deep_small(row):
    return (row["size"], row["depth"], row["protection"]) == ("4k", 16, "plain")


def is_protected_data(row):
    return bool(row["size"]) and row["kind"] == "load" and row["protection"] != "plain"


# (sentence, which rows, what is compared, at least or at most)
TARGETS = [
    ("ahead in every row", lambda r: True, ahead, 1.0, True),
    ("4 KiB random read and write, depth 16, plain", is_deep_small, ahead, 3.0, True),
    ("metadata", lambda r: r["group"] == "metadata", ahead, 2.0, True),
    ("read 1 MiB, plain", lambda r: (r["workload"], r["size"], r["protection"]) ==
     ("read", "1m", "plain"), ahead, 1.5, True),
    ("signed and sealed data", is_protected_data, ahead, 1.3, True),
    ("server CPU per GB", lambda r: bool(r["size"]) and r["kind"] == "load",
     lambda r: ratio(r, "cpu"), 0.6, False),
    ("memory per idle connection", lambda r: r["kind"] == "idle", lambda r: ratio(r, "pss"),
     1 / 40, False),
    ("session setups", lambda r: r["group"] == "setup", ahead, 10.0, True),
]


def targets(rows):
    """(sentence, target, at least?, rows met, rows, worst row, its figure) of each."""
    for sentence, wanted, figure, target, least in TARGETS:
        found = [(figure(r), r) for r in rows if wanted(r)]
        found = [(v, r) for v, r in found if v is not None]
        if not found:
            continue
        met = sum(v >= target if least else v <= target for v, _ in found)
        value, row = (min if least else max)(found, key=lambda f: f[0])
        yield sentence, target, least, met, len(found), row, value
