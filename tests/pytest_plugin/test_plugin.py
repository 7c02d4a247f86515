"""The pytest plugin as its users see it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.pytest_plugin.options import LIGHT

pytest_plugins = ["pytester"]

HUNGRY = """
    import subprocess, sys
    import pytest

    at_teardown = []

    @pytest.fixture(autouse=True)
    def nothing_is_left():
        yield
        while at_teardown: at_teardown.pop()()

    def start(mib):
        source = f"held = bytearray({mib} << 20); print('ready', flush=True); input()"
        process = subprocess.Popen(
            [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        process.stdout.readline()
        return process

    def stop(process): process.communicate(b"go\\n")

    # Alive at the end of the test, it is certainly in a sample.
    def use(mib):
        process = start(mib)
        at_teardown.append(lambda: stop(process))
"""

XDIST = ("-p", "xdist", "-n", "2")


def make(pytester: pytest.Pytester, tests: str) -> None:
    pytester.makepyfile(test_it=HUNGRY + tests)


@pytest.fixture(autouse=True)
def configured(pytester: pytest.Pytester) -> None:
    options = " ".join(["--strict-markers", *LIGHT])
    pytester.makeini(f"[pytest]\naddopts = {options}\nfilterwarnings = error\n")


def test_it_is_silent_until_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_loaded():
            loaded = sys.modules.keys() & {"rich", "click", "anyio.to_thread", "memstat.model"}
            assert not loaded
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    assert "memstat" not in result.stdout.str().replace(str(pytester.path), "").split("plugins:")[0]
    assert "GROWTH" not in result.stdout.str()


def test_a_limit_loads_no_terminal_library_and_no_event_loop(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        import pytest

        @pytest.mark.max_pss("100 MiB")
        def test_little_is_loaded(memory):
            assert memory.mark("now").peak is not None
            assert not sys.modules.keys() & {"rich", "click", "anyio.to_thread", "aiofiles"}
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_test_within_its_limit_passes(pytester: pytest.Pytester) -> None:
    make(pytester, "\n    @pytest.mark.max_pss('150 MiB')\n    def test_it(): use(60)\n")
    result = pytester.runpytest()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*memstat*GROWTH*")


def test_a_test_over_its_limit_fails_with_the_processes_at_its_peak(
    pytester: pytest.Pytester,
) -> None:
    make(pytester, "\n    @pytest.mark.max_pss('20 MiB')\n    def test_it(): use(60)\n")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    # Beside other work a sample may know the child by bounds only, and says so; where these are far
    # apart, the kernel's mark proves more.
    report = (
        r"_+ test_it _+\n"
        r"memstat: the test and what it started grew by 6\d\.\d MiB, 4\d\.\d MiB more than max_pss"
        r" allows\n"
        r"  limit  20\.0 MiB\n"
        r"  start  [\d.]+ MiB\n"
        r"  peak   [\d.]+ MiB, (.* after the start \(\d+ samples\)\n"
        r"(  total  between [\d.]+ and [\d.]+ MiB at the peak\n)?"
        r"at the peak|by the kernel's high-water mark of RSS\nin the largest sample):\n"
        r"  \[\d+\] ~?\d+ kB \(.*\)\n"
        r"    \[\d+\] ~?6\d+ kB \(python.*\)\n"
        r"  Total: ~?\d+ kB\n"
    )
    assert re.search(report, result.stdout.str())
    result.stdout.no_fnmatch_line("*measuring.py*")


def test_a_total_counts_memory_that_was_there_before(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    @pytest.mark.max_pss("1 MiB", absolute=True)
    def test_too_much(): pass

    @pytest.mark.max_pss("1 TiB", absolute=True)
    def test_fine(): pass
    """,
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*in total, * more than max_pss allows"])


def test_memory_that_fixtures_hold_is_no_growth_of_the_test(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    @pytest.fixture
    def server():
        process = start(60)
        yield
        stop(process)

    @pytest.mark.max_pss("20 MiB")
    def test_it(server): pass
    """,
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_a_failure_of_the_test_itself_is_reported_before_its_memory(
    pytester: pytest.Pytester,
) -> None:
    make(
        pytester,
        """
    @pytest.mark.max_pss("20 MiB")
    def test_it():
        use(60)
        raise ZeroDivisionError
    """,
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*ZeroDivisionError", "*memstat call*", "*more than max_pss allows"]
    )
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_it - ZeroDivisionError"])


def test_a_skipped_test_and_an_expected_failure_stay_as_they_are(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    @pytest.mark.max_pss("1 MiB", absolute=True)
    def test_skipped(): pytest.skip("no reason")

    @pytest.mark.xfail(strict=True)
    @pytest.mark.max_pss("1 MiB", absolute=True)
    def test_expected(): pass
    """,
    )
    pytester.runpytest("--memstat").assert_outcomes(skipped=1, xfailed=1)


@pytest.mark.parametrize("arguments", ["", "'much'", "-1", "'1M', total=True"])
def test_a_limit_that_is_not_valid_fails_the_test(
    pytester: pytest.Pytester, arguments: str
) -> None:
    make(pytester, f"\n    @pytest.mark.max_pss({arguments})\n    def test_it(): pass\n")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r"memstat: (max_pss takes one size|.* is not a size: write)"])


