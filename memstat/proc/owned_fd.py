"""Descriptors in a program that may close any, its own or not."""

from __future__ import annotations

from memstat.proc.system import system


class OwnedFd:
    """A descriptor that the program may close, and whose number it may then use for another file.

    >>> pipe = [OwnedFd(fd) for fd in system.pipe()]
    >>> pipe[0].is_open
    True
    >>> for fd in pipe:
    ...     fd.close()
    >>> pipe[0].is_open
    False
    """

    def __init__(self, fd: int) -> None:
        self.number = fd
        """Its number, which is that of the same file only while it ``is_open``."""
        self._identity = system.identity(fd)

    @property
    def is_open(self) -> bool:
        """Whether the number still stands for the same file."""
        return self._identity is not None and self._identity == system.identity(self.number)

    def close(self) -> None:
        """Close it, unless the program has. Harmless when repeated."""
        if self.is_open:
            system.close(self.number)
        self._identity = None
