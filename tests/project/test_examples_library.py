"""The examples of embedding memstat run, and show what they are there to show."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*command: str) -> str:
    """Run Python with warnings as errors, and return all that it wrote."""
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        timeout=100,
    ).stdout


def test_tests_with_limits_pass() -> None:
    output = run(
        "-m", "pytest", "-p", "no:cacheprovider", "--memstat", f"{EXAMPLES}/embed_in_tests.py"
    )
    assert "3 passed, 1 xfailed" in output
    assert re.search(r"MiB +[\d.]+ MiB  .*::test_the_cache_gives_its_memory_back", output)


def test_a_service_warns_of_its_workers() -> None:
    output = run(f"{EXAMPLES}/watch_workers.py")
    assert re.search(r"^WARNING \d processes use [\d.]+ MiB$", output, re.MULTILINE)
    assert re.search(r"^INFO peak [\d.]+ MiB after [\d.]+ s$", output, re.MULTILINE)


def test_a_view_of_one_s_own() -> None:
    output = run(f"{EXAMPLES}/custom_view.py")
    assert re.search(r"^[\d.]+ s, [2-4] processes$", output, re.MULTILINE)
    assert re.search(r"^  'python.*' +[\d.]+ MiB #+$", output, re.MULTILINE)
    assert re.search(r"^peak [\d.]+ MiB after [\d.]+ s$", output, re.MULTILINE)


def test_a_view_of_another_command() -> None:
    output = run(f"{EXAMPLES}/custom_view.py", "sleep", "0.3")
    assert re.search(r"^  'sleep' +", output, re.MULTILINE)
