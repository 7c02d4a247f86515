"""Text that others chose, made safe to show."""

from __future__ import annotations

import signal
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memstat.text import plural, printable, signal_name

CONTROL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(st.text(st.characters()))
@example("\x1b]0;title\x07\u202e\u2066\u200f\u2028\ud800\x9b2J")
def test_what_is_printable_controls_nothing(text: str) -> None:
    for character in printable(text):
        assert unicodedata.category(character) not in CONTROL
        assert unicodedata.bidirectional(character) not in BIDI


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" ")))
def test_what_controls_nothing_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b) c", "a b) c"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[2J", r"\x1b[2J"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{CJK UNIFIED IDEOGRAPH-4E2D}", "café 中"),
        ("\u202egpj", r"\u202egpj"),
        (r"\xff", r"\xff"),
    ],
)
def test_what_cannot_be_shown_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (signal.SIGKILL, "SIGKILL"),
        (signal.SIGRTMIN, "SIGRTMIN"),
        (signal.SIGRTMIN + 3, "SIGRTMIN+3"),
        (signal.SIGRTMAX, "SIGRTMAX"),
        (0, "0"),
        (200, "200"),
    ],
)
def test_signals_have_names(number: int, name: str) -> None:
    assert signal_name(number) == name


def test_one_is_not_many() -> None:
    words = [plural(count, "child process", "child processes") for count in (0, 1, 2)]
    assert words == ["0 child processes", "1 child process", "2 child processes"]
