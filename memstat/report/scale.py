"""Sizes of a table in one unit, so that their digits stand below each other. Pure.

With a unit for each size (``4.00 MiB``, ``320 KiB``, ``1.77 GiB``) a reader has to read three words
to see which is the largest, and a size that crosses a unit jumps. In one unit the longest number is
the largest size; what is too small for it reads ``<0.1`` and not as nothing.
"""

from __future__ import annotations

from typing import Final

_KIB: Final = 1 << 10
_MIB: Final = 1 << 20
_GIB: Final = 1 << 30

_MARK: Final = "~"
WIDTH: Final = 7
"""Of a number with a mark or a sign: the largest total has room for one."""


class Scale:
    """A unit, and how many digits of a fraction are shown."""

    def __init__(self, unit: str, unit_bytes: int, digits: int) -> None:
        self.unit: Final = unit
        self._unit_bytes = unit_bytes
        self._form = f"%.{digits}f"
        self._nothing = self._form % 0
        self._least = f"<{self._form % 10**-digits}"
        """What stands for less than half of the last digit."""
        self._step_bytes = unit_bytes / 10**digits

    def text(self, size_bytes: int | None) -> str:
        """Return a size as a number; ``-`` where it is unknown.

        >>> mib = scale_for(200 << 20)
        >>> mib.unit, mib.text(5 << 20), mib.text(1000), mib.text(0), mib.text(None)
        ('MiB', '5.0', '<0.1', '0.0', '-')
        """
        return self._within(WIDTH, size_bytes)

    def estimate(self, size_bytes: int | None) -> str:
        """Return the same with the mark of an estimate."""
        return f"{_MARK}{self._within(WIDTH - len(_MARK), size_bytes)}"

    def change(self, change_bytes: int | None) -> str:
        """Return a change with its sign; nothing where it is unknown or too small to be seen.

        >>> mib = scale_for(200 << 20)
        >>> mib.change(5 << 20), mib.change(-5 << 20), mib.change(9), mib.change(None)
        ('+5.0', '-5.0', '', '')
        """
        if not change_bytes:
            return ""
        text = self._within(WIDTH - 1, abs(change_bytes))
        if text == self._least:
            return ""
        return f"+{text}" if change_bytes > 0 else f"-{text}"

    def shows_difference(self, low_bytes: int | None, high_bytes: int | None) -> bool:
        """Whether two bounds do not read the same."""
        if low_bytes == high_bytes or low_bytes is None or high_bytes is None:
            return False
        return high_bytes - low_bytes > self._step_bytes or (
            self.text(low_bytes) != self.text(high_bytes)
        )

    def _within(self, width: int, size_bytes: int | None) -> str:
        if size_bytes is None:
            return "-"
        text = self._form % (size_bytes / self._unit_bytes)
        if len(text) > width:
            return _shortest(size_bytes / self._unit_bytes, width)
        return self._least if size_bytes and text == self._nothing else text


_UP_TO: Final = (
    (4 * _MIB, Scale("KiB", _KIB, 0)),
    (9_999 * _MIB, Scale("MiB", _MIB, 1)),
    (999_999 * _MIB, Scale("MiB", _MIB, 0)),
    (9_999 * _GIB, Scale("GiB", _GIB, 1)),
)
_LARGEST: Final = Scale("GiB", _GIB, 0)


def scale_for(top_bytes: int) -> Scale:
    """Return the scale of a table of which this is the largest total so far.

    What is in it is no larger, but for RSS. It never falls, so that no unit comes back.

    >>> [scale_for(top << 20).text(top << 20) for top in (3, 4, 9_998, 10_000)]
    ['3072', '4.0', '9998.0', '10000']
    """
    return next((scale for most_bytes, scale in _UP_TO if top_bytes < most_bytes), _LARGEST)


def _shortest(value: float, width: int) -> str:
    """Return a number that is too long for its place: RSS may be many times the total."""
    text = f"{value:.0f}"
    return text if len(text) <= width else f"{value:.0e}".replace("e+", "e")
