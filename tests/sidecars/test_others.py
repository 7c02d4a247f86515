"""Sidecars of other programs are left out of what a sidecar measures."""

from __future__ import annotations

from memstat.model import ProcessKey
from memstat.sidecars.launch import _BOOT
from memstat.sidecars.others import SidecarFilter
from memstat.testing import snapshot_of

COMMANDS: dict[int, list[str | None]] = {
    # During execve(2) it has none yet.
    7: [None, f"python -c {_BOOT}"],
    8: [None, None, None, "python other.py"],
    9: ["python other.py"],
}


def test_a_process_whose_command_line_is_empty_is_asked_for_it_again() -> None:
    left = {pid: [*commands] for pid, commands in COMMANDS.items()}

    def command_line(key: ProcessKey) -> str | None:
        # Once it is known, it is read no more.
        return left[key.pid].pop(0)

    sidecars = SidecarFilter(command_line)
    snapshot = snapshot_of(dict.fromkeys(COMMANDS, 4096))
    seen = [
        [process.key.pid for process in sidecars.without_sidecars(snapshot).processes]
        for _ in range(4)
    ]
    assert seen == [[7, 8, 9], [8, 9], [8, 9], [8, 9]]
    assert not any(left.values())
