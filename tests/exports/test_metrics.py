"""A recording in the text format of OpenMetrics."""

from __future__ import annotations

import re
from dataclasses import replace

from memstat.exports.metrics import openmetrics_text
from memstat.model import Memory, ProcessSample, Snapshot
from memstat.recording.header import Host
from tests.recorded import BEGAN_S, HEADER, MIB, process, recording_of, snapshots

POINT = re.compile(r'(\w+)\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\} (\d+) (\d+\.\d{6})')
MAKE = process(7, "make", Memory(pss_bytes=MIB), depth=0)


def points_of(*entries: Snapshot) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """Return sizes and times, in seconds from the start, by family and labels."""
    *lines, end = "".join(openmetrics_text(recording_of(*entries))).splitlines()
    assert end == "# EOF"
    series: dict[tuple[str, str], list[tuple[int, float]]] = {}
    last = None
    for line in lines:
        if line.startswith("# "):
            continue
        match = POINT.fullmatch(line)
        assert match, line
        family, labels, value, at_s = match.groups()
        one = family, labels
        assert one == last or one not in series, "the points of a series do not stand together"
        last = one
        series.setdefault(one, []).append((int(value), round(float(at_s) - BEGAN_S, 6)))
    return series


def sized(pss_bytes: int) -> ProcessSample:
    return replace(MAKE, memory=Memory(pss_bytes=pss_bytes))


LABELS = 'host="node7",pid="7",start_ticks="1",name="make"'


def test_each_series_has_a_point_where_it_changes() -> None:
    series = points_of(*snapshots([sized(5)], [sized(5)], [sized(6)]))
    assert series["memstat_pss_bytes", LABELS] == [(5, 0.0), (6, 0.2)]
    assert series["memstat_total_pss_bytes", 'host="node7"'] == [(5, 0.0), (6, 0.2)]
    assert not any(family == "memstat_uss_bytes" for family, _ in series)


def test_a_process_that_has_ended_has_0_at_its_end() -> None:
    series = points_of(*snapshots([MAKE, process(8, "cc", Memory(pss_bytes=5))], [MAKE], [MAKE]))
    child = 'host="node7",pid="8",start_ticks="1",name="cc"'
    assert series["memstat_pss_bytes", child] == [(5, 0.0), (0, 0.1)]


def test_what_stays_is_repeated_each_minute() -> None:
    (snapshot,) = snapshots([MAKE])
    course = [replace(snapshot, tick=s, elapsed_s=float(s)) for s in range(0, 150, 10)]
    series = points_of(*course)
    assert series["memstat_pss_bytes", LABELS] == [(MIB, 0.0), (MIB, 60.0), (MIB, 120.0)]


def test_times_do_not_follow_a_clock_that_is_set() -> None:
    first, second = snapshots([sized(5)], [sized(6)])
    series = points_of(first, replace(second, unix_time_s=BEGAN_S - 3600))
    assert series["memstat_pss_bytes", LABELS] == [(5, 0.0), (6, 0.1)]


def test_names_are_escaped() -> None:
    hostile = replace(MAKE, name='a"\\\n{}')
    header = replace(HEADER, host=Host('no"de'))
    text = "".join(openmetrics_text(recording_of(*snapshots([hostile]), header=header)))
    assert r'host="no\"de",pid="7",start_ticks="1",name="a\"\\\\n{}"' in text
    assert all(line.startswith("#") or POINT.fullmatch(line) for line in text.splitlines())


def test_a_family_says_its_type_and_unit_once() -> None:
    text = "".join(openmetrics_text(recording_of(*snapshots([MAKE, sized(5)]))))
    assert text.count("# TYPE memstat_pss_bytes gauge\n# UNIT memstat_pss_bytes bytes\n") == 1
