"""What glances prove about a tree: bounds of its PSS, and a best value between them. Pure.

A *glance* (``statm`` and ``stat``) reports how much anonymous memory a process maps, how much of
files and shared memory, and how many page faults it has had. A *walk* (``smaps_rollup``) reports
how much of that counts, since the kernel looks at every page of it: exact, and the process is held
up. The ledger keeps, from walk to walk, what must be true of the sum in between.

**Anonymous pages** are shared within a *family* only (see `memstat.sampling.family`). How much a
family shares changes by three things, each of which leaves a trace in the glances:

- A fork adds the pages that the child inherits: no more than it maps, nor than its parent had; no
  less than it maps without its own faults, if its parent still is there.
- A member that writes to a shared page gets a copy, or it unmaps shared pages. Faults that did not
  make it grow are the most that this can have been.
- A member that ends, or calls ``execve``, takes its part out: at most what it may have shared.

**Pages of files and shared memory** are shared with anything. What they count is known from the
walk; a change of how much a process maps widens the bounds by that change, and one that was never
walked counts between nothing and all of it.

Not seen, and therefore not within the bounds, is what leaves no trace in the glances:

- A process that the kernel gives a parent within the family which has not forked it: by
  CLONE_PARENT, or when its own parent has ended below a subreaper of the same family.
- Sharers outside the tree that come and go between walks, or that end before a glance shows them,
  unless the family is known to be open.
- Pages of files that are exchanged for as many others.
- Shared anonymous pages that come back from swap, each for several processes.

With huge pages, and where pages come without a fault (userfaultfd, khugepaged), the rules are
looser, and what they allow for is likely but not proved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import is_
from typing import Final, NamedTuple

from memstat.model import ProcessKey
from memstat.proc.source import Glance, WalkedPages
from memstat.sampling.family import Belief, Family, Member, Sums

_LEARNING: Final = 0.3
"""How far a walk moves what is believed of where in the bounds the truth lies."""
_ANON_WORTH_BYTES: Final = 1 << 20
_FILE_WORTH_BYTES: Final = 256 << 10
"""Narrower bounds teach nothing about that."""


class Bounds(NamedTuple):
    """What a size is at least and at most, and the best guess, in bytes."""

    low: int = 0
    best: int = 0
    high: int = 0


class Share(NamedTuple):
    """What a process counts."""

    bounds: Bounds
    anon_best: int
    """The anonymous memory in the best guess; the rest of it are files and shared memory."""


class Ledger:
    """The bounds of a tree, from glance to glance and from walk to walk."""

    def __init__(self) -> None:
        self.has_changed = True
        """Whether anything has since the last walk of all."""
        self._seen: dict[ProcessKey, Glance] = {}
        self._members: dict[ProcessKey, Member] = {}
        self._pids: dict[int, Member] = {}
        self._families: dict[int, Family] = {}
        self._unsettled: set[int] = set()
        """The families whose bounds differ at the next glance whatever it shows."""
        self._stale: set[int] = set()
        """The families whose shares may have changed since ``take_stale``."""
        self._sums = Sums()
        self._freed = 0
        """What files of processes that left counted, and may count for the others now."""
        self._belief = Belief()

    @property
    def is_settled(self) -> bool:
        """Whether nothing changes by another look at the same glances."""
        return not self._unsettled

    def observe(self, glances: Mapping[ProcessKey, Glance]) -> None:
        """Take in a glance at every process of the tree, all of one moment.

        What is new was forked since the last glance. A glance that shows what the last one of
        that process did should be the same object: this is found fastest.
        """
        touched = {*self._unsettled}
        for number in touched:
            self._families[number].use_proofs()
        others_before = self._others
        different = _different(glances, self._seen)
        if different or len(glances) != len(self._seen):
            touched |= self._take_in(glances, different)
        for number in touched:
            self._settle(number)
        self._unsettled = {number for number in touched if self._is_open(number)}
        self.has_changed = self.has_changed or bool(touched)
        self._stale |= touched if self._others == others_before else self._families.keys()

    def _take_in(
        self, glances: Mapping[ProcessKey, Glance], different: Collection[ProcessKey]
    ) -> set[int]:
        """Take in the glances that are different; return the families that this concerns."""
        touched = self._remove_others(glances, different)
        losses = self._compare(glances, different)
        touched |= self._add([Member(k, glances[k]) for k in different if k not in self._members])
        # After the forks: a parent may lose what it shares only since it forked.
        for member, lost in losses:
            self._families[member.glance.family].lose(member, lost)
            touched.add(member.glance.family)
            member.had = member.anon
        self._seen = dict(glances)
        return touched

    def _remove_others(
        self, glances: Mapping[ProcessKey, Glance], different: Collection[ProcessKey]
    ) -> set[int]:
        """Let those leave which have ended or called execve; return their families."""
        seen = self._seen
        is_new = [key for key in different if key not in seen]
        ended = []
        if len(seen) + len(is_new) > len(glances):
            ended = [key for key in seen if key not in glances]
        called = [k for k in different if k in seen and glances[k].family != seen[k].family]
        return {self._remove(self._members.pop(key)) for key in [*ended, *called]}

    def _remove(self, member: Member) -> int:
        number = member.glance.family
        parent = self._pids.get(member.glance.ppid)
        self._families[number].leave(member, parent)
        if self._pids.get(member.key.pid) is member:
            del self._pids[member.key.pid]
        self._freed += member.files.shared
        return number

    def _compare(
        self, glances: Mapping[ProcessKey, Glance], different: Collection[ProcessKey]
    ) -> list[tuple[Member, int]]:
        """Return what those which were there before may have ceased to share."""
        members = [self._members[key] for key in different if key in self._members]
        return [
            (member, self._families[member.glance.family].see(member, glances[member.key]))
            for member in members
        ]

    def _add(self, children: Collection[Member]) -> set[int]:
        """Take in newcomers; return their families."""
        families: dict[int, list[Member]] = {}
        for child in children:
            self._members[child.key] = self._pids[child.key.pid] = child
            families.setdefault(child.glance.family, []).append(child)
        for number, newcomers in families.items():
            if number not in self._families:
                self._families[number] = Family(is_unknown=not number)
            parents = {}
            for child in newcomers:
                parent = self._pids.get(child.glance.ppid)
                if parent is not None and parent.glance.family == number:
                    parents[child.key] = parent
            self._families[number].join(newcomers, parents)
        return {*families}

    def take_walks(
        self, walks: Mapping[ProcessKey, WalkedPages], torn_families: Collection[int] = ()
    ) -> None:
        """Take in the walks of a round; those of torn families are not of one moment.

        A family of which a member was not walked keeps the bounds that it had, too.
        """
        before, file_high = self._sums, self._file_high
        are_whole = [
            family.take_walks(walks, is_torn=number in torn_families)
            for number, family in self._families.items()
        ]
        if not torn_families:
            self._freed = 0
        for number in self._families:
            self._add_up(number)
        self._stale |= self._families.keys()
        self._unsettled = {
            number
            for number, is_whole in zip(self._families, are_whole, strict=True)
            if not is_whole or self._is_open(number)
        }
        if all(are_whole):
            self.has_changed = False
            self._learn(before, file_high)

    def _learn(self, before: Sums, file_high: int) -> None:
        """Compare the bounds before a walk with what it showed."""
        self._belief.anon = _learned(
            self._belief.anon,
            self._sums.anon_low - before.anon_low,
            before.anon_high - before.anon_low,
            _ANON_WORTH_BYTES,
        )
        self._belief.file = _learned(
            self._belief.file,
            self._sums.file_low - before.file_low,
            file_high - before.file_low,
            _FILE_WORTH_BYTES,
        )

    def _settle(self, number: int) -> None:
        family = self._families[number]
        if family.members:
            family.settle()
            self._add_up(number)
        else:
            self._sums = self._sums.replace(family.sums, Sums())
            del self._families[number]

    def _add_up(self, number: int) -> None:
        """Put what a family adds up to now in the place of what it did."""
        family = self._families[number]
        before = family.sums
        family.add_up(self._belief)
        self._sums = self._sums.replace(before, family.sums)

    def _is_open(self, number: int) -> bool:
        """Whether processes outside the tree may change what the family shares at any time."""
        family = self._families.get(number)
        return family is not None and family.is_open and family.most > 0

    @property
    def _file_high(self) -> int:
        """What all files count at most: each page once for each that maps it."""
        return min(self._sums.file_size, self._sums.file_high + self._freed)

    @property
    def _others(self) -> tuple[int, int, int]:
        """What all other processes have mapped and unmapped may be pages of files of any one."""
        return self._sums.file_grown, self._sums.file_released, self._freed

    @property
    def total(self) -> Bounds:
        """The bounds of the sum."""
        sums = self._sums
        return Bounds(
            sums.anon_low + sums.file_low,
            sums.anon_best + sums.file_best,
            sums.anon_high + self._file_high,
        )

    def take_stale(self) -> set[int]:
        """Return the families in which ``share`` of a member may differ since the last call."""
        stale, self._stale = self._stale, set()
        return stale

    def share(self, key: ProcessKey) -> Share:
        """Return what one process counts; the best values add up to that of the total.

        Others that map a page of a file as well may halve what it counts here; what others have
        unmapped may count here now.
        """
        member = self._members[key]
        family, files = self._families[member.glance.family], member.files
        halved = (self._sums.file_grown - files.grown + 1) // 2
        freed = self._freed + self._sums.file_released - files.released
        best = member.anon - family.parts[key]
        low, high = member.anon - min(member.shared, family.most), member.anon
        if family.is_exact:
            low = high = best
        bounds = Bounds(
            low + max(0, files.low - halved),
            best + files.guess(self._belief.file),
            high + min(files.size, files.high + freed),
        )
        return Share(bounds, best)


def _different(
    glances: Mapping[ProcessKey, Glance], seen: Mapping[ProcessKey, Glance]
) -> list[ProcessKey]:
    """Return the processes with a glance that is not the one seen last.

    To compare two keys takes longer than to compare all objects of a mapping by their identity, so
    that is tried first: most often, the same processes come in the same order.
    """
    if len(glances) == len(seen) and all(map(is_, glances, seen)):
        pairs = zip(glances.items(), seen.values(), strict=True)
        return [key for (key, glance), old in pairs if glance is not old and glance != old]
    return [key for key, glance in glances.items() if seen.get(key) != glance]


def _learned(belief: float, part: int, width: int, worth: int) -> float:
    """Return what is believed after a walk has shown where between its bounds a size lies."""
    if width <= worth:
        return belief
    return belief + _LEARNING * (min(1.0, max(0.0, part / width)) - belief)
