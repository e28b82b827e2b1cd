# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of a bench: ratios of every row as dots, and latencies as curves. Plain SVG.

It has a background of its own, light or dark as the reader's is, and the fonts that are there.
"""
import math
from xml.sax.saxutils import escape

import figures
from rows import GROUPS, PROTECTION
from servers import TITLES

WIDTH, LEFT, RIGHT = 1000, 350, 40
LINE, TOP, HEAD = 19, 96, 27
LOWEST, HIGHEST = .2, 30  # what lies beyond stands at the edge, with its number
CURVE = 250  # height of a curve's field
STYLE = """
  .page{fill:#ffffff} text{fill:#1f2328;font:13px system-ui,-apple-system,"Segoe UI",sans-serif}
  .title{font-size:19px;font-weight:600} .head{font-weight:600} .dim{fill:#59636e;font-size:12px}
  .grid{stroke:#d1d9e0;stroke-width:1} .even{stroke:#1f2328;stroke-width:1.6}
  .band{fill:#f6f8fa} .span{stroke:#afb8c1;stroke-width:2}
  .c0{fill:#0969da;stroke:#0969da} .c1{fill:#1a7f37;stroke:#1a7f37}
  .c2{fill:#9a6700;stroke:#9a6700} .c3{fill:#cf222e;stroke:#cf222e}
  .curve{fill:none;stroke-width:2.2} .dashed{stroke-dasharray:6 4}
  @media (prefers-color-scheme: dark){
  .page{fill:#0d1117} text{fill:#e6edf3} .dim{fill:#9198a1} .grid{stroke:#3d444d}
  .even{stroke:#e6edf3} .band{fill:#151b23} .span{stroke:#656c76}
  .c0{fill:#4493f8;stroke:#4493f8} .c1{fill:#3fb950;stroke:#3fb950}
  .c2{fill:#d29922;stroke:#d29922} .c3{fill:#f85149;stroke:#f85149}}
"""
SHORT = {"plain": "plain", "gmac": "signed, GMAC", "cmac": "signed, CMAC", "sealed": "sealed, GCM"}
PERCENTILES = [("p50", 50), ("p90", 90), ("p99", 99), ("p99_9", 99.9), ("p99_99", 99.99)]


def text(x, y, words, kind="", anchor="start"):
    names = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{names}>{escape(words)}</text>'


def stroke(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def marker(shape, x, y):
    """A shape for each protection, so that colours are not all there is to tell them apart."""
    kind = f'class="c{shape}"'
    if shape == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {kind}/>'
    if shape == 1:
        return f'<rect x="{x - 4.4:.1f}" y="{y - 4.4:.1f}" width="8.8" height="8.8" {kind}/>'
    points = [(0, -6), (5.4, 4.6), (-5.4, 4.6)] if shape == 2 else [(0, -6), (6, 0), (0, 6), (-6, 0)]
    path = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)
    return f'<polygon points="{path}" {kind}/>'


def lines_of(rows):
    """[(group, [(title, {protection: times better})])], a title once for all protections."""
    out = []
    for group in GROUPS:
        mine = {}
        for row in rows:
            value = figures.ahead(row) if row["group"] == group else None
            if value:
                title = row["title"]
                for full in (f", {t}" for t, _ in PROTECTION.values()):
                    title = title.replace(full, "")
                if row["kind"] == "tail":
                    title = "random read 4 KiB, depth 1: p99"
                mine.setdefault(title, {})[row["protection"]] = value
        if mine:
            out.append((group, list(mine.items())))
    return out


class Scale:
    """Logarithmic, from left to right."""

    def __init__(self, low, high, left, right):
        self.low, self.left = math.log(low), left
        self.per = (right - left) / (math.log(high) - self.low)

    def __call__(self, value):
        return self.left + (math.log(value) - self.low) * self.per


def ratios(rows):
    """Lines of dots, and how high they are."""
    groups = lines_of(rows)
    values = [v for _, lines in groups for _, dots in lines for v in dots.values()] or [1]
    low = max(LOWEST, min(.8, min(values) / 1.1))
    high = min(HIGHEST, max(4, max(values) * 1.1))
    scale = Scale(low, high, LEFT, WIDTH - RIGHT)
    bottom = TOP + sum(HEAD + LINE * len(lines) for _, lines in groups)
    out, y, even = [], TOP, False
    ticks = [t for t in (.25, .5, 1, 2, 3, 5, 10, 20) if low <= t <= high]
    for _, lines in groups:
        y += HEAD
        for _ in lines:
            even = not even
            if even:
                out.append(f'<rect x="16" y="{y - 9:.1f}" width="{WIDTH - 32}" height="{LINE}" '
                           'class="band"/>')
            y += LINE
    for tick in ticks:
        out.append(stroke(scale(tick), TOP - 4, scale(tick), bottom, "even" if tick == 1 else "grid"))
        for at in (TOP - 10, bottom + 16):
            out.append(text(scale(tick), at, f"{tick:g}×", "dim", "middle"))
    y = TOP
    for group, lines in groups:
        y += HEAD
        out.append(text(20, y - 12, GROUPS[group], "head"))
        for title, dots in lines:
            out.append(text(LEFT - 14, y + 4.5, title, "", "end"))
            at = {p: scale(min(max(v, low), high)) for p, v in dots.items()}
            out.append(stroke(min(at.values()), y, max(at.values()), y, "span"))
            out += [marker(list(PROTECTION).index(p), x, y) for p, x in at.items()]
            beyond = [v for v in dots.values() if not low <= v <= high]
            if beyond:
                right = beyond[0] > high
                out.append(text(WIDTH - RIGHT - 12 if right else LEFT + 12, y + 4.5,
                                f"{beyond[0]:.3g}×", "dim", "end" if right else "start"))
            y += LINE
    return out, bottom + 24


def curves(rows, top):
    """Percentiles of 4 KiB reads, alone and beside a streaming client."""
    wanted = [("alone", "randread-4k-d1-plain", ""),
              ("beside a stream", "tail-plain", " dashed")]
    by_name = {r["name"]: r for r in rows}
    series = []
    for note, name, dash in wanted:
        for i, server in enumerate(by_name[name]["servers"] if name in by_name else []):
            points = [figures.latency(by_name[name]["runs"].get(server, []), key)
                      for key, _ in PERCENTILES]
            if all(points):
                series.append((f"{TITLES[server]}, {note}", points, i * 3, dash))
    if not series:
        return [], top
    values = [v for _, points, _, _ in series for v in points]
    scale = Scale(min(values) / 1.2, max(values) * 1.2, top + CURVE, top + 40)
    step = (WIDTH - RIGHT - LEFT) / (len(PERCENTILES) - 1)
    out = [text(20, top + 20, "Latency of random 4 KiB reads, depth 1, by percentile", "head")]
    for i, (_, percentile) in enumerate(PERCENTILES):
        out.append(stroke(LEFT + i * step, top + 40, LEFT + i * step, top + CURVE, "grid"))
        out.append(text(LEFT + i * step, top + CURVE + 18, f"{percentile:g} %", "dim", "middle"))
    for power in range(0, 8):
        for value in (10 ** power, 3 * 10 ** power):
            if min(values) / 1.2 <= value <= max(values) * 1.2:
                out.append(stroke(LEFT, scale(value), WIDTH - RIGHT, scale(value), "grid"))
                out.append(text(LEFT - 8, scale(value) + 4, f"{value:,} µs", "dim", "end"))
    for n, (title, points, colour, dash) in enumerate(series):
        path = " ".join(f"{LEFT + i * step:.1f},{scale(v):.1f}" for i, v in enumerate(points))
        # A style of its own: .c0 fills.
        out.append(f'<polyline points="{path}" class="c{colour} curve{dash}" style="fill:none"/>')
        y = top + 70 + n * 22
        out.append(f'<polyline points="20,{y} 50,{y}" class="c{colour} curve{dash}"/>')
        out.append(text(58, y + 4, title))
    return out, top + CURVE + 36


def picture(found):
    """The whole SVG."""
    where = found["where"]
    dots, below = ratios(found["rows"])
    drawn, height = curves(found["rows"], below + 10)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
           f'width="{WIDTH}" height="{height:.0f}" role="img">',
           "<title>ksmbd-hybrid against Samba: ratios of rates, by row</title>",
           f"<style>{STYLE}</style>",
           f'<rect width="{WIDTH}" height="{height:.0f}" class="page"/>',
           text(20, 30, "ksmbd-hybrid (user path) / Samba: how many times better", "title"),
           text(20, 50, f"{where['samba']}, {where['machine']}; {where['date']}; medians of "
                f"{where['rounds']}; to the right of 1× this server is ahead", "dim")]
    x = 20
    for i, protection in enumerate(PROTECTION):
        out += [marker(i, x + 6, 66), text(x + 18, 70.5, SHORT[protection])]
        x += 40 + 8 * len(SHORT[protection])
    return "\n".join([*out, *dots, *drawn, "</svg>"]) + "\n"
