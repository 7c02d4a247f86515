"""Processes that may not be read, or not even be seen, and why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from memstat.model import DenialReason, ReadStatus
from memstat.proc.hidden import hides_from, hides_processes
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.sweep import sweep_once
from tests.proc.worlds import effective_user
from tests.scopes import scope_of
from tests.targets import AS_NOBODY, Target, memstat_path

NOT_DUMPABLE = r"""
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(void) {
    if (setgid(65534) || setuid(65534) || prctl(PR_SET_DUMPABLE, 0)) return 1;
    puts("ready");
    fflush(stdout);
    pause();
}
"""
NOBODY = " ".join(AS_NOBODY)


@pytest.mark.parametrize(
    ("options", "groups", "hides"),
    [
        ({}, {100}, False),
        ({"hidepid": "0"}, {100}, False),
        ({"hidepid": "off"}, {100}, False),
        ({"hidepid": "1"}, {100}, True),
        ({"hidepid": "noaccess"}, {100}, True),
        ({"hidepid": "2"}, {0}, False),
        ({"hidepid": "invisible", "gid": "50"}, {100, 50}, False),
        ({"hidepid": "invisible", "gid": "50", "subset": "pid"}, {100}, True),
        ({"hidepid": "4", "gid": "50"}, {50}, True),
        ({"hidepid": "ptraceable"}, {0}, True),
    ],
)
def test_which_mounts_hide_processes(
    options: dict[str, str], groups: set[int], *, hides: bool
) -> None:
    assert hides_from(options, groups) is hides


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may see all in any case")
def test_root_sees_everything() -> None:
    assert not hides_processes()
    assert LinuxProcSource().missing_reason is None


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@as_root
def test_the_reason_for_a_denial_fits_the_cause(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> None:
    protected = start(str(c_program(NOT_DUMPABLE)))
    assert protected.line() == "ready"
    plain = start("cat")
    source = LinuxProcSource()
    keys = [source.require(target.pid).key for target in (protected, plain)]
    with effective_user("nobody"):
        reasons = [sweep_once(source, scope_of(key)).processes[0].reason for key in keys]
    assert reasons == [DenialReason.PROTECTED, DenialReason.OTHER_USER]


def hidden(mode: str, command: str, *, verbose: bool = True) -> subprocess.CompletedProcess[str]:
    """Run memstat without CAP_SYS_PTRACE, as an unprivileged user, where /proc hides others."""
    me = "setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace"
    options = "-rv --json" if verbose else "-r"
    script = (
        f"mount -t proc -o hidepid={mode},gid=12345 none /proc && "
        f"exec {me} {memstat_path()} run {options} -- {command}"
    )
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, check=False
    )
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip(f"no mount of /proc with hidepid here: {done.stderr}")
    return done


needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None,
    reason="only root can mount /proc, with unshare and setpriv",
)


@needs_mounts
@pytest.mark.parametrize("mode", ["1", "2", "4"])
def test_a_hidden_child_is_denied_and_makes_the_total_partial(mode: str) -> None:
    done = hidden(mode, f"sh -c '{NOBODY} sleep 0.7; true'")
    *snapshots, summary = map(json.loads, done.stdout.splitlines())
    assert (summary["exit_code"], done.returncode) == (0, 0)
    # Of all snapshots, however many a busy machine took, those in which it ran as another user.
    partial = [s for s in snapshots if s["processes"][-1]["status"] == ReadStatus.DENIED]
    parent, child = partial[0]["processes"]
    assert parent["status"] == ReadStatus.MEASURED
    assert child["reason"] == DenialReason.HIDDEN
    assert child["ppid"] == parent["pid"]
    assert not any(snapshot["complete"] for snapshot in partial)
    assert len({snapshot["processes"][-1]["start_ticks"] for snapshot in partial}) == 1


@needs_mounts
def test_a_hidden_child_is_reported_once() -> None:
    done = hidden("2", f"sh -c '{NOBODY} sleep 0.7; true'", verbose=False)
    assert done.stderr.count("hidepid hides") == 1
    assert "Total: " in done.stderr


@needs_mounts
def test_a_command_that_is_hidden_itself_is_reported_as_hidden(tmp_path: Path) -> None:
    if os.statvfs(tmp_path).f_flag & os.ST_NOSUID:
        pytest.skip("setuid programs have no effect here")
    # Another user's from its first moment: what setpriv executes is so only a bit later.
    sleep = shutil.copy(shutil.which("sleep") or "", tmp_path)
    os.chown(sleep, 65534, 65534)
    os.chmod(sleep, 0o4755)
    done = hidden("2", f"{sleep} 0.7", verbose=False)
    assert done.returncode == 0
    assert done.stderr.startswith("Peak: not measured: the total is partial: 1 process")
    assert "hidepid hides" in done.stderr


@needs_mounts
def test_where_nothing_is_hidden_the_total_is_complete() -> None:
    done = hidden("2", "sh -c 'sleep 0.5; true'")
    *snapshots, _ = map(json.loads, done.stdout.splitlines())
    assert all(snapshot["complete"] for snapshot in snapshots[1:-1])
