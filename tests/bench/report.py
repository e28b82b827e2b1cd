# SPDX-License-Identifier: GPL-2.0-or-later
"""The table for people (user.md), the raw runs (user.json), and a line for the terminal."""
import json
import os
import statistics

import figures
import svg
from rows import GROUPS, PROTECTION
from servers import TITLES

WORST = 12
CPUS = {"split": "servers and clients on CPUs of their own", "shared": "CPUs shared"}


def number(value):
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def small(value):
    """CPU seconds and percentages: three digits that matter."""
    return "–" if value is None else f"{value:.3g}"


def per_cent(value):
    return "" if value is None else f"{value * 100:.0f} %"


def cpu_unit(row):
    if row["kind"] == "idle":
        return "% of a CPU"
    return "s/GB" if row["size"] or row["workload"] in ("get", "put") else "s/1,000"


def cells(row, limits):
    """The columns of a row after its title."""
    servers, runs = row["servers"], row["runs"]
    out = []
    for server in servers:
        mine = runs.get(server, [])
        out.append(f"{number(figures.median(mine, 'rate'))} ±{figures.spread(mine) * 100:.0f} %"
                   if mine else "–")
    out.append(f"**{number(figures.ratio(row))}**" if len(servers) > 1 else "–")
    out.append(beside(small(figures.median(runs.get(s, []), "cpu")) for s in servers))
    out.append(number(figures.ratio(row, "cpu")))
    out.append(beside(number(figures.latency(runs.get(s, []), "p99")) for s in servers))
    out.append(per_cent(limits.share(row)))
    return out


def beside(texts):
    texts = list(texts)
    return "" if set(texts) == {"–"} else " / ".join(texts)


def heads(servers):
    return [*(TITLES[s] for s in servers), "ratio", "CPU", "ratio", "p99 µs", "of the limit"]


def table(head, lines):
    text = [f"| {' | '.join(head)} |", "|---|" + "---|" * (len(head) - 1)]
    return "\n".join(text + [f"| {' | '.join(line)} |" for line in lines]) + "\n"


def section(group, rows, limits):
    """One table, with a row's unit beside its title; data is divided by protection."""
    out = [f"## {GROUPS[group]}\n"]
    divided = group.startswith("data")
    for protection in PROTECTION if divided else [None]:
        mine = [r for r in rows if r["group"] == group and protection in (None, r["protection"])]
        if not mine:
            continue
        if divided:
            out.append(f"### {PROTECTION[protection][0].capitalize()}\n")
        lines = []
        for row in mine:
            where = "" if divided or row["protection"] == "plain" or \
                PROTECTION[row["protection"]][0] in row["title"] or \
                row["kind"] == "tail" else f", {PROTECTION[row['protection']][0]}"
            lines.append([f"{row['title']}{where} ({row['unit']}; {cpu_unit(row)})",
                          *cells(row, limits)])
        out.append(table(["work", *heads(mine[0]["servers"])], lines))
    return "\n".join(out) if len(out) > 1 else ""


def target_section(rows):
    lines = []
    for sentence, target, least, met, of, row, value in figures.targets(rows):
        lines.append([sentence, f"{'≥' if least else '≤'} {target:.3g}", f"{met} of {of}",
                      f"{row['name']}: {value:.3g}"])
    if not lines:
        return ""
    return "## Targets\n\n" + table(["this server / Samba", "target", "rows that reach it", "worst"],
                                    lines)


def worst_section(rows):
    known = sorted(((figures.ahead(r), r) for r in rows if figures.ahead(r)), key=lambda f: f[0])
    lines = [[r["name"], r["title"], f"{v:.2f}", number(figures.ratio(r, "cpu"))]
             for v, r in known[:WORST]]
    return "## The least ahead\n\n" + table(["row", "work", "times better", "CPU ratio"], lines) \
        if lines else ""


def growth_section(rows):
    lines = []
    for title, sizes, rates, exponents in figures.growth(rows):
        for server, values in rates.items():
            lines.append([title, TITLES[server],
                          ", ".join(f"{n:,}: {number(v)}" for n, v in zip(sizes, values)),
                          "–" if exponents[server] is None else f"{exponents[server]:.2f}"])
    return "### Exponents\n\nRates as sizes grow; y = c·x^e.\n\n" + \
        table(["series", "server", "rates per second", "e"], lines) if lines else ""


def limit_section(limits):
    lines = []
    for (kind, op, size, depth, connections), rate in limits.best.items():
        what = {"tcp": f"loopback TCP, {op} {size:,} bytes, depth {depth}, {connections} "
                       f"connection{'s' * (connections > 1)}",
                "crypto": f"{op}, {size:,} bytes, one core", "memcpy": f"memcpy {size:,} bytes",
                "file": f"{op}, system calls on the folder"}[kind]
        lines.append([what, f"{rate:,.0f}", f"{rate * size / (1 << 20):,.0f}" if size else ""])
    return "## The limits\n\n`build/tools/limits`, the best of its runs.\n\n" + \
        table(["what", "per second", "MiB/s"], lines) if lines else ""


