"""What each signal to memstat means for the command."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.supervision.forwarding import SignalDecision, SignalPlan

FORWARD = SignalDecision(forward=True)
NOTHING = SignalDecision()
END = SignalDecision(forward=True, kill_later=True)
KILL = SignalDecision(kill_now=True)


@pytest.mark.parametrize(
    ("signum", "elsewhere", "in_foreground"),
    [
        (signal.SIGTERM, END, END),
        (signal.SIGHUP, END, END),
        (signal.SIGUSR1, FORWARD, FORWARD),
        (signal.SIGUSR2, FORWARD, FORWARD),
        # A terminal sends these to the command as well.
        (signal.SIGINT, FORWARD, NOTHING),
        (signal.SIGQUIT, FORWARD, NOTHING),
        (signal.SIGWINCH, FORWARD, NOTHING),
    ],
)
def test_what_a_signal_means(
    signum: int, elsewhere: SignalDecision, in_foreground: SignalDecision
) -> None:
    assert SignalPlan().decide(signum, 5.0, in_foreground=False) == elsewhere
    assert SignalPlan().decide(signum, 5.0, in_foreground=True) == in_foreground


@pytest.mark.parametrize("in_foreground", [False, True])
@pytest.mark.parametrize(("pause_s", "kills"), [(0.0, True), (2.0, True), (2.001, False)])
def test_two_interrupts_within_two_seconds_kill(
    pause_s: float, *, kills: bool, in_foreground: bool
) -> None:
    plan = SignalPlan()
    assert not plan.decide(signal.SIGINT, 5.0, in_foreground=in_foreground).kill_now
    decision = plan.decide(signal.SIGINT, 5.0 + pause_s, in_foreground=in_foreground)
    assert (decision == KILL) is kills
    assert decision.kill_now is kills


def test_a_signal_between_two_interrupts_changes_nothing() -> None:
    plan = SignalPlan()
    plan.decide(signal.SIGINT, 5.0, in_foreground=True)
    assert plan.decide(signal.SIGTERM, 5.5, in_foreground=True) == END
    assert plan.decide(signal.SIGINT, 6.0, in_foreground=True) == KILL


def test_two_requests_to_end_are_no_interrupts() -> None:
    plan = SignalPlan()
    for now_s in (5.0, 5.1):
        assert plan.decide(signal.SIGTERM, now_s, in_foreground=False) == END


@given(st.lists(st.tuples(st.sampled_from(signal.Signals), st.floats(0, 10), st.booleans())))
def test_a_plan_remembers_every_signal_and_kills_for_interrupts_alone(
    signals: list[tuple[signal.Signals, float, bool]],
) -> None:
    plan = SignalPlan()
    now_s = 0.0
    for signum, pause_s, in_foreground in signals:
        now_s += pause_s
        decision = plan.decide(signum, now_s, in_foreground=in_foreground)
        assert not decision.kill_now or signum == signal.SIGINT
        assert decision.kill_later == (signum in (signal.SIGTERM, signal.SIGHUP))
        assert not (decision.kill_now and decision.forward)
    assert plan.received == {signum for signum, _, _ in signals}