def test_the_nearest_limit_counts_in_classes_too(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    import unittest

    @pytest.mark.max_pss("1 MiB", absolute=True)
    class TestAll:
        def test_class(self): pass

        @pytest.mark.max_pss("1 TiB", absolute=True)
        def test_own(self): pass

    @pytest.mark.max_pss("1 MiB", absolute=True)
    class TestOld(unittest.TestCase):
        def test_old(self): pass
    """,
    )
    pytester.runpytest().assert_outcomes(passed=1, failed=2)


def test_the_fixture_measures_sync_and_async_tests(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    import anyio

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(request): return request.param

    def check(memory, process):
        loaded = memory.mark("loaded")
        stop(process)
        memory.mark("stopped")
        assert memory.mark("idle").peak.pss_bytes < loaded.peak.pss_bytes - (50 << 20)
        assert [mark.name for mark in memory.marks] == ["loaded", "stopped", "idle"]
        assert memory.peak.pss_bytes >= loaded.peak.pss_bytes
        assert memory.latest.complete

    def test_sync(memory): check(memory, start(60))

    @pytest.mark.anyio
    async def test_async(memory):
        await anyio.sleep(0)
        check(memory, start(60))

    def test_on_demand(request): check(request.getfixturevalue("memory"), start(60))
    """,
    )
    pytester.runpytest_subprocess("-p", "anyio").assert_outcomes(passed=4)


