"""``memstat run``: arguments, output, exit status."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.harness import PROCESS_LINE, TOTAL_LINE, assert_one_line, on_terminal
from tests.cli.json_fields import assert_run_summary, assert_snapshot
from tests.preloaded import memstat
from tests.targets import memstat_path, python

ECHO = python("import sys; print(*sys.argv[1:], sep='|')")
SLEEP = ("sleep", "0.3")
TALK = ("sh", "-c", "echo out; echo err >&2; sleep 0.2")
NOTE = re.compile(r"memstat: .*\n")


def without_notes(stderr: str) -> str:
    """The report without remarks on its quality, which depend on the machine."""
    return NOTE.sub("", stderr)


# Arguments.


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        (["--", *ECHO, "--help", "-r"], "--help|-r"),
        (["--", *ECHO, r"\--help"], r"\--help"),
        (["--", *ECHO, "a", "--", "b"], "a|--|b"),
        ([ECHO[0], r"\-S", r"\-c", ECHO[-1], r"\--help", "-v"], "--help"),
        ([ECHO[0], r"\-S", r"\-c", ECHO[-1], r"\\literal", "plain"], r"\literal|plain"),
        ([ECHO[0], r"\-S", r"\-c", ECHO[-1], r"\\\two", "in\\side"], r"\\two|in\side"),
        ([ECHO[0], r"\-S", r"\-c", ECHO[-1], "one", "--", "-v", r"\x"], r"one|-v|\x"),
        (["-rf", "20", "--", *ECHO, "", "with space"], "|with space"),
    ],
)
def test_arguments_reach_the_command(arguments: list[str], received: str) -> None:
    done = memstat("run", *arguments)
    assert (done.returncode, done.stdout) == (0, received + "\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-rv", *SLEEP],
        [*SLEEP, "-rv"],
        ["-r", SLEEP[0], "-v", SLEEP[1]],
        ["--recursively", "--verbose", *SLEEP],
        ["-rv", "--", *SLEEP],
        ["-rvf20", *SLEEP],
        [*SLEEP, "--recursive", "--frequency", "20", "-v"],
        [*SLEEP, "-vi", "0.05"],
        ["--interval=0.05", *SLEEP, "-v"],
        ["--peak", *SLEEP, "-v"],
    ],
)
def test_options_stand_before_and_after_the_command(arguments: list[str]) -> None:
    done = memstat("run", *arguments)
    assert done.returncode == 0
    assert "(sleep)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["git", "--bogus"], "--bogus"),
        (["ls", "-la"], "-la"),
        (["ls", "--color=auto"], "--color=auto"),
        (["df", "-h"], "-h"),
        (["--bogus", "git"], "--bogus"),
    ],
)
def test_an_unknown_option_is_an_error_that_shows_how_to_pass_it_on(
    arguments: list[str], option: str
) -> None:
    done = memstat("run", *arguments)
    assert (done.returncode, done.stdout) == (125, "")
    assert_one_line(done.stderr, f"-- COMMAND {option}'", rf"'\{option}'")


# What is printed.


def test_without_options_the_peak_is_all_it_prints() -> None:
    done = memstat("run", *SLEEP)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.fullmatch(r"Peak:\nTotal: ~?[1-9]\d* kB\n", without_notes(done.stderr))


def test_verbose_prints_a_block_per_tick_the_exit_and_the_peak() -> None:
    done = memstat("run", "-v", "-f", "20", *SLEEP)
    lines = without_notes(done.stderr).splitlines()
    at = lines.index("Process exited with code 0")
    assert lines[at + 1] == "Peak:"
    blocks = lines[:at] + lines[at + 2 :]
    assert len(blocks) >= 4
    for process, total in zip(blocks[::2], blocks[1::2], strict=True):
        line = PROCESS_LINE.fullmatch(process)
        assert line
        assert line[4] == "sleep"
        assert total.removeprefix("Total: ") == process.split(" ", 1)[1].rpartition(" (")[0]


def test_bytes_are_plain() -> None:
    done = memstat("run", "--bytes", *SLEEP)
    assert re.fullmatch(r"Peak:\n[1-9]\d*\n", without_notes(done.stderr))


def test_no_peak_is_silent() -> None:
    done = memstat("run", "--no-peak", *SLEEP)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_peak_with_verbose_prints_the_rest() -> None:
    done = memstat("run", "--no-peak", "-v", *SLEEP)
    assert done.stderr.endswith(" kB\nProcess exited with code 0\n")
    assert "Peak" not in done.stderr


def test_only_peak_is_the_block_on_stdout() -> None:
    done = memstat("run", "--only-peak", *SLEEP)
    assert re.fullmatch(r"Total: ~?[1-9]\d* kB\n", done.stdout)
    assert without_notes(done.stderr) == ""


def test_only_peak_with_verbose_has_the_processes_of_the_peak() -> None:
    done = memstat("run", "--only-peak", "-v", *SLEEP)
    process, total = done.stdout.splitlines()
    assert PROCESS_LINE.fullmatch(process)
    assert TOTAL_LINE.fullmatch(total)
    assert without_notes(done.stderr) == ""


@pytest.mark.parametrize("last", ["--peak", "--no-peak", "--only-peak"])
def test_the_last_of_contradicting_options_wins(last: str) -> None:
    done = memstat("run", "--only-peak", "--peak", "--no-peak", last, *SLEEP)
    assert ("Peak:" in done.stderr) is (last == "--peak")
    assert ("Total:" in done.stdout) is (last == "--only-peak")


def test_the_peak_is_one_number_for_a_script() -> None:
    script = (
        'peak=$("$0" run -r --only-peak --bytes -- sh -c "echo noise; sleep 0.2"); echo "<$peak>"'
    )
    done = subprocess.run(["sh", "-c", script, memstat_path()], capture_output=True, text=True)
    assert re.fullmatch(r"<[1-9]\d+>\n", done.stdout)
    assert done.stderr.startswith("noise\n")


@pytest.fixture(scope="module")
def blink(c_program: Callable[[str], Path]) -> str:
    """A program that ends at once."""
    return str(c_program("int main(void) { return 5; }"))


def run_until_unseen(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run until no sample was taken; what was measured instead is never 0."""
    for _ in range(30):
        done = memstat("run", *arguments)
        assert done.returncode == 5
        if '"samples":0' in done.stdout or "not measured" in done.stderr:
            return done
        assert not re.search(r"\b0 kB", done.stdout + done.stderr)
    pytest.fail("a sample of a program that ends at once, thirty times over")


