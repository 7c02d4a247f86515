"""Spikes that no sample shows, and commands that are too short for one."""

from __future__ import annotations

import json
import sys

from tests.targets import memstat

MIB = 1 << 20
SPIKE = "import time; x = bytearray(b'1') * 330_000_000; del x; time.sleep({pause})"


def test_a_spike_between_two_samples_is_reported() -> None:
    command = (sys.executable, "-c", SPIKE.format(pause=1.5))
    done = memstat("run", "-i", "30", "--", "sh", "-c", 'sleep 0.1; exec "$@"', "sh", *command)
    assert "memstat: at least one process reached 3" in done.stderr
    assert "MiB RSS between two samples" in done.stderr


def test_a_command_too_short_for_a_sample_of_its_size_is_reported_in_json() -> None:
    command = (sys.executable, "-c", SPIKE.format(pause=0))
    done = memstat("run", "-i", "30", "--json", "--", *command)
    floor = json.loads(done.stdout)["rss_floor_bytes"]
    assert 314 * MIB < floor < 360 * MIB


def test_what_the_samples_show_is_no_news() -> None:
    done = memstat("run", "--json", "--", "sleep", "0.5")
    assert json.loads(done.stdout)["rss_floor_bytes"] is None
    assert memstat("run", "--", "true").stderr.count("reached") == 0
