"""What a reader must know to trust a number."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from memstat.model import (
    DenialReason,
    Identity,
    Memory,
    ProcessKey,
    ProcessSample,
    ReadStatus,
    Snapshot,
)
from memstat.report import notes
from memstat.report.notes import REMEDY
from memstat.results import Limit, Peak, RunResult, SamplingStats
from memstat.sampling.sums import add_up
from memstat.sampling.sweep import sweep_once
from memstat.testing import FakeProc, FakeProcess, private_memory, snapshot_of
from tests.scopes import scope_of

MIB = 1 << 20
MANY = SamplingStats(0.1, 50, 0, 0, 0.1, 0.001, 0.002)
GONE = ProcessSample(ProcessKey(9, 9), "gone", depth=1)
RESULT = RunResult(("true",), 0, None, 1.5, MANY, None)


def with_ended(snapshot: Snapshot, count: int) -> Snapshot:
    return replace(snapshot, complete=False, processes=snapshot.processes + (GONE,) * count)


# A snapshot


def test_a_whole_snapshot_needs_no_note() -> None:
    assert notes.partial_notes(snapshot_of({7: MIB})) == {}
    assert notes.ended_note(snapshot_of({7: MIB})) is None


def test_denied_processes_are_counted_and_the_remedy_named() -> None:
    assert notes.partial_notes(snapshot_of({7: MIB, 8: None})) == {
        "denied": "the total is partial: 1 process could not be read; run memstat as the same user"
        " or as root, or grant it CAP_SYS_PTRACE or CAP_PERFMON (in Docker: --cap-add SYS_PTRACE)"
    }
    two = notes.partial_notes(snapshot_of({7: MIB, 8: None, 9: None}))
    assert two["denied"].startswith("the total is partial: 2 processes could not be read; ")


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (DenialReason.OTHER_USER, "run memstat as the same user or as root"),
        (DenialReason.PROTECTED, "not dumpable, or with more privileges: run memstat as root"),
        (DenialReason.NOT_CAPABLE, "grant memstat CAP_SYS_PTRACE"),
        (DenialReason.HIDDEN, "hidepid hides the processes of other users: run memstat as root"),
    ],
)
def test_the_advice_fits_the_cause(reason: DenialReason, advice: str) -> None:
    sample = ProcessSample(ProcessKey(8, 1), "a", status=ReadStatus.DENIED, reason=reason)
    snapshot = replace(snapshot_of({7: None}), processes=(sample,))
    assert notes.partial_notes(snapshot)["denied"].startswith(
        f"the total is partial: 1 process could not be read; {advice}"
    )


def unreadable(pid: int) -> ProcessSample:
    return ProcessSample(
        ProcessKey(pid, 1), "a\n", status=ReadStatus.UNREADABLE, reason="Input/output error (EIO)"
    )


def test_a_failed_read_is_reported_with_its_reason() -> None:
    snapshot = replace(
        snapshot_of({7: MIB}), complete=False, processes=(unreadable(8), unreadable(9))
    )
    one = replace(snapshot, processes=(unreadable(8),))
    assert notes.partial_notes(one) == {
        "unreadable": "the total is partial: reading process 8 (a\\n) failed:"
        " Input/output error (EIO)"
    }
    assert "process 8 (a\\n) and 1 more failed" in notes.partial_notes(snapshot)["unreadable"]


def test_processes_that_may_be_missing_are_reported_with_the_reason() -> None:
    snapshot = replace(snapshot_of({7: MIB}), complete=False, missing_reason="a mishap")
    assert notes.partial_notes(snapshot) == {"missing": "the total is partial: a mishap"}


def test_each_kind_of_defect_is_reported_once_at_the_peak_or_for_another_sample() -> None:
    peak = Peak(MIB, snapshot_of({7: MIB, 8: None}))
    failed = replace(snapshot_of({7: MIB}), complete=False, processes=(unreadable(8),))
    partial = (snapshot_of({7: 1, 8: None, 9: None}), failed, replace(failed, tick=2))
    assert notes.partial_sample_notes(partial, peak) == [
        "a sample is partial: reading process 8 (a\\n) failed: Input/output error (EIO)"
    ]


def beside(*, swap: int = 0, huge: tuple[tuple[int, int], ...] = ()) -> str | None:
    """Return the note on processes with huge pages, of which some are shared."""
    samples = tuple(
        ProcessSample(
            ProcessKey(7 + at, 1),
            "a",
            status=ReadStatus.MEASURED,
            memory=replace(
                private_memory(MIB),
                swap_pss_bytes=swap,
                hugetlb_bytes=(private + shared) * MIB,
                hugetlb_shared_bytes=shared * MIB,
            ),
        )
        for at, (private, shared) in enumerate(huge or ((0, 0),))
    )
    return notes.beside_pss(
        replace(snapshot_of({7: MIB}), processes=samples, total=add_up(samples))
    )


def test_what_a_total_leaves_out_is_named_with_its_bounds() -> None:
    assert beside() is None
    assert beside(swap=12 * MIB) == "not in PSS: 12.0 MiB swapped out"
    assert beside(huge=((64, 0),)) == "not in PSS: 64.0 MiB of huge pages"
    assert beside(huge=((64, 8), (2, 0))) == "not in PSS: 74.0 MiB of huge pages"
    # Two processes map 32 and 8 MiB of pages that are shared, perhaps with each other.
    assert beside(swap=MIB, huge=((2, 32), (0, 8))) == (
        "not in PSS: 34.0 MiB to 42.0 MiB of huge pages, 2.00 MiB swapped out"
    )


def test_processes_that_ended_meanwhile_are_counted() -> None:
    assert notes.ended_note(with_ended(snapshot_of({7: MIB}), 2)) == (
        "the total is partial: 2 processes ended while being measured"
    )


# Targets of which nothing is known


def reasons(proc: FakeProc, *targets: FakeProcess, known_as: Identity | None = None) -> list[str]:
    snapshot = sweep_once(proc, scope_of(*(target.key for target in targets)))
    identities = [target.identity for target in targets] if known_as is None else [known_as]
    return [*notes.unreadable_targets(snapshot.processes, identities)]


def test_a_target_that_is_measured_needs_no_reason() -> None:
    proc = FakeProc()
    assert reasons(proc, proc.start("sh", MIB)) == []


def test_a_denied_target_of_which_a_child_can_be_read_is_measured_in_part() -> None:
    proc = FakeProc()
    target = proc.start("sudo", MIB)
    target.denied = True
    assert reasons(proc, target) == [
        f"the memory of process {target.pid} (sudo) may not be read: {REMEDY}"
    ]
    target.fork(MIB)
    assert reasons(proc, target) == []


def test_a_zombie_and_a_kernel_thread_have_no_memory() -> None:
    proc = FakeProc()
    zombie, thread = proc.start("a\x1b", MIB), proc.start_kernel_thread("kswapd0")
    zombie.end()
    assert reasons(proc, zombie, thread) == [
        (
            rf"process {zombie.pid} (a\x1b) has ended and uses no memory: a zombie, until its"
            " parent waits for it"
        ),
        f"process {thread.pid} (kswapd0) is a kernel thread: it has no memory of its own",
    ]


def test_a_child_of_vfork_lives_in_its_parents_memory() -> None:
    proc = FakeProc()
    child = proc.init.fork(MIB)
    child.memory = None
    assert reasons(proc, child) == [
        f"process {child.pid} (init) still uses its parent's memory (vfork) and has none of its own"
    ]


def test_a_target_that_vanished_before_the_sweep_is_named() -> None:
    proc = FakeProc()
    target = proc.start("sh", MIB)
    known_as = target.identity
    target.end()
    target.reap()
    ended = [f"process {target.pid} (sh) ended while being measured"]
    assert reasons(proc, target, known_as=known_as) == ended
    # Also when the sweep found its children before it was gone.
    orphan = snapshot_of({target.pid + 1: MIB})
    assert [*notes.unreadable_targets(orphan.processes, [known_as])] == ended
    alone = sweep_once(proc, scope_of(target.key, recursive=False))
    assert [*notes.unreadable_targets(alone.processes, [known_as])] == ended


def test_a_target_inside_the_tree_of_another_is_there() -> None:
    proc = FakeProc()
    parent = proc.start("sh", MIB)
    child = parent.fork(MIB)
    child.denied = True
    assert reasons(proc, child, parent) == []


# A peak


def test_a_peak_of_many_samples_without_gaps_is_beyond_doubt() -> None:
    peak = Peak(MIB, snapshot_of({7: MIB}))
    assert notes.peak_notes(peak, MANY) == []
    assert notes.peak_notes(None, MANY) == []


def test_missed_ticks_are_counted() -> None:
    assert notes.missed_note(replace(MANY, missed_ticks=7)) == (
        "missed 7 of 57 ticks: the peak may lie between samples; a longer interval (-i) costs less"
    )


@pytest.mark.parametrize(("samples", "words"), [(1, "1 sample"), (2, "2 samples")])
def test_few_samples_are_a_doubt(samples: int, words: str) -> None:
    assert notes.few_samples_note(replace(MANY, samples=samples)) == (
        f"the peak rests on {words}: a higher frequency (-f) takes more"
    )
    assert notes.few_samples_note(replace(MANY, samples=3)) is None


def test_every_doubt_about_a_peak_is_noted() -> None:
    torn = replace(with_ended(snapshot_of({7: MIB, 8: None}), 1), torn=True)
    peak = Peak(MIB, torn, MIB - 65536, MIB)
    doubts = notes.peak_notes(peak, replace(MANY, samples=2, missed_ticks=1, torn_samples=2))
    assert [note.split(":")[0] for note in doubts] == [
        "the peak was between 960 KiB and 1.00 MiB",
        "missed 1 of 3 ticks",
        "the peak rests on 2 samples",
        "2 of 2 samples are uncertain by more than 1 %",
        "the total is partial",
        "at the peak the total is partial",
    ]


def bounded(low: int, best: int, high: int, *, torn: bool = False) -> Peak:
    """Return a peak with its bounds, in MiB."""
    snapshot = replace(snapshot_of({7: best * MIB}), torn=torn)
    return Peak(best * MIB, snapshot, low * MIB, high * MIB)


def uncertain(peak: Peak, *, shown: bool = False) -> str | None:
    return notes.uncertain_peak_note(peak, bracket_is_shown=shown)


def test_bounds_of_a_peak_are_noted_where_they_are_more_than_one_per_cent_apart() -> None:
    assert uncertain(bounded(900, 950, 990)) == "the peak was between 900 and 990 MiB"
    assert uncertain(bounded(900, 950, 990), shown=True) is None
    assert uncertain(bounded(1015, 1020, 1024)) is None


def test_why_the_peak_is_uncertain_is_noted_where_its_sample_is_torn() -> None:
    torn = "processes that share memory started or ended while it was read"
    assert uncertain(bounded(90, 95, 99, torn=True)) == (
        f"the peak was between 90.0 and 99.0 MiB: {torn}"
    )
    assert uncertain(bounded(90, 95, 99, torn=True), shown=True) == (
        f"the peak is uncertain: {torn}"
    )
    # Another sample shows that the peak was no less, and none allows for more.
    assert uncertain(bounded(100, 100, 100, torn=True)) is None


def test_that_most_samples_are_torn_is_a_doubt() -> None:
    assert notes.torn_note(replace(MANY, torn_samples=25)) is None
    assert notes.torn_note(replace(MANY, torn_samples=26)) == (
        "26 of 50 samples are uncertain by more than 1 %: processes that share memory started or"
        " ended while they were read"
    )


def test_a_limit_that_was_exceeded_by_an_estimate_has_its_bounds() -> None:
    sizes = Memory(pss_bytes=5 * MIB, pss_low_bytes=9 * MIB // 2, pss_high_bytes=6 * MIB)
    exceeded = replace(snapshot_of({7: 5 * MIB}, elapsed_s=3.25), total=sizes)
    assert notes.limit_note(Limit(4 * MIB, exceeded), exceeded) == (
        "the limit of 4.00 MiB was exceeded at 3.2 s with 5.00 MiB (between 4.50 and 6.00 MiB):"
    )


def test_a_limit_below_the_upper_bound_may_have_been_exceeded() -> None:
    kept = Limit(100 * MIB, None)
    assert notes.uncertain_limit_note(kept, bounded(80, 90, 100)) is None
    assert notes.uncertain_limit_note(kept, bounded(80, 90, 101)) == (
        "the limit of 100 MiB may have been exceeded, by 1.00 MiB at most"
    )
    exceeded = Limit(70 * MIB, snapshot_of({7: 80 * MIB}))
    assert notes.uncertain_limit_note(exceeded, bounded(80, 90, 101)) is None


def test_a_limit_is_noted_with_the_size_and_time_that_exceeded_it() -> None:
    exceeded = snapshot_of({7: 5 * MIB}, elapsed_s=3.25)
    assert notes.limit_note(Limit(4 * MIB, exceeded), exceeded) == (
        "the limit of 4.00 MiB was exceeded at 3.2 s with 5.00 MiB:"
    )


def test_too_few_samples_are_an_answer_of_their_own() -> None:
    assert notes.too_few_samples(replace(MANY, samples=1), 5) == (
        "1 sample taken, at least 5 were asked for: a higher frequency (-f) takes more"
    )


# The end of a command


def test_a_command_exits_or_is_killed() -> None:
    assert notes.exit_line(replace(RESULT, exit_code=3)) == "Process exited with code 3"
    killed = replace(RESULT, exit_code=None, signal=signal.SIGTERM)
    assert notes.exit_line(killed) == "Process was killed by signal SIGTERM"


def test_an_ordinary_end_needs_no_note() -> None:
    assert notes.end_notes(RESULT) == []


def test_the_oom_killer_is_suspected_of_a_sigkill_only() -> None:
    killed = replace(RESULT, exit_code=None, signal=signal.SIGKILL)
    assert notes.end_notes(replace(killed, oom_kills=1)) == [
        "the kernel's OOM killer killed 1 process during the run"
    ]
    assert notes.end_notes(replace(killed, oom_kills=0)) == []
    assert notes.end_notes(replace(killed, oom_kills=None)) == []
    assert notes.end_notes(replace(RESULT, oom_kills=1)) == []


def test_survivors_are_counted_and_summed_as_far_as_they_are_known() -> None:
    one = ProcessSample(
        ProcessKey(7, 1), "a", status=ReadStatus.MEASURED, memory=private_memory(181 * MIB)
    )
    bounded = Memory(rss_bytes=MIB, pss_low_bytes=0, pss_high_bytes=MIB)
    denied = ProcessSample(ProcessKey(8, 1), "b", status=ReadStatus.DENIED, memory=bounded)
    remarks = [
        notes.end_notes(replace(RESULT, survivors=survivors))
        for survivors in ((one,), (one, denied), (denied,))
    ]
    assert remarks == [
        ["1 descendant still running: 181 MiB"],
        ["2 descendants still running: 181 MiB"],
        ["1 descendant still running: ?"],
    ]


def test_the_size_of_survivors_may_be_an_estimate() -> None:
    sizes = Memory(pss_bytes=MIB, pss_low_bytes=0, pss_high_bytes=2 * MIB)
    glanced = ProcessSample(ProcessKey(7, 1), "a", status=ReadStatus.MEASURED, memory=sizes)
    assert notes.end_notes(replace(RESULT, survivors=(glanced,))) == [
        "1 descendant still running: ~1.00 MiB"
    ]


def test_children_that_were_not_counted_are_noted() -> None:
    assert notes.uncounted_note(0) is None
    assert notes.uncounted_note(1) == "1 child process not counted: add -r"
    assert notes.uncounted_note(3) == "3 child processes not counted: add -r"


def test_why_there_is_no_peak() -> None:
    assert notes.no_peak_reason(0.0042, None) == "not measured: the command ended within 5 ms"
    denied = notes.no_peak_reason(1.0, snapshot_of({7: None}))
    assert denied == f"not measured: the total is partial: 1 process could not be read; {REMEDY}"
    nothing = notes.no_peak_reason(1.0, snapshot_of({}))
    assert nothing == "not measured: no process could be measured in 1.0 s"


def test_a_stop_explains_the_ticks_that_were_missed_in_it() -> None:
    stopped = replace(MANY, missed_ticks=20, stopped_ticks=20)
    assert notes.peak_notes(None, stopped) == [
        "20 ticks missed while memstat was stopped (Ctrl+Z): a peak in that time is not known"
    ]
    both = notes.peak_notes(None, replace(stopped, missed_ticks=22))
    assert both[0].startswith("missed 2 of 52 ticks: ")
    assert both[1].startswith("20 ticks missed while memstat was stopped")