HOW = """Rates are the client's; ± is half of what lies between the least and the most of the rounds.
CPU is the server's, all of its processes, kernel time included: seconds per GB of data, or per 1,000
operations; of idle connections percent of one CPU. A ratio is this server / Samba, the median over
the rounds of what ran one after the other: of rates above 1 is better, of CPU, latencies (µs) and
memory (KiB) below 1; a / b is this server beside Samba. "Of the limit":
the part of what loopback TCP without a protocol, the cipher on one core and the file system's own
calls would allow, one after the other.
"""


def remarks(where, rows):
    """Sentences: what the clients spare themselves; whether other work was on the machine."""
    said = [where["client"]] if "client" in where else []
    others = [run["others"] for r in rows for runs in r["runs"].values() for run in runs
              if "others" in run]
    said += [f"Rows again: {j}." for j in where.get("joined", [])]
    middle = statistics.median(others) if others else 0
    if middle > 0.15:
        said.append(f"Other work had {middle:.1f} CPUs meanwhile: rates are rough.")
    return "".join(f" {s}" for s in said)


def markdown(found, stem):
    where, rows, limits = found["where"], found["rows"], figures.Limits(found["limits"])
    text = [f"# User path against Samba\n\nMade by `{where['command']}` on {where['date']}, revision "
            f"{where['revision']}, in {where['minutes']:.0f} minutes: {where['machine']}, "
            f"{where['samba']}, tmpfs, loopback, "
            f"{CPUS[where.get('cpus', 'shared')]}; {where['rounds']} rounds of "
            f"{where['seconds']:g} s, the servers in turns; rows that differ much from round to round are "
            f"measured once more, and the steadier ones stay.{remarks(where, rows)} One row "
            f"again: `tests/bench/run --only NAME` (`--list` names them). Every single run: [{stem}.json]({stem}.json). Samba's "
            f"settings: [bench.conf](../../tests/peer/bench.conf).\n\n{HOW}\n![Ratios]({stem}.svg)\n"]
    text += [target_section(rows), worst_section(rows)]
    for group in GROUPS:
        text.append(section(group, rows, limits))
        if group == "growth":
            text.append(growth_section(rows))
    text.append(limit_section(limits))
    if found.get("failed"):
        text.append("## Not measured\n\n" + "\n".join(f"- {f}" for f in found["failed"]) + "\n")
    return "\n".join(t for t in text if t)


# What the README shows: (title, row's name without its protection), of every protection.
SHORT = [("read 1 MiB", "read-1m-d1"), ("write 1 MiB", "write-1m-d1"),
         ("random read 4 KiB", "randread-4k-d1"), ("random write 4 KiB", "randwrite-4k-d1"),
         ("random read 4 KiB, depth 16", "randread-4k-d16"),
         ("random write 4 KiB, depth 16", "randwrite-4k-d16"),
         ("random read 4 KiB, depth 16, 8 connections", "randread-4k-d16-c8"),
         ("create, write 4 KiB, close", "create"), ("open, stat, close", "stat"),
         ("unlink", "unlink"), ("rename", "rename"), ("list 100,000 entries", "list"),
         ("session setups, 4 clients", "setup")]


def short(found):
    """The table of the README: of each protection the ratios of rates and of CPU time."""
    by_name = {r["name"]: r for r in found["rows"]}
    lines = []
    for title, name in SHORT:
        mine = [by_name.get(f"{name}-{p}") for p in PROTECTION]
        if not mine[0]:
            continue
        middle = [number(figures.median(mine[0]["runs"].get(s, []), "rate"))
                  for s in mine[0]["servers"]]
        lines.append([title, f"{middle[0]} {mine[0]['unit']}",
                      *(f"{number(figures.ratio(r))}, {number(figures.ratio(r, 'cpu'))}" if r else ""
                        for r in mine)])
    return table(["work", "plain", *(f"/ Samba, {p}" for p in ("plain", "signed (GMAC)",
                                                                "signed (CMAC)", "sealed"))], lines)


def line(row, limits):
    """For the terminal."""
    first = row["runs"].get(row["servers"][0], [])
    texts = [f"{number(figures.median(row['runs'].get(s, []), 'rate')):>9}" for s in row["servers"]]
    cpus = [f"{small(figures.median(row['runs'].get(s, []), 'cpu')):>8}" for s in row["servers"]]
    return (f"{row['name']:32} {row['unit']:9} {' '.join(texts)}  x {number(figures.ratio(row)):>6}"
            f" ±{figures.spread(first) * 100 if first else 0:3.0f} %   cpu {' '.join(cpus)}  x "
            f"{number(figures.ratio(row, 'cpu')):>5}  {per_cent(limits.share(row)):>6}")


def write(folder, found, stem="user"):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{stem}.json", "w", encoding="utf-8") as f:
        text = json.dumps(found, ensure_ascii=False)
        # A run a line: the file is read by people and by diff, too.
        f.write(text.replace('{"name"', '\n{"name"').replace('{"rate"', '\n {"rate"')
                .replace('{"kind"', '\n {"kind"') + "\n")
    with open(f"{folder}/{stem}.md", "w", encoding="utf-8") as f:
        f.write(markdown(found, stem))
    with open(f"{folder}/{stem}.svg", "w", encoding="utf-8") as f:
        f.write(svg.picture(found))
