"""What is written is read again; whatever else is given is named in one line."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memstat.comparing import bench_file
from memstat.comparing.history import appended
from memstat.comparing.loading import load
from memstat.comparing.measurements import Flaw, Measurements, Metric, Program, Run
from memstat.errors import ComparisonError
from memstat.jsonlines import line, run_summary
from memstat.pytest_plugin import baseline
from memstat.results import Peak, RunResult, SamplingStats
from memstat.testing import snapshot_of
from tests.comparing.made import MIB, measured

STATS = SamplingStats(0.1, 50, 2, 1, 0.1, 0.001, 0.002)
sizes = st.none() | st.integers(0, 1 << 60)
seconds = st.none() | st.floats(0, 1e6)
programs = st.builds(Program, st.text(), st.just(2), st.just(7), sizes, sizes, sizes)
runs = st.builds(
    Run,
    *[sizes] * 6,
    *[seconds] * 3,
    sizes,
    sizes,
    seconds,
    st.none() | st.integers(0, 4_000_000_000).map(float),
    st.none() | st.sampled_from(Flaw),
    st.none() | st.text(min_size=1),
    sizes,
    st.lists(programs, max_size=2).map(tuple),
)


@settings(max_examples=30)
@given(st.lists(st.builds(Measurements, st.text(min_size=1), st.tuples(runs, runs), st.just("c"))))
def test_a_file_has_all_of_every_run(found: list[Measurements]) -> None:
    assert [*bench_file.decode(bench_file.encode(found, "1"))] == found


def test_a_file_is_one_of_hyperfine_too() -> None:
    sort = measured(30, 10, 20, duration_s=2.0, user_s=1.0, system_s=0.5, exit_status=0)
    (result,) = json.loads(bench_file.encode([sort], "1"))["results"]
    assert result["command"] == "sort file"
    assert (result["times"], result["mean"], result["stddev"]) == ([2.0] * 3, 2.0, 0.0)
    assert (result["user"], result["system"], result["exit_codes"]) == (1.0, 0.5, [0] * 3)
    assert result["memory_usage_byte"] == [30 * MIB, 10 * MIB, 20 * MIB]


def summary(command: tuple[str, ...], mib: int) -> str:
    peak = Peak(mib * MIB, snapshot_of({7: mib * MIB}))
    result = RunResult(command, None, 9, 1.5, STATS, peak)
    return line(run_summary(result, with_peak=True, on_exceed="kill"))


SUMMARIES = "\n".join(
    [
        line({"kind": "snapshot"}),
        summary(("sort", "a b"), 5),
        summary(("true",), 1),
        summary(("sort", "a b"), 7),
    ]
)


def test_summaries_are_runs_of_their_commands(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text(SUMMARIES)
    sort, true = load(str(tmp_path / "runs.jsonl"))
    assert (sort.name, true.name) == ("sort 'a b'", "true")
    assert [run.pss_bytes for run in sort.runs] == [5 * MIB, 7 * MIB]
    run = sort.runs[0]
    assert (run.exit_status, run.duration_s, run.samples) == (137, 1.5, 50)
    assert [program.name for program in run.programs] == ["p7"]


def test_a_folder_is_all_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(bench_file.encode([measured(1, 2)], "1"))
    (tmp_path / "2.json.gz").write_bytes(
        gzip.compress(bench_file.encode([measured(3)], "1").encode())
    )
    (tmp_path / "README.txt").write_text("no measurements")
    (sort,) = load(str(tmp_path))
    assert [run.pss_bytes for run in sort.runs] == [MIB, 2 * MIB, 3 * MIB]


def test_a_baseline_of_the_pytest_plugin_is_its_tests(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_text(baseline.encode({"test_a": [MIB, 2 * MIB], "test_b": MIB}))
    found = {one.name: one.sizes_bytes(Metric.PSS) for one in load(str(path))}
    assert found == {"test_a": (MIB, 2 * MIB), "test_b": (MIB,)}


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    given_bytes = io.TextIOWrapper(io.BufferedReader(io.BytesIO(SUMMARIES.encode())))
    monkeypatch.setattr(sys, "stdin", given_bytes)
    assert len(load("-")) == 2
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ComparisonError, match="standard input is closed"):
        load("-")


def changed(**fields: Any) -> str:
    value = json.loads(bench_file.encode([measured(1)], "1"))
    value["results"][0]["runs"][0].update(fields)
    return json.dumps(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no summary of memstat run --json"),
        ("nonsense", "it is no JSON"),
        ("[1]", "line 1 is no summary of memstat run --json"),
        ('{"kind":"summary","peak":null}', "line 1 has no command or no peak"),
        (
            '{"kind":"summary","peak":null,"command":["a"]}',
            "line 1 is damaged: not a summary: KeyError",
        ),
        ('{"results": []}', "no file of memstat bench: the runs of hyperfine have no peaks"),
        ('{"results": [], "memstat": {"format": 2}}', "its format is 2, and only 1 is known"),
        ('{"results": [{}], "memstat": {"format": 1}}', "damaged: KeyError: 'runs'"),
        ('{"growth_pss_bytes": []}', 'its "growth_pss_bytes" is no object'),
        ('{"growth_pss_bytes": {"a": []}}', "a: [] is no number of bytes, nor several"),
        (changed(pss_bytes="1"), "pss_bytes: '1' is no whole number from 0"),
        (changed(pss_bytes=-1), "pss_bytes: -1 is no whole number from 0"),
        (changed(pss_bytes=True), "pss_bytes: True is no whole number from 0"),
        (changed(duration_s=float("nan")), "duration_s: nan is no number from 0"),
        (changed(flaw="odd"), "flaw: 'odd' is not known"),
        (changed(kernel=5), "damaged: TypeError: 5 is no text"),
        (changed(time="soon"), "Invalid isoformat string: 'soon'"),
    ],
)
def test_a_file_that_is_something_else_is_an_error(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "given.json"
    path.write_text(text)
    with pytest.raises(ComparisonError) as caught:
        load(str(path))
    assert str(caught.value).startswith(f"{path}: {reason}")


def cut_short(path: Path) -> None:
    path.write_bytes(gzip.compress(SUMMARIES.encode())[:-20])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.exists, "No such file or directory"),
        (cut_short, "Compressed file ended before the end-of-stream marker was reached"),
        (lambda path: path.write_bytes(b"\x1f\x8bnonsense"), "Unknown compression method"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    make: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    make(tmp_path / "given")
    with pytest.raises(ComparisonError, match=f"cannot read .*given: {reason}"):
        load(str(tmp_path / "given"))


def test_a_folder_without_measurements_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ComparisonError, match="holds no file that ends in"):
        load(str(tmp_path))


def test_a_baseline_keeps_the_last_five_runs_of_each_command() -> None:
    base = [measured(1, 2, 3, name="a"), measured(9, name="b")]
    after = appended(base, [measured(4, 5, 6, name="a"), measured(7, name="c")])
    found = {one.name: [(run.pss_bytes or 0) // MIB for run in one.runs] for one in after}
    assert found == {"a": [2, 3, 4, 5, 6], "b": [9], "c": [7]}
    # What is compared with one another is one command.
    (only,) = appended([measured(1, name="./old")], [replace(measured(2), name="./new")])
    assert (only.name, len(only.runs)) == ("./old", 2)
