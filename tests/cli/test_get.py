"""``memstat get`` without ``-w``."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable

import pytest

from tests.cli.harness import (
    FAMILY,
    PAUSE,
    PROCESS_LINE,
    TOTAL_LINE,
    assert_one_line,
    on_terminal,
)
from tests.preloaded import memstat
from tests.targets import Target, memstat_path


@pytest.fixture
def target(start: Callable[..., Target]) -> Target:
    target = start(*PAUSE)
    assert target.line() == "ready"
    return target


@pytest.fixture
def family(start: Callable[..., Target]) -> tuple[int, list[int]]:
    """A tree of seven, the target first."""
    target = start(*FAMILY)
    pids = [int(pid) for pid in re.findall(r"\d+", target.line())]
    return target.pid, sorted(pids, key=lambda pid: (pid != target.pid, pid))


def test_without_options_it_prints_the_total(target: Target) -> None:
    done = memstat("get", str(target.pid))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"Total: [1-9]\d+ kB\n", done.stdout)


def test_verbose_prints_a_line_per_process_and_the_total(target: Target) -> None:
    done = memstat("get", "-v", str(target.pid))
    process, total = done.stdout.splitlines()
    line = PROCESS_LINE.fullmatch(process)
    assert line
    assert line[1] == ""
    assert int(line[2]) == target.pid
    assert line[4].startswith("python")
    assert total == f"Total: {line[3]} kB"


def test_a_tree_is_indented_children_under_parents_in_pid_order(
    family: tuple[int, list[int]],
) -> None:
    root, pids = family
    done = memstat("get", "-rv", str(root))
    assert done.returncode == 0
    *lines, total = done.stdout.splitlines()
    parsed = [m for line in lines if (m := PROCESS_LINE.fullmatch(line))]
    assert len(parsed) == len(lines) == 7
    shown = [(len(m[1]) // 2, int(m[2])) for m in parsed]
    assert [depth for depth, _ in shown] == [0, 1, 2, 2, 1, 2, 2]
    assert shown[0] == (0, root)
    assert sorted(pid for _, pid in shown) == sorted(pids)
    for siblings in (shown[1::3], shown[2:4], shown[5:7]):
        assert siblings == sorted(siblings)
    for depth, pid in shown[1:]:
        assert parent_of(pid) == [p for d, p in shown[: shown.index((depth, pid))] if d < depth][-1]
    assert TOTAL_LINE.fullmatch(total)


def parent_of(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])


def test_bytes_are_plain_and_add_up(family: tuple[int, list[int]]) -> None:
    done = memstat("get", "-rv", "--bytes", str(family[0]))
    *lines, total = done.stdout.splitlines()
    sizes = [re.fullmatch(r" *\[\d+\] (\d+) \(.*\)", line) for line in lines]
    assert len(sizes) == 7
    assert int(total) == sum(int(size[1]) for size in sizes if size)
    assert int(total) % 1024 == 0


def test_bytes_alone_is_one_number(target: Target) -> None:
    done = memstat("get", "--bytes", str(target.pid))
    assert re.fullmatch(r"[1-9]\d+\n", done.stdout)


def test_without_r_only_the_target_counts(family: tuple[int, list[int]]) -> None:
    done = memstat("get", "-v", str(family[0]))
    assert done.stdout.count("[") == 1
    assert done.stderr == "", "a note for people has no place in a pipe"


@pytest.mark.parametrize(
    "order", [["-rv", "PID"], ["PID", "-rv"], ["-r", "PID", "-v"], ["--verbose", "PID", "-r"]]
)
@pytest.mark.parametrize("recursive", ["-r", "--recursively", "--recursive"])
def test_options_cluster_and_stand_anywhere(
    family: tuple[int, list[int]], order: list[str], recursive: str
) -> None:
    named = {"PID": str(family[0]), "-r": recursive}
    done = memstat("get", *[named.get(word, word) for word in order])
    assert done.returncode == 0
    assert done.stdout.count("[") == 7


def test_several_targets_are_added_up(start: Callable[..., Target], target: Target) -> None:
    other = start(*PAUSE)
    other.line()
    done = memstat("get", "-v", "--bytes", str(target.pid), str(other.pid))
    *lines, total = done.stdout.splitlines()
    assert [line.partition("]")[0] for line in lines] == [
        f"[{pid}" for pid in sorted([target.pid, other.pid])
    ]
    assert int(total) == sum(int(line.split()[1]) for line in lines)


def test_overlapping_trees_are_counted_once(family: tuple[int, list[int]]) -> None:
    root, pids = family
    alone = memstat("get", "-rv", str(root))
    together = memstat("get", "-rv", str(pids[-1]), str(root), str(pids[1]), str(root))
    shape = [line.split(" kB")[0].rpartition(" ")[0] for line in alone.stdout.splitlines()]
    assert shape == [
        line.split(" kB")[0].rpartition(" ")[0] for line in together.stdout.splitlines()
    ]


def test_the_measuring_process_leaves_itself_out() -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{memstat_path()}" get -rv $$; :'], capture_output=True, text=True
    )
    assert [line.partition("(")[2] for line in done.stdout.splitlines()] == ["sh)", ""]


def test_a_missing_target_does_not_hide_the_others(target: Target) -> None:
    done = memstat("get", str(target.pid), "4194305")
    assert done.returncode == 1
    assert TOTAL_LINE.fullmatch(done.stdout.strip())
    assert_one_line(done.stderr, "no process has PID 4194305")


def test_a_zombie_is_named_as_such() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        done = memstat("get", str(pid))
    finally:
        os.waitpid(pid, 0)
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "zombie")


def test_a_kernel_thread_is_named_as_such() -> None:
    if not os.path.exists("/proc/2/stat") or parent_of(2) != 0:
        pytest.skip("no kernel threads in this PID namespace")
    done = memstat("get", "2")
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "kernel thread")


def test_a_terminal_gets_a_remark_on_uncounted_children(family: tuple[int, list[int]]) -> None:
    status, shown = on_terminal(memstat_path(), "get", str(family[0]))
    assert status == 0
    assert shown.splitlines()[0] == "memstat: 6 child processes not counted: add -r"
    assert TOTAL_LINE.fullmatch(shown.splitlines()[1])


def test_with_r_there_is_no_such_remark(family: tuple[int, list[int]]) -> None:
    status, shown = on_terminal(memstat_path(), "get", "-r", str(family[0]))
    assert status == 0
    assert TOTAL_LINE.fullmatch(shown.strip())


def test_memstat_itself_is_named_as_what_it_is() -> None:
    # The shell gives its place to the last command.
    ran = subprocess.run(
        ["sh", "-c", f"exec {memstat_path()} get -r $$"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert re.fullmatch(r"memstat: process \d+ is memstat itself, .*\n", ran.stderr)
