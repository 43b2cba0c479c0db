# SPDX-License-Identifier: MIT
"""samples.py: what many measurements of ways that took turns say.

A busy machine only ever makes an operation slower, in bursts.  So a way's time is the lower quartile of all its
samples: it needs a quarter of them undisturbed, and unlike the minimum it does not hang on one lucky run.  A ratio
is the quotient of two such times.  Its spread is found by cutting the run into blocks in time and taking the ratio
of each: the middle half of these.
"""
import statistics

BLOCK_MIN = 4  # samples; fewer have no quartile to speak of
BLOCKS_MAX = 20


def parse(text):
    """Lines "NAME NANOSECONDS" as {name: [ns, ...]} in the order of the run."""
    samples = {}
    for line in text.splitlines():
        name, ns = line.split()
        samples.setdefault(name, []).append(float(ns))
    return samples


def low(values):
    return sorted(values)[len(values) // 4]


def _blocks(values, count):
    return [values[k * len(values) // count : (k + 1) * len(values) // count] for k in range(count)]


def ratio(values, base):
    """(ratio, [first quartile, third quartile] of the blocks' ratios)."""
    count = max(1, min(BLOCKS_MAX, min(len(values), len(base)) // BLOCK_MIN))
    each = [low(a) / low(b) for a, b in zip(_blocks(values, count), _blocks(base, count))]
    spread = statistics.quantiles(each, n=4) if len(each) > 2 else [min(each), 0, max(each)]
    return low(values) / low(base), [spread[0], spread[2]]
