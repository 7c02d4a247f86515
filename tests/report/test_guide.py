"""Pages of the guide as a terminal shows them."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from rich.text import Text

from memstat.report.guide import render

PAGES = [*resources.files("memstat").joinpath("guide").iterdir()]
IMAGE = re.compile(r"!\[([^]]*)\]\([^)]*\)")
"""A terminal shows the text that stands for it."""
MARKUP = re.compile(r"^#|^```|\*\*|`", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("width", [40, 80])
def test_a_page_fits_and_shows_no_markup(page: resources.abc.Traversable, width: int) -> None:
    text = Text.from_ansi(render(page.read_text("utf-8"), width=width)).plain
    assert max(map(len, text.splitlines())) <= width
    assert not MARKUP.search(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_word_of_a_page_is_lost(page: resources.abc.Traversable) -> None:
    source = IMAGE.sub(r"\1", page.read_text("utf-8"))
    shown = Text.from_ansi(render(page.read_text("utf-8"), width=80)).plain
    assert letters(shown) == letters(re.sub(r"^```\w+$", "", source, flags=re.MULTILINE))


def letters(text: str) -> list[str]:
    """Return the letters and digits, in any order: the cells of a table move when they wrap."""
    return sorted(character for character in text if character.isalnum())


def test_lines_stay_short_on_a_wide_terminal() -> None:
    text = Text.from_ansi(render("word " * 200, width=300)).plain
    assert 90 < max(map(len, text.splitlines())) <= 100


def test_no_colour_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    page = "# Heading\n\n`code`\n"
    assert "\x1b[1;36m" in render(page, width=40)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;36m" not in render(page, width=40)
