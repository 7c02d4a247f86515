"""A recording on a real terminal."""

from __future__ import annotations

import re
from pathlib import Path

from tests.recorded import MIB, process, recording_text, snapshots
from tests.terminal.conftest import OpenTerminal


def at_s(screen: str) -> float:
    """Return the time that the footer has."""
    found = re.search(r"replay .*? (\d+\.\d) s  ", screen)
    return float(found[1]) if found else -1.0


def test_a_recording_is_replayed_and_keys_go_through_it(
    open_terminal: OpenTerminal, tmp_path: Path
) -> None:
    """It holds as many MiB as tenths of a second have passed, and then as many less."""
    sizes = [*range(1, 121), *range(120, 0, -1)]
    trees = [[process(7, "make", size * MIB, depth=0)] for size in sizes]
    (tmp_path / "m.jsonl").write_bytes(recording_text(snapshots(*trees)))
    terminal = open_terminal(100, 12)
    terminal.type(f"memstat replay --speed 8 {tmp_path / 'm.jsonl'} 2>/dev/null; echo status=$?.")
    terminal.wait_for(lambda s: 3 < at_s(s) < 20)
    terminal.press("p")
    stopped = at_s(terminal.wait_for(lambda s: "paused" in s))
    terminal.press("Left")
    terminal.wait_for(lambda s: at_s(s) == 0.0 and "  1 sample " in s)
    terminal.press("Right")
    screen = terminal.wait_for(lambda s: at_s(s) == 40.0 or "the end" in s)
    assert stopped > 0
    assert "peak  120 MiB at 11.9 s" in screen
    terminal.press("p")
    terminal.press("+")
    screen = terminal.wait_for(lambda s: "replay 16x, the end  23.9 s" in s)
    assert "Total 1.00 MiB" in re.sub(" +", " ", screen)
    terminal.press("q")
    screen = terminal.wait_for(lambda s: "status=0." in s)
    assert "Peak: 120 MiB at 11.9 s" in screen
    assert "at the peak, 11.9 s" in screen
