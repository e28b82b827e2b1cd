#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads Prometheus' text format on standard input, stricter than Prometheus does.

Prints "name{labels} value" per sample and exits 0, or says what is wrong and exits 1. What promtool
does not look at: order, families that are in pieces, series that come twice, histograms that do not
add up, and labels other than those given as arguments (unbounded ones must not slip in).
"""
import math
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (\S+)$" % NAME)
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


class Bad(Exception):
    pass


def labels_of(text):
    found, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m or m.group(1) in found:
            raise Bad("labels")
        found[m.group(1)] = m.group(2)
        at = m.end()
    return found


def family_of(name, types):
    if name in types:
        return name
    for suffix in ("_bucket", "_count", "_sum"):
        base = name[: -len(suffix)]
        if name.endswith(suffix) and types.get(base) == "histogram":
            return base
    raise Bad("a sample without a TYPE")


def parse(lines, allowed):
    types, helps, samples = {}, {}, {}
    current = None
    for number, line in enumerate(lines, 1):
        try:
            m = re.match(r"# (HELP|TYPE) (%s) (.+)$" % NAME, line)
            if m and m.group(1) == "HELP":
                if m.group(2) in helps:
                    raise Bad("HELP twice")
                helps[m.group(2)] = m.group(3)
                current = m.group(2)
            elif m:
                if m.group(2) in types or m.group(2) != current or m.group(3) not in TYPES:
                    raise Bad("TYPE")
                types[m.group(2)] = m.group(3)
                if (m.group(3) == "counter") != m.group(2).endswith("_total"):
                    raise Bad("counters end in _total, and nothing else does")
            else:
                m = SAMPLE.match(line)
                if not m:
                    raise Bad("neither a comment nor a sample")
                labels = labels_of(m.group(2) or "")
                if family_of(m.group(1), types) != current:
                    raise Bad("a sample of another family")
                if not set(labels) <= allowed:
                    raise Bad("a label that was not expected")
                key = (m.group(1), tuple(sorted(labels.items())))
                if key in samples:
                    raise Bad("a series twice")
                value = float(m.group(3))
                if math.isnan(value) or value < 0:
                    raise Bad("a value below zero")
                samples[key] = value
        except (Bad, ValueError) as e:
            raise Bad("line %d: %s: %s" % (number, e, line)) from None
    for name in helps:
        if name not in types:
            raise Bad("no TYPE of " + name)
    histograms(types, samples)
    return samples


def histograms(types, samples):
    buckets = {}
    for (name, labels), value in samples.items():
        if name.endswith("_bucket") and types.get(name[:-7]) == "histogram":
            rest = tuple(l for l in labels if l[0] != "le")
            buckets.setdefault((name[:-7], rest), []).append((float(dict(labels)["le"]), value))
    for (name, labels), b in buckets.items():
        if [x for x, _ in b] != sorted(x for x, _ in b) or b[-1][0] != math.inf:
            raise Bad("%s: the bounds" % name)
        if [v for _, v in b] != sorted(v for _, v in b):
            raise Bad("%s: buckets are cumulative" % name)
        if samples.get((name + "_count", labels)) != b[-1][1]:
            raise Bad("%s: the count is that of the last bucket" % name)


def main():
    text = sys.stdin.read()
    try:
        if not text.endswith("\n"):
            raise Bad("the last line has no end")
        samples = parse(text[:-1].split("\n"), set(sys.argv[1:]) | {"le"})
    except Bad as e:
        print(e, file=sys.stderr)
        return 1
    for (name, labels), value in samples.items():
        inside = ",".join('%s="%s"' % l for l in labels)
        print("%s%s %d" % (name, "{%s}" % inside if inside else "", value))
    return 0


sys.exit(main())
