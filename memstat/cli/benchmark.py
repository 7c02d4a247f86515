"""Takes the runs of a benchmark, one after another."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import anyio

from memstat.background import beside
from memstat.cli.bench_options import BenchOptions
from memstat.comparing.cases import Case, Step, schedule
from memstat.comparing.measurements import Measurements, Run
from memstat.comparing.pacing import UNKNOWN_S, WANTED_SAMPLES, choose_interval_s
from memstat.comparing.peaks import Machine, WalkedPeak, run_of
from memstat.errors import BenchmarkError
from memstat.proc.host import host_facts
from memstat.results import RunResult
from memstat.sampling.rate import SLOWEST_S
from memstat.supervision.forwarding import forwardable_signals
from memstat.supervision.spawn import SpawnContext
from memstat.supervision.supervisor import SupervisionOptions, supervise
from memstat.text import signal_name

_GRACE_S: Final = 5.0
_ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})

Show = Callable[[Step], None]


class Outcome(NamedTuple):
    """How a benchmark went."""

    measured: Sequence[Measurements]
    """The runs of each command that has any."""
    failure: BenchmarkError | None = None
    """The run that failed and ended it."""
    stopped_by: int | None = None
    """The signal that ended it."""
    left_running: int = 0
    """How many processes outlived the runs that had started them."""


class Benchmark:
    """The runs so far."""

    def __init__(self, options: BenchOptions, context: SpawnContext, show: Show) -> None:
        self._options = options
        self._context = context
        self._show = show
        self._runs: list[list[Run]] = [[] for _ in options.cases]
        self._intervals_s = [options.interval_s or UNKNOWN_S] * len(options.cases)
        host = host_facts()
        self._machine = Machine(host.kernel, host.page_bytes)
        self._left_running = 0
        self._stopped_by: int | None = None

    async def take(self) -> Outcome:
        """Make all runs; a signal that is to end this process ends that under way, and the rest.

        Raises SpawnError for a command that cannot be started.
        """
        signals = _ENDING.intersection(forwardable_signals())
        failure = None
        # The command at work is ended by the cancellation.
        with (
            anyio.CancelScope() as scope,
            anyio.open_signal_receiver(*sorted(signals)) as received,
        ):
            async with beside(self._stop, received, scope):
                try:
                    await self._take_all()
                except BenchmarkError as error:
                    failure = error
        return Outcome(self._measured(), failure, self._stopped_by, self._left_running)

    async def _stop(
        self, received: AsyncIterable[signal.Signals], scope: anyio.CancelScope
    ) -> None:
        async for signum in received:
            self._stopped_by = self._stopped_by or signum
            scope.cancel()

    async def _take_all(self) -> None:
        options = self._options
        for step in schedule(len(options.cases), options.warmups, options.runs):
            self._show(step)
            if options.prepare is not None:
                await self._prepare(options.prepare)
            await self._take(step, options.cases[step.case])

    async def _take(self, step: Step, case: Case) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        walked = WalkedPeak()
        result = await self._supervised(case.command, self._intervals_s[step.case], walked)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if result.exit_status and not self._options.ignore_failure:
            which = f"{'warm-up' if step.is_warmup else 'run'} {step.number} of {case.name}"
            more = "--ignore-failure measures it all the same"
            raise BenchmarkError(f"{which} failed: {_ending(result)}; {more}{self._hint()}")
        self._settle_interval(step, result)
        if step.is_warmup:
            return
        run = run_of(result.peak, result.stats, self._machine, walked)
        self._left_running += len(result.survivors)
        self._runs[step.case].append(
            replace(
                run,
                duration_s=round(result.duration_s, 6),
                user_s=round(after.ru_utime - before.ru_utime, 6),
                system_s=round(after.ru_stime - before.ru_stime, 6),
                exit_status=result.exit_status,
                unix_time_s=round(time.time(), 3),
            )
        )

    def _settle_interval(self, step: Step, result: RunResult) -> None:
        """Choose the rate by a warm-up; later it only rises, where a run had too few samples."""
        if self._options.interval_s is not None:
            return
        chosen_s = choose_interval_s(result.duration_s, result.stats)
        if step.is_warmup:
            self._intervals_s[step.case] = chosen_s
        elif result.stats.samples < WANTED_SAMPLES:
            self._intervals_s[step.case] = min(self._intervals_s[step.case], chosen_s)

    async def _prepare(self, command: str) -> None:
        # Supervised too, so that nothing of it is left behind by Ctrl+C.
        result = await self._supervised(("/bin/sh", "-c", command), SLOWEST_S, WalkedPeak())
        if result.exit_status:
            raise BenchmarkError(f"--prepare failed: {_ending(result)}{self._hint()}")

    async def _supervised(
        self, command: Sequence[str], interval_s: float, walked: WalkedPeak
    ) -> RunResult:
        options = SupervisionOptions(
            interval_s=interval_s,
            policy=self._options.policy,
            grace_s=_GRACE_S,
            subreaper=True,
            owns_process=True,
        )
        async with supervise(command, options, self._context) as supervisor:
            async for snapshot in supervisor.supervised:
                walked.add(snapshot)
        return supervisor.supervised.result

    def _hint(self) -> str:
        return "" if self._options.show_output else ", --show-output shows what it prints"

    def _measured(self) -> Sequence[Measurements]:
        return tuple(
            Measurements(case.name, tuple(runs), case.text)
            for case, runs in zip(self._options.cases, self._runs, strict=True)
            if runs
        )


def _ending(result: RunResult) -> str:
    if result.signal is not None:
        return f"it was killed by {signal_name(result.signal)}"
    return f"its exit status is {result.exit_code}"
