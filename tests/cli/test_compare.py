"""``memstat compare``: what came out is the exit status, and each form says the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from memstat.comparing import bench_file
from memstat.comparing.loading import load
from memstat.comparing.measurements import Measurements
from tests.cli.harness import assert_one_line
from tests.comparing.made import MIB, measured
from tests.preloaded import memstat, memstat_in_bytes
from tests.targets import python

BASE = (100, 101, 99, 100, 102)


def write(path: Path, *measurements: Measurements) -> str:
    path.write_text(bench_file.encode(measurements, "1"))
    return str(path)


@pytest.fixture
def base(tmp_path: Path) -> str:
    return write(tmp_path / "base.json", measured(*BASE))


@pytest.fixture
def new(tmp_path: Path) -> str:
    """Twenty per cent more."""
    return write(tmp_path / "new.json", measured(*(1.2 * size for size in BASE)))


@pytest.mark.parametrize(
    ("options", "status", "outcome"),
    [
        ((), 1, "regression"),
        (("--tolerance", "25%"), 0, "unchanged"),
        (("--min-change", "30MiB"), 0, "unchanged"),
        (("--metric", "swap"), 3, "not comparable"),
    ],
)
def test_the_exit_status_is_the_outcome(
    base: str, new: str, options: tuple[str, ...], status: int, outcome: str
) -> None:
    done = memstat("compare", base, new, *options)
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout.startswith(f"sort: {outcome}")


def test_force_compares_what_is_not_comparable(base: str, tmp_path: Path) -> None:
    other = write(tmp_path / "other.json", measured(*BASE, kernel="4.18.0"))
    done = memstat("compare", base, other)
    assert done.returncode == 3
    assert "note: the kernels differ: Linux 6.8 and 4.18; --force compares all" in done.stdout
    forced = memstat("compare", "--force", base, other)
    assert forced.returncode == 0
    assert "note: the kernels differ: Linux 6.8 and 4.18; ignored, by --force" in forced.stdout


def test_each_form_has_the_figures(base: str, new: str) -> None:
    forms = {
        form: memstat("compare", "--format", form, base, new).stdout
        for form in ("text", "markdown", "json", "github-action-benchmark", "bencher")
    }
    assert forms["text"] == (
        "sort: regression, +20.0 % (20.0 MiB more PSS)\n"
        "  base  100 MiB   largest 102 MiB, 5 runs, spread 3.0 %\n"
        "  new   120 MiB   largest 122 MiB, 5 runs, spread 3.0 %\n"
        "  rule  over 5 % and 1.00 MiB more, with p <= 0.05: p is 0.004\n"
    )
    assert (
        "\n| <code>sort</code> | 100 MiB | 120 MiB | +20.0 % | 0.004 | **regression** |\n"
        in forms["markdown"]
    )
    compared = json.loads(forms["json"])
    assert compared["outcome"] == "regression"
    (result,) = compared["results"]
    assert result["growth_bytes"] == 20 * MIB
    assert result["p_value"] == pytest.approx(1 / 252)
    (value,) = json.loads(forms["github-action-benchmark"])
    assert (value["name"], value["value"], value["unit"]) == (
        "sort (peak PSS)",
        120 * MIB,
        "bytes",
    )
    assert json.loads(forms["bencher"])["sort"]["peak-pss"]["value"] == 120 * MIB


def test_few_runs_are_said_to_be_judged_by_the_tolerance_alone(tmp_path: Path) -> None:
    base, new = (write(tmp_path / f"{mib}.json", measured(mib)) for mib in (100, 104))
    done = memstat("compare", base, new)
    assert done.returncode == 0
    assert "judged by the tolerance alone, for want of 3 runs on both sides" in done.stdout


def test_summaries_come_from_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "base.jsonl"
    summary = memstat("run", "-r", "--json", "--", "sleep", "0.2").stdout
    path.write_text(summary * 3)
    with path.open() as file:
        done = memstat_in_bytes("compare", str(path), "-", stdin=file.fileno())
    assert done.returncode == 0
    assert done.stdout.startswith(b"sleep 0.2: unchanged, +0.0 % (0 B more PSS)\n")
    assert b" 3 runs, " in done.stdout


def test_two_recordings_show_what_has_grown(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{mib}.jsonl.gz") for mib in (10, 50)]
    for mib, path in zip((10, 50), paths, strict=True):
        source = python(f"import time; held = b'x' * ({mib} << 20); time.sleep(0.5)")
        assert memstat("run", "--exact", "--record", path, "--", *source).returncode == 0
    done = memstat("compare", *paths)
    assert done.returncode == 1
    *_, table, row = done.stdout.splitlines()
    assert table.split()[3:] == ["base", "new", "change", "anon", "file", "shmem"]
    _, _, _, change, anon, _, shmem = row.split()
    assert 30 < float(anon) <= float(change) + 5 < 50
    assert float(shmem) == 0.0
    Path(paths[0]).write_bytes(Path(paths[0]).read_bytes()[:-40])
    cut_off = memstat("compare", *paths).stdout
    assert "note: BASE: it has no end: it was cut off" in cut_off


def test_an_update_makes_a_baseline_and_then_keeps_its_last_five_runs(tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    for mib in range(100, 107):
        new = write(tmp_path / "new.json", measured(mib))
        done = memstat("compare", "--update", str(base), new)
        assert done.returncode == 0
    assert done.stderr == f"memstat: {base} has 5 runs now\n"
    (kept,) = load(str(base))
    assert [(run.pss_bytes or 0) // MIB for run in kept.runs] == [102, 103, 104, 105, 106]
    assert {path.name for path in tmp_path.iterdir()} == {"base.json", "new.json"}


def test_an_update_keeps_a_regression_and_the_mode_but_nothing_that_is_not_comparable(
    base: str, new: str, tmp_path: Path
) -> None:
    os.chmod(base, 0o600)
    link = tmp_path / "link.json"
    link.symlink_to("base.json")
    assert memstat("compare", "--update", str(link), new).returncode == 1
    updated = Path(base).read_text()
    assert load(base)[0].runs == load(new)[0].runs
    assert (link.is_symlink(), os.stat(base).st_mode & 0o777) == (True, 0o600)
    other = write(tmp_path / "other.json", measured(*BASE, page_bytes=65536))
    assert memstat("compare", "--update", base, other).returncode == 3
    assert Path(base).read_text() == updated


def test_an_update_overwrites_nothing_of_another_form(new: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    summary = memstat("run", "--json", "--", "sleep", "0.1").stdout
    path.write_text(summary)
    done = memstat("compare", "--update", str(path), new)
    assert (done.returncode, path.read_text()) == (2, summary)
    assert_one_line(done.stderr, "runs are appended only to a file of `memstat bench")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("base.json",), "Missing argument 'NEW'"),
        (("-", "-"), "BASE and NEW cannot both be standard input"),
        (("base.json", "missing"), "cannot read missing: No such file or directory"),
        (("base.json", "/dev/null"), "/dev/null: no summary of memstat run --json"),
        (("--tolerance", "many", "base.json", "base.json"), "'many' is not a percentage"),
        (("--tolerance", "nan", "base.json", "base.json"), "'nan' is not a percentage"),
        (("--min-change", "-1", "base.json", "base.json"), "'-1' is not a size"),
        (("--update", "-", "base.json"), "--update needs a BASE that is a file"),
        (("--update", "/dev/null", "base.json"), "/dev/null: runs are appended only to a file of"),
        (("--update", ".", "base.json"), "--update needs a BASE that is a file"),
        (("--update", "no/base.json", "base.json"), "cannot write to no/base.json"),
    ],
)
def test_whatever_keeps_it_from_an_answer_is_status_2(
    arguments: tuple[str, ...], words: str, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Path(base).parent
    monkeypatch.chdir(directory)
    before = Path(base).read_bytes()
    done = memstat("compare", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, words)
    assert [path.name for path in directory.iterdir()] == ["base.json"]
    assert Path(base).read_bytes() == before
