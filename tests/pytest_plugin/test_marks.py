"""What the kernel's high-water marks say of a test."""

from __future__ import annotations

import json
import re
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from memstat.model import Memory, ProcessSample, Snapshot
from memstat.proc.own import OwnMemory
from memstat.pytest_plugin import messages
from memstat.pytest_plugin.limits import DecidedBy, MaxPss, Usage
from memstat.pytest_plugin.marks import Boundary, Marks, StartedProcesses, marks_of
from memstat.results import Peak
from memstat.testing import snapshot_of
from tests.pytest_plugin.options import LIGHT

pytest_plugins = ["pytester"]

MIB = 1 << 20
START = Boundary(OwnMemory(50 * MIB, 10 * MIB), 50 * MIB, 0, 80 * MIB)


def end(high: int, *, shared: int = 10, children: int = 0) -> Boundary:
    own = OwnMemory(50 * MIB, shared * MIB)
    return Boundary(own, high * MIB, children * MIB, 80 * MIB)


def test_the_own_process_grew_by_its_mark_over_the_start() -> None:
    assert marks_of(START, end(75), (), 0) == Marks(25 * MIB, 25 * MIB)
    assert marks_of(START, end(50), (), 0).growth_bytes == 0


def test_pages_that_are_shared_in_general_are_left_to_samples() -> None:
    marks = marks_of(START, end(75, shared=30), (), 0)
    assert (marks.least_bytes, marks.most_bytes) == (5 * MIB, 25 * MIB)
    assert marks_of(START, end(75, shared=5), (), 0).least_bytes == 25 * MIB


def test_a_child_that_was_waited_for_counts_where_it_cannot_have_inherited_its_mark() -> None:
    assert marks_of(START, end(50, children=80), (), 0).growth_bytes == 0
    assert marks_of(START, end(50, children=100), (), 0).growth_bytes == 100 * MIB
    seen = START._replace(child_bytes=100 * MIB)
    assert marks_of(seen, end(50, children=100), (), 0).growth_bytes == 0


def test_a_child_of_a_fixture_that_was_waited_for_may_be_the_one() -> None:
    before = process(60, rss=60, mark=120)
    assert marks_of(START, end(50, children=120), before, 0).growth_bytes == 0
    assert marks_of(START, end(50, children=150), before, 0).growth_bytes == 90 * MIB


def process(pss: int, *, rss: int, mark: int, at_s: float = 1.0) -> tuple[ProcessSample, ...]:
    return snapshot(pss, rss=rss, mark=mark, at_s=at_s).processes[1:]


def snapshot(
    pss: int, *, rss: int, mark: int, uss: int | None = None, at_s: float = 1.0
) -> Snapshot:
    made = snapshot_of({7: 30 * MIB, 8: pss * MIB}, elapsed_s=at_s)
    own = pss if uss is None else uss
    memory = Memory(pss_bytes=pss * MIB, uss_bytes=own * MIB, rss_bytes=rss * MIB)
    child = replace(made.processes[1], memory=memory, rss_peak_bytes=mark * MIB)
    return replace(made, processes=(made.processes[0], child))


def test_a_process_that_the_test_started_had_what_its_mark_says() -> None:
    own = snapshot_of({7: 30 * MIB}).processes[0].key
    started = StartedProcesses()
    started.restart(0.5, [own])
    started.observe(snapshot(10, rss=14, mark=90, at_s=0.4))
    assert started.largest_bytes == 0
    # Of 14 MiB resident, 4 MiB are those of others; 76 MiB more were there once.
    started.observe(snapshot(10, rss=14, mark=90))
    assert started.largest_bytes == 86 * MIB
    started.restart(0.5, [own, process(1, rss=1, mark=1)[0].key])
    started.observe(snapshot(10, rss=14, mark=90))
    assert started.largest_bytes == 0


def test_what_a_forked_process_shares_was_there_before() -> None:
    started = StartedProcesses()
    started.restart(0.5, [snapshot_of({7: 30 * MIB}).processes[0].key])
    started.observe(snapshot(100, uss=1, rss=200, mark=200))
    assert started.largest_bytes == MIB


def test_what_was_freed_since_the_last_walk_counts_once() -> None:
    started = StartedProcesses()
    started.restart(0.5, [snapshot_of({7: 30 * MIB}).processes[0].key])
    # 60 of 64 MiB are free again, of which the walk had seen 20 MiB.
    started.observe(snapshot(3, uss=20, rss=8, mark=68))
    assert started.largest_bytes == 63 * MIB


def usage(peak: int | None, marks: Marks) -> Usage:
    seen = None if peak is None else snapshot_of({7: peak * MIB}, elapsed_s=4.5)
    largest = None if seen is None else Peak(seen.total.pss_bytes or 0, seen)
    return Usage(30 * MIB, 4.25, largest, 3, marks, own_start_bytes=30 * MIB, own_pid=7)


@pytest.mark.parametrize(
    ("peak", "least", "most", "growth", "decided_by"),
    [
        (70, 10, 50, 40, DecidedBy.SAMPLES),
        (40, 50, 50, 50, DecidedBy.KERNEL),
        (None, 50, 50, 50, DecidedBy.KERNEL),
        # PSS grew more than RSS: another program ended that shared pages.
        (38, 1, 1, 1, DecidedBy.SAMPLES),
        (30, 0, 0, 0, DecidedBy.SAMPLES),
    ],
)
def test_the_larger_of_samples_and_marks_decides(
    peak: int | None, least: int, most: int, growth: int, decided_by: DecidedBy
) -> None:
    used = usage(peak, Marks(least * MIB, most * MIB))
    assert (used.growth_bytes, used.decided_by) == (growth * MIB, decided_by)
    assert used.peak_bytes == (30 + growth) * MIB


