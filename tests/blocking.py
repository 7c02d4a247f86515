"""Catching code of memstat that blocks the event loop.

Only asyncio and uvloop are looked at, where blockbuster can see that a loop runs. The code is the
same on trio.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType
from typing import Any, Final

from blockbuster import BlockBuster, BlockBusterFunction

import memstat

_PACKAGE: Final = "memstat"
_DIRECTORY: Final = memstat.__path__[0]


@contextmanager
def forbid_blocking() -> Iterator[None]:
    """Let blocking calls from memstat raise BlockingError in a thread that runs an event loop."""
    known = BlockBuster(_PACKAGE).functions
    # A command is started on the loop, as asyncio does: until it has executed its program.
    known["os.read"].can_block_in("/subprocess.py", "_execute_child")
    with ExitStack() as active:
        for function in (*known.values(), *_more_functions().values()):
            function.can_block_predicate = partial(_may_block, function.can_block_predicate)
            function.activate()
            active.callback(function.deactivate)
        yield


def _may_block(predicate: Callable[..., bool], *arguments: Any, **options: Any) -> bool:
    """Whether the caller is no part of memstat, or a predicate lets it block.

    blockbuster finds out about the caller too, but in ten times the time: tests themselves read
    much of ``/proc``.
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith(_DIRECTORY):
            return predicate(*arguments, **options)
        frame = frame.f_back
    return True


def _more_functions() -> dict[str, BlockBusterFunction]:
    """Return what blockbuster does not know: how memstat reads ``/proc``, and waits for children.

    They stay beside blockbuster's own: it has an ``os.scandir`` too, which is the next entry of a
    listing. In its place ours would keep that one from being taken off again, and each test would
    leave another check on it.
    """
    functions = {
        name: BlockBusterFunction(None, name, scanned_modules=_PACKAGE)
        for name in ("builtins.open", "io.open", "os.open", "os.pread", "os.scandir")
    }
    for name in ("os.waitpid", "os.waitid"):
        functions[name] = BlockBusterFunction(
            None, name, scanned_modules=_PACKAGE, can_block_predicate=_does_not_hang
        )
    # The first use of a part of anyio imports it.
    for name in ("builtins.open", "io.open"):
        functions[name].can_block_in("<frozen importlib._bootstrap>", "_find_and_load")
    # A glance at a few processes takes no lock of theirs and waits for nothing.
    for name in ("os.open", "os.pread"):
        functions[name].can_block_in("/sampling/sweep.py", "begin_quickly")
    # Nor does a look at the pending signals of a process that does nothing.
    functions["os.pread"].can_block_in("/supervision/witness.py", "command_is_there")
    # Processes are started on the loop: DEVNULL is opened, and a child that could not execute
    # its program, which has ended already, is reaped.
    functions["os.open"].can_block_in("/subprocess.py", "_get_devnull")
    functions["os.waitpid"].can_block_in("/subprocess.py", "_execute_child")
    return functions


def _does_not_hang(*arguments: Any) -> bool:
    return bool(arguments[-1] & os.WNOHANG)
