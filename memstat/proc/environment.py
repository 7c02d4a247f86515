"""What this process inherited at its start, to be passed on unchanged."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Final

_LOCALE: Final = "LC_CTYPE"
_OURS: Final = "MEMSTAT_"
_IGNORED: Final = "MEMSTAT_SIGIGN"
_EXACT: Final = "MEMSTAT_ENVIRON"
_MOVED: Final = "MEMSTAT_MOVED"
"""What memstat/launcher.sh notes: signals, the environment, names of variables set aside."""

_PID_VARIABLES: Final = ("LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID")
"""Of systemd; a service finds its own PID in them, or takes no notice of the rest."""

_CHANGED_BY_US: Final = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)
"""Python ignores the first two, and this process must not ignore the third (wait(2))."""


def inherited_environment() -> Mapping[str, str]:
    """Return the environment for a child, without what the launcher and Python did to ours."""
    with suppress(KeyError, ValueError):
        return _parse(bytes.fromhex(os.environ[_EXACT]))
    environment = _without_locale_of_python(dict(os.environ))
    _undo_launcher(environment)
    return environment


def _parse(block: bytes) -> Mapping[str, str]:
    """Return what environ(7) holds: ``NAME=VALUE``, each with a null byte at its end."""
    entries = (os.fsdecode(entry).partition("=") for entry in block.split(b"\0"))
    return {name: value for name, equals, value in entries if name and equals}


def _undo_launcher(environment: MutableMapping[str, str]) -> None:
    for name in environment.get(_MOVED, "").split():
        if (value := environment.pop(_OURS + name, None)) is not None:
            environment[name] = value
    for name in (_IGNORED, _EXACT, _MOVED):
        environment.pop(name, None)


def inherited_ignored_signals() -> frozenset[signal.Signals]:
    """Return which signals a child is to ignore, of those that memstat changes itself.

    Without the launcher (``python -m memstat``) only SIGCHLD is known.
    """
    ignored = set()
    with suppress(KeyError, ValueError):
        mask = int(os.environ[_IGNORED], 16)
        ignored = {signum for signum in _CHANGED_BY_US if mask >> (signum - 1) & 1}
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        ignored.add(signal.SIGCHLD)
    return frozenset(ignored)


def inherited_pid_variables(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the variables that name this process where a child is meant: sd_listen_fds(3)."""
    me = str(os.getpid())
    return frozenset(name for name in _PID_VARIABLES if environment.get(name) == me)


def name_process() -> None:
    """Let this process be called ``memstat``, not by the file that its interpreter reads."""
    with suppress(OSError), open("/proc/self/comm", "w") as comm:
        comm.write("memstat")


def _without_locale_of_python(environment: dict[str, str]) -> dict[str, str]:
    """Take back that Python sets LC_CTYPE for itself and its children in the C locale (PEP 538)."""
    try:
        with open("/proc/self/environ", "rb") as file:
            given = file.read().split(b"\0")
    except OSError:
        return environment
    environment.pop(_LOCALE, None)
    for entry in given:
        name, equals, value = os.fsdecode(entry).partition("=")
        if equals and name == _LOCALE:
            environment[name] = value
    return environment


def inherited_descriptors() -> tuple[int, ...]:
    """Return the open descriptors above 2 that a child would inherit (make's jobserver, say)."""
    descriptors = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                descriptors.append(int(name))
        except OSError:
            pass  # The listing's own descriptor.
    return tuple(descriptors)


def occupy_closed_streams() -> None:
    """Put /dev/null on those of descriptors 0 to 2 that are closed, for this process alone.

    Otherwise the next file that is opened would become a standard stream.
    """
    while (fd := os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)) <= 2:
        pass
    os.close(fd)