@pytest.mark.parametrize("options", [[], ["-r"], ["-v"], ["--only-peak"], ["--bytes"]])
def test_a_command_too_short_to_be_seen_has_no_peak(blink: str, options: list[str]) -> None:
    done = run_until_unseen(*options, blink)
    assert done.stdout == ""
    assert re.search(
        r"^Peak: not measured: the command ended within [1-9]\d* ms$", done.stderr, re.MULTILINE
    )


def test_json_of_what_was_not_seen_is_null(blink: str) -> None:
    summary = json.loads(run_until_unseen("--json", blink).stdout)
    assert_run_summary(summary)
    assert summary["peak"] is None
    assert summary["longest_gap_s"] is None
    assert summary["sweep_s"] == {"median": None, "max": None}


def test_verbose_prints_how_the_command_ended() -> None:
    exited = memstat("run", "-v", "--", "sh", "-c", "exit 3")
    assert "Process exited with code 3\n" in exited.stderr
    killed = memstat("run", "-v", "--", "sh", "-c", "kill -KILL $$")
    assert "Process was killed by signal SIGKILL\n" in killed.stderr
    real_time = memstat("run", "-v", "--", "sh", "-c", f"kill -{signal.SIGRTMIN + 1} $$")
    assert "Process was killed by signal SIGRTMIN+1\n" in real_time.stderr


def test_descendants_that_go_on_are_counted_at_the_end() -> None:
    done = memstat("run", "-r", "--", "sh", "-c", "sleep 1 >&- 2>&- & sleep 0.2")
    assert "memstat: 1 descendant still running" in done.stderr


