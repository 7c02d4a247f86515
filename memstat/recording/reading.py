"""From the lines of a recording to its entries, and to what they add up to. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from memstat.json_types import real, text, whole
from memstat.mappings import Mappings
from memstat.mappings_json import mappings_from
from memstat.model import ProcessKey, Snapshot
from memstat.recording.decoder import Decoder
from memstat.recording.header import Gap, Header
from memstat.recording.members import Fault
from memstat.recording.summaries import peak_from, result_from, stats_from
from memstat.results import Mark, Peak, RunResult, SamplingStats
from memstat.sampling.stats import RunningStats
from memstat.sampling.tally import RunningPeak
from memstat.text import plural

Json: TypeAlias = Mapping[str, Any]
Entry: TypeAlias = Snapshot | Mark | Mappings | Gap
"""What follows the header, but for the summary."""


class Reader:
    """Turns the lines after the header into entries, and notes what a user has to know."""

    def __init__(self) -> None:
        self.summary: Json | None = None
        """The last line; ``None`` where the recording has none."""
        self.decoder = Decoder()
        self.unknown_kinds: set[str] = set()
        self._damage: list[str] = []
        self._line = 1
        self._damaged_line: int | None = None
        self._left_out = 0
        self._is_cut_off = False
        self._dropped = self._gaps = 0
        self._since_mark = RunningPeak()

    def entries(self, lines: Iterable[bytes | Fault]) -> Iterator[Entry]:
        """Yield what can be read."""
        for line in lines:
            self._line += 1
            if isinstance(line, Fault):
                self._take_fault(line)
                continue
            try:
                entry = self._entry(json.loads(line))
            except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
                self._note_damage()
                continue
            if entry is not None:
                yield entry
        self._end_damage()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user has to know of what was read, in lines."""
        remarks = [*self._damage]
        if self._dropped:
            snapshots = plural(self._dropped, "snapshot was", "snapshots were")
            gaps = plural(self._gaps, "gap", "gaps")
            remarks.append(f"{snapshots} dropped, in {gaps}: the disk was too slow")
        if self.summary is None:
            what = " in the middle of a line" if self._is_cut_off else ""
            remarks.append(f"it has no end: it was cut off{what}, or is still being written")
        if self.unknown_kinds:
            kinds = ", ".join(sorted(self.unknown_kinds))
            remarks.append(f"a newer memstat has added what this one leaves out: {kinds}")
        return tuple(remarks)

    def _entry(self, value: Json) -> Entry | None:
        """Return what a line stands for; ``None`` where that is no entry."""
        match value["kind"]:
            case "snapshot" | "changes" as kind:
                if kind == "changes" and self._damaged_line is not None:
                    self._left_out += 1
                    return None
                snapshot = self.decoder.decode(value)
                self._end_damage()
                self._since_mark.observe(snapshot)
                return snapshot
            case "mark":
                return self._mark(value)
            case "mappings":
                return mappings_from(value)
            case "gap":
                gap = Gap(real(value["elapsed_s"]), whole(value["dropped"]))
                self._gaps += 1
                self._dropped += gap.dropped
                return gap
            case "summary":
                self.summary = value
            case kind:
                self.unknown_kinds.add(str(kind))
        return None

    def _mark(self, value: Json) -> Mark:
        mark = Mark(text(value["name"]), real(value["elapsed_s"]), self._since_mark.peak)
        self._since_mark = RunningPeak(mark.elapsed_s)
        return mark

    def _take_fault(self, fault: Fault) -> None:
        if fault is Fault.CUT_OFF:
            self._is_cut_off = True
        else:
            self._note_damage()

    def _note_damage(self) -> None:
        self.decoder.forget()
        if self._damaged_line is None:
            self._damaged_line = self._line
            self._left_out = 0
        self._left_out += 1

    def _end_damage(self) -> None:
        if self._damaged_line is not None:
            lines = plural(self._left_out, "line", "lines")
            self._damage.append(
                f"it is damaged at line {self._damaged_line}: what follows is left out, up to the"
                f" next whole snapshot ({lines} or more)"
            )
            self._damaged_line = None


def process_peaks(lines: Iterable[bytes | Fault]) -> dict[ProcessKey, int]:
    """Return the largest PSS of each process in bytes."""
    reader, peaks = Reader(), dict[ProcessKey, int]()
    for entry in reader.entries(lines):
        # What has not changed has had as much before.
        for process in reader.decoder.changed if isinstance(entry, Snapshot) else ():
            value = process.value
            pss_bytes, key = value["pss_bytes"], ProcessKey(value["pid"], value["start_ticks"])
            if pss_bytes is not None and pss_bytes > peaks.get(key, -1):
                peaks[key] = pss_bytes
    return peaks


class Totals:
    """What a whole recording adds up to: by its summary or, without one, by what was read.

    It is known once all entries have been taken.
    """

    def __init__(self, header: Header) -> None:
        self._reader = Reader()
        self._peak, self._stats = RunningPeak(), RunningStats(header.interval_s)
        self.marks: tuple[Mark, ...] = ()
        self.mappings: Mappings | None = None
        self.result: RunResult | None = None
        self.peak: Peak | None = None
        self.stats: SamplingStats = self._stats.stats()
        self.remarks: tuple[str, ...] = ()

    def entries(self, lines: Iterable[bytes | Fault]) -> Iterator[Entry]:
        """Yield what can be read, and take it in."""
        marks = []
        for entry in self._reader.entries(lines):
            if isinstance(entry, Snapshot):
                self._peak.observe(entry)
                self._stats.observe(entry)
            elif isinstance(entry, Mark):
                marks.append(entry)
            elif isinstance(entry, Mappings):
                self.mappings = entry
            yield entry
        self.marks = tuple(marks)
        self.peak, self.stats = self._peak.peak, self._stats.stats()
        self.remarks = self._reader.remarks
        if self._reader.summary is not None:
            self._take_summary(self._reader.summary)

    def _take_summary(self, summary: Json) -> None:
        try:
            result, stats, peak = result_from(summary), stats_from(summary), peak_from(summary)
        except ValueError:
            self.remarks += ("its last line is damaged: the figures are those of its snapshots",)
            return
        self.result, self.stats = result, stats
        if "peak" in summary:
            self.peak = peak
