"""Which Python interpreter runs a sidecar. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from memstat.errors import SidecarError

VARIABLE: Final = "MEMSTAT_PYTHON"
_REMEDY: Final = f"name one with sidecar(python=...) or the variable {VARIABLE}"


class Interpreter(NamedTuple):
    """A program that is to run a sidecar."""

    path: str
    """The program: a path, or a name that is looked for in PATH."""
    named_by: str
    """Where it was named: ``python=``, the variable, or ``sys.executable``."""

    @property
    def is_chosen(self) -> bool:
        """Whether it was named on purpose."""
        return self.named_by != "sys.executable"

    def advice(self) -> str:
        """Return what to do if it turns out to be another program."""
        return f"{self.path} ({self.named_by}) may be no Python interpreter: {_REMEDY}"


def choose(
    python: str | None, environment: Mapping[str, str], executable: str | None, *, is_frozen: bool
) -> Interpreter:
    """Return the interpreter: the argument, else the variable, else this program's own.

    Raises SidecarError where there is none, as in a frozen program.

    >>> choose(None, {"MEMSTAT_PYTHON": "python3"}, "/usr/bin/uwsgi", is_frozen=False)
    Interpreter(path='python3', named_by='MEMSTAT_PYTHON')
    """
    if python:
        return Interpreter(python, "python=")
    if environment.get(VARIABLE):
        return Interpreter(environment[VARIABLE], VARIABLE)
    if not executable or is_frozen:
        raise SidecarError(
            f"a sidecar needs a Python interpreter: sys.executable names none; {_REMEDY}"
        )
    return Interpreter(executable, "sys.executable")


class SleepWatch:
    """Finds out that a program which should be starting does nothing but wait.

    An interpreter that starts needs the processor. One that is held up by a busy machine or by its
    disk does not sleep; a program that ignores its arguments and waits for input does.

    >>> watch = SleepWatch(0.5)
    >>> [watch.observe(3, at_s) for at_s in (1.0, 1.4, 1.6)]
    [False, False, True]
    """

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._asleep: int | None = None
        self._since_s = 0.0

    def observe(self, cpu_ticks: int | None, at_s: float) -> bool:
        """Take in its CPU time if it sleeps; return whether it has slept for too long."""
        if cpu_ticks is None or cpu_ticks != self._asleep:
            self._asleep, self._since_s = cpu_ticks, at_s
        return self._asleep is not None and at_s - self._since_s >= self._most_s
