"""A real terminal with a shell in it, played by tmux and driven by tests."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.targets import search_path

_NUMBERS: Final = itertools.count()
_GUARD: Final = re.compile(rb"(%begin|%end|%error) \d+ (\d+) (\d+)\n")
_POLL_S: Final = 0.02
_WITHIN_S: Final = 30.0


class Tmux:
    """A terminal of a given size, on a tmux server of its own; a prompt is on it."""

    def __init__(
        self, directory: Path, columns: int, rows: int, environment: Mapping[str, str] | None = None
    ) -> None:
        self._socket = f"memstat-{os.getpid()}-{next(_NUMBERS)}"
        # The history has room for all that any test prints.
        (directory / "tmux.conf").write_text(
            'set -g history-limit 200000\nset -g default-terminal "tmux-256color"\n'
        )
        given = {"PS1": "$ ", "HISTFILE": "", "BASH_SILENCE_DEPRECATION_WARNING": "1"}
        shell = [f"{name}={value}" for name, value in {**given, **(environment or {})}.items()]
        subprocess.run(
            [
                *("tmux", "-L", self._socket, "-u", "-f", str(directory / "tmux.conf")),
                *("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(directory)),
                *("env", "-u", "NO_COLOR", *shell),
                *("bash", "--norc", "--noprofile", "--noediting", "-i"),
            ],
            check=True,
            env={**os.environ, "PATH": search_path(), "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh"},
        )
        # One client for all commands: tests look at the screen fifty times a second.
        self._client = subprocess.Popen(
            [
                *("tmux", "-L", self._socket, "-u", "-C"),
                *("attach-session", "-f", "no-output,ignore-size"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        self.wait_for("$")

    def command(self, name: str, *arguments: str) -> str:
        """Give tmux a command and return what it prints."""
        assert self._client.stdin is not None
        line = " ".join([name, *map(shlex.quote, arguments)]) + "\n"
        self._client.stdin.write(line.encode())
        self._client.stdin.flush()
        verdict, *lines = self._answer()
        assert verdict == b"%end", lines
        return b"".join(lines).decode()

    def _answer(self) -> list[bytes]:
        """Read the answer to a command: whether it failed, and the lines that it printed.

        "CONTROL MODE" in tmux(1): an answer stands between %begin or %error and %end, with a number
        of its own. What comes from elsewhere, as the answer to attach-session, has 0 for its flags.
        """
        assert self._client.stdout is not None
        while not (begin := _GUARD.fullmatch(self._client.stdout.readline())) or begin[3] == b"0":
            assert self._client.poll() is None, "tmux has ended"
        lines: list[bytes] = []
        while True:
            line = self._client.stdout.readline()
            assert line, "tmux has ended"
            guard = _GUARD.fullmatch(line)
            if guard and guard[1] != b"%begin" and guard[2] == begin[2]:
                return [guard[1], *lines]
            lines.append(line)

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        self.command("send-keys", "-l", line)
        self.press("Enter")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names, as ``C-c``."""
        self.command("send-keys", *keys)

    @property
    def screen(self) -> str:
        """What is on the screen now."""
        return self.command("capture-pane", "-p")

    @property
    def everything(self) -> str:
        """The screen and all that has scrolled off it, lines that were wrapped joined again."""
        return self.command("capture-pane", "-p", "-J", "-S", "-")

    @property
    def in_colour(self) -> str:
        """The screen with the escape sequences of its colours."""
        return self.command("capture-pane", "-p", "-e")

    @property
    def cursor_is_visible(self) -> bool:
        return self.format("#{cursor_flag}") == "1"

    def format(self, text: str) -> str:
        """Expand one of tmux's formats."""
        return self.command("display-message", "-p", text).strip()

    def wait_for(
        self, wanted: str | Callable[[str], object], *, within_s: float = _WITHIN_S
    ) -> str:
        """Return the screen as soon as a text is on it, or a predicate holds for it."""
        holds = (lambda screen: wanted in screen) if isinstance(wanted, str) else wanted
        screen = ""

        def looked_at() -> object:
            nonlocal screen
            screen = self.screen
            return holds(screen)

        wait_until(looked_at, lambda: f"the screen is\n{screen}", within_s=within_s)
        return screen

    def run(self, line: str, *, within_s: float = _WITHIN_S) -> int:
        """Type a command, wait until it has ended, and return its exit status."""
        ended = len(self._statuses())
        self.type(f"{line}; echo status=$?.")
        return self.wait_for_status(ended + 1, within_s=within_s)

    def wait_for_status(self, commands: int = 1, *, within_s: float = _WITHIN_S) -> int:
        """Wait until so many commands that ``echo status=$?.`` follows have ended."""
        self.wait_for(lambda _: len(self._statuses()) >= commands, within_s=within_s)
        return int(self._statuses()[-1])

    def _statuses(self) -> list[str]:
        return re.findall(r"status=(\d+)\.\s*$", self.everything, re.MULTILINE)

    def resize(self, columns: int, rows: int) -> None:
        self.command("resize-window", "-x", str(columns), "-y", str(rows))

    def record(self, path: Path) -> None:
        """Copy every byte that the terminal gets into a file from now on."""
        self.command("pipe-pane", f"cat > {path}")

    def close(self) -> None:
        subprocess.run(
            ["tmux", "-L", self._socket, "kill-server"], check=False, capture_output=True
        )
        self._client.communicate()


def wait_until(
    holds: Callable[[], object],
    describe: Callable[[], str] = str,
    *,
    within_s: float = _WITHIN_S,
) -> None:
    """Return as soon as a predicate holds; fail when it does not within a bound."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s: {describe()}"
        time.sleep(_POLL_S)
