"""The files of ``run``: of the command's output, and of the report."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.harness import assert_one_line, on_terminal
from tests.cli.json_fields import assert_run_summary
from tests.preloaded import memstat
from tests.targets import memstat_path, python

TALK = ("sh", "-c", "echo out; echo err >&2; sleep 0.2")
LARGE = python("import signal; held = b'x' * (40 << 20); signal.pause()")


# Streams by their paths.


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "-", "link"])
def test_a_log_that_stdout_is_appended_to_keeps_its_lines(tmp_path: Path, path: str) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    log = tmp_path / "log"
    log.write_text("old\n")
    with log.open("ab") as stream:
        subprocess.run(
            [memstat_path(), "run", "--no-peak", "-O", path, "--", "echo", "new"],
            stdout=stream,
            cwd=tmp_path,
            check=True,
        )
    assert log.read_text() == "old\nnew\n"


@pytest.mark.parametrize("options", [["-O", "/dev/stderr"], ["-E", "/dev/stdout"]])
def test_output_moves_to_the_other_stream(options: list[str]) -> None:
    done = memstat("run", "--no-peak", *options, "--", *TALK)
    both = "out\nerr\n"
    assert (done.stdout, done.stderr) == (("", both) if "-O" in options else (both, ""))


def test_stdout_comes_back_where_json_takes_it() -> None:
    done = memstat("run", "--json", "-O", "-", "--", *TALK)
    out, summary = done.stdout.splitlines()
    assert out == "out"
    assert_run_summary(json.loads(summary))


def test_another_inherited_descriptor_is_a_file_too(tmp_path: Path) -> None:
    script = '"$0" run --report /dev/fd/7 -O /dev/fd/9 -- echo out 7>report 9>out'
    subprocess.run(["bash", "-c", script, memstat_path()], cwd=tmp_path, check=True)
    assert (tmp_path / "out").read_text() == "out\n"
    assert (tmp_path / "report").read_text().startswith("Peak:")


@pytest.mark.parametrize(("path", "closing"), [("/dev/stdout", ">&-"), ("/dev/fd/9", "")])
@pytest.mark.parametrize("option", ["-O", "-E", "--report"])
def test_a_closed_stream_is_an_error_before_anything_starts(
    tmp_path: Path, option: str, path: str, closing: str
) -> None:
    script = f'"$0" run {option} {path} touch started {closing}'
    done = subprocess.run(
        ["sh", "-c", script, memstat_path()], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 125
    assert_one_line(done.stderr, f"cannot write to {path}: Bad file descriptor")
    assert not (tmp_path / "started").exists()


# Appending.


@pytest.mark.parametrize("append", [False, True])
def test_files_are_appended_to_on_request(tmp_path: Path, *, append: bool) -> None:
    paths = [str(tmp_path / name) for name in ("out", "err", "report")]
    for path in paths:
        Path(path).write_text("old\n")
    options = ["-O", paths[0], "-E", paths[1], "--report", paths[2], *["--append"] * append]
    memstat("run", *options, "--", *TALK)
    out, err, report = (Path(path).read_text() for path in paths)
    old = "old\n" if append else ""
    assert (out, err) == (f"{old}out\n", f"{old}err\n")
    assert report.startswith(f"{old}Peak:\nTotal: ")


def test_append_without_a_file_is_wrong_usage() -> None:
    done = memstat("run", "--append", "true")
    assert done.returncode == 125
    assert_one_line(done.stderr, "--append needs -O, -E or --report")


# The report.


@pytest.mark.parametrize("options", [[], ["-rv"], ["--only-peak"], ["--bytes"], ["--json"]])
def test_stdout_and_stderr_stay_the_commands(tmp_path: Path, options: list[str]) -> None:
    report = tmp_path / "report"
    done = memstat("run", *options, "--report", str(report), "--", *TALK)
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")
    text = report.read_text()
    assert text.endswith("\n")
    assert ("Peak:" in text) == ("--only-peak" not in options and "--json" not in options)
    if "--json" in options:
        assert_run_summary(json.loads(text))


def test_on_a_terminal_too(tmp_path: Path) -> None:
    report = tmp_path / "report"
    shown = on_terminal(memstat_path(), "run", "-rv", "--report", str(report), "--", *TALK)
    assert shown == (0, "out\nerr\n")
    assert "(sleep)" in report.read_text()


@pytest.mark.parametrize("json_too", [False, True])
def test_what_exceeded_the_limit_is_in_the_report(tmp_path: Path, *, json_too: bool) -> None:
    report = tmp_path / "report"
    options = ["--max-pss", "30M", *["--json"] * json_too, "--report", str(report)]
    done = memstat("run", *options, "--", *LARGE)
    assert (done.returncode, done.stdout, done.stderr) == (124, "", "")
    if json_too:
        assert json.loads(report.read_text())["limit"]["exceeded"] is True
    else:
        assert "memstat: the limit of 30.0 MiB was exceeded" in report.read_text()


@pytest.mark.parametrize("path", ["/nonexistent/file", "/", ""])
def test_a_report_that_cannot_be_opened_is_an_error_before_anything_starts(
    tmp_path: Path, path: str
) -> None:
    done = memstat("run", "--report", path, "touch", str(tmp_path / "started"))
    assert (done.returncode, done.stdout) == (125, "")
    assert_one_line(done.stderr, f"cannot write to {path}")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("options", [[], ["--json"], ["-v"]])
def test_a_report_that_cannot_be_written_is_125(options: list[str]) -> None:
    done = memstat("run", *options, "--report", "/dev/full", "--", "sh", "-c", "sleep 0.2; exit 3")
    assert done.returncode == 125
    assert_one_line(done.stderr, "cannot write to /dev/full: No space left on device")


def test_one_file_for_output_and_report_needs_append(tmp_path: Path) -> None:
    path = tmp_path / "both"
    options = ["--report", str(path), "-O", os.path.relpath(path)]
    refused = memstat("run", *options, "--", *TALK)
    assert refused.returncode == 125
    assert_one_line(refused.stderr, "-O and --report name the same file", "--append")
    assert memstat("run", "--append", *options, "--", *TALK).returncode == 0
    assert path.read_text().startswith("out\nPeak:\n")
