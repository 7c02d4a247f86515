"""What this process inherited at its start, to be passed on unchanged."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

_LOCALE: Final = "LC_CTYPE"


def inherited_environment() -> Mapping[str, str]:
    """Return the environment for a child, without what the Python runtime did to ours.

    In the C locale Python sets LC_CTYPE for itself and its children (PEP 538).
    """
    environment = dict(os.environ)
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
