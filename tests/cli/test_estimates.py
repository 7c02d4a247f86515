"""``--budget``, ``--exact`` and the free rate: what is walked, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.cli.harness import PROCESS_LINE, TOTAL_LINE
from tests.cli.json_fields import assert_run_summary, assert_snapshot
from tests.preloaded import memstat
from tests.targets import python

MIB = 1 << 20
HELD_MIB = 40
FORKED = python(f"""
import os, time
held = bytearray(b'x') * ({HELD_MIB} << 20)
time.sleep(0.3)
if os.fork() == 0:
    time.sleep(0.6)
    os._exit(0)
os.wait()
""")
"""Shares its memory with a child for a while: how much, only a walk shows."""


def run(*options: str) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
    """Return the snapshots and the summary of a run of ``FORKED``."""
    done = memstat("run", "-rv", "--json", *options, "--", *FORKED)
    assert done.returncode == 0, done.stderr
    *snapshots, summary = map(json.loads, done.stdout.splitlines())
    for snapshot in snapshots:
        assert_snapshot(snapshot)
    assert_run_summary(summary)
    return snapshots, summary


def test_without_a_budget_the_first_sweep_alone_walks() -> None:
    snapshots, summary = run("-f", "50", "--budget", "0")
    assert summary["walks"]["count"] == 1
    assert all(snapshot["walk_s"] is None for snapshot in snapshots[1:])
    peak = summary["peak"]
    assert peak["pss_low_bytes"] < 0.99 * peak["pss_high_bytes"]
    assert peak["pss_high_bytes"] > HELD_MIB * MIB
    assert peak["pss_low_bytes"] < (HELD_MIB + 30) * MIB


def test_exact_walks_every_process_at_every_tick() -> None:
    snapshots, summary = run("-f", "20", "--exact", "--budget", "0")
    assert summary["walks"]["count"] == summary["samples"] > 2
    assert summary["walks"]["held_s"] > 0
    processes = [process for snapshot in snapshots for process in snapshot["processes"]]
    ages_s = {p["walk_age_s"] for p in processes if p["status"] == "measured"}
    assert ages_s == {0.0}


def test_estimates_are_marked_and_the_bounds_of_the_peak_remarked() -> None:
    done = memstat("run", "-rv", "-f", "50", "--budget", "0", "--", *FORKED)
    assert "\nTotal: ~" in done.stderr
    assert "] ~" in done.stderr
    shown, _, end = done.stderr.partition("Process exited with code 0\n")
    # A child that ends has no size.
    sizes = [line for line in shown.splitlines() if " kB" in line]
    assert all(PROCESS_LINE.fullmatch(line) or TOTAL_LINE.fullmatch(line) for line in sizes)
    assert end.count("memstat: the peak was between ") == 1


def test_plain_bytes_are_bare_numbers_and_the_bounds_are_remarked_all_the_same() -> None:
    done = memstat(
        "run", "-r", "-f", "50", "--budget", "0", "--only-peak", "--bytes", "--", *FORKED
    )
    assert HELD_MIB * MIB < int(done.stdout) < 3 * HELD_MIB * MIB
    assert done.stderr.count("memstat: the peak was between ") == 1


def test_a_free_rate_shows_ten_samples_a_second_at_most() -> None:
    snapshots, summary = run()
    assert summary["samples"] > len(snapshots) > 1
    times_s = [snapshot["elapsed_s"] for snapshot in snapshots]
    assert min(later - earlier for earlier, later in pairwise(times_s)) >= 0.09
    for change in summary["interval_changes"]:
        assert 0.02 <= change["interval_s"] <= 0.1


def test_a_rate_that_was_chosen_shows_every_sample() -> None:
    snapshots, summary = run("-f", "50")
    times_s = [snapshot["elapsed_s"] for snapshot in snapshots]
    assert min(later - earlier for earlier, later in pairwise(times_s)) < 0.09
    assert (summary["interval_s"], summary["interval_changes"]) == (0.02, [])
