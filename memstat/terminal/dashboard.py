"""Drives a live display from the snapshots of a watch or a run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVarTuple

import anyio

from memstat.background import beside, in_thread
from memstat.report.board import Board, View
from memstat.sampling.observation import Observation
from memstat.sampling.spacing import spaced
from memstat.terminal.controls import Controls
from memstat.terminal.display import LiveDisplay
from memstat.terminal.relay import TerminalRelay
from memstat.terminal.watcher import TerminalWatcher

Ts = TypeVarTuple("Ts")

_FRAME_S: Final = 0.1
_SHARE: Final = 0.05
"""How much of a core drawing may take: of hundreds of processes there are fewer frames."""


class Dashboard:
    """Takes in every snapshot as it comes, and draws ten times a second at most.

    A terminal that goes away ends the drawing, not the measuring. Nothing is drawn in the
    background (``bg``), where the terminal belongs to another job, nor while the command uses it.
    """

    def __init__(
        self,
        display: LiveDisplay,
        *,
        relay: TerminalRelay | None = None,
        controls: Controls | None = None,
        apart_s: float = 0.0,
        freezes: bool = True,
    ) -> None:
        """Snapshots that came sooner than ``apart_s`` after the last one are left out.

        While it is paused the table ``freezes``, unless what it shows stands still itself.
        """
        self._display = display
        self._relay = relay
        self._controls = controls
        self._apart_s = apart_s
        self._freezes = freezes
        self._watcher = TerminalWatcher(display.fd, relay.device if relay else None)
        self._pause_s = _FRAME_S
        self._board = Board()
        self._paused: View | None = None
        self._lacks_peak = False
        """Whether the peak was reset, and no snapshot has been there since."""
        self._broken = False
        self._turn = anyio.Lock()
        self._woken = anyio.Event()

    @asynccontextmanager
    async def on_screen(self, observed: Observation) -> AsyncIterator[None]:
        """Draw what there is while the block lasts."""
        try:
            async with (
                beside(self._step_aside_when_stopped),
                beside(self._keep_drawing, observed),
                beside(self._heed_keys, observed),
            ):
                yield
        finally:
            self.release_keys()
            with anyio.CancelScope(shield=True):
                await self._on_terminal(self._display.finish)

    async def follow(self, observed: Observation) -> None:
        """Take in snapshots until there are no more."""
        async for snapshot in spaced(observed, self._apart_s):
            self._board.take(snapshot)

    async def leave_peak(self, observed: Observation) -> None:
        """Leave the table as it was at the peak."""
        view = self._board.view_at_peak(observed.tally)
        if view is not None:
            await self._on_terminal(self._display.leave, view)

    def output(self, data: bytes) -> None:
        """Show the command's output. Blocking; from another thread than the drawing."""
        self._display.output(data)

    def end_output(self) -> None:
        """Finish the last line of the command's output, as ``output`` does."""
        self._display.end_output()

    async def write_above(self, text: str) -> None:
        """Write lines above the table."""
        await self._on_terminal(self._display.write_above, text)

    def release_keys(self) -> None:
        """Restore the mode of the terminal for good, at once. Harmless when repeated."""
        if self._controls is not None:
            self._controls.keyboard.close()

    async def _keep_drawing(self, observed: Observation) -> None:
        while not self._broken:
            view = self._choose_view(observed)
            if view is not None:
                await self._on_terminal(self._draw, view)
            with anyio.move_on_after(self._pause_s):
                await self._woken.wait()
            self._woken = anyio.Event()

    def _choose_view(self, observed: Observation) -> View | None:
        """Return what there is now; while the drawing is paused, what there was then.

        After a reset of the peak, that is what there was at the first snapshot since.
        """
        if not (self._freezes and self._display.options.is_paused):
            self._paused = None
            return self._board.view(observed.tally)
        if self._paused is None or self._lacks_peak:
            self._paused = self._board.view(observed.tally)
            self._lacks_peak = self._lacks_peak and observed.peak is None
        return self._paused

    async def _heed_keys(self, observed: Observation) -> None:
        if (controls := self._controls) is None:
            return
        async for key in controls.keyboard.keys():
            had_peak = observed.peak is not None
            note = controls.press(key, self._display, self._board, observed)
            self._lacks_peak |= had_peak and observed.peak is None
            if note:
                await self.write_above(f"memstat: {note}\n")
            self._woken.set()

    async def _step_aside_when_stopped(self) -> None:
        """Give the terminal back while Ctrl+Z holds us."""
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN:
            return
        with anyio.open_signal_receiver(signal.SIGTSTP) as signals:
            async for _ in signals:
                # No frame may come between the last look at the terminal and the stop.
                async with self._turn:
                    if self._controls is not None:
                        self._controls.keyboard.release()
                    await self._take_turn(self._display.stop)
                    ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
                    os.kill(os.getpid(), signal.SIGTSTP)
                    signal.signal(signal.SIGTSTP, ours)

    async def _on_terminal(self, action: Callable[[*Ts], None], *arguments: *Ts) -> None:
        async with self._turn:
            await self._take_turn(action, *arguments)

    async def _take_turn(self, action: Callable[[*Ts], None], *arguments: *Ts) -> None:
        if self._broken:
            return
        try:
            await in_thread(action, *arguments)
        except OSError:
            self._broken = True

    def _draw(self, view: View) -> None:
        began_s = time.thread_time()
        self._draw_one(view)
        self._pause_s = max(_FRAME_S, (time.thread_time() - began_s) / _SHARE)

    def _draw_one(self, view: View) -> None:
        self._display.follow_size()
        if self._relay is not None:
            self._relay.follow_size()
        if self._controls is not None:
            self._controls.keyboard.take()
        look = self._watcher.look(at_readers=self._display.needs_to_know_readers())
        if self._relay is not None and self._display.will_step_aside(look):
            # What was printed before the command asks for anything is not part of that.
            self._relay.catch_up()
        may_draw = self._display.take_look(look)
        if self._relay is not None:
            self._relay.follow_reader(look.waiting, occupied=not may_draw)
        if may_draw:
            self._display.draw(view)
