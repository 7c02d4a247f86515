"""The size of the pseudo-terminal that stands between a command and its terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import threading
from contextlib import closing

from memstat.terminal.relay import TerminalRelay


def set_size(fd: int, rows: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))


def test_while_it_is_read_it_follows_the_terminal_and_reports_each_size() -> None:
    near, far = pty.openpty()
    set_size(far, 24, 80)
    resized = threading.Semaphore(0)
    with closing(TerminalRelay(far)) as relay:
        relay.on_resize = resized.release
        child = os.dup(relay.child_fd)
        relay.command_started()
        reading = threading.Thread(target=relay.read)
        reading.start()
        for size in ((20, 70), (24, 80), (30, 100)):
            set_size(far, *size)
            assert resized.acquire(timeout=30)
            assert os.get_terminal_size(child) == size[::-1]
        os.close(child)
        reading.join()
        relay.follow_size()
    assert not resized.acquire(blocking=False)
    os.close(near)
    os.close(far)
