# SPDX-License-Identifier: MIT
"""plot_pidns.py: docs/performance-numbers.svg and docs/performance-levels.svg: a small plot for each figure of libpidns.

Both scales are logarithmic, and the upright one begins and ends where each plot's values do.
"""
from plot import GRID, INK, PALE, line, log_scale, text

COLUMNS, PANEL_WIDTH, PANEL_HEIGHT = 3, 310, 240
LEFT, TOP = 58, 46  # inside a panel
LINES = (  # subject, colour, dash, width, label
    ("croaring", "#8b5e9b", "", 1.5, "CRoaring"),
    ("judy", "#3f7d4f", "", 1.5, "Judy"),
    ("uthash", "#9aa5b1", "", 1.5, "uthash"),
    ("radix-tree", "#b45309", "", 1.5, "radix tree"),
    ("bare", INK, "2 3", 1.5, "bare bitmap and table"),
    ("libpidns-single", "#0f62a8", "5 4", 2.5, "libpidns, single-threaded"),
    ("libpidns", "#0f62a8", "", 2.5, "libpidns"),
)
NUMBERS = (
    ("pair", "allocate and free one"),
    ("wished", "allocate a wished one, free it"),
    ("last-free", "allocate when one is free"),
    ("hot", "find, hot"),
    ("random", "find, random"),
    ("get", "find with a reference"),
    ("next", "next at or above, dense"),
    ("fill", "fill, each"),
    ("bytes", "bytes for each"),
    ("crowd", "clone3, exit, wait4"),
)
LEVELS = (
    ("pair", "allocate and free one"),
    ("wished", "allocate a wished one, free it"),
    ("last-free", "allocate when one is free"),
    ("hot", "find, hot"),
    ("get", "find with a reference"),
    ("next", "next at or above, dense"),
    ("fill", "fill, each"),
    ("life", "clone3, exit, wait4"),
)


def short(number):
    return f"{number // 1000000} M" if number >= 1000000 else f"{number // 1000} k" if number >= 1000 else str(number)


def marks(low, high):
    """About four or five values that are easy to read, between two others."""
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [m * 10**e for e in range(-2, 7) for m in steps if low <= m * 10**e <= high]
        if len(found) >= 3:
            break
    return found


def draw_panel(lines, title, unit, left, top):
    right, bottom = left + PANEL_WIDTH - 20, top + PANEL_HEIGHT - 34
    left, top = left + LEFT, top + TOP
    shown = [(lines[subject], colour, dash, width) for subject, colour, dash, width, _ in LINES if lines.get(subject)]
    places = sorted({x for points, *_ in shown for x, _ in points})
    values = [y for points, *_ in shown for _, y in points if y > 0]
    low, high = min(values) / 1.4, max(values) * 1.4
    if high < 6 * low:  # what hardly changes shall look so
        low, high = low / 2, high * 1.5
    x, y = log_scale(places[0], places[-1], left, right), log_scale(low, high, bottom, top)
    out = [text(left - 44, top - 16, title, 13, weight="bold")]
    for value in marks(low, high):
        out += [line(left, y(value), right, y(value), GRID), text(left - 6, y(value) + 4, f"{round(value, 2):,g} {unit}", 11, "end", PALE)]
    for k, place in enumerate(places):
        if place != places[-1] and x(places[k + 1]) - x(place) < 24:
            continue  # 1 M is too close to 4 M
        out.append(text(x(place), bottom + 16, short(place), 11, "middle", PALE))
    for points, colour, dash, width in shown:
        path = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in points if value > 0)
        out.append(f'<polyline points="{path}" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}" fill="none"/>')
    return out


def legend(subjects, width):
    out, at = [], 24
    for subject, colour, dash, stroke, label in reversed(LINES):
        if subject not in subjects:
            continue
        out.append(f'<path d="M{at} 52h24" stroke="{colour}" stroke-width="{stroke}" stroke-dasharray="{dash}" fill="none"/>')
        out.append(text(at + 30, 56, label, 12))
        at += 46 + 7 * len(label)
    assert at < width + 40, at
    return out


def draw(curves, panels, title):
    rows = -(-len(panels) // COLUMNS)
    width, height = COLUMNS * PANEL_WIDTH + 20, rows * PANEL_HEIGHT + 76
    subjects = {subject for lines in curves.values() for subject in lines if lines[subject]}
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui, sans-serif" role="img" aria-label="{title}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        text(24, 28, title, 16, weight="bold"),
    ]
    out += legend(subjects, width)
    for k, (figure, label) in enumerate(panels):
        unit = "B" if figure == "bytes" else "ns"
        out += draw_panel(curves[figure], label, unit, 10 + k % COLUMNS * PANEL_WIDTH, 66 + k // COLUMNS * PANEL_HEIGHT)
    return "\n".join([*out, "</svg>"]) + "\n"


def draw_numbers(curves):
    return draw(curves["numbers"], NUMBERS, "An operation's time by how many numbers are held")


def draw_levels(curves):
    return draw(curves["levels"], LEVELS, "An operation's time by how many numbers an identity has: one for each level")
