"""A terminal without an emulator: a pseudo-terminal whose output a test reads, or does not."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self

from tests.preloaded import Running

_CHUNK: Final = 1 << 16
_FRAME_END: Final = b"\x1b[?7h"
_DRAWING: Final = re.compile(
    rb"\x1b\[\?7l.*?\x1b\[\?7h"  # a view, drawn without line breaking
    rb"|\x1b\[\?7h\x1b\[m *\r\x1b\[K"  # on to a fresh line
    rb"|\x1b\[K\x1b7\x1b\[E\x1b\[J\x1b8"  # the last view erased
    rb"|\x1b\[\?(?:7|25|2026)[hl]",
    re.DOTALL,
)


class BareTerminal:
    """Runs memstat, preloaded, or another command as the leader of a session on a terminal."""

    def __init__(self, *arguments: str, columns: int = 100, rows: int = 24, **streams: int) -> None:
        self.own_fd, child_fd = pty.openpty()
        fcntl.ioctl(child_fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), child_fd) | streams
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        self.process = _start(arguments, streams, environment)
        os.close(child_fd)

    def read(self) -> bytes | None:
        """Return what comes next; ``None`` when the last writer has gone."""
        try:
            return os.read(self.own_fd, _CHUNK) or None
        except OSError:
            return None

    def read_all(self) -> bytes:
        """Return everything up to the end."""
        chunks = []
        while (chunk := self.read()) is not None:
            chunks.append(chunk)
        return b"".join(chunks)

    def read_until(self, wanted: bytes, within_s: float = 30) -> bytes:
        """Return what comes up to and with ``wanted``."""
        text = b""
        while wanted not in text:
            readable, _, _ = select.select([self.own_fd], [], [], within_s)
            assert readable, f"nothing came for {within_s} s after {text[-500:]!r}"
            chunk = self.read()
            assert chunk is not None, f"the end came after {text[-500:]!r}"
            text += chunk
        return text

    def hang_up(self) -> None:
        """Take the terminal away."""
        if self.own_fd >= 0:
            os.close(self.own_fd)
            self.own_fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()
        self.process.kill()
        self.process.wait()


def _start(
    arguments: tuple[str, ...], streams: dict[str, int], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    options: dict[str, Any] = {**streams, "env": environment}
    if arguments[0] in ("run", "get"):
        return Running(*arguments, **options, has_terminal=True)
    return subprocess.Popen(["setsid", "-c", *arguments], **options)


def printed_pieces(terminal: BareTerminal) -> Iterator[bytes]:
    """Yield what was printed up to the end, in whole lines, without what was only drawn."""
    text, printed = bytearray(), b""
    while (chunk := terminal.read()) is not None:
        searched = max(0, len(text) - len(_FRAME_END))
        text += chunk
        if (frame_end := text.rfind(_FRAME_END, searched)) >= 0:
            end = frame_end + len(_FRAME_END)
            printed += _DRAWING.sub(b"", bytes(text[:end]))
            del text[:end]
            # A line may be printed in parts, with a view drawn in between.
            lines = printed.rfind(b"\n") + 1
            yield printed[:lines]
            printed = printed[lines:]
    yield printed + _DRAWING.sub(b"", bytes(text))