def test_the_peak_is_that_of_this_test_alone(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    def test_large(memory):
        use(60)
        assert memory.mark("large").peak.pss_bytes > 60 << 20

    def test_small(memory):
        small = memory.mark("small").peak.pss_bytes
        assert memory.peak.pss_bytes < small + (20 << 20)
        assert len(memory.marks) == 1
    """,
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_a_project_may_have_its_own_fixture_of_that_name(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    @pytest.fixture
    def memory(): return "mine"

    def test_it(memory, request):
        assert memory == "mine"
        assert not request.config.pluginmanager.has_plugin("memstat-measuring")
    """,
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_a_list_of_the_largest_growths(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    def test_small(): pass
    def test_large(): use(60)
    def test_middle(): use(30)
    """,
    )
    result = pytester.runpytest("--memstat")
    result.assert_outcomes(passed=3)
    result.stdout.re_match_lines(
        [
            r"=+ memstat =+",
            r"   GROWTH      PEAK  TEST",
            r" 6\d\.\d MiB +[\d.]+ MiB  test_it\.py::test_large",
            r" 3\d\.\d MiB +[\d.]+ MiB  test_it\.py::test_middle",
            r" .*B +[\d.]+ MiB  test_it\.py::test_small",
        ],
        consecutive=True,
    )
    short = pytester.runpytest("--memstat-top", "1")
    short.stdout.re_match_lines([r".*::test_large", r" +\.\.\. +2 tests more"], consecutive=True)


def test_figures_as_json_and_junit_properties(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    def test_b(): use(60)
    def test_a(): pass
    """,
    )
    result = pytester.runpytest("--memstat-json", "out.json", "--junitxml", "out.xml")
    result.assert_outcomes(passed=2)
    assert "GROWTH" not in result.stdout.str()
    first, second = json.loads(Path("out.json").read_text())["tests"]
    assert (first["test"], second["test"]) == ("test_it.py::test_a", "test_it.py::test_b")
    growth, peak = second["growth_pss_bytes"], second["peak_pss_bytes"]
    assert peak - second["start_pss_bytes"] == growth > 60 << 20
    assert second["complete"]
    # How many fall into a test without children is a matter of luck.
    assert type(second["samples"]) is int
    assert properties("out.xml")["test_b"] == {
        "memstat_growth_pss_bytes": str(growth),
        "memstat_peak_pss_bytes": str(peak),
    }
    assert properties("out.xml")["test_a"].keys() == properties("out.xml")["test_b"].keys()


def properties(path: str) -> dict[str, dict[str, str]]:
    return {
        case.attrib["name"]: {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
        for case in ET.parse(path).iter("testcase")
    }


def test_workers_of_xdist_measure_their_tests_and_the_list_has_all(
    pytester: pytest.Pytester,
) -> None:
    make(
        pytester,
        """
    @pytest.mark.parametrize("mib", [10, 20, 30, 40])
    def test_it(mib): use(mib)

    @pytest.mark.max_pss("5 MiB")
    def test_limit(): use(60)
    """,
    )
    result = pytester.runpytest_subprocess(
        *XDIST, "--memstat", "--memstat-json", "out.json", "--junitxml", "out.xml"
    )
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.re_match_lines(
        [".*grew by .*more than max_pss allows", "(at the peak|in the largest sample):"]
    )
    listed = re.findall(r"MiB  test_it\.py::(\S+)", result.stdout.str())
    expected = ["test_limit", "test_it[40]", "test_it[30]", "test_it[20]", "test_it[10]"]
    assert listed == expected
    rows = json.loads(Path("out.json").read_text())["tests"]
    for mib, measured in zip((10, 20, 30, 40), rows, strict=False):
        assert mib < measured["growth_pss_bytes"] / (1 << 20) < mib + 9
    assert all("memstat_peak_pss_bytes" in found for found in properties("out.xml").values())


def test_a_baseline_is_recorded_and_compared_with(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    import os

    def test_it(): use(int(os.environ["MIB"]))
    def test_failing(): assert os.environ["MIB"] != "30"
    """,
    )

    def run(mib: int, *options: str) -> pytest.RunResult:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MIB", str(mib))
            return pytester.runpytest("--memstat-baseline", "base.json", *options)

    missing = run(30)
    assert missing.ret == pytest.ExitCode.USAGE_ERROR
    missing.stderr.fnmatch_lines(["*--memstat-baseline: no file*record it with --memstat-update"])
    run(30, "--memstat-update").assert_outcomes(passed=1, failed=1)
    recorded = Path("base.json").read_text()
    assert json.loads(recorded)["growth_pss_bytes"].keys() == {"test_it.py::test_it"}
    again = run(30)
    again.assert_outcomes(passed=1, failed=1)
    more = run(40)
    more.assert_outcomes(passed=1, failed=1)
    more.stdout.re_match_lines(
        [
            r"memstat: the test grew by 4\d\.\d MiB; the baseline has 3\d\.\d MiB",
            r"  limit  3\d\.\d MiB before, and a tolerance of 3\.\d+ MiB",
        ]
    )
    more.stdout.fnmatch_lines(["1 test is not in the baseline: --memstat-update"])
    run(40, "--memstat-tolerance", "20 MiB").assert_outcomes(passed=2)
    run(30, "--memstat-update", "test_it.py::test_it").assert_outcomes(passed=1)
    assert Path("base.json").read_text() == recorded
    run(40, "--memstat-update").assert_outcomes(passed=2)
    run(40).assert_outcomes(passed=2)


def test_a_baseline_keeps_the_runs_that_passed_where_they_are_appended(
    pytester: pytest.Pytester,
) -> None:
    make(pytester, "\n    import os\n\n    def test_it(): use(int(os.environ['MIB']))\n")
    options = ("--memstat-baseline", "base.json", "--memstat-append")
    for mib, passed in ((30, True), (31, True), (45, False), (30, True)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MIB", str(mib))
            result = pytester.runpytest(*options)
        result.assert_outcomes(passed=passed, failed=not passed)
        if not passed:
            result.stdout.re_match_lines(
                [r"  limit  3\d\.\d MiB before \(median of 2 runs, up to 3\d\.\d MiB\), and a "]
            )
    (runs,) = json.loads(Path("base.json").read_text())["growth_pss_bytes"].values()
    assert [round(run / (1 << 20)) // 10 for run in runs] == [3, 3, 3]


def test_workers_of_xdist_compare_with_a_baseline_that_is_written_once(
    pytester: pytest.Pytester,
) -> None:
    make(
        pytester, "\n    @pytest.mark.parametrize('n', range(4))\n    def test_it(n): use(n * 5)\n"
    )
    options = (*XDIST, "--memstat-baseline", "base.json")
    pytester.runpytest_subprocess(*options, "--memstat-update").assert_outcomes(passed=4)
    baseline = json.loads(Path("base.json").read_text())
    assert len(baseline["growth_pss_bytes"]) == 4
    baseline["growth_pss_bytes"]["test_it.py::test_it[3]"] = 0
    Path("base.json").write_text(json.dumps(baseline))
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=3, failed=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--memstat-top", "0"], "--memstat-top: must be 1 or more"),
        (["--memstat-json", "no/such/file"], "--memstat-json: cannot write to*No such file"),
        (["--memstat-json", "."], "--memstat-json: cannot write to*Is a directory"),
        (["--memstat-update"], "--memstat-update needs a file: add --memstat-baseline FILE"),
        (["--memstat-append"], "--memstat-append needs a file: add --memstat-baseline FILE"),
        (["--memstat-append", "--memstat-update"], "*give only one"),
        (["--memstat-baseline", "test_it.py"], "--memstat-baseline: cannot read*"),
        (["--memstat", "--memstat-tolerance", "some"], "--memstat-tolerance: 'some' is neither"),
    ],
)
def test_options_that_are_not_valid_are_usage_errors_before_any_test(
    pytester: pytest.Pytester, options: list[str], words: str
) -> None:
    make(pytester, "\n    def test_it(): raise SystemExit\n")
    result = pytester.runpytest(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {words}*"])


def test_a_sidecar_that_is_killed_fails_the_test_that_needs_it_and_no_other(
    pytester: pytest.Pytester,
) -> None:
    make(
        pytester,
        """
    import os, select, signal, time
    import psutil

    def kill_sidecar():
        own = []
        # It takes its name some milliseconds after its start.
        while not own:
            found = psutil.process_iter(["name", "cmdline"])
            named = [p for p in found if p.info["name"] == "memstat-sidecar" and p.info["cmdline"]]
            own = [p.pid for p in named if p.info["cmdline"][-1] == str(os.getpid())]
        (pid,) = own
        pidfd = os.pidfd_open(pid)
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        select.select([pidfd], [], [])
        os.close(pidfd)

    @pytest.mark.max_pss("100 MiB")
    def test_needs_it(): kill_sidecar()

    def test_does_not():
        kill_sidecar()
        # A test of 5 ms and less has no need of it, but for a child.
        time.sleep(0.006)

    @pytest.mark.max_pss("100 MiB")
    def test_next(): pass
    """,
    )
    # Without a sidecar to kill, it would look for one for ever.
    options = ("--memstat", "-W", "ignore::ResourceWarning")
    result = pytester.runpytest_subprocess(*options, timeout=60)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "memstat: the test could not be measured: the sidecar was killed by SIGKILL",
            "not measured: test_it.py::test_does_not: the sidecar was killed by SIGKILL",
        ]
    )


def test_a_sidecar_that_cannot_start_fails_the_test_that_needs_it(
    pytester: pytest.Pytester,
) -> None:
    make(
        pytester,
        """
    @pytest.mark.max_pss("100 MiB")
    def test_needs_it(): pass

    def test_does_not(): pass
    """,
    )
    pytester.makeconftest("import sys; sys.executable = '/bin/false'")
    result = pytester.runpytest_subprocess("--memstat")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["memstat: the test could not be measured: the sidecar ended too*"])


MULTIPROCESSING = """
    import multiprocessing
    def work(ready, stop):
        held = bytearray(60 << 20)
        ready.set()
        stop.wait()
    def test_it():
        context = multiprocessing.get_context("WAY")
        ready, stop = context.Event(), context.Event()
        process = context.Process(target=work, args=(ready, stop))
        process.start()
        at_teardown.append(process.join)
        at_teardown.append(stop.set)
        ready.wait()
    """

REAL = {
    "subprocess": "def test_it(): use(60)",
    "fork": MULTIPROCESSING.replace("WAY", "fork"),
    "spawn": MULTIPROCESSING.replace("WAY", "spawn"),
    "asyncio_subprocess": """
    import asyncio
    async def use_async():
        source = "held = bytearray(60 << 20); print('ready', flush=True); input()"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", source,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        await process.stdout.readline()
        return process
    def test_it():
        runner = asyncio.Runner()
        at_teardown.append(runner.close)
        process = runner.run(use_async())
        at_teardown.append(lambda: runner.run(process.communicate(b"go\\n")))
    """,
}


@pytest.mark.parametrize("way", REAL)
def test_it_measures_the_processes_that_a_test_starts(pytester: pytest.Pytester, way: str) -> None:
    make(pytester, f"\n    pytestmark = pytest.mark.max_pss('30 MiB')\n    {REAL[way].strip()}\n")
    result = pytester.runpytest_subprocess("-W", "ignore::DeprecationWarning")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r"memstat: the test and what it started grew by [678]\d\.\d MiB"])


def test_a_process_that_a_test_leaks_is_named_and_is_no_growth_of_the_next_test(
    pytester: pytest.Pytester,
) -> None:
    make(
        pytester,
        """
    import os, signal

    DAEMON = "\\n".join([
        "import os, signal",
        "held = bytearray(60 << 20)",
        "pid = os.fork()",
        "if pid == 0: os.setsid(); os.close(1); signal.pause()",
        "print(pid, flush=True)",
        "input()",
    ])
    pids = []

    def test_leak(memory):
        with subprocess.Popen(
            [sys.executable, "-c", DAEMON], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as parent:
            pids.append(int(parent.stdout.readline()))
            # Seen once with its parent, it stays in the tree.
            memory.mark("forked")
            parent.communicate(b"go\\n")

    @pytest.mark.max_pss("20 MiB")
    def test_next(): pass

    def test_end(): os.kill(pids[0], signal.SIGKILL)
    """,
    )
    result = pytester.runpytest("--memstat-json", "out.json", "--memstat")
    result.assert_outcomes(passed=3)
    result.stdout.re_match_lines(
        [r"left running by test_it\.py::test_leak: \[\d+\] python.* 6\d\.\d MiB"]
    )
    tests = {row["test"]: row for row in json.loads(Path("out.json").read_text())["tests"]}
    leak, after = tests["test_it.py::test_leak"], tests["test_it.py::test_next"]
    assert leak["growth_pss_bytes"] > 60 << 20
    assert after["start_pss_bytes"] > leak["start_pss_bytes"] + (55 << 20)
    assert after["growth_pss_bytes"] < 10 << 20
    assert [p["name"][:6] for p in leak["left_running"]] == ["python"]
    assert after["left_running"] == []


def test_the_fixture_offers_what_a_sidecar_does(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    def test_it(memory):
        process = start(60)
        loaded = memory.mark("loaded")
        stop(process)
        memory.mark("stopped")
        memory.reset_peak()
        assert memory.peak.pss_bytes < loaded.peak.pss_bytes - (50 << 20)
        assert [mark.name for mark in memory.marks] == ["loaded", "stopped"]
        assert memory.snapshots[-1] is memory.latest
        assert memory.stats.samples >= len(memory.snapshots) >= 3
        assert memory.pid > 0

    @pytest.mark.max_pss("20 MiB")
    def test_limit(memory):
        process = start(60)
        memory.mark("loaded")
        stop(process)
        memory.reset_peak()
    """,
    )
    # What a test resets for itself is no way round its limit.
    pytester.runpytest().assert_outcomes(passed=1, failed=1)


def test_every_run_of_one_id_is_a_row(pytester: pytest.Pytester) -> None:
    make(
        pytester,
        """
    count = iter(range(9))

    @pytest.mark.flaky(reruns=2)
    def test_again(): assert next(count) == 2
    """,
    )
    options = ("--memstat", "--memstat-json", "out.json", "--junitxml", "out.xml")
    plugins = ("-p", "rerunfailures", "-p", "no:randomly")
    result = pytester.runpytest_subprocess(*plugins, *options)
    assert [row["test"] for row in json.loads(Path("out.json").read_text())["tests"]] == [
        "test_it.py::test_again"
    ] * 3
    assert (
        len(re.findall("iB  test_it.py::test_again", result.stdout.str()))
        + len(re.findall(" B  test_it.py::test_again", result.stdout.str()))
        == 3
    )
    case = next(ET.parse("out.xml").iter("testcase"))
    assert len({*case.iter("property")}) == len(properties("out.xml")["test_again"]) == 2
