"""What a row calls a process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from memstat.report.names import command_of, name_of

WALWRITER = ("postgres", "postgres: walwriter ")
MASTER = ("nginx", "nginx: master process /usr/sbin/nginx -g daemon off;")
LOGIN = ("sshd", "sshd: user@pts/0")
POOL = ("php-fpm8.2", "php-fpm: pool www")
BY_SETPROCTITLE = ("gunicorn: maste", "gunicorn: master [site]")
CUT = ("x-terminal-emul", "x-terminal-emulator: a tab")


@pytest.mark.parametrize(
    ("process", "width", "shown"),
    [
        (WALWRITER, 19, "postgres: walwriter"),
        (WALWRITER, 18, "postgres: walwrit…"),
        (WALWRITER, 17, "walwriter"),
        (WALWRITER, 8, "walwrit…"),
        (MASTER, 17, "nginx: master pr…"),
        (MASTER, 13, "master proce…"),
        (LOGIN, 16, "sshd: user@pts/0"),
        (LOGIN, 13, "user@pts/0"),
        (POOL, 17, "php-fpm: pool www"),
        (POOL, 13, "pool www"),
        (BY_SETPROCTITLE, 23, "gunicorn: master [site]"),
        (BY_SETPROCTITLE, 17, "master [site]"),
        (CUT, 26, "x-terminal-emulator: a tab"),
        (CUT, 25, "a tab"),
    ],
)
def test_what_a_process_of_a_server_does_takes_the_place_of_its_name_in_little_room(
    process: tuple[str, str], width: int, shown: str
) -> None:
    assert name_of(*process, width, has_arguments=True) == shown.ljust(width)


@pytest.mark.parametrize(
    ("name", "command_line", "shown"),
    [
        ("make", "/usr/bin/make all", "make all"),
        ("python3", "/usr/bin/python3 -m a_module", "python3"),
        ("Xvfb", "/usr/bin/Xvfb :99", "Xvfb :99"),
        ("tmux: server", "tmux new -d", "tmux: server"),
        ("ruby", "puma: cluster worker 0", "ruby"),
        ("ssh", "ssh:", "ssh"),
        ("a", ": b", "a"),
        ("worker-1", "", "worker-1"),
    ],
)
def test_all_others_keep_their_name(name: str, command_line: str, shown: str) -> None:
    assert name_of(name, command_line, 13, has_arguments=True) == shown.ljust(13)


@pytest.mark.parametrize(
    ("process", "shown"),
    [(WALWRITER, "postgres"), (POOL, "php-fpm8.2"), (CUT, "x-terminal-emulator")],
)
def test_where_command_lines_are_elsewhere_the_name_is_alone(
    process: tuple[str, str], shown: str
) -> None:
    assert name_of(*process, 20, has_arguments=False) == shown.ljust(20)


@given(
    name=st.text(max_size=15),
    arguments=st.text(max_size=40),
    width=st.integers(0, 40),
    has_arguments=st.booleans(),
)
def test_it_is_as_wide_as_was_asked_for_and_printable(
    name: str, arguments: str, width: int, *, has_arguments: bool
) -> None:
    title = f"{name}: {arguments}"
    for text in (
        name_of(name, title, width, has_arguments=has_arguments),
        command_of(title, width),
    ):
        assert text.isprintable()
        assert cell_len(text) == width
