"""A member of the tree from sweep to sweep."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from memstat.model import Identity, Memory, ProcessSample, ReadStatus
from memstat.proc.source import GONE, Glance, ProcessReader, ProcSource, Reading
from memstat.proc.tree import Node
from memstat.sampling.clock import Clock
from memstat.sampling.ledger import Share
from memstat.sampling.rows import Row

_SPIKE_BYTES: Final = 512 << 10
"""The kernel's mark of the RSS is some 100 kB off: only a clear excess counts."""


class Tracked:
    """A member of the tree with its reader, and what was last seen of it.

    A sweep calls ``look``, and ``walk`` where it walks; then it sets ``share``, and calls
    ``make_row``, unless ``row`` is there, and ``take_spike``.
    """

    __slots__ = (
        "_clock",
        "_command_line",
        "_counted",
        "_has_command_line",
        "_name",
        "_source",
        "family",
        "glance",
        "had_unknown_sharers",
        "has_parent",
        "has_relatives",
        "is_new",
        "is_walked",
        "node",
        "ppid",
        "reader",
        "reading",
        "row",
        "share",
        "spike_bytes",
        "walk_s",
        "walked_at_s",
        "was_exiting",
    )

    def __init__(
        self,
        node: Node,
        source: ProcSource,
        identity: Identity | None,
        *,
        command_line: bool,
        clock: Clock,
    ) -> None:
        self.node = node
        self.is_new = True
        """Whether no sweep has looked at it yet."""
        self.family = identity.family if identity is not None else 0
        """The last one that was known; 0 when none ever was."""
        self.has_relatives = True
        """Whether others are of its family; also while that is not known."""
        self.ppid = 0
        """Its parent, when that was last seen."""
        self.has_parent = False
        """Whether its parent is one of those that are looked at; also while that is not known."""
        self.glance: Glance | None = None
        """The last one; ``None`` where a glance shows nothing, and ``reading`` has all there is."""
        self.reading: Reading | None = None
        """The last walk of what it is now; ``None`` before the first."""
        self.is_walked = False
        """Whether that walk belongs to the sweep under way."""
        self.walk_s = 0.0
        """How long it took."""
        self.walked_at_s: float | None = None
        """When the sweep of it began, on the monotonic clock."""
        self.was_exiting = identity is not None and _has_lost_memory(identity)
        """Whether it had given up its memory before this sweep, without having ended."""
        self.had_unknown_sharers = False
        """Whether its family shared more, at the last walk, than its members can among them."""
        self.spike_bytes = 0
        """By how much its RSS exceeded the glances in between, since a sweep that was finished."""
        self.share: Share | None = None
        """What counts of it, where it was glanced at; ``None`` where ``reading`` shows that."""
        self.row: Row | None = None
        """What is known of it; ``None`` once that may be something else."""
        self.reader: ProcessReader = source.reader(node.key)
        self._name = node.name
        self._counted: tuple[Glance, Share, Memory] | None = None
        self._source = source
        self._clock = clock
        self._has_command_line = command_line
        self._command_line: str | None = None

    @property
    def status(self) -> ReadStatus:
        """What it is now."""
        if self.reading is None:
            return ReadStatus.GONE if self.glance is None else ReadStatus.MEASURED
        return self.reading.status

    @property
    def has_memory(self) -> bool:
        """Whether this sweep has measured it by a walk."""
        return self.is_walked and self.status is ReadStatus.MEASURED

    @property
    def rss_bytes(self) -> int:
        """What it maps; 0 when unknown."""
        return 0 if self.glance is None else self.glance.rss_bytes

    @property
    def anon_bytes(self) -> int:
        """The anonymous memory that the last walk showed."""
        pages = None if self.reading is None else self.reading.pages
        return 0 if pages is None else pages.anon_bytes

    @property
    def shared_bytes(self) -> int:
        """What the last walk showed of its anonymous memory that does not count."""
        pages = None if self.reading is None else self.reading.pages
        return 0 if pages is None else pages.anon_bytes - pages.pss_anon_bytes

    def look_quickly(self, *, with_faults: bool, with_parent: bool) -> bool:
        """Glance at it; False where that shows nothing, or something new: ``look`` then."""
        before = self.glance
        glance = self.reader.glance(with_faults=with_faults, with_parent=with_parent)
        if glance is None or before is None:
            return False
        # Its command line may be another with its name, and is read under a lock of the process.
        if glance is not before and (glance.family != before.family or glance.name != self._name):
            return False
        self._see(glance)
        return True

    def look(self, *, with_faults: bool, with_parent: bool) -> bool:
        """Glance at it; where that shows nothing, find out what it is.

        Returns whether it may be another than at the last look.
        """
        before = self.glance
        glance = self.reader.glance(with_faults=with_faults, with_parent=with_parent)
        self.is_new = False
        if glance is not None:
            self._see(glance)
            return glance is not before
        self.was_exiting = self.was_exiting or self._is_exiting
        self.glance = None
        self.walk()
        return True

    def borrow(self) -> None:
        """Have no memory of its own: it uses that of another, which is counted there."""
        if self.glance is not None:
            self.reading = Reading(
                ReadStatus.NO_MEMORY, self._name, self.glance.ppid, family=self.family
            )
            self.glance = self.walked_at_s = self.row = None

    def walk(self) -> None:
        """Have the kernel look at its pages."""
        began_s = self._clock()
        self.reading = self.reader.walk()
        self.walk_s = self._clock() - began_s
        self.is_walked = True
        self.row = None
        self._take_family(self.reading.family or self.family)
        # A process may take another name (PR_SET_NAME), which no glance shows while it is idle.
        self._take_name(self.reading.name)

    def sample(self, now_s: float) -> ProcessSample:
        """Return what is known."""
        glance, reading, node = self.glance, self.reading or GONE, self.node
        memory, ppid, mark_bytes = reading.memory, reading.ppid, reading.rss_peak_bytes
        if glance is not None and self.share is not None:
            memory = self._count(glance, self.share)
            ppid, mark_bytes = glance.ppid, glance.rss_peak_bytes
        status = self.status
        walk_age_s = walked_pss_bytes = None
        if self.is_walked:
            self.walked_at_s = now_s
        if self.walked_at_s is not None and status is ReadStatus.MEASURED:
            walk_age_s = now_s - self.walked_at_s
            walked_pss_bytes = reading.memory.pss_bytes
        return ProcessSample(
            node.key,
            self._name,
            ppid,
            node.depth,
            status,
            memory,
            mark_bytes,
            self._command_line,
            reading.reason,
            walk_age_s,
            walked_pss_bytes,
        )

    def make_row(self, now_s: float) -> Row:
        """Set ``row``."""
        sample = self.sample(now_s)
        self.row = Row(sample, None if sample.walk_age_s is None else self.walked_at_s)
        return self.row

    def place(self, node: Node) -> None:
        """Take over where it stands in the tree."""
        if node != self.node:
            self.node, self.row = node, None

    def take_spike(self) -> int:
        """Return ``spike_bytes`` and begin it anew: a sweep may glance twice until it is done."""
        spike_bytes, self.spike_bytes = self.spike_bytes, 0
        return spike_bytes

    def close(self) -> None:
        self.reader.close()

    @property
    def _is_exiting(self) -> bool:
        return self.reading is not None and self.reading.is_exiting

    def _see(self, glance: Glance) -> None:
        self.is_walked = self.was_exiting = False
        before = self.glance
        if glance is before:
            return
        self.glance, self.row = glance, None
        if before is None or before.family != glance.family:
            # It is another program now: what was read does not hold of this one.
            self.reading = self.walked_at_s = None
        elif glance.rss_peak_bytes != before.rss_peak_bytes:
            self.spike_bytes = max(self.spike_bytes, _spike_bytes(before, glance))
        self.ppid = glance.ppid
        self._take_family(glance.family)
        self._take_name(glance.name)

    def _take_family(self, family: int) -> None:
        if family != self.family:
            self.family, self.has_relatives = family, True

    def _take_name(self, name: str | None) -> None:
        """Take over the name; a command line is read once, and again when the name changes."""
        is_same, self._name = name == self._name, name or self._name
        if self._has_command_line and not (is_same and self._command_line is not None):
            self._command_line = self._source.command_line(self.node.key) or self._command_line

    def _count(self, glance: Glance, share: Share) -> Memory:
        if self._counted is not None and not self.is_walked:
            of_glance, of_share, memory = self._counted
            if of_glance is glance and of_share == share:
                return memory
        walked = self.reading.memory if self.reading is not None else Memory()
        rss_bytes = walked.rss_bytes if self.is_walked else glance.rss_bytes
        memory, (low, best, high) = walked, share.bounds
        if not (low == high == walked.pss_bytes and rss_bytes == walked.rss_bytes):
            memory = replace(
                walked,
                pss_bytes=best,
                rss_bytes=rss_bytes,
                pss_low_bytes=low,
                pss_high_bytes=high,
                **_parts(share, walked.pss_shmem_bytes),
            )
        self._counted = glance, share, memory
        return memory


def _parts(share: Share, shmem_bytes: int | None) -> dict[str, int]:
    """Return the parts of PSS, which add up to it.

    Of what is not anonymous, no glance shows how much is shared memory: as much as at the last
    walk. Without one, only the anonymous part is known.
    """
    rest_bytes = share.bounds.best - share.anon_best
    if shmem_bytes is None:
        return {"pss_anon_bytes": share.anon_best}
    shmem_bytes = min(shmem_bytes, rest_bytes)
    return {
        "pss_anon_bytes": share.anon_best,
        "pss_file_bytes": rest_bytes - shmem_bytes,
        "pss_shmem_bytes": shmem_bytes,
    }


def _has_lost_memory(identity: Identity) -> bool:
    return identity.family == 0 and identity.is_alive and not identity.is_kernel_thread


def _spike_bytes(before: Glance, after: Glance) -> int:
    if after.rss_peak_bytes is None or before.rss_peak_bytes is None:
        return 0
    excess = after.rss_peak_bytes - max(before.rss_bytes, after.rss_bytes)
    return excess if excess > _SPIKE_BYTES else 0
