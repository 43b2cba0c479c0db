# SPDX-License-Identifier: MIT
"""plot.py: docs/performance.svg, drawn with nothing but arithmetic.

Left: what a process of a restored tree costs, by the size of the tree, beside the raw loop.  Right: what starting a
program costs from a large process.  Both scales are logarithmic: equal distances are equal ratios.
"""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 400
INK, PALE, GRID = "#1f2933", "#66717c", "#e3e7eb"
CURVES = (  # name, colour, dash, label
    ("raw loop, binary", "#b45309", "5 4", "raw clone3 loop, binary tree"),
    ("raw loop, flat", "#b45309", "", "raw clone3 loop, flat"),
    ("settid restore, binary", "#0f62a8", "5 4", "settid restore, binary tree"),
    ("settid restore, flat", "#0f62a8", "", "settid restore, flat"),
)


def text(x, y, words, size=13, anchor="start", fill=INK, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def line(x1, y1, x2, y2, stroke, width=1.0):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width}"/>'


def log_scale(low, high, start, end):
    return lambda value: start + (math.log(value) - math.log(low)) / (math.log(high) - math.log(low)) * (end - start)


def microseconds(value):
    return f"{value / 1000:.0f} ms" if value >= 10000 else f"{value:.0f} µs"


def axis_values(low, high):
    """1, 2, 5, 10, ... that lie between."""
    steps = [m * 10**e for e in range(-1, 7) for m in (1, 2, 5)]
    return [value for value in steps if low <= value <= high]


def draw_curves(curves, left, top, right, bottom):
    shown = [(curves[name], colour, dash, label) for name, colour, dash, label in CURVES if name in curves]
    values = [us for points, *_ in shown for _, us in points]
    sizes = sorted({size for points, *_ in shown for size, _ in points})
    low, high = min(values) / 1.6, max(values) * 1.3
    x, y = log_scale(sizes[0], sizes[-1], left, right), log_scale(low, high, bottom, top)
    out = [text(left, top - 44, "Restore: time per process", 15, weight="bold")]
    for value in axis_values(low, high):
        out += [line(left, y(value), right, y(value), GRID), text(left - 8, y(value) + 4, f"{value:g} µs", 12, "end", PALE)]
    for size in sizes:
        out.append(text(x(size), bottom + 20, f"{size:,}", 12, "middle", PALE))
    out.append(text((left + right) / 2, bottom + 40, "processes in the tree", 12, "middle", PALE))
    for k, (points, colour, dash, label) in enumerate(shown):
        path = " ".join(f"{x(size):.1f},{y(us):.1f}" for size, us in points)
        style = f'stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}" fill="none"'
        out.append(f'<polyline points="{path}" {style}/>')
        out += [f'<circle cx="{x(size):.1f}" cy="{y(us):.1f}" r="3.5" fill="{colour}"/>' for size, us in points]
        at_x, at_y = left + (k % 2) * 225, top - 22 + (k // 2) * 16
        out.append(f'<path d="M{at_x} {at_y - 4}h26" {style}/>')
        out.append(text(at_x + 32, at_y, label, 12))
    return out


def draw_bars(table, left, top, right, bottom):
    rows = [(row[0], row[1]) for row in table["rows"] if "pidfd" not in row[0] and "chosen" not in row[0]]
    low, high = min(us for _, us in rows) / 3, max(us for _, us in rows)
    x = log_scale(low, high, left, right - 70)
    step = (bottom - top) / len(rows)
    out = [text(left, top - 44, "Start /bin/true from 1 GiB and wait for it", 15, weight="bold")]
    for k, (label, us) in enumerate(rows):
        y = top + k * step
        colour = "#0f62a8" if label.startswith("settid") else "#b45309"
        out.append(text(left, y + 14, label, 13))
        out.append(f'<rect x="{left}" y="{y + 22:.1f}" width="{x(us) - left:.1f}" height="22" rx="2" fill="{colour}"/>')
        out.append(text(x(us) + 8, y + 38, microseconds(us), 13, fill=INK))
    out.append(text(left, bottom + 20, "logarithmic scale", 12, fill=PALE))
    return out


def draw(curves, spawn_table):
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" role="img" aria-label="settid restore and settid_spawn beside raw loops">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    parts += draw_curves(curves, 76, 84, 500, 336)
    parts += draw_bars(spawn_table, 580, 84, 930, 336)
    return "\n".join([*parts, "</svg>"]) + "\n"