@pytest.mark.calm("the command, which ends at once, has half a second")
def test_wait_all_measures_them_to_the_end() -> None:
    done = memstat(
        "run", "-r", "--wait-all", "--json", "--", "sh", "-c", "sleep 0.5 >&- 2>&- & exit 4"
    )
    summary = json.loads(done.stdout)
    assert done.returncode == 4
    assert summary["duration_s"] < 0.5
    assert summary["samples"] >= 3
    assert summary["peak"]["snapshot"]["processes"][-1]["name"] == "sleep"


# Where it goes.


def test_the_output_of_the_command_goes_where_it_would() -> None:
    done = memstat("run", "--", *TALK)
    assert done.stdout == "out\n"
    assert without_notes(done.stderr).startswith("err\nPeak:\nTotal: ")


@pytest.mark.parametrize("option", ["--only-peak", "--json"])
def test_a_result_on_stdout_sends_the_output_to_stderr(option: str) -> None:
    done = memstat("run", option, "--", *TALK)
    assert done.stdout.count("\n") == 1
    assert "out" not in done.stdout.split('"command"')[0]
    assert without_notes(done.stderr) == "out\nerr\n"


@pytest.mark.parametrize(
    ("to_stdout", "to_stderr"),
    [
        ("-O", "-E"),
        ("--redirect-process-stdout-to", "--redirect-process-stderr-to"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--only-peak"], ["--json"]])
def test_files_take_the_output(
    tmp_path: Path, to_stdout: str, to_stderr: str, more: list[str]
) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    done = memstat("run", to_stdout, str(out), to_stderr, str(err), *more, "--", *TALK)
    assert done.returncode == 0
    assert (out.read_text(), err.read_text()) == ("out\n", "err\n")
    assert "err" not in without_notes(done.stderr)
    if not more:
        assert done.stdout == ""


@pytest.mark.parametrize("linked", [False, True])
def test_one_file_takes_both_in_order(tmp_path: Path, *, linked: bool) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    if linked:
        other.symlink_to(out)
    memstat("run", "-O", str(out), "-E", str(other if linked else out), "--", *TALK)
    assert out.read_text() == "out\nerr\n"


def test_a_file_is_replaced_not_appended_to(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("old " * 100)
    memstat("run", "-O", str(out), "--", *TALK)
    assert out.read_text() == "out\n"


def test_a_full_disk_is_left_to_the_command_to_report() -> None:
    done = memstat("run", "--no-peak", "-O", "/dev/full", "--", "sh", "-c", "echo out || exit 7")
    assert done.returncode == 7


@pytest.mark.parametrize("option", ["-O", "-E"])
@pytest.mark.parametrize("path", ["/nonexistent/file", "/", ""])
def test_an_unwritable_path_is_an_error_before_anything_starts(
    tmp_path: Path, option: str, path: str
) -> None:
    done = memstat("run", option, path, "touch", str(tmp_path / "started"))
    assert (done.returncode, done.stdout) == (125, "")
    assert_one_line(done.stderr, f"cannot write to {path}")
    assert not (tmp_path / "started").exists()


def test_a_pipeline_gets_what_the_command_prints() -> None:
    piped = subprocess.run(
        ["sh", "-c", '"$0" run -- printf "a\\nb\\n" | wc -l', memstat_path()],
        capture_output=True,
        text=True,
    )
    assert piped.stdout.strip() == "2"


# JSON.


def test_json_is_one_summary() -> None:
    done = memstat("run", "--json", "-rf", "20", "--", "sh", "-c", "sleep 0.3; exit 3")
    assert done.returncode == 3
    summary = json.loads(done.stdout)
    assert_run_summary(summary)
    assert summary["command"] == ["sh", "-c", "sleep 0.3; exit 3"]
    assert (summary["exit_code"], summary["signal"]) == (3, None)
    assert summary["samples"] > 2
    assert summary["interval_s"] == 0.05
    assert 0.3 <= summary["duration_s"] < 30
    names = {process["name"] for process in summary["peak"]["snapshot"]["processes"]}
    assert names == {"sh", "sleep"}


def test_json_names_the_signal() -> None:
    done = memstat("run", "--json", "--", "sh", "-c", "sleep 0.2; kill -KILL $$")
    assert done.returncode == 137
    summary = json.loads(done.stdout)
    assert (summary["exit_code"], summary["signal"]) == (None, 9)


def test_json_with_verbose_has_the_snapshots_before() -> None:
    done = memstat("run", "--json", "-v", "-f", "20", *SLEEP)
    *snapshots, summary = map(json.loads, done.stdout.splitlines())
    assert len(snapshots) >= 2
    for snapshot in snapshots:
        assert_snapshot(snapshot)
    assert_run_summary(summary)
    assert summary["samples"] >= len(snapshots)
    assert summary["peak"]["pss_bytes"] >= max(s["total"]["pss_bytes"] for s in snapshots)


def test_json_without_the_peak_leaves_it_out() -> None:
    done = memstat("run", "--json", "--no-peak", *SLEEP)
    assert_run_summary(json.loads(done.stdout), with_peak=False)


def test_json_of_arguments_that_are_not_utf_8_is_valid_unicode() -> None:
    done = memstat("run", "--json", "--", "true", b"caf\xff".decode("utf-8", "surrogateescape"))
    assert json.loads(done.stdout)["command"] == ["true", r"caf\xff"]
    json.loads(done.stdout)["command"][1].encode("utf-8")


def test_json_of_get_is_one_snapshot() -> None:
    done = memstat("get", "--json", "-r", str(os.getpid()))
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    snapshot = json.loads(done.stdout)
    assert_snapshot(snapshot)
    assert snapshot["processes"][0]["pid"] == os.getpid()
    assert snapshot["processes"][0]["ppid"] == os.getppid()
    assert snapshot["processes"][0]["status"] == "measured"
    assert snapshot["total"]["pss_bytes"] > 1_000_000


# Exit status.


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 3"], 3),
        (["sh", "-c", "exit 125"], 125),
        (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -KILL $$"], 137),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["sh", "-c", "kill -INT $$"], 130),
        (["sh", "-c", "kill -SEGV $$"], 139),
    ],
)
@pytest.mark.parametrize("options", [[], ["-r"], ["-v"], ["--json"], ["--only-peak"]])
def test_the_status_is_that_of_the_command(
    command: list[str], status: int, options: list[str]
) -> None:
    assert memstat("run", *options, "--", *command).returncode == status


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["no command given"]),
        (["-rv"], ["no command given"]),
        (["--"], ["no command given"]),
        (["-f"], ["-f", "requires an argument"]),
        (["-O"], ["-O", "requires an argument"]),
        (["-f", "x", "true"], ["'x' is not a number"]),
        (["-f", "0", "true"], ["0 is not a positive"]),
        (["-f", "-3", "true"], ["-3 is not a positive"]),
        (["-f", "nan", "true"], ["nan"]),
        (["-i", "inf", "true"], ["inf"]),
        (["-f", "1e9", "true"], ["1e9 is out of range"]),
        (["-f", "1e-320", "true"], ["1e-320 is out of range"]),
        (["-i", "1e-9", "true"], ["out of range"]),
        (["-f", "5", "-i", "1", "true"], ["-f and -i"]),
        (["--kill-after", "-1", "true"], ["--kill-after"]),
    ],
)
def test_wrong_usage_of_run_is_125(arguments: list[str], words: list[str]) -> None:
    done = memstat("run", *arguments)
    assert (done.returncode, done.stdout) == (125, "")
    assert_one_line(done.stderr, "memstat run: ", *words)


