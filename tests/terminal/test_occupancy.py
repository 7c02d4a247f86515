"""Whether a command has its terminal to itself: the decision alone."""

from __future__ import annotations

from memstat.proc.terminal_readers import Waiting
from memstat.terminal.modes import Modes
from memstat.terminal.occupancy import Look, Occupancy

USUAL = Modes()
NO_ECHO = Modes(echo=False)
RAW = Modes(echo=False, by_line=False)


def test_nothing_special_leaves_room_for_the_table() -> None:
    occupancy = Occupancy(USUAL)
    assert not occupancy.take(Look(USUAL))
    # Waiting for one of several files is what most servers do.
    assert not occupancy.take(Look(USUAL, Waiting.PERHAPS))


def test_a_read_of_the_terminal_holds_it_until_two_looks_find_none() -> None:
    occupancy = Occupancy(USUAL)
    assert occupancy.take(Look(USUAL, Waiting.READS))
    assert occupancy.take(Look(USUAL))
    assert occupancy.take(Look(USUAL, Waiting.READS_RELAY))
    assert occupancy.take(Look(USUAL))
    assert not occupancy.take(Look(USUAL))


def test_echo_that_is_off_counts_once_a_process_may_wait_for_an_answer() -> None:
    occupancy = Occupancy(USUAL)
    assert not occupancy.take(Look(NO_ECHO))
    assert not occupancy.is_decided_by(NO_ECHO)
    # As sudo does: another user's process, which may not be looked at.
    assert occupancy.take(Look(NO_ECHO, Waiting.PERHAPS))
    assert occupancy.is_decided_by(NO_ECHO)
    # Between two keys it works.
    assert occupancy.take(Look(NO_ECHO))
    assert not occupancy.take(Look(USUAL))


def test_modes_that_were_so_at_the_start_mean_nothing() -> None:
    occupancy = Occupancy(NO_ECHO)
    assert not occupancy.take(Look(NO_ECHO, Waiting.PERHAPS))
    assert occupancy.take(Look(RAW, Waiting.PERHAPS))


def test_output_that_moves_the_cursor_holds_it_while_keys_are_read_raw() -> None:
    occupancy = Occupancy(USUAL)
    occupancy.command_moved_cursor(USUAL)
    assert not occupancy.take(Look(USUAL))
    occupancy.command_moved_cursor(RAW)
    assert occupancy.is_command_s
    assert occupancy.take(Look(RAW))
    assert not occupancy.take(Look(USUAL))


def test_another_job_s_terminal_is_not_drawn_on() -> None:
    occupancy = Occupancy(USUAL)
    assert occupancy.take(Look(USUAL, in_foreground=False))
    assert not occupancy.take(Look(USUAL))
