# SPDX-License-Identifier: MIT
"""samples.py: what many measurements of ways that took turns say.

A busy machine only ever makes an operation slower, in bursts.  So a way's time is the lower quartile of its
samples: it needs a quarter of them undisturbed, and unlike the minimum it does not hang on one lucky run.

A ratio compares neighbours in time, which the same bursts hit: the run is cut into blocks, and it is the median of the
blocks' ratios; its spread is their middle half.  Long operations are few, and each is a block of its own.
"""
import statistics

BLOCKS = 20
SINGLE = 5 * BLOCKS  # up to so many samples stand for themselves


def parse(text):
    """Lines "NAME NANOSECONDS" as {name: [ns, ...]} in the order of the run."""
    samples = {}
    for line in text.splitlines():
        name, ns = line.split()
        samples.setdefault(name, []).append(float(ns))
    return samples


def low(values):
    return sorted(values)[len(values) // 4]


def growth(long, short):
    """As ratio(), of one long operation against the many short ones of its block: their mean, since a burst that
    hits the long one for a part of its time hits a part of them."""
    each = [a / statistics.fmean(b) for a, b in zip(long, _blocks(short, len(long)))]
    first, middle, third = statistics.quantiles(each, n=4)
    return middle, [first, third]


def _blocks(values, count):
    return [values[k * len(values) // count : (k + 1) * len(values) // count] for k in range(count)]


def ratio(values, base):
    """(ratio, [first quartile, third quartile])."""
    fewer = min(len(values), len(base))
    count = fewer if fewer <= SINGLE else BLOCKS
    each = [low(a) / low(b) for a, b in zip(_blocks(values, count), _blocks(base, count))]
    if len(each) < 2:
        return each[0], [each[0], each[0]]
    first, middle, third = statistics.quantiles(each, n=4)
    return middle, [first, third]
