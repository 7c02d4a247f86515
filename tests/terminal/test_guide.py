"""Pages of the guide on a real terminal."""

from __future__ import annotations

import shutil

import pytest

from tests.terminal.conftest import OpenTerminal

LAST_LINES = "how many mappings these are"
PAGERS_THAT_CANNOT_BE_USED = ["no-such-pager", "'", "/", "/dev/null", "no-such-pager -x 'a b"]


def test_a_page_that_fits_is_laid_out_and_stays(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(80, 200)
    assert terminal.run("memstat help dashboard") == 0
    assert "                                 The dashboard" in terminal.screen
    assert "\x1b[1m" in terminal.in_colour
    assert "`" not in terminal.screen


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
def test_a_long_page_is_in_a_pager_which_heeds_its_own_keys(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(80, 20, {"PAGER": "less", "LESS": ""})

    def press_end() -> bool:
        terminal.press("G")
        return False

    terminal.type("memstat help json; echo status=$?.")
    first = terminal.wait_for("The fields of what --json prints.")
    assert "A summary" not in first
    terminal.press("C-c")
    # Until it has dealt with the interrupt, less drops keys.
    terminal.wait_for(lambda screen: LAST_LINES in screen or press_end())
    terminal.press("q")
    assert terminal.wait_for_status() == 0
    assert terminal.run("echo a shell as before") == 0


@pytest.mark.parametrize("pager", PAGERS_THAT_CANNOT_BE_USED)
def test_without_a_pager_a_long_page_is_printed(pager: str, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(80, 20, {"PAGER": pager})
    assert terminal.run("memstat help json") == 0
    assert "The fields of what --json prints." in terminal.everything
    assert LAST_LINES in terminal.screen
    assert "Traceback" not in terminal.everything


def test_a_pager_that_reads_nothing_is_no_error(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(80, 20, {"PAGER": "true"})
    assert terminal.run("memstat help json") == 0
    assert "Error" not in terminal.everything


def test_a_dumb_terminal_gets_markdown(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(80, 20, {"TERM": "dumb"})
    assert terminal.run("memstat help json") == 0
    assert "# JSON" in terminal.everything
