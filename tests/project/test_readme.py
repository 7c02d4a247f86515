"""Every block of the README is run: what it shows is what a reader gets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.targets import Target, search_path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
# A busy machine may say this of any run.
TICKS_MISSED = re.compile(r"memstat: missed N of N ticks?:.*\n")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": search_path(), **more}


def without_figures(text: str) -> str:
    return TICKS_MISSED.sub("", re.sub(r"\d+(\.\d+)?", "N", re.sub(" +", " ", text)))


@pytest.fixture
def tree(start: Callable[..., Target]) -> str:
    """The PID of the example with its four workers."""
    target = start(
        str(Path(sys.executable).with_name("python")), str(ROOT / "examples/fork_tree.py")
    )
    children = Path(f"/proc/{target.pid}/task/{target.pid}/children")
    while len(children.read_text().split()) < 4:
        time.sleep(0.01)
    return str(target.pid)


def sessions() -> Iterator[tuple[str, str]]:
    for block in blocks("console"):
        for session in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = session.partition("\n")
            yield command, output


@pytest.mark.alone("the examples take their steps by the clock")
@pytest.mark.parametrize(("command", "output"), list(sessions()))
def test_a_command_prints_what_the_readme_shows(
    command: str, output: str, request: pytest.FixtureRequest
) -> None:
    variables = {"PID": request.getfixturevalue("tree")} if "$PID" in command else {}
    printed = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{command}"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(**variables),
        timeout=60,
        check=False,
    ).stdout
    assert without_figures(printed) == without_figures(output)


@pytest.mark.parametrize("source", blocks("python"))
def test_a_program_of_the_readme_runs(source: str, tmp_path: Path) -> None:
    first_line = source.partition("\n")[0]
    is_test = first_line.startswith("# test_")
    path = tmp_path / (first_line.removeprefix("# ") if is_test else "program.py")
    path.write_text(source)
    command = [sys.executable, *(["-m", "pytest", "-q"] if is_test else []), str(path)]
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_both_set_up_commands_are_what_ci_runs() -> None:
    assert len(blocks("sh")) == 2
    assert ".venv/bin/memstat run" in blocks("sh")[0]
    assert blocks("sh")[1].endswith(".venv/bin/pytest -n 4\n")
    ci = (ROOT / ".ci" / "run").read_text()
    assert "readme_command 1" in ci
    assert "readme_command 2" in ci


def test_links_within_the_repository_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", README):
        assert anchor in headings


def test_every_option_is_in_the_table() -> None:
    for command in ("get", "run"):
        text = subprocess.run(
            [sys.executable, "-m", "memstat", command, "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        options = set(re.findall(r"(?<![\w-])(--?[a-zA-Z][\w-]*)", text)) - {"-h", "--help", "-c"}
        missing = {option for option in options if f"`{option}" not in README.replace("|", "`")}
        assert not missing
