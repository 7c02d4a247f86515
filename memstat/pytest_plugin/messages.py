"""The messages of the plugin. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

from memstat.pytest_plugin.limits import DecidedBy, MaxPss, Usage
from memstat.pytest_plugin.usage import TestUsage
from memstat.report.estimates import peak_bracket
from memstat.report.notes import UNCERTAIN_START, ended_note, partial_notes, uncertain_note
from memstat.report.plain import block
from memstat.text import plural, printable
from memstat.units import format_duration, format_size


def over_limit(usage: Usage, limit: MaxPss) -> str:
    """Return the message for a test that used more than ``max_pss`` allows."""
    excess = format_size(limit.exceeded_by(usage))
    most = format_size(limit.most_bytes)
    if limit.absolute:
        what = f"the test and what it started used {format_size(usage.peak_bytes)} in total"
    else:
        what = f"the test and what it started grew by {format_size(usage.growth_bytes)}"
    return _failure(f"{what}, {excess} more than max_pss allows", f"limit  {most}", usage)


def over_baseline(
    usage: Usage, before_bytes: int, slack_bytes: int, runs: Sequence[int] = ()
) -> str:
    """Return the message for a test that grew more than the baseline allows.

    ``before_bytes`` is the median of its ``runs``.
    """
    grew = format_size(usage.growth_bytes)
    before = format_size(before_bytes)
    of = f" (median of {len(runs)} runs, up to {format_size(max(runs))})" if len(runs) > 1 else ""
    allowed = f"limit  {before} before{of}, and a tolerance of {format_size(slack_bytes)}"
    return _failure(f"the test grew by {grew}; the baseline has {before}", allowed, usage)


def _failure(what: str, limit: str, usage: Usage) -> str:
    lines = [f"memstat: {what}", f"  {limit}", f"  start  {format_size(usage.start_bytes)}"]
    peak = f"  peak   {format_size(usage.peak_bytes)}"
    if usage.decided_by is DecidedBy.KERNEL:
        lines.append(f"{peak}, by the kernel's high-water mark of RSS")
        head = "in the largest sample:"
    else:
        when = f"{format_duration(usage.peak_after_s or 0.0)} after the start"
        samples = plural(usage.samples, "sample", "samples")
        lines.append(f"{peak}, {when} ({samples})")
        bracket = None if usage.peak is None else peak_bracket(usage.peak)
        if bracket is not None:
            lines.append(f"  total  {bracket} at the peak")
        head = "at the peak:"
    if usage.is_start_torn:
        lines.append(f"note: {UNCERTAIN_START}")
    if usage.peak is None:
        return "\n".join([*lines, "no sample was taken meanwhile"])
    snapshot = usage.peak.snapshot
    lines += [head, indent(block(snapshot, verbose=True, in_bytes=False), "  ")]
    notes = (*partial_notes(snapshot).values(), ended_note(snapshot), uncertain_note(snapshot))
    return "\n".join([*lines, *(f"note: {note}" for note in notes if note)])


def table(usages: Sequence[TestUsage], most: int) -> list[str]:
    """Return the lines of tests that grew most, left processes running or were not measured."""
    measured = sorted(
        (usage for usage in usages if usage.growth_pss_bytes is not None),
        key=lambda usage: (-(usage.growth_pss_bytes or 0), usage.test),
    )
    lines = [f"{'GROWTH':>9} {'PEAK':>9}  TEST"]
    for usage in measured[:most]:
        growth, peak = format_size(usage.growth_pss_bytes), format_size(usage.peak_pss_bytes)
        how = "  (high-water mark)" if usage.decided_by == DecidedBy.KERNEL else ""
        lines.append(f"{growth:>9} {peak:>9}  {printable(usage.test)}{how}")
    if len(measured) > most:
        lines.append(f"{'...':>9} {'':>9}  {plural(len(measured) - most, 'test', 'tests')} more")
    lines += [_left_running(usage) for usage in usages if usage.left_running]
    lines += [f"not measured: {printable(u.test)}: {u.failure}" for u in usages if u.failure]
    return lines


def _left_running(usage: TestUsage) -> str:
    processes = ", ".join(
        f"[{p.pid}] {printable(p.name)} {format_size(p.pss_bytes)}" for p in usage.left_running
    )
    return f"left running by {printable(usage.test)}: {processes}"
