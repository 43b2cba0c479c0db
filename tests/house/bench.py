#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py: do `./dev bench`'s figures follow from its samples, and docs/performance.md from its last results?

Measures nothing: made-up samples with a known answer, and the page as it is committed.
"""
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

SOURCE = os.environ["SOURCE"]
sys.path.insert(0, f"{SOURCE}/bench")
os.chdir(SOURCE)

import pidns  # noqa: E402
import plot  # noqa: E402
import plot_pidns  # noqa: E402
import report  # noqa: E402
import samples  # noqa: E402
import shapes  # noqa: E402


def a_ratio_survives_bursts_that_hit_both_ways():
    dice = random.Random(7)
    slow = [1 + 9 * (k % 100 > 60) * dice.random() for k in range(4000)]
    value, spread = samples.ratio([2.0 * s for s in slow], [1.0 * s for s in slow[3:] + slow[:3]])
    assert 1.9 < value < 2.1, value
    assert spread[0] <= value <= spread[1], spread


def few_samples_are_compared_pair_by_pair():
    value, _ = samples.ratio([2.0, 20.0, 2.0, 200.0], [1.0, 10.0, 1.0, 100.0])
    assert value == 2, value


def growth_is_one_long_run_against_the_mean_of_the_short_ones_beside_it():
    value, _ = samples.growth([3.0, 30.0, 3.0], [1.0, 2.0, 10.0, 20.0, 1.0, 2.0])
    assert value == 2, value


def a_missed_bound_is_said():
    missed = {"name": "x", "value": 1.2, "at_most": 1.05, "spread": None, "unit": "", "met": False}
    results = {"machine": stored()["machine"], "seconds": 1, "sections": {"x": {"tables": [], "bounds": [missed]}}}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        report.print_text(results)
    assert "NO" in said.getvalue() and "0 of 1 bounds met" in said.getvalue(), said.getvalue()


def stored():
    return json.loads(report.read(report.JSON))


def the_page_shows_the_stored_results():
    assert report.render(report.read(report.PAGE), stored()) == report.read(report.PAGE), "run ./dev bench --write"


def the_readme_shows_the_stored_results():
    page = report.read(report.README)
    assert report.render_readme(page, stored()) == page, "run ./dev bench --write"


def a_page_that_shows_other_figures_is_noticed():
    other = stored()
    other["sections"]["spawn"]["tables"][0]["rows"][2][1] += 100
    assert report.render(report.read(report.PAGE), other) != report.read(report.PAGE)


def the_prose_of_the_page_is_kept():
    page = report.read(report.PAGE).replace("# Performance", "# Performance, by hand")
    assert report.render(page, stored()) == page


def the_plot_is_drawn_from_the_stored_results():
    sections = stored()["sections"]
    drawn = plot.draw(sections["restore"]["curves"], sections["spawn"]["tables"][0])
    assert drawn == report.read(report.PLOT)
    lines = xml.etree.ElementTree.fromstring(drawn).findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == len(plot.CURVES), len(lines)


def the_plots_of_libpidns_are_drawn_from_the_stored_results():
    stored_curves = stored()["sections"]["pidns"]["curves"]
    for path, draw, panels in (
        (report.NUMBERS_PLOT, plot_pidns.draw_numbers, plot_pidns.NUMBERS),
        (report.LEVELS_PLOT, plot_pidns.draw_levels, plot_pidns.LEVELS),
    ):
        drawn = draw(stored_curves)
        assert drawn == report.read(path), path
        titles = [node.text for node in xml.etree.ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
        assert all(label in titles for _, label in panels), path


def of_libpidns_samples_the_least_counts():
    found = {}
    pidns.least("libpidns/pair 14.5\nbare/pair 4\nlibpidns/pair 13.5\n", found)
    pidns.least("libpidns/pair 99\n", found)
    assert found == {"libpidns/pair": 13.5, "bare/pair": 4}, found


def a_bound_from_below_is_shown_as_one():
    bound = {"name": "x", "value": 0.7, "at_most": 0.8, "at_least": 0.8, "spread": None, "unit": "", "met": False}
    assert report.verdict(bound)[2:] == ["≥ 0.8", "", "NO"], report.verdict(bound)


def two_threads_that_never_were_undisturbed_meet_no_bound():
    assert pidns.scaling({"one-1": [60.0]}, "one") == 0
    assert pidns.scaling({"one-1": [60.0], "one-2": [30.0, 45.0, 45.0, 50.0, 10.0]}, "one") == 0.75


SHAPE_PROGRAM = """
#include "shape.h"
#include <stdio.h>
int main(int argc, char **argv)
{
	struct shape s;
	if (argc != 3 || !shape_parse(&s, argv[1], argv[2]))
		return 1;
	for (int parent = 0, child; parent <= s.numbers; parent++)
		for (int k = 0; (child = parent ? shape_child(&s, parent, k) : k == 0) != 0; k++)
			printf("%d %d %d %d\\n", child, parent, shape_threads(&s, child), shape_wait_status(&s, child));
	return 0;
}
"""


def row_of_file(process):
    """number, parent, further threads, wait status (-1: it lives), as shape.h says them."""
    status = -1 if process["state"] == "live" else process["exit_code"] << 8 if "exit_code" in process else process["exit_signal"]
    return [process["nspid"][0], process["ppid"], max(len(process.get("threads", [])) - 1, 0), status]


def the_raw_loop_makes_what_the_tree_files_say():
    with tempfile.TemporaryDirectory() as directory:
        source, program = f"{directory}/shape.c", f"{directory}/shape"
        with open(source, "w", encoding="utf-8") as out:
            out.write(SHAPE_PROGRAM)
        subprocess.run([*os.environ.get("CC", "cc").split(), "-I", "bench", source, "-o", program], check=True)
        for shape in ("flat", "wide", "chain", "binary", "dead", "mixed", "jobs"):
            for size in (10, 57, 100):
                said = subprocess.run([program, shape, str(size)], stdout=subprocess.PIPE, text=True, check=True).stdout
                raw = sorted([int(word) for word in line.split()] for line in said.splitlines())
                assert raw == sorted(row_of_file(process) for process in shapes.tree(shape, size)["processes"]), (shape, size)


def a_page_without_criu_leaves_its_rows_out():
    other = stored()
    other["sections"]["criu"] = {"tables": [{"title": "x", "note": "Left out: no CRIU.", "head": [""], "rows": []}], "bounds": []}
    assert "Left out: no CRIU." in report.render(report.read(report.PAGE), other)
    assert "CRIU's images" not in report.render_readme(report.read(report.README), other)


TESTS = [
    a_ratio_survives_bursts_that_hit_both_ways,
    few_samples_are_compared_pair_by_pair,
    growth_is_one_long_run_against_the_mean_of_the_short_ones_beside_it,
    a_missed_bound_is_said,
    the_page_shows_the_stored_results,
    the_readme_shows_the_stored_results,
    a_page_that_shows_other_figures_is_noticed,
    the_prose_of_the_page_is_kept,
    the_plot_is_drawn_from_the_stored_results,
    the_plots_of_libpidns_are_drawn_from_the_stored_results,
    of_libpidns_samples_the_least_counts,
    a_bound_from_below_is_shown_as_one,
    two_threads_that_never_were_undisturbed_meet_no_bound,
    the_raw_loop_makes_what_the_tree_files_say,
    a_page_without_criu_leaves_its_rows_out,
]

failed = 0
print(f"1..{len(TESTS)}")
for number, test in enumerate(TESTS, 1):
    name = test.__name__.replace("_", " ")
    try:
        test()
        print(f"ok {number} - {name}")
    except Exception as error:  # whatever it is, the next ones still run
        failed = 1
        print(f"not ok {number} - {name}\n# {type(error).__name__}: {error}")
sys.exit(failed)
