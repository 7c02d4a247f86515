"""Errors that leave a block are the ones that were raised in it."""

from __future__ import annotations

import os

import pytest

import memstat

pytestmark = pytest.mark.anyio


async def test_an_error_of_the_block_keeps_its_context() -> None:
    with pytest.raises(KeyError) as caught:
        async with memstat.watch(os.getpid()):
            try:
                raise ZeroDivisionError  # noqa: TRY301
            except ZeroDivisionError:
                raise KeyError  # noqa: B904 - without a cause, on purpose
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    assert not caught.value.__suppress_context__


async def test_a_group_of_errors_of_the_block_comes_out_as_itself() -> None:
    raised = ExceptionGroup("of the block", [KeyError(), ValueError()])
    with pytest.raises(ExceptionGroup) as caught:
        async with memstat.watch(os.getpid()):
            raise raised
    assert caught.value.message == raised.message
    assert caught.value.exceptions == raised.exceptions
