"""Every error that memstat raises on purpose; each message says what happened and what helps."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CommandLeftRunning",
    "ListingError",
    "MemstatError",
    "NoSuchProcess",
    "NotAProcess",
    "RecordingError",
    "ReportError",
    "SidecarError",
    "SizeError",
    "SpawnError",
    "TooManyDescriptors",
    "TooManyThreads",
    "UnreadableProcess",
    "UnsupportedPlatform",
]


class MemstatError(Exception):
    """The root of memstat's errors: catch this one to catch them all.

    >>> issubclass(NoSuchProcess, MemstatError)
    True
    """


class UnsupportedPlatform(MemstatError):
    """``/proc`` with memory accounting is missing: this is not Linux, or the kernel lacks it."""


class TooManyDescriptors(MemstatError):
    """No file descriptor was left even for one short read (``EMFILE`` or ``ENFILE``)."""


class ListingError(MemstatError):
    """The processes could not be listed now; the message says why."""


class TooManyThreads(MemstatError):
    """No thread can be started: a limit is reached (``EAGAIN`` of ``pthread_create(3)``).

    Raised before a command is started. Later, what needs a thread is done without one.
    """


class ProcessError(MemstatError):
    """Something is wrong with the process ``pid``.

    >>> ProcessError(7, "process 7 is odd").pid
    7
    """

    def __init__(self, pid: int, message: str) -> None:
        super().__init__(pid, message)
        self.pid = pid
        self.message = message

    def __str__(self) -> str:
        return self.message


class NoSuchProcess(ProcessError):
    """No process has this PID (it may have ended a moment ago, or be hidden by ``hidepid``)."""


class UnreadableProcess(ProcessError):
    """What ``/proc`` reports of the process could not be read now, or not be understood."""


class NotAProcess(ProcessError):
    """The number is the id of a thread; the message names its process."""


NOT_FOUND: Final = 127
"""The exit status where there is no such command."""
NOT_EXECUTABLE: Final = 126
"""The exit status where the command was found and could not be executed."""
OWN_FAILURE: Final = 125
"""The exit status where the command could not be started for another reason."""


class SpawnError(MemstatError):
    """A command could not be started; ``exit_status`` is what env(1) would report: 125 to 127."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message, exit_status)
        self.message = message
        self.exit_status = exit_status

    def __str__(self) -> str:
        return self.message


class CommandLeftRunning(ProcessError):
    """The command may not be signalled, and was asked to end again; ``signum`` is that signal.

    >>> str(CommandLeftRunning(7, 15))
    'process 7 is left running: this user may not signal it'
    """

    def __init__(self, pid: int, signum: int) -> None:
        super().__init__(pid, f"process {pid} is left running: this user may not signal it")
        self.args = (pid, signum)
        self.signum = signum


class SidecarError(MemstatError):
    """A sidecar failed, so its figures lack something; the message says how it ended."""


class RecordingError(MemstatError):
    """A recording cannot be written, or nothing of it be read; the message says why."""


class ReportError(MemstatError):
    """A page or a picture cannot be made; the message says why, and what helps."""


class OutputError(MemstatError):
    """A result of the command line could not be written."""


class ComparisonError(MemstatError):
    """What was to be compared cannot be read, or is something else."""


class BenchmarkError(MemstatError):
    """A run of a benchmark failed, or what prepares it."""


class ParseError(MemstatError):
    """A file of ``/proc`` did not hold what the kernel documents for it."""


class SizeError(MemstatError, ValueError):
    """A text is not a size; the message says what is."""
