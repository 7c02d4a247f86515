"""Running something beside a block of code, without changing the errors of that block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec

import anyio

P = ParamSpec("P")


@asynccontextmanager
async def beside(
    work: Callable[P, Coroutine[object, object, None]], *args: P.args, **kwargs: P.kwargs
) -> AsyncIterator[None]:
    """Run ``work`` until it returns or the block is left, whichever comes first.

    A task group wraps every error in a group: here an error of the block, or of the work, comes out
    as itself.
    """
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(work, *args, **kwargs))
            yield
            tasks.cancel_scope.cancel()
        return
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        error = group.exceptions[0]
    # Not while the group is handled: it would take the place of the error's own context.
    raise error
