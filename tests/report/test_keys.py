"""From what a terminal sends to what is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.report.keys import HELP, Action, Scroll, keys_of, pressed
from memstat.report.view_options import Order, ViewOptions

START = ViewOptions(has_keys=True)
SCROLL = Scroll(0, 10, 100)


def after(*keys: str, options: ViewOptions = START, scroll: Scroll = SCROLL) -> ViewOptions:
    for key in keys:
        changed = pressed(options, key, scroll)
        assert isinstance(changed, ViewOptions)
        options = changed
    return options


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("t", {"is_flat": True}),
        ("f", {"is_folded": True}),
        ("/", {"is_filter_edited": True}),
        ("c", {"has_command_lines": False}),
        ("p", {"is_paused": True}),
        (" ", {"is_paused": True}),
        ("?", {"shows_help": True}),
        ("x", {}),
        ("enter", {}),
    ],
)
def test_a_key_changes_one_thing(key: str, changes: dict[str, object]) -> None:
    assert after(key) == START._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["t", "f", "c", "p", " ", "?"])
def test_the_same_key_changes_it_back(key: str) -> None:
    assert after(key, key) == START


def test_s_goes_through_the_orders_and_comes_back_to_the_tree() -> None:
    seen = []
    options = START
    for _ in Order:
        options = after("s", options=options)
        seen.append((options.order, options.is_flat))
    assert seen == [
        *((order, True) for order in (Order.PSS, Order.PEAK, Order.GROWTH, Order.NAME)),
        (Order.TREE, False),
    ]
    assert options == START


@pytest.mark.parametrize(
    ("key", "action"), [("q", Action.QUIT), ("r", Action.RESET_PEAK), ("m", Action.MARK)]
)
def test_some_keys_are_for_others_to_follow(key: str, action: Action) -> None:
    assert pressed(START, key, SCROLL) is action


def test_q_quits_from_the_help_and_is_a_letter_in_a_filter() -> None:
    assert pressed(after("?"), "q", SCROLL) is Action.QUIT
    assert after("?", "s") == START
    assert after("/", "q", "m").filter_text == "qm"


def test_a_filter_is_typed_corrected_and_kept_or_cleared() -> None:
    typed = after("/", *"cc1é", "backspace", "up", "tab")
    assert (typed.filter_text, typed.is_filter_edited) == ("cc1", True)
    assert after("enter", options=typed) == START._replace(filter_text="cc1")
    assert after("escape", options=typed) == START
    assert after("clear", "x", options=typed).filter_text == "x"
    assert after("enter", "escape", options=typed) == START
    assert len(after("/", *"x" * 99).filter_text) == 40


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        (["down"], 1),
        (["down", "down", "up"], 1),
        (["down", "up"], None),
        (["up"], None),
        (["page-down"], 9),
        (["page-down", "page-down", "page-up"], 9),
        (["end"], 90),
        (["end", "down"], 90),
        (["end", "home"], None),
        (["down", "escape"], None),
        (["down", "s"], None),
        (["down", "f"], None),
        (["down", "/"], None),
    ],
)
def test_keys_scroll_from_the_overview_to_the_end(keys: list[str], first: int | None) -> None:
    assert after(*keys).first == first


def test_what_fits_does_not_scroll() -> None:
    assert after("down", "page-down", "end", scroll=Scroll(0, 5, 5)).first in (0, None)


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"qs/", ["q", "s", "/"]),
        (b"\x1b[A\x1b[B\x1bOA\x1bOB", ["up", "down", "up", "down"]),
        (b"\x1b[5~\x1b[6~", ["page-up", "page-down"]),
        (b"\x1b[H\x1bOH\x1b[1~\x1b[7~\x1b[F\x1bOF\x1b[4~\x1b[8~", ["home"] * 4 + ["end"] * 4),
        (b"\r\n\x7f\x08\x15", ["enter", "enter", "backspace", "backspace", "clear"]),
        ("é日".encode(), ["é", "日"]),
        (b"\x1b[1;5A\x1b[<0;3;4M\x1b[200~q", ["q"]),  # with Ctrl; a mouse; a paste
        (b"\x1bxq\x00\x01\x1b[Zq", ["q", "q"]),  # with Alt
        (b"\xff\x80q", ["q"]),
        (b"\x1b\x1b[A", ["escape", "up"]),
    ],
)
def test_keys_are_read_from_what_a_terminal_sends(data: bytes, keys: list[str]) -> None:
    assert keys_of(data, is_all=True) == (keys, b"")
    got: list[str] = []
    rest = b""
    for byte in data:
        more, rest = keys_of(rest + bytes([byte]))
        got += more
    more, rest = keys_of(rest, is_all=True)
    assert (got + more, rest) == (keys, b"")


@pytest.mark.parametrize("begun", [b"\x1b", b"\x1b[", b"\x1b[1;", b"\x1bO", "日".encode()[:2]])
def test_the_beginning_of_a_key_waits_for_the_rest(begun: bytes) -> None:
    assert keys_of(b"q" + begun) == (["q"], begun)


@given(st.binary(max_size=80))
def test_anything_may_be_typed(data: bytes) -> None:
    keys, rest = keys_of(data)
    assert data.endswith(rest)
    assert len(rest) < 32
    assert all(keys)
    assert keys_of(data, is_all=True)[1] == b""


@given(st.lists(st.sampled_from([*"qstf/cprm? x", "up", "down", "page-down", "end", "escape"])))
def test_whatever_is_pressed_the_list_stays_within_its_rows(keys: list[str]) -> None:
    options = START
    for key in keys:
        changed = pressed(options, key, SCROLL)
        options = changed if isinstance(changed, ViewOptions) else options
    assert options.first is None or 0 < options.first <= SCROLL.last_first


def test_the_help_has_every_key_that_does_something() -> None:
    doing = {key for key in map(chr, range(33, 127)) if pressed(START, key, SCROLL) != START}
    assert doing == {key for key, _ in HELP if len(key) == 1}


def test_at_rest_only_what_is_shown_is_left() -> None:
    busy = after("s", "c", "p", "down")._replace(
        shows_help=True, is_filter_edited=True, filter_text="x"
    )
    assert busy.at_rest == ViewOptions(
        Order.PSS, is_flat=True, filter_text="x", has_command_lines=False
    )
