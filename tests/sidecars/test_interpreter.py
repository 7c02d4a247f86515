"""Which program runs a sidecar, and what happens when it is no Python interpreter."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from memstat import SidecarError, sidecar
from memstat.sidecars.interpreter import Interpreter, SleepWatch, choose
from tests.sidecars.held import held

BOTH_WAYS = r"name one with sidecar\(python=\.\.\.\) or the variable MEMSTAT_PYTHON$"


@pytest.fixture
def waiter(tmp_path: Path) -> str:
    """A program that ignores its arguments and waits for input, as a server may."""
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\nexec cat\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize("program", ["/bin/cat", "/usr/bin/env", "/bin/true", "waiter"])
def test_a_program_that_is_no_interpreter_is_an_error_that_names_it(
    program: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue("waiter") if program == "waiter" else program
    before = held()
    monkeypatch.setattr(sys, "executable", path)
    words = rf"^[^\n]*{path} \(sys\.executable\) may be no Python interpreter: {BOTH_WAYS}"
    with pytest.raises(SidecarError, match=words), sidecar():
        pytest.fail("the block must not begin")
    assert held() == before


def test_the_error_for_a_frozen_program_says_how_to_name_an_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(SidecarError, match=BOTH_WAYS), sidecar():
        pytest.fail("the block must not begin")


def test_an_argument_or_the_variable_names_an_interpreter(
    monkeypatch: pytest.MonkeyPatch, waiter: str
) -> None:
    python = sys.executable
    monkeypatch.setattr(sys, "executable", waiter)
    with sidecar(python=python) as s:
        assert s.mark("argument").peak is not None
    monkeypatch.setenv("MEMSTAT_PYTHON", python)
    with sidecar() as s:
        assert s.mark("variable").peak is not None
    monkeypatch.setenv("MEMSTAT_PYTHON", "/no/such/python")
    with sidecar(python=python) as s:
        assert s.mark("the argument comes first").peak is not None
    with pytest.raises(SidecarError, match=r"No such file.*/no/such/python"), sidecar():
        pytest.fail("the block must not begin")


def test_the_argument_comes_before_the_variable_and_that_before_the_own() -> None:
    variable = {"MEMSTAT_PYTHON": "python3.13"}
    assert choose("a", variable, "own", is_frozen=False) == Interpreter("a", "python=")
    assert choose(None, variable, "", is_frozen=True).named_by == "MEMSTAT_PYTHON"
    own = choose("", {"MEMSTAT_PYTHON": ""}, "own", is_frozen=False)
    assert own == Interpreter("own", "sys.executable")
    assert not own.is_chosen
    for executable, is_frozen in (("", False), (None, False), ("own", True)):
        with pytest.raises(SidecarError, match="needs a Python interpreter"):
            choose(None, {}, executable, is_frozen=is_frozen)


def test_a_program_that_is_held_up_is_not_asleep() -> None:
    watch = SleepWatch(0.5)
    busy: list[tuple[int | None, float]] = [(1, 0.0), (2, 0.4), (None, 0.8), (2, 1.2), (2, 1.6)]
    assert not any(watch.observe(ticks, at_s) for ticks, at_s in busy)
    assert watch.observe(2, 1.7)
