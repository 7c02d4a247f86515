"""What keys do to a live display and to the measurement that it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from memstat.report.board import Board
from memstat.report.keys import Action, pressed
from memstat.report.moments import mark_line, reset_line
from memstat.sampling.observation import Observation
from memstat.terminal.display import LiveDisplay
from memstat.terminal.keyboard import Keyboard

_KEYS_OF_A_LINE: Final = frozenset({"q", "r", "m"})
"""Those that a display of one line can heed."""


@dataclass(frozen=True, slots=True)
class Controls:
    """A keyboard, and what its keys lead to."""

    keyboard: Keyboard
    quit: Callable[[], None]

    def press(
        self, key: str, display: LiveDisplay, board: Board, observed: Observation
    ) -> str | None:
        """Do what a key asks for; return a line about it, if there is anything to say."""
        if display.is_one_line and key not in _KEYS_OF_A_LINE:
            return None
        outcome = pressed(display.options, key, display.scroll)
        if isinstance(outcome, Action):
            return self._act(outcome, board, observed)
        display.options = outcome
        return None

    def _act(self, action: Action, board: Board, observed: Observation) -> str | None:
        match action:
            case Action.QUIT:
                self.quit()
                return None
            case Action.MARK:
                return _set_mark(observed)
            case Action.RESET_PEAK:
                board.reset_peak()
                return _reset_peak(observed)


def _set_mark(observed: Observation) -> str:
    marks = observed.marks
    since = marks[-1].name if marks else "the start"
    return mark_line(observed.mark(f"mark {len(marks) + 1}"), since)


def _reset_peak(observed: Observation) -> str:
    peak, latest = observed.peak, observed.latest
    observed.reset_peak()
    return reset_line(peak, latest.elapsed_s if latest else 0.0)
