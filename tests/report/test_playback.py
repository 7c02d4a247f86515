"""Where a replay stands."""

from __future__ import annotations

import pytest

from memstat.report.playback import Playback


def test_the_position_goes_on_with_the_clock_at_its_speed() -> None:
    playback = Playback(speed=4.0)
    assert [playback.advance(now_s) for now_s in (50.0, 50.5, 51.0)] == [0.0, 2.0, 4.0]
    assert playback.press("-")
    assert playback.advance(52.0) == 6.0
    assert playback.text == "replay 2x"


def test_while_it_is_paused_time_stands_still() -> None:
    playback = Playback()
    playback.advance(10.0)
    playback.is_paused = True
    assert playback.advance(20.0) == 0.0
    playback.is_paused = False
    assert playback.advance(21.0) == 1.0


@pytest.mark.parametrize(
    ("speed", "key", "position_s"),
    [(1.0, "right", 15.0), (1.0, "left", 5.0), (4.0, "left", 0.0), (0.5, "right", 15.0)],
)
def test_arrows_go_back_and_on(speed: float, key: str, position_s: float) -> None:
    playback = Playback(speed)
    playback.position_s = 10.0
    assert playback.press(key)
    assert playback.position_s == position_s


def test_the_speed_has_bounds_and_other_keys_are_left_alone() -> None:
    playback = Playback()
    for _ in range(40):
        playback.press("+")
    assert playback.speed == 1024
    for _ in range(40):
        playback.press("-")
    assert playback.speed == 1 / 64
    assert not playback.press("q")