def test_wrong_usage_starts_nothing(tmp_path: Path) -> None:
    assert memstat("run", "-f0", "touch", str(tmp_path / "started")).returncode == 125
    assert not (tmp_path / "started").exists()


def script(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.fixture
def unusable(tmp_path: Path) -> Path:
    """A directory with files that cannot be executed."""
    script(tmp_path / "plain", "text", 0o644)
    script(tmp_path / "bad", "#!/nonexistent/interpreter\n")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        ("nosuch-command", 127, "command not found"),
        ("./nosuch", 127, "command not found"),
        ("{unusable}/missing", 127, "command not found"),
        ("/etc/hostname/x", 127, "Not a directory"),
        ("", 127, "empty"),
        ("{unusable}", 126, "is a directory"),
        ("{unusable}/plain", 126, "not executable"),
        ("{unusable}/bad", 126, "interpreter"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"], ["-rv"]])
def test_a_command_that_cannot_be_started(
    unusable: Path, command: str, status: int, words: str, options: list[str]
) -> None:
    done = memstat("run", *options, "--", command.format(unusable=unusable))
    assert (done.returncode, done.stdout) == (status, "")
    assert_one_line(done.stderr, words)


def test_a_script_without_an_interpreter_line_is_for_the_shell(tmp_path: Path) -> None:
    done = memstat("run", script(tmp_path / "script", 'echo "$0:$1"; exit 5\n'), "one")
    assert (done.returncode, done.stdout) == (5, f"{tmp_path}/script:one\n")


def test_an_ignored_sigchld_does_not_hide_the_status() -> None:
    ignoring = ["env", "--ignore-signal=CHLD", memstat_path(), "run", "--no-peak"]
    done = subprocess.run([*ignoring, "--", "sh", "-c", "exit 3"], capture_output=True)
    assert (done.returncode, done.stderr) == (3, b"")


# Output that cannot be written.


@pytest.mark.parametrize("option", ["--json", "--only-peak"])
@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
def test_a_result_that_cannot_be_written_is_125(option: str, stdout: str, tmp_path: Path) -> None:
    script = f'"$0" run {option} -- sh -c \'sleep 0.2; echo done >"$0"\' "$1" {stdout}'
    done = subprocess.run(
        ["sh", "-c", script, memstat_path(), str(tmp_path / "done")], capture_output=True, text=True
    )
    assert done.returncode == 125
    assert_one_line(done.stderr, "cannot write to standard output")
    assert (tmp_path / "done").read_text() == "done\n"


def test_a_reader_that_leaves_does_not_end_the_command(tmp_path: Path) -> None:
    script = '"$0" run -v --json -f 100 -- sh -c "sleep 0.5; echo done >$1; exit 3" | head -c 10'
    done = subprocess.run(
        ["bash", "-c", f"{script}; exit ${{PIPESTATUS[0]}}", memstat_path(), tmp_path / "done"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 125
    assert done.stderr == "memstat: cannot write to standard output: Broken pipe\n"
    assert (tmp_path / "done").read_text() == "done\n"


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_a_report_that_cannot_be_written_changes_nothing(stderr: str) -> None:
    done = subprocess.run(
        [
            "sh",
            "-c",
            f'"$0" run -rv -- sh -c "echo out; sleep 0.2; exit 3" {stderr}',
            memstat_path(),
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "")


def test_all_streams_closed_is_no_failure() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" run -rv -- sh -c "exit 3" <&- >&- 2>&-', memstat_path()],
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")


# What is not counted.


def test_a_terminal_gets_a_remark_on_uncounted_children() -> None:
    status, shown = on_terminal(memstat_path(), "run", "--", "sh", "-c", "sleep 0.5 & sleep 0.5")
    assert status == 0
    assert re.search(r"^memstat: 2 child processes not counted: add -r$", shown, re.MULTILINE)


TWO_CHILDREN = ("sh", "-c", "sleep 0.5 & sleep 0.5")


@pytest.mark.parametrize("options", [[], ["-v"], ["--only-peak"], ["--bytes"]])
def test_a_pipe_gets_a_remark_on_uncounted_children_too(options: list[str]) -> None:
    done = memstat("run", *options, "--", *TWO_CHILDREN)
    assert "memstat: 2 child processes not counted: add -r\n" in done.stderr


@pytest.mark.parametrize(("options", "uncounted"), [([], 2), (["-r"], 0)])
def test_json_has_the_number_of_uncounted_children(options: list[str], uncounted: int) -> None:
    done = memstat("run", "--json", *options, "--", *TWO_CHILDREN)
    assert json.loads(done.stdout)["uncounted_descendants"] == uncounted
    assert done.stderr == ""
