"""What a program printed, as lines that may scroll past a live display."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memstat.terminal.lines import LineFilter

LONGEST = 1 << 16
SGR = re.compile(rb"\x1b\[([0-9;:]*)m")


def filtered(*pieces: bytes) -> bytes:
    lines = LineFilter()
    return b"".join([*map(lines.feed, pieces), lines.finish()])


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (b"", b""),
        (b"plain\n", b"plain\n"),
        (b"tab\there\n\n", b"tab\there\n\n"),
        (b"no newline", b"no newline\n"),
        (b"dos\r\nlines\r\n", b"dos\nlines\n"),
        ("é 中 🎉\n".encode(), "é 中 🎉\n".encode()),
        (b"\xff\xfe not UTF-8\n", b"\xff\xfe not UTF-8\n"),
        # A carriage return keeps the last state.
        (b" 10 %\r 20 %\r100 %\n", b"100 %\n"),
        (b"10 %\r20 %\r\n", b"20 %\n"),
        (b"10 %\r\r\n", b"10 %\n"),
        (b"a\rb\nc\rd\n", b"b\nd\n"),
        # Colours stay.
        (b"\x1b[1;31mred\x1b[0m\n", b"\x1b[1;31mred\x1b[0m\n"),
        (b"\x1b[38:5:208mx\x1b[m\n", b"\x1b[38:5:208mx\x1b[m\n"),
        # A colour does not leak into the display, and goes on in the next line.
        (b"\x1b[31mred\nstill\x1b[0m\n", b"\x1b[31mred\nstill\x1b[0m\n"),
        (b"\x1b[31mred\n", b"\x1b[31mred\n\x1b[0m"),
        # What moves the cursor, clears, or changes modes does not.
        (b"\x1b[2J\x1b[H\x1b[3Aup\x1b[K\n", b"up\n"),
        (b"\x1b[?1049h\x1b[?25lalt\x1b[?25h\n", b"alt\n"),
        (b"\x1b[>4;2m\x1b[!p\x1b[1 qx\n", b"x\n"),
        (b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\n", b"ab\n"),
        (b"\x1bPdcs\x1b\\a\x1b_apc\x1b\\b\x1b^pm\x1b\\c\n", b"abc\n"),
        (b"\x1bc\x1b7\x1b8\x1bM\x1b(Ba\n", b"a\n"),
        (b"a\x08\x07\x00\x0b\x0c\x0e\x0f\x7fb\n", b"ab\n"),
        (b"\xc2\x9b2Ja\xc2\x85b\n", b"2Jab\n"),
        # Nor does what is not finished: it would take in the start of the next line.
        (b"\x1b\nc\n", b"\nc\n"),
        (b"a\x1b[31\n2Jb\n", b"a31\n2Jb\n"),
        (b"\x1b]0;title\nnext\n", b"\nnext\n"),
        # What is taken out does not leave another one behind.
        (b"a\xc2\xc2\x9b\x9b2Jb\n", b"a2Jb\n"),
        # Text that is overwritten leaves its colours.
        (b"\x1b[31ma\n b\x1b[0m\rc\n", b"\x1b[31ma\n\x1b[0mc\n"),
        (b"\x1b[31ma\rb\x1b[0m\n", b"\x1b[31mb\x1b[0m\n"),
    ],
)
def test_lines(output: bytes, shown: bytes) -> None:
    assert filtered(output) == shown


def test_lines_come_as_soon_as_they_are_finished() -> None:
    lines = LineFilter()
    assert lines.feed(b"one\ntw") == b"one\n"
    assert lines.pending == b"tw"
    assert lines.feed(b"o") == b""
    assert lines.feed(b"\nthree") == b"two\n"
    assert lines.finish() == b"three\n"
    assert lines.finish() == b""
    assert lines.pending == b""


def test_each_piece_begins_in_the_colour_of_the_last_and_ends_without() -> None:
    lines = LineFilter()
    assert lines.feed(b"\x1b[1m\x1b[31mone\n") == b"\x1b[1m\x1b[31mone\n\x1b[0m"
    assert lines.feed(b"two\n") == b"\x1b[1m\x1b[31mtwo\n\x1b[0m"
    assert lines.feed(b"thr") == b""
    assert lines.pending == b"\x1b[1m\x1b[31mthr"
    assert lines.feed(b"ee\x1b[0m\n") == b"\x1b[1m\x1b[31mthree\x1b[0m\n"
    assert lines.feed(b"four\n") == b"four\n"


def test_colours_that_are_never_reset_are_kept_whole_and_within_bounds() -> None:
    lines = LineFilter()
    lines.feed(b"\x1b[38;2;100;200;150mx\n" * 50)
    shown = lines.feed(b"next\n")
    assert SGR.sub(b"", shown) == b"next\n"
    assert len(shown) < 300


def test_the_unfinished_line_is_shown_as_it_stands() -> None:
    lines = LineFilter()
    lines.feed(b"10 %\r20 %\x1b[K")
    assert lines.pending == b"20 %"


def test_a_line_that_never_ends_is_broken_and_loses_nothing() -> None:
    lines = LineFilter()
    shown = b"".join(lines.feed(b"x" * 1000) for _ in range(200)) + lines.finish()
    assert shown.count(b"x") == 200_000
    assert max(map(len, shown.split(b"\n"))) <= LONGEST + 1000


def test_a_progress_bar_that_never_ends_takes_no_memory() -> None:
    lines = LineFilter()
    for number in range(30_000):
        assert lines.feed(b"%8d %%\r" % number) == b""
    assert len(lines._pending) <= LONGEST + 1000
    assert lines.feed(b"done\n") == b"done\n"


FRAGMENTS = (
    b"a", b"bc", b"\n", b"\r", b"\r\n", b"\x1b", b"\x1b[", b"\x1b[31m", b"\x1b[0m", b"\x1b[1;4m",
    b"\x1b[m", b"\x1b[2J", b"\x1b[?25l", b"\x1b]0;", b"\x07", b"\x1b\\", b"\xc3\xa9", b"\xc2\x9b",
    b"\x00", b"m", b"1", b";",
)  # fmt: skip
OUTPUT = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=3), max_size=30)


@given(OUTPUT)
@example([b"\x1b\x1b[31m[2Jx"])
@example([b"\x1b[3\x001m\x1b\x00[2J"])
def test_nothing_but_text_colours_tabs_and_newlines_comes_out(pieces: list[bytes]) -> None:
    text = SGR.sub(b"", filtered(*pieces))
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", text)


@given(OUTPUT, st.data())
def test_output_looks_the_same_however_it_is_cut(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert _on_screen(filtered(*parts)) == _on_screen(filtered(whole))


@given(OUTPUT)
def test_every_feed_leaves_the_terminal_without_a_colour(pieces: list[bytes]) -> None:
    lines = LineFilter()
    for piece in pieces:
        assert _last_colour(lines.feed(piece)) == ()
    assert _last_colour(lines.finish()) == ()


@given(st.lists(st.text("ab \té中", max_size=20), max_size=10))
def test_plain_text_comes_out_as_it_went_in(texts: list[str]) -> None:
    output = "".join(f"{text}\n" for text in texts).encode()
    assert filtered(output) == output


def _on_screen(output: bytes) -> list[tuple[bytes, tuple[bytes, ...]]]:
    """Return what a terminal shows: each byte and the colours it has. A newline has none."""
    shown: list[tuple[bytes, tuple[bytes, ...]]] = []
    colours: tuple[bytes, ...] = ()
    at = 0
    while at < len(output):
        code = SGR.match(output, at)
        if code:
            colours = _changed(colours, code[1])
            at = code.end()
        else:
            byte = output[at : at + 1]
            shown.append((byte, () if byte == b"\n" else colours))
            at += 1
    return shown


def _last_colour(output: bytes) -> tuple[bytes, ...]:
    colours: tuple[bytes, ...] = ()
    for code in SGR.finditer(output):
        colours = _changed(colours, code[1])
    return colours


def _changed(colours: tuple[bytes, ...], code: bytes) -> tuple[bytes, ...]:
    return () if code in (b"", b"0", b"00") else (*colours, code)
