"""Starting the sidecar process."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from memstat.errors import SidecarError

_PACKAGE_ROOT: Final = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))

# No sitecustomize, no .pth file, no current directory and no PYTHONPATH: no file of the program can
# shadow the standard library, and no hook of a test runner or a coverage tool is run.
_FLAGS: Final = ("-P", "-s", "-S")
_BOOT: Final = (
    "import sys; sys.path.append(sys.argv[1]); from memstat.sidecars.server import main; main()"
)
_KEPT: Final = frozenset({"PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"})


def spawn() -> subprocess.Popen[bytes]:
    """Start a sidecar that waits for its start request. Raises SidecarError.

    It has a session of its own: a signal that a terminal sends to the program does not reach it.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        raise SidecarError("a sidecar needs a Python interpreter: sys.executable names none")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not name.startswith("PYTHON")
    }
    try:
        return subprocess.Popen(
            [sys.executable, *_FLAGS, "-c", _BOOT, _PACKAGE_ROOT],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What the interpreter prints when it fails is part of the error message.
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise SidecarError(f"the sidecar could not be started: {error}") from error
