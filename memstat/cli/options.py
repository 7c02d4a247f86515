"""The options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from memstat.errors import SizeError
from memstat.units import parse_size

_MAX_HZ: Final = 1000.0
_DEFAULT_HZ: Final = 10.0

F = TypeVar("F", bound=Callable[..., Any])


class PositiveNumber(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A finite number above zero, and within bounds."""

    def __init__(self, name: str, *, least: float = 0.0, most: float = math.inf) -> None:
        self.name = name
        self._least = least
        self._most = most

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not (math.isfinite(number) and number > 0):
            self.fail(f"{value} is not a positive, finite number", param, ctx)
        if not self._least <= number <= self._most:
            self.fail(f"{value} is out of range: at most {_MAX_HZ:g} Hz can be kept", param, ctx)
        return number


class Pid(click.ParamType):  # type: ignore[type-arg]  # likewise
    """A process id."""

    name = "pid"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        # isdecimal alone would take the digits of other scripts.
        if not (value.isascii() and value.isdecimal() and int(value) > 0):
            self.fail(f"{value!r} is not a process id", param, ctx)
        return int(value)


class Size(click.ParamType):  # type: ignore[type-arg]  # likewise
    """A size as people write it, in bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else parse_size(value)
        except SizeError as error:
            self.fail(str(error), param, ctx)


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(*names, **attributes)


recursive = _option(
    "-r",
    "--recursively",
    "--recursive",
    "recursive",
    is_flag=True,
    help="Count all descendants too.",
)
verbose = _option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Show each measurement in detail, a line per process.",
)
frequency = _option(
    "-f",
    "--frequency",
    "frequency_hz",
    metavar="HZ",
    type=PositiveNumber("hz", most=_MAX_HZ),
    help=f"Ticks a second, up to {_MAX_HZ:g}.  [default: {_DEFAULT_HZ:g}]",
)
interval = _option(
    "-i",
    "--interval",
    "interval_s",
    metavar="S",
    type=PositiveNumber("seconds", least=1 / _MAX_HZ),
    help="The same as seconds between ticks.",
)
in_bytes = _option(
    "--bytes", "in_bytes", is_flag=True, help="Print plain bytes, without unit and `Total:`."
)
as_json = _option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
no_live = _option(
    "--no-live", is_flag=True, help="On a terminal too, print plain lines as in a pipe."
)


def choose_interval_s(frequency_hz: float | None, interval_s: float | None) -> float:
    """Return the time between ticks. Raises UsageError when it was given twice."""
    if frequency_hz is not None and interval_s is not None:
        raise click.UsageError("-f and -i say the same thing: give one of them")
    if interval_s is not None:
        return interval_s
    return 1 / (frequency_hz or _DEFAULT_HZ)
