"""Terminals for the tests of this folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from tests.terminal.programs import Gate
from tests.terminal.tmux import Tmux


class OpenTerminal(Protocol):
    """Opens a terminal of a given size."""

    def __call__(
        self, columns: int = 100, rows: int = 30, environment: Mapping[str, str] | None = None
    ) -> Tmux: ...


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[OpenTerminal]:
    """Open real terminals; the shell in them is in ``tmp_path``."""
    if shutil.which("tmux") is None:
        if "CI" in os.environ:
            pytest.fail("tmux is missing: CI must install it")
        pytest.skip("tmux is not installed")
    terminals: list[Tmux] = []

    def open_one(
        columns: int = 100, rows: int = 30, environment: Mapping[str, str] | None = None
    ) -> Tmux:
        terminals.append(Tmux(tmp_path, columns, rows, environment))
        return terminals[-1]

    yield open_one
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Something that programs in a terminal wait at until the test opens it."""
    return Gate(tmp_path / "gate")
