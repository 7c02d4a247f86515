"""What a failed read of ``/proc`` means: an end, a denial, or a failure of the read itself."""

from __future__ import annotations

import errno
import os
from typing import Final

from memstat.errors import ParseError

ENDED: Final = frozenset({errno.ESRCH, errno.ENOENT})
"""No process has the PID, or it has no memory any more."""
DENIED: Final = frozenset({errno.EACCES, errno.EPERM})

Failure = OSError | ParseError
"""What reading a file of ``/proc`` and understanding it may raise."""


def reason_of(failure: Failure) -> str:
    """Return why a read failed, in a few words.

    >>> reason_of(OSError(errno.ENOMEM, "whatever"))
    'Cannot allocate memory (ENOMEM)'
    """
    if isinstance(failure, OSError) and failure.errno is not None:
        name = errno.errorcode.get(failure.errno, str(failure.errno))
        return f"{os.strerror(failure.errno)} ({name})"
    return str(failure)
