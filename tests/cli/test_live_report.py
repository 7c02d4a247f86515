"""The report that draws, on a pseudo-terminal of the test."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from typing import TextIO

import anyio
import pytest
from anyio import to_thread

import memstat
from memstat.cli.live_report import LiveReport, relay_output
from memstat.cli.redirection import Redirection
from memstat.report.ending import RunStyle, Style, WatchStyle
from memstat.report.formats import Readable
from tests.cli.harness import read_to_end


async def drawn(style: Style, terminal: tuple[TextIO, int]) -> str:
    """Return all that is drawn of a watch of this process; the terminal is closed."""
    stream, near = terminal
    report = await to_thread.run_sync(LiveReport, style, stream)
    shown = b""
    async with (
        memstat.watch(os.getpid(), recursive=False, interval_s=0.02) as watched,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(report.follow, watched)
        while b"Total" not in shown:
            await anyio.wait_readable(near)
            shown += os.read(near, 1 << 16)
        watched.stop()
    stream.close()
    return (shown + read_to_end(near)).decode()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "style", [WatchStyle(format=Readable(verbose=True)), RunStyle(format=Readable(verbose=True))]
)
async def test_with_detail_the_table_is_left_as_at_the_peak(
    style: Style, terminal: tuple[TextIO, int]
) -> None:
    screen = await drawn(style, terminal)
    at_peak = screen[screen.rindex("NAME") :]
    assert f"{os.getpid()} " in at_peak
    assert "at the peak" in at_peak


@pytest.mark.anyio
@pytest.mark.parametrize(
    "style",
    [WatchStyle(format=Readable()), RunStyle(format=Readable(verbose=True), peak="never")],
)
async def test_otherwise_nothing_is_left(style: Style, terminal: tuple[TextIO, int]) -> None:
    assert "at the peak" not in await drawn(style, terminal)


@pytest.mark.anyio
async def test_without_detail_it_is_one_line(terminal: tuple[TextIO, int]) -> None:
    screen = await drawn(WatchStyle(format=Readable()), terminal)
    assert "NAME" not in screen
    assert re.search(r"Total +[\d.]+ MiB", screen)


def test_output_that_goes_elsewhere_is_not_relayed(terminal: tuple[TextIO, int]) -> None:
    stream, _ = terminal
    given = Redirection(stdout=2, stderr=2)
    with ExitStack() as files:
        assert relay_output(given, stream, files) == (None, given)
