"""``memstat completion``: the script is sourced in a real shell, and the Tab key pressed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.cli.harness import assert_one_line, open_on_terminal, read_until
from tests.preloaded import memstat
from tests.targets import search_path


@pytest.fixture
def press_tab() -> Iterator[Callable[[str], str]]:
    """What is typed into a bash on a terminal, and what the Tab key makes of it."""
    environment = {"PATH": search_path(), "TERM": "dumb", "PS1": "$ ", "HOME": "/"}
    shell = ("bash", "--norc", "--noprofile", "-i")
    with open_on_terminal(shell, env=environment) as (_, terminal):

        def press(line: str) -> str:
            # Ctrl+A and Ctrl+E: in quotes, the line is printed as it is after the Tab key.
            os.write(terminal, line.encode() + b"\t\x01echo '<\x05>'\n")
            output = read_until(terminal, b">\r\n").decode()
            return output.rpartition("\r\n<")[2].partition(">\r\n")[0]

        os.write(terminal, b'eval "$(memstat completion bash)"; echo set "up"\n')
        read_until(terminal, b"set up")
        yield press


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("memstat ru", "memstat run "),
        ("memstat comple", "memstat completion "),
        ("memstat run --only", "memstat run --only-peak "),
        ("memstat run -r --max", "memstat run -r --max-pss "),
        ("memstat run --on-exceed wa", "memstat run --on-exceed warn "),
        ("memstat run -- ls --only", "memstat run -- ls --only"),
        ("memstat get --wa", "memstat get --watch "),
        ("memstat help perm", "memstat help permissions "),
        ("memstat help ru", "memstat help run "),
        ("memstat completion z", "memstat completion zsh "),
    ],
)
def test_the_tab_key_completes(line: str, completed: str, press_tab: Callable[[str], str]) -> None:
    assert press_tab(line) == completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_one_that_it_can_read(shell: str) -> None:
    done = memstat("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_MEMSTAT_COMPLETE={shell}_complete" in done.stdout
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: its script was not read")
    subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True)


@pytest.mark.parametrize("arguments", [[], ["tcsh"], ["bash", "zsh"]])
def test_another_shell_is_wrong_usage(arguments: list[str]) -> None:
    done = memstat("completion", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, "memstat completion --help")
