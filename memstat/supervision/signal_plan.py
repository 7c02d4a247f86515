"""What each signal to memstat means for the command. Pure."""

from __future__ import annotations

import signal
from typing import Final, Literal, NamedTuple

from memstat.proc.signals import Delivery

ForwardingPolicy = Literal["auto", "all", "none"]
"""Which signals are passed on: those that the command has not received itself, all, or none."""

BY_TERMINAL: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH})
"""What a terminal sends to its foreground group."""
_END: Final = frozenset({signal.SIGTERM, signal.SIGHUP})
_ASKS_TO_END: Final = _END | {signal.SIGINT, signal.SIGQUIT}
_SHORTEST_PAUSE_S: Final = 0.05
_IMPATIENCE_S: Final = 2.0
"""Two Ctrl+C by a person are not closer than the one, nor farther apart than the other."""


class Arrival(NamedTuple):
    """How a signal came."""

    reached_command: bool = False
    """Whether the command received it as well, directly."""
    from_terminal: bool = False
    """Whether a key of the terminal, or a change of its size, sent it."""


class SignalDecision(NamedTuple):
    """What to do about one signal."""

    forward: bool = False
    kill_later: bool = False
    kill_now: bool = False


class Aftermath(NamedTuple):
    """What to do once it is known what became of a signal that was to be passed on."""

    report: bool = False
    """Report that the command may not be signalled."""
    leave: bool = False
    """Leave the command running, and end by the signal."""
    restore_default: bool = False
    """Let the next such signal end this process."""


class SignalPlan:
    """Decides what each signal means.

    >>> plan = SignalPlan()
    >>> plan.decide(signal.SIGTERM, 0.0, Arrival())
    SignalDecision(forward=True, kill_later=True, kill_now=False)
    >>> key = Arrival(reached_command=True, from_terminal=True)
    >>> [plan.decide(signal.SIGINT, t, key).kill_now for t in (5.0, 9.0, 10.5)]
    [False, False, True]
    >>> [plan.after(signal.SIGTERM, Delivery.NOT_PERMITTED).leave for _ in range(2)]
    [False, True]
    """

    def __init__(self, policy: ForwardingPolicy = "auto") -> None:
        self._policy = policy
        self._interrupted_s = float("-inf")
        self._refused: set[int] = set()

    def decide(self, signum: int, now_s: float, arrival: Arrival) -> SignalDecision:
        """Return what to do about a signal that arrived at ``now_s``."""
        if signum == signal.SIGINT and arrival.from_terminal and self._is_impatient(now_s):
            return SignalDecision(kill_now=True)
        return SignalDecision(forward=self._forwards(arrival), kill_later=signum in _END)

    def after(self, signum: int, delivery: Delivery) -> Aftermath:
        """Return what to do now that a signal has, or has not, reached the command."""
        if delivery is Delivery.ENDED:
            # Only a blocked reader of our output keeps us.
            return Aftermath(restore_default=True)
        if delivery is Delivery.SENT:
            return Aftermath()
        asked_before = not self._refused.isdisjoint(_ASKS_TO_END)
        leave = asked_before and signum in _ASKS_TO_END
        report = not leave and signum not in self._refused and signum != signal.SIGWINCH
        self._refused.add(signum)
        return Aftermath(report=report, leave=leave)

    def _forwards(self, arrival: Arrival) -> bool:
        if self._policy == "auto":
            return not arrival.reached_command
        return self._policy == "all"

    def _is_impatient(self, now_s: float) -> bool:
        pause_s = now_s - self._interrupted_s
        # A key that is held down repeats: that is one Ctrl+C, counted from its first.
        if pause_s >= _SHORTEST_PAUSE_S:
            self._interrupted_s = now_s
        return _SHORTEST_PAUSE_S <= pause_s <= _IMPATIENCE_S
