"""Where a replay stands: how time goes on, and what keys do to it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

_STEP_S: Final = 5.0
"""How far a key goes at normal speed; at ten times the speed, ten times as far."""
_SLOWEST: Final = 1 / 64
_FASTEST: Final = 1024.0


class Playback:
    """The position in a recording, which goes on with the clock.

    >>> playback = Playback(speed=2.0)
    >>> playback.advance(100.0), playback.advance(103.0)
    (0.0, 6.0)
    >>> playback.press("left")
    True
    >>> playback.position_s
    0.0
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.position_s = 0.0
        """Seconds from the first tick."""
        self.speed = speed
        """How many seconds of the recording pass in one."""
        self.is_paused = False
        self._now_s: float | None = None

    def advance(self, now_s: float) -> float:
        """Return the position at this time of a clock."""
        if self._now_s is not None and not self.is_paused:
            self.position_s += (now_s - self._now_s) * self.speed
        self._now_s = now_s
        return self.position_s

    def press(self, key: str) -> bool:
        """Do what a key asks for; return whether it is one of a replay."""
        change = _KEYS.get(key)
        if change is None:
            return False
        change(self)
        return True

    @property
    def text(self) -> str:
        """What a footer says of it."""
        return f"replay {self.speed:g}x"

    def _skip(self, steps: int) -> None:
        self.position_s = max(0.0, self.position_s + steps * _STEP_S * max(1.0, self.speed))

    def _change_speed(self, factor: float) -> None:
        self.speed = min(max(self.speed * factor, _SLOWEST), _FASTEST)


_KEYS: Final[Mapping[str, Callable[[Playback], None]]] = {
    "left": lambda playback: playback._skip(-1),  # noqa: SLF001 - its own
    "right": lambda playback: playback._skip(1),  # noqa: SLF001
    "+": lambda playback: playback._change_speed(2),  # noqa: SLF001
    "-": lambda playback: playback._change_speed(0.5),  # noqa: SLF001
}