def test_a_torn_sample_decides_nothing_and_is_called_uncertain() -> None:
    certain = usage(70, Marks(9 * MIB, 50 * MIB))
    assert certain.peak is not None
    torn = replace(certain.peak.snapshot, torn=True, complete=False)
    used = replace(certain, peak=replace(certain.peak, snapshot=torn))
    assert (used.growth_bytes, used.decided_by) == (9 * MIB, DecidedBy.KERNEL)
    text = messages.over_limit(used, MaxPss(8 * MIB, absolute=False))
    assert "note: the total is uncertain: processes that share memory" in text


def test_no_growth_is_counted_from_a_start_that_was_torn() -> None:
    whole = usage(90, Marks(9 * MIB, 50 * MIB))
    used = replace(whole, is_start_torn=True)
    assert (used.growth_bytes, used.decided_by) == (9 * MIB, DecidedBy.KERNEL)
    assert (whole.complete, used.complete) == (True, False)
    # What was sampled later is no part of the start, and counts in a total.
    assert used.peak_bytes == 90 * MIB
    assert replace(used, start_bytes=500 * MIB).peak_bytes == 90 * MIB
    assert replace(used, peak=None).peak_bytes == 39 * MIB
    text = messages.over_limit(used, MaxPss(8 * MIB, absolute=False))
    assert "note: the start is uncertain: processes that share memory" in text
    assert "start is uncertain" not in messages.over_limit(whole, MaxPss(0, absolute=False))


def test_a_failure_says_that_the_mark_decided_and_shows_the_largest_sample() -> None:
    limit = MaxPss(20 * MIB, absolute=False)
    assert messages.over_limit(usage(31, Marks(25 * MIB, 25 * MIB)), limit) == (
        "memstat: the test and what it started grew by 25.0 MiB,"
        " 5.00 MiB more than max_pss allows\n"
        "  limit  20.0 MiB\n"
        "  start  30.0 MiB\n"
        "  peak   55.0 MiB, by the kernel's high-water mark of RSS\n"
        "in the largest sample:\n"
        "  [7] 31744 kB (p7)\n"
        "  Total: 31744 kB"
    )
    text = messages.over_limit(usage(None, Marks(25 * MIB, 25 * MIB)), limit)
    assert text.endswith("by the kernel's high-water mark of RSS\nno sample was taken meanwhile")


SHORT = """
    import subprocess, sys
    import pytest

    @pytest.mark.parametrize("mib", [25, 33, 40, 60])
    def test_own(mib):
        # Each above the size from which malloc returns what is freed.
        held = bytearray(mib << 20)

    def test_small(): pass

    def test_child():
        # Larger than pytest itself: it inherits the mark of pytest.
        source = "held = bytearray(150 << 20)"
        subprocess.run([sys.executable, "-c", source], check=True)
    """


def short_tests() -> str:
    """Return them with a child that is larger than this process ever was: it inherits that mark."""
    most_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return SHORT.replace("150 <<", f"{max(150, most_mib + 50)} <<")


def test_what_lives_shorter_than_a_tick_exceeds_a_limit_every_time(
    pytester: pytest.Pytester,
) -> None:
    marked = short_tests().replace(
        "import pytest", "import pytest\n    pytestmark = pytest.mark.max_pss('20 MiB')"
    )
    pytester.makepyfile(test_it=marked)
    for _ in range(3):
        result = pytester.runpytest_subprocess(*LIGHT)
        result.assert_outcomes(failed=5, passed=1)
        found = re.findall(r"grew by ([\d.]+) MiB", result.stdout.str())
        sizes = sorted({round(float(size)) for size in found})
        assert [size for size in sizes if size < 100] == [
            pytest.approx(n, abs=2) for n in (25, 33, 40, 60)
        ]


def test_an_unchanged_test_passes_its_baseline_every_time(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=short_tests())
    options = (*LIGHT, "--memstat-baseline", "base.json")
    pytester.runpytest_subprocess(*options, "--memstat-update").assert_outcomes(passed=6)
    recorded = Path("base.json").read_text()
    assert json.loads(recorded)["growth_pss_bytes"]["test_it.py::test_own[60]"] > 55 * MIB
    for _ in range(3):
        pytester.runpytest_subprocess(*options).assert_outcomes(passed=6)
    pytester.runpytest_subprocess(*options, "--memstat-update").assert_outcomes(passed=6)
    assert Path("base.json").read_text() == recorded


def test_a_fork_that_allocates_nothing_is_no_growth(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os, time
        import pytest

        held = bytearray(os.urandom(1 << 20)) * 100

        @pytest.mark.max_pss("15 MiB")
        def test_it(memory):
            child = os.fork()
            if child == 0:
                time.sleep(60)
            try:
                # The child is in the sample.
                assert len(memory.mark("forked").peak.snapshot.processes) == 2
            finally:
                os.kill(child, 9)
                os.waitpid(child, 0)
        """
    )
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=1)


def test_no_verdict_rests_on_a_start_that_may_be_torn(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os, sys
        import pytest

        FORKING = '''
        import os
        held = bytearray(os.urandom(1 << 20)) * 100
        print("ready", flush=True)
        while True:
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
        '''

        @pytest.fixture(scope="module")
        def forking():
            import subprocess, textwrap
            command = [sys.executable, "-c", textwrap.dedent(FORKING)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                process.stdout.readline()
                yield process
                process.kill()

        @pytest.mark.parametrize("number", range(20))
        @pytest.mark.max_pss("15 MiB")
        def test_it(forking, number): pass
        """
    )
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=20)
