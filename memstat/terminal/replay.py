"""A recording on a live display: the same table, in the time of the recording."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import anyio

from memstat.background import beside, in_thread
from memstat.model import Snapshot
from memstat.recording.loading import Recording
from memstat.report.board import Board
from memstat.report.playback import Playback
from memstat.results import Mark
from memstat.sampling.newest import Newest
from memstat.sampling.observation import Observation
from memstat.sampling.tally import Tally
from memstat.terminal.controls import Controls
from memstat.terminal.dashboard import Dashboard
from memstat.terminal.display import LiveDisplay
from memstat.terminal.keyboard import Keyboard

_STOPPED_BY: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_FRAME_S: Final = 0.05
_MOST_AT_ONCE: Final = 50
"""So many snapshots are read before keys are heeded again."""


class Replay(Observation):
    """The snapshots of a recording when they are due, as if they were taken now."""

    def __init__(
        self,
        recording: Recording,
        playback: Playback,
        *,
        stays: bool,
        show_text: Callable[[str], None],
    ) -> None:
        """``stays`` at the end until it is stopped; ``show_text`` shows how the replay goes."""
        self.playback = playback
        self._recording = recording
        self._stays = stays
        self._show_text = show_text
        self._snapshots = Newest[Snapshot]()
        self._is_stopped = False
        self._position_s = 0.0
        """Up to where snapshots have been asked for."""
        self._at_s = 0.0
        """When the last one that was shown was taken."""
        self._has_begun = False
        self._is_at_end = False
        self._begin()

    @property
    def tally(self) -> Tally:
        return self._tally

    def mark(self, name: str) -> Mark:
        return self._tally.mark(name, self._at_s)

    def reset_peak(self) -> None:
        self._tally.reset(self._at_s)

    def resumed(self) -> None:
        """Do nothing: no tick is missed."""

    async def ended(self) -> None:
        await self._snapshots.closed()

    def __aiter__(self) -> AsyncIterator[Snapshot]:
        return aiter(self._snapshots)

    def stop(self) -> None:
        """End it."""
        self._is_stopped = True

    async def play(self) -> None:
        """Publish snapshots until the end, or until it is stopped. Raises RecordingError."""
        try:
            while not self._is_stopped and (self._stays or not self._is_at_end):
                self.playback.advance(anyio.current_time())
                if self._is_at_end:
                    self._stay_at_end()
                if self.playback.position_s < self._position_s:
                    self._begin()
                self._position_s = self.playback.position_s
                self._take_in(due := await in_thread(self._due, self._position_s))
                self._show_text(f"{self.playback.text}{', the end' if self._is_at_end else ''}")
                if len(due) < _MOST_AT_ONCE:
                    await anyio.sleep(_FRAME_S)
        finally:
            self._snapshots.close()

    def _stay_at_end(self) -> None:
        # So that a key that goes back goes back from there.
        self._position_s = min(self._position_s, self._at_s)
        self.playback.position_s = min(self.playback.position_s, self._position_s)

    def _begin(self) -> None:
        self._entries = self._recording.entries()
        self._tally = Tally(self._recording.header.interval_s)
        self._next: Snapshot | Mark | None = None
        self._position_s = self._at_s = 0.0
        self._has_begun = self._is_at_end = False

    def _due(self, position_s: float) -> list[Snapshot | Mark]:
        """Read what was up to a position, but not too much at once."""
        due: list[Snapshot | Mark] = []
        while len(due) < _MOST_AT_ONCE and (entry := self._peek()) is not None:
            # The first one is shown at once.
            if entry.elapsed_s > position_s and (due or self._has_begun):
                break
            if isinstance(entry, Snapshot):
                _ = entry.processes  # Made here, and not on the event loop.
            due.append(entry)
            self._next = None
        return due

    def _peek(self) -> Snapshot | Mark | None:
        while self._next is None and not self._is_at_end:
            entry = next(self._entries, None)
            self._is_at_end = entry is None
            if isinstance(entry, Snapshot | Mark):
                self._next = entry
        return self._next

    def _take_in(self, entries: Sequence[Snapshot | Mark]) -> None:
        latest = None
        for entry in entries:
            self._at_s = entry.elapsed_s
            if isinstance(entry, Mark):
                self._tally.mark(entry.name, entry.elapsed_s)
            else:
                self._tally.observe(entry)
                latest = entry
        if latest is not None:
            self._has_begun = True
            self._snapshots.publish(latest)


@dataclass(frozen=True, slots=True)
class ReplayControls(Controls):
    """The keys of a live display, and those that go back and forth."""

    playback: Playback

    def press(
        self, key: str, display: LiveDisplay, board: Board, observed: Observation
    ) -> str | None:
        options = display.options
        if not options.is_filter_edited and self.playback.press(key):
            return None
        note = Controls.press(self, key, display, board, observed)
        self.playback.is_paused = display.options.is_paused
        return note


class Ended(NamedTuple):
    """What a replay leaves."""

    replay: Replay
    signum: int | None
    """The signal that ended it; ``None`` where none did."""


async def show_replay(
    recording: Recording, playback: Playback, display: LiveDisplay, keyboard: Keyboard | None
) -> Ended:
    """Show a recording until its end or, where there are keys, until the one that quits.

    A signal ends it too. Raises RecordingError.
    """

    def show_text(text: str) -> None:
        display.options = display.options._replace(replay_text=text)

    replay = Replay(recording, playback, stays=keyboard is not None, show_text=show_text)
    controls = ReplayControls(keyboard, replay.stop, playback) if keyboard else None
    dashboard = Dashboard(display, controls=controls, freezes=False)
    received: list[int] = []

    async def stop_on_signal() -> None:
        async for signum in signals:
            received.append(signum)
            dashboard.release_keys()
            replay.stop()
            # A second one must get through, even when a write is stuck.
            signal.signal(signum, signal.SIG_DFL)

    with anyio.open_signal_receiver(*_STOPPED_BY) as signals:
        async with beside(stop_on_signal):
            async with beside(replay.play), dashboard.on_screen(replay):
                await dashboard.follow(replay)
            await dashboard.leave_peak(replay)
    return Ended(replay, received[0] if received else None)
