"""``python -m memstat``."""

import atexit
import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

from memstat.cli.interrupt import restore_default_sigint
from memstat.proc.environment import name_process


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    restore_default_sigint()
    # What is imported stays until the end: searched for garbage while it comes in, it makes a start
    # a tenth longer. An event loop, which may run for days, turns the search on again.
    gc.disable()
    name_process()
    try:
        from memstat.cli.root import run_command_line  # noqa: PLC0415 - Ctrl+C during imports
    except (ImportError, MemoryError, OSError, SystemError) as error:
        # No descriptor or no memory was left for its own modules.
        is_memory = isinstance(error, MemoryError | SystemError)
        reason = "out of memory (ulimit -v)" if is_memory else str(error)
        sys.stderr.write(f"memstat: cannot start: {reason}\n")
        sys.exit(125 if sys.argv[1:2] == ["run"] else 1)
    _exit(run_command_line(sys.argv[1:]))


def _exit(status: int) -> NoReturn:
    """Exit as ``sys.exit`` does, but leave modules and objects for the kernel to free.

    Freeing each of them takes Python a fifth of the time of ``memstat run -- true``.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - of coverage, say, which saves its data
    for stream in (sys.stdout, sys.stderr):
        # Each write is flushed at once, by those that report its errors; this is for the handlers.
        if stream is not None and not stream.closed:
            with suppress(OSError):
                stream.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
