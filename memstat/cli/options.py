"""The options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, NamedTuple, TypeVar

import click

from memstat.errors import SizeError
from memstat.report.formats import Bytes, Format, Json, Plain
from memstat.report.view_options import Order, ViewOptions
from memstat.sampling.policy import GENTLE, Policy, policy_of
from memstat.units import parse_size

_MAX_HZ: Final = 1000.0
_MAX_S: Final = 1e6
_MOST_DIGITS: Final = 100
_DEFAULT_HZ: Final = 10.0

_FORMATS: Final[Mapping[str, tuple[type[Format], str]]] = {
    "json": (Json, "Print JSON for programs."),
    "bytes": (Bytes, "Print bytes as plain numbers, without `Total:`."),
}
"""Options for formats other than plain lines."""

F = TypeVar("F", bound=Callable[..., Any])


class RecordOptions(NamedTuple):
    """What was asked for of a recording."""

    path: str
    """Its file, in which ``%p`` and others stand for what differs."""
    arguments: bool
    """Whether it is to have the arguments of commands."""
    maps: bool = False
    """Whether it is to have what the memory consists of at each new peak."""


class PositiveNumber(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A finite number above zero, and within bounds."""

    def __init__(self, name: str, *, least: float, most: float) -> None:
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
            bounds = f"{self._least:.7g} to {self._most:.7g} {self.name}"
            self.fail(f"{value} is out of range ({bounds})", param, ctx)
        return number


class Pid(click.ParamType):  # type: ignore[type-arg]  # likewise
    """A process id."""

    name = "pid"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        # isdecimal() accepts the digits of other scripts, and int() rejects very long numbers.
        digits = value.lstrip("0") if value.isascii() and value.isdecimal() else ""
        if not 0 < len(digits) <= _MOST_DIGITS:
            self.fail(f"{value!r} is not a process id", param, ctx)
        return int(digits)


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
    help="Measure all descendants too.",
)
verbose = _option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Show each measurement in detail, with a line per process.",
)
frequency = _option(
    "-f",
    "--frequency",
    "frequency_hz",
    metavar="HZ",
    type=PositiveNumber("Hz", least=1 / _MAX_S, most=_MAX_HZ),
    help=f"Ticks per second, up to {_MAX_HZ:g}.  [default: {_DEFAULT_HZ:g}; of run, 10 to 50, as 2"
    " % of a core allow, of which -v shows 10; of bench, by the warm-up]",
)
interval = _option(
    "-i",
    "--interval",
    "interval_s",
    metavar="S",
    type=PositiveNumber("seconds", least=1 / _MAX_HZ, most=_MAX_S),
    help="Seconds between ticks, instead of -f.",
)
budget = _option(
    "--budget",
    "budget_percent",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    default=100 * GENTLE.budget,
    help="The part of its time for which reading its pages may hold a process up; between these"
    " walks its PSS is estimated. 0: walk once, at the start.  [default: 2]",
)
exact = _option(
    "--exact",
    is_flag=True,
    help="Walk all pages at every tick, whatever --budget allows: no estimates.",
)
no_live = _option(
    "--no-live", is_flag=True, help="Print plain lines on a terminal too, as in a pipe."
)
sort = _option(
    "--sort",
    "order",
    type=click.Choice([order.value for order in Order]),
    default=Order.TREE.value,
    show_default=True,
    help="What the live table is sorted by.",
)
name_filter = _option(
    "--filter",
    "filter_text",
    metavar="TEXT",
    default="",
    help="Show those processes in the live table that have TEXT in their name or command line; the"
    " others are measured all the same, and summed up in one row.",
)
record = _option(
    "--record",
    "record_path",
    metavar="FILE",
    help="Write every snapshot to a file too; a name ending in .gz compresses. %p, %h, %t in the"
    " name: PID, host, time.",
)
record_arguments = _option(
    "--record-arguments",
    is_flag=True,
    help="Record the arguments of commands too: they may hold secrets.",
)


DEFAULT_INTERVAL_S: Final = 1 / _DEFAULT_HZ


def choose_interval_s(frequency_hz: float | None, interval_s: float | None) -> float | None:
    """Return the time between ticks; ``None`` where it is free.

    Raises UsageError when it was given twice.
    """
    if frequency_hz is not None and interval_s is not None:
        raise click.UsageError("-f and -i both set the interval: give only one")
    return 1 / frequency_hz if frequency_hz is not None else interval_s


def choose_recording(
    record_path: str | None, *, record_arguments: bool, maps: bool
) -> RecordOptions | None:
    """Return what is to be recorded; ``None``: nothing. Raises UsageError."""
    if record_path is None:
        if maps:
            raise click.UsageError(
                "--maps needs --record FILE here, to keep what is read at each new peak; memstat"
                " get --maps PID shows it once"
            )
        if record_arguments:
            raise click.UsageError("--record-arguments needs --record")
        return None
    return RecordOptions(record_path, record_arguments, maps)


def choose_policy(budget_percent: float, *, exact: bool) -> Policy:
    """Return how much processes may be held up."""
    return policy_of(budget_percent / 100, exact=exact)


def choose_view(order: str, filter_text: str) -> ViewOptions:
    """Return how the live table is to be shown."""
    return ViewOptions().sorted_by(Order(order))._replace(filter_text=filter_text)


def report_format(command: Callable[..., int]) -> Callable[..., int]:
    """Add an option for each format; the command gets the one that is chosen, as ``format_class``.

    Where several are given, the first of ``_FORMATS`` counts.
    """

    @wraps(command)
    def with_format(**parameters: Any) -> int:
        given = [form for name, (form, _) in _FORMATS.items() if parameters.pop(name)]
        return command(format_class=given[0] if given else Plain, **parameters)

    for name, (_, text) in _FORMATS.items():
        _option(f"--{name}", name, is_flag=True, help=text)(with_format)
    return with_format
