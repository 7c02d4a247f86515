"""What a reader must know to judge a number. Pure: facts to lines."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from memstat.model import DenialReason, Identity, ProcessSample, ReadStatus, Snapshot
from memstat.report.estimates import measured_total, peak_bracket, pss_text, total_text
from memstat.sampling.sums import add_up
from memstat.text import plural, printable, signal_name
from memstat.units import format_duration, format_elapsed, format_size

if TYPE_CHECKING:  # A snapshot alone is reported without these classes.
    from memstat.results import Limit, Peak, RunResult, SamplingStats

_FEW: Final = 2
_OFTEN: Final = 2
_TORN: Final = "processes that share memory started or ended while it was read"
_TORN_EACH: Final = "processes that share memory started or ended while they were read"
_CAPABILITY: Final = "CAP_SYS_PTRACE or CAP_PERFMON (in Docker: --cap-add SYS_PTRACE)"
REMEDY: Final = f"run memstat as the same user or as root, or grant it {_CAPABILITY}"
_REMEDIES: Final[Mapping[str, str]] = {
    DenialReason.OTHER_USER: REMEDY,
    DenialReason.PROTECTED: (
        "not dumpable, or with more privileges: run memstat as root, or grant it " + _CAPABILITY
    ),
    DenialReason.NOT_CAPABLE: f"grant memstat {_CAPABILITY}",
    DenialReason.HIDDEN: (
        "hidepid hides the processes of other users: run memstat as root, grant it"
        " CAP_SYS_PTRACE, or add it to the group that the mount exempts (gid=)"
    ),
}


def remedy(sample: ProcessSample) -> str:
    """Return what helps to read a denied process."""
    return _REMEDIES.get(sample.reason or "", REMEDY)


def partial_notes(snapshot: Snapshot) -> Mapping[str, str]:
    """Return by kind what a total lacks and what helps, but for processes that just ended."""
    return {kind: f"the total is partial: {what}" for kind, what in _lacks(snapshot)}


def partial_sample_notes(partial: Iterable[Snapshot], peak: Peak) -> list[str]:
    """Return what other samples than the peak lack, each kind once."""
    known = {kind for kind, _ in _lacks(peak.snapshot)}
    lacks = {kind: what for snapshot in partial for kind, what in _lacks(snapshot)}
    return [f"a sample is partial: {what}" for kind, what in lacks.items() if kind not in known]


def _lacks(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    if not snapshot.complete:
        yield from lacks(snapshot.processes, snapshot.missing_reason)


def lacks(
    processes: Sequence[ProcessSample], missing_reason: str | None
) -> Iterator[tuple[str, str]]:
    """Yield by kind what a total over these processes lacks and what helps."""
    kinds = {
        "denied": _denied(processes),
        "unreadable": _unreadable(processes),
        "missing": missing_reason,
    }
    for kind, what in kinds.items():
        if what:
            yield kind, what


def _denied(processes: Iterable[ProcessSample]) -> str:
    denied = [process for process in processes if process.status is ReadStatus.DENIED]
    counts = Counter(remedy(process) for process in denied)
    return "; ".join(
        f"{plural(count, 'process', 'processes')} could not be read; {what_helps}"
        for what_helps, count in counts.items()
    )


def _unreadable(processes: Iterable[ProcessSample]) -> str | None:
    unreadable = [process for process in processes if process.status is ReadStatus.UNREADABLE]
    if not unreadable:
        return None
    first = unreadable[0]
    which = f"process {first.key.pid} ({printable(first.name)})"
    if len(unreadable) > 1:
        which = f"{which} and {len(unreadable) - 1} more"
    return f"reading {which} failed: {first.reason}"


def unreadable_targets(
    processes: Sequence[ProcessSample], targets: Iterable[Identity]
) -> Iterator[str]:
    """Yield a reason for each target without anything measured in its tree."""
    trees = {tree[0].key.pid: tree for tree in _trees(processes)}
    present = {process.key.pid for process in processes}
    for target in targets:
        what = f"process {target.pid} ({printable(target.name)})"
        tree = trees.get(target.pid, ())
        if target.pid not in present:
            yield f"{what} ended while being measured"
        elif tree and not any(process.status is ReadStatus.MEASURED for process in tree):
            yield _why_unreadable(what, target, tree[0])


def _why_unreadable(what: str, target: Identity, sample: ProcessSample) -> str:
    status = sample.status
    if status is ReadStatus.UNREADABLE:
        return f"reading {what} failed: {sample.reason}"
    if status is ReadStatus.DENIED:
        return f"the memory of {what} may not be read: {remedy(sample)}"
    if status is ReadStatus.GONE:
        return f"{what} ended while being measured"
    if not target.is_alive:
        return f"{what} has ended and uses no memory: a zombie, until its parent waits for it"
    if target.is_kernel_thread:
        return f"{what} is a kernel thread: it has no memory of its own"
    return f"{what} still uses its parent's memory (vfork) and has none of its own"


def _trees(processes: Iterable[ProcessSample]) -> Iterator[Sequence[ProcessSample]]:
    """Yield each process of depth 0 with those that follow, up to the next one."""
    tree: list[ProcessSample] = []
    for process in processes:
        if process.depth == 0 and tree:
            yield tree
            tree = []
        tree.append(process)
    if tree:
        yield tree


def beside_pss(snapshot: Snapshot) -> str | None:
    """Return how much swap and how many huge pages a total leaves out; ``None`` without any."""
    parts = [_huge_pages(snapshot)]
    if snapshot.total.swap_pss_bytes:
        parts.append(f"{format_size(snapshot.total.swap_pss_bytes)} swapped out")
    known = ", ".join(part for part in parts if part)
    return f"not in PSS: {known}" if known else None


def _huge_pages(snapshot: Snapshot) -> str | None:
    """Return the size of the huge pages: from all shared ones being the same, to none being so."""
    most = snapshot.total.hugetlb_bytes
    if not most:
        return None
    shared = [process.memory.hugetlb_shared_bytes or 0 for process in snapshot.processes]
    least = most - sum(shared) + max(shared)
    size = format_size(most) if least == most else f"{format_size(least)} to {format_size(most)}"
    return f"{size} of huge pages"


def uncounted_note(children: int) -> str | None:
    """Return that descendants are not included; ``None`` when there are none."""
    if children <= 0:
        return None
    return f"{plural(children, 'child process', 'child processes')} not counted: add -r"


def ended_note(snapshot: Snapshot) -> str | None:
    """Return that processes ended while they were read; ``None`` when none did."""
    return ended(snapshot.processes)


def ended(processes: Iterable[ProcessSample]) -> str | None:
    """Return that some of these ended while they were read; ``None`` when none did."""
    gone = sum(process.status is ReadStatus.GONE for process in processes)
    if not gone:
        return None
    return (
        f"the total is partial: {plural(gone, 'process', 'processes')} ended while being measured"
    )


def missed_note(stats: SamplingStats) -> str | None:
    """Return how many ticks were missed without a known reason; ``None`` when none was."""
    missed = stats.missed_ticks - stats.stopped_ticks
    if not missed:
        return None
    ticks = missed + stats.samples
    return (
        f"missed {missed} of {plural(ticks, 'tick', 'ticks')}: "
        "the peak may lie between samples; a longer interval (-i) costs less"
    )


def uncertain_peak_note(peak: Peak, *, bracket_is_shown: bool) -> str | None:
    """Return the bounds of a peak, and why they are wide; ``None`` where they are within 1 %.

    What the reader sees elsewhere (``bracket_is_shown``) is not repeated.
    """
    bracket = peak_bracket(peak)
    if bracket is None or (bracket_is_shown and not peak.snapshot.torn):
        return None
    what = "the peak is uncertain" if bracket_is_shown else f"the peak was {bracket}"
    return f"{what}: {_TORN}" if peak.snapshot.torn else what


def torn_note(stats: SamplingStats) -> str | None:
    """Return that samples are torn; ``None`` where most are not: a peak has bounds all the same."""
    if stats.torn_samples * _OFTEN <= stats.samples:
        return None
    samples = plural(stats.samples, "sample", "samples")
    return f"{stats.torn_samples} of {samples} are uncertain by more than 1 %: {_TORN_EACH}"


UNCERTAIN_START: Final = f"the start is uncertain: {_TORN}"
"""A growth cannot be counted from a snapshot that is torn."""


def uncertain_note(snapshot: Snapshot) -> str | None:
    """Return that a single snapshot is torn; ``None`` when it is not."""
    return f"the total is uncertain: {_TORN}" if snapshot.torn else None


def stopped_note(stats: SamplingStats) -> str | None:
    """Return how many ticks were missed because memstat was stopped; ``None`` when none was."""
    if not stats.stopped_ticks:
        return None
    ticks = plural(stats.stopped_ticks, "tick", "ticks")
    return f"{ticks} missed while memstat was stopped (Ctrl+Z): a peak in that time is not known"


def few_samples_note(stats: SamplingStats) -> str | None:
    """Return that a peak of one or two samples says little; ``None`` for more."""
    if stats.samples > _FEW:
        return None
    return (
        f"the peak rests on {plural(stats.samples, 'sample', 'samples')}: "
        "a higher frequency (-f) takes more"
    )


def peak_notes(
    peak: Peak | None, stats: SamplingStats, *, bracket_is_shown: bool = False
) -> list[str]:
    """Return every reason to doubt a peak, but for bounds that are shown with it."""
    notes = [
        uncertain_peak_note(peak, bracket_is_shown=bracket_is_shown) if peak is not None else None,
        missed_note(stats),
        stopped_note(stats),
        few_samples_note(stats),
        torn_note(stats),
    ]
    if peak is not None:
        ended = ended_note(peak.snapshot)
        notes += [
            *partial_notes(peak.snapshot).values(),
            beside_pss(peak.snapshot),
            f"at the peak {ended}" if ended else None,
        ]
    return [note for note in notes if note]


def limit_note(limit: Limit, exceeded: Snapshot) -> str:
    """Return which limit was exceeded, by how much and when. The processes follow below it."""
    return (
        f"the limit of {format_size(limit.max_pss_bytes)} was exceeded at "
        f"{format_elapsed(exceeded.elapsed_s)} with {total_text(measured_total(exceeded))}:"
    )


def uncertain_limit_note(limit: Limit, peak: Peak) -> str | None:
    """Return that nothing proves that a limit was kept; ``None`` where that is certain."""
    if limit.exceeded is not None or peak.pss_high_bytes <= limit.max_pss_bytes:
        return None
    most = format_size(peak.pss_high_bytes - limit.max_pss_bytes)
    size = format_size(limit.max_pss_bytes)
    return f"the limit of {size} may have been exceeded, by {most} at most"


def too_few_samples(stats: SamplingStats, least: int) -> str:
    """Return that a peak rests on too little."""
    taken = plural(stats.samples, "sample", "samples")
    return f"{taken} taken, at least {least} were asked for: a higher frequency (-f) takes more"


def not_passed_on(signum: int, pid: int) -> str:
    """Return that a signal has not reached the command, and why."""
    name = signal_name(signum)
    return (
        f"{name} could not be passed on: process {pid} runs as another user, which this one may "
        "not signal"
    )


def exit_line(result: RunResult) -> str:
    """Return how the command ended."""
    if result.signal is not None:
        return f"Process was killed by signal {signal_name(result.signal)}"
    return f"Process exited with code {result.exit_code}"


def floor_note(result: RunResult) -> str | None:
    """Return what a process reached that no sample shows; ``None`` when none did."""
    if result.rss_floor_bytes is None:
        return None
    size = format_size(result.rss_floor_bytes)
    return f"at least one process reached {size} RSS between two samples"


def end_notes(result: RunResult) -> list[str]:
    """Return what else is worth knowing about the end of a command."""
    notes = []
    if result.oom_kills and result.signal == signal.SIGKILL:
        times = plural(result.oom_kills, "process", "processes")
        notes.append(f"the kernel's OOM killer killed {times} during the run")
    if result.survivors:
        alive = plural(len(result.survivors), "descendant", "descendants")
        size = pss_text(add_up([*_readable(result.survivors)]))
        notes.append(f"{alive} still running: {size}")
    return notes


def _readable(samples: Iterable[ProcessSample]) -> Iterator[ProcessSample]:
    return (sample for sample in samples if sample.status is not ReadStatus.DENIED)


def no_peak_reason(duration_s: float, last: Snapshot | None, what: str = "the command") -> str:
    """Return why there is no peak."""
    if last is None:
        return f"not measured: {what} ended within {_ceil_ms(duration_s)} ms"
    nothing = f"no process could be measured in {format_duration(duration_s)}"
    return f"not measured: {'; '.join(partial_notes(last).values()) or nothing}"


def _ceil_ms(seconds: float) -> int:
    return int(seconds * 1000) + 1
