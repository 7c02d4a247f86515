"""What each signal to memstat means for the command."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.proc.signals import Delivery
from memstat.supervision.signal_plan import (
    Aftermath,
    Arrival,
    ForwardingPolicy,
    SignalDecision,
    SignalPlan,
)

FORWARD = SignalDecision(forward=True)
NOTHING = SignalDecision()
END = SignalDecision(forward=True, kill_later=True)
END_ALREADY_RECEIVED = SignalDecision(kill_later=True)
KILL = SignalDecision(kill_now=True)

ALONE = Arrival()
SHARED = Arrival(reached_command=True)
KEY = Arrival(reached_command=True, from_terminal=True)


@pytest.mark.parametrize(
    ("signum", "alone", "shared"),
    [
        (signal.SIGTERM, END, END_ALREADY_RECEIVED),
        (signal.SIGHUP, END, END_ALREADY_RECEIVED),
        (signal.SIGUSR1, FORWARD, NOTHING),
        (signal.SIGUSR2, FORWARD, NOTHING),
        (signal.SIGINT, FORWARD, NOTHING),
        (signal.SIGQUIT, FORWARD, NOTHING),
        (signal.SIGWINCH, FORWARD, NOTHING),
    ],
)
def test_what_a_signal_means(signum: int, alone: SignalDecision, shared: SignalDecision) -> None:
    assert SignalPlan().decide(signum, 5.0, ALONE) == alone
    assert SignalPlan().decide(signum, 5.0, SHARED) == shared


@pytest.mark.parametrize("arrival", [ALONE, SHARED, KEY])
@pytest.mark.parametrize(("policy", "forward"), [("all", True), ("none", False)])
def test_a_policy_decides_whatever_the_command_received(
    policy: ForwardingPolicy, arrival: Arrival, *, forward: bool
) -> None:
    decision = SignalPlan(policy).decide(signal.SIGTERM, 5.0, arrival)
    assert decision == SignalDecision(forward=forward, kill_later=True)


@pytest.mark.parametrize(
    ("pause_s", "kills"),
    [(0.001, False), (0.049, False), (0.05, True), (2.0, True), (2.001, False)],
)
def test_a_second_ctrl_c_after_the_pause_of_a_person_kills(pause_s: float, *, kills: bool) -> None:
    plan = SignalPlan()
    assert plan.decide(signal.SIGINT, 0.0, KEY) == NOTHING
    assert (plan.decide(signal.SIGINT, pause_s, KEY) == KILL) is kills


@pytest.mark.parametrize(("arrival", "decision"), [(ALONE, FORWARD), (SHARED, NOTHING)])
def test_interrupts_by_programs_never_kill(arrival: Arrival, decision: SignalDecision) -> None:
    plan = SignalPlan()
    for now_s in (5.0, 5.001, 5.5, 6.0):
        assert plan.decide(signal.SIGINT, now_s, arrival) == decision


def test_a_key_that_is_held_down_is_one_ctrl_c_until_a_person_would_press_it_again() -> None:
    plan = SignalPlan()
    assert [plan.decide(signal.SIGINT, t, KEY).kill_now for t in (5.0, 5.03, 5.06)] == [
        False,
        False,
        True,
    ]


def test_a_signal_between_two_ctrl_c_changes_nothing() -> None:
    plan = SignalPlan()
    plan.decide(signal.SIGINT, 5.0, KEY)
    assert plan.decide(signal.SIGTERM, 5.5, ALONE) == END
    assert plan.decide(signal.SIGINT, 6.0, KEY) == KILL


def test_two_requests_to_end_are_no_interrupts() -> None:
    plan = SignalPlan()
    for now_s in (5.0, 5.1):
        assert plan.decide(signal.SIGTERM, now_s, ALONE) == END


@given(
    st.lists(
        st.tuples(
            st.sampled_from(signal.Signals),
            st.floats(0, 10),
            st.sampled_from([ALONE, SHARED, KEY]),
        )
    )
)
def test_a_plan_kills_for_ctrl_c_alone_and_never_passes_on_what_was_received(
    signals: list[tuple[signal.Signals, float, Arrival]],
) -> None:
    plan = SignalPlan()
    now_s = 0.0
    for signum, pause_s, arrival in signals:
        now_s += pause_s
        decision = plan.decide(signum, now_s, arrival)
        assert not decision.kill_now or (signum == signal.SIGINT and arrival == KEY)
        assert decision.kill_later == (signum in (signal.SIGTERM, signal.SIGHUP))
        assert not (decision.kill_now and decision.forward)
        assert not (decision.forward and arrival.reached_command)


REPORT = Aftermath(report=True)
LEAVE = Aftermath(leave=True)


def refuse(*signals: int) -> list[Aftermath]:
    plan = SignalPlan()
    return [plan.after(signum, Delivery.NOT_PERMITTED) for signum in signals]


def test_a_signal_that_is_not_permitted_is_reported_once_and_the_second_request_leaves() -> None:
    term, hangup, user = signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1
    assert refuse(term, term) == [REPORT, LEAVE]
    assert refuse(term, hangup) == [REPORT, LEAVE]
    assert refuse(user, user, term, user, hangup) == [
        REPORT,
        Aftermath(),
        REPORT,
        Aftermath(),
        LEAVE,
    ]
    assert refuse(signal.SIGWINCH, term) == [Aftermath(), REPORT]


def test_after_the_end_of_the_command_the_next_signal_ends_memstat() -> None:
    assert SignalPlan().after(signal.SIGTERM, Delivery.ENDED) == Aftermath(restore_default=True)
    assert SignalPlan().after(signal.SIGTERM, Delivery.SENT) == Aftermath()
