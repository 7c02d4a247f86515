"""What glances prove about a tree: bounds of its PSS, and a best value between them. Pure.

A *glance* (``statm`` and ``stat``) reports how much anonymous memory a process maps, how much of
files and shared memory, and how many page faults it has had. A *walk* (``smaps_rollup``) reports how
much of that counts, since the kernel looks at every page of it: exact, and the process is held up.
The ledger keeps, from walk to walk, what must be true of the sum in between.

**Anonymous pages** are shared by fork(2) alone. Processes that were forked from one another without
an ``execve`` in between are a *family*; its PSS is R - S, with R the sum of what its members map and
S what is counted more than once: for a page that m of them map, m - 1. R is known at every glance.
S changes by three things only, each of which leaves a trace:

- A fork adds the pages that the child inherits: no more than it maps, nor than its parent had; no
  less than it maps without its own faults, if its parent still is there.
- A member that writes to a shared page gets a copy (one fault), or it unmaps shared pages. Faults
  that did not make it grow are the most that this can have been: ``breaks + unmapped shared pages
  <= faults - growth``. One fault may map a huge page of 2 MiB; then growth hides what was lost.
- A member that ends, or calls ``execve``, takes its part out: at most what it may have shared.

And S is at most R less the largest member, as nobody maps a page twice; at most (n - 1)/n of what
the n members may share; and exactly 0 for a process alone.

**Pages of files and shared memory** are shared with anything. What they count is known from the
walk; a change of how much a process maps widens the bounds by that change, and one that was never
walked counts between nothing and all of it.

Where a walk shows sharers that are no members (it was forked by a process outside the tree, or the
kernel merges equal pages), nothing more is proved than that each page counts between nothing and
one: such a family is *open*.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from memstat.model import ProcessKey
from memstat.proc.source import Glance, WalkedPages

_LEARNING: Final = 0.3
"""How far a walk moves what is believed of where in the bounds the truth lies."""
_ANON_WORTH_BYTES: Final = 1 << 20
_FILE_WORTH_BYTES: Final = 256 << 10
"""Narrower bounds teach nothing about that."""
_OPEN_BYTES: Final = 64 << 10
"""So much may seem to be shared with processes outside the tree, by rounding and skew."""
_HUGE: Final = 512
"""The pages of a huge page of 2 MiB: one fault may map as many."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a size is at least and at most, and the best guess, in bytes."""

    low: int = 0
    best: int = 0
    high: int = 0


@dataclass(slots=True)
class _Belief:
    """Where between its bounds a size is believed to be: 0 at the low one, 1 at the high one."""

    anon: float = 0.5
    file: float = 0.5

    def learn(self, before: _Sums, after: _Sums) -> None:
        """Compare the bounds before a walk with what it showed."""
        width = before.anon_high - before.anon_low
        if width > _ANON_WORTH_BYTES:
            self.anon += _LEARNING * (_where(after.anon_low - before.anon_low, width) - self.anon)
        width = before.file_high - before.file_low
        if width > _FILE_WORTH_BYTES:
            self.file += _LEARNING * (_where(after.file_low - before.file_low, width) - self.file)


@dataclass(frozen=True, slots=True)
class _Sums:
    """The bounds of the two parts of a sum."""

    anon_low: int
    anon_high: int
    file_low: int
    file_high: int


class _Member:
    """A process of a family, as the last glance and the last walk showed it."""

    __slots__ = (
        "anon",
        "faulted",
        "file",
        "file_at_walk",
        "file_private",
        "file_pss",
        "glance",
        "key",
        "may_lose",
        "may_share",
        "walked",
        "weight",
    )

    def __init__(self, key: ProcessKey, glance: Glance) -> None:
        self.key = key
        self.may_share = 0
        """At most so much of its anonymous memory is shared."""
        self.may_lose = 0
        """At most so much of that may still cease to be shared by what it does."""
        self.weight = 0
        """Its part of what the family shares, in proportion to those of the others."""
        self.walked = False
        self.file_pss = self.file_private = self.file_at_walk = 0
        self.see(glance)

    def see(self, glance: Glance) -> None:
        self.glance = glance
        self.anon, self.file = glance.anon_bytes, glance.file_bytes
        self.faulted = glance.faulted_bytes

    @property
    def shared(self) -> int:
        return min(self.may_share, self.anon)

    def share_all(self, had: int) -> None:
        """Note that it was forked: all that it had is shared, until it writes to it."""
        self.may_share = self.may_lose = max(self.anon, had)

    def take_walk(self, walk: WalkedPages) -> None:
        self.anon, self.file = walk.anon_bytes, walk.file_bytes
        self.file_pss, self.file_at_walk, self.walked = walk.pss_file_bytes, walk.file_bytes, True
        self.weight = walk.anon_bytes - walk.pss_anon_bytes
        # A shared page counts half at most: the rest of the PSS is in pages that are its own.
        own = max(0, walk.pss_anon_bytes - self.weight, walk.private_bytes - walk.pss_file_bytes)
        self.may_share = self.may_lose = walk.anon_bytes - own
        self.file_private = min(self.file_pss, max(0, walk.private_bytes - walk.pss_anon_bytes))

    def file_bounds(self) -> tuple[int, int]:
        change = self.file - self.file_at_walk
        low = max(0, self.file_pss + min(0, change)) if self.walked else 0
        return low, min(self.file, self.file_pss + max(0, change))


class _Family:
    """Processes that were forked from one another, and how much they share."""

    __slots__ = (
        "anon",
        "file_high",
        "file_low",
        "has_huge",
        "is_open",
        "least",
        "members",
        "most",
        "shares",
    )

    def __init__(self) -> None:
        self.members: dict[ProcessKey, _Member] = {}
        self.least = self.most = 0
        """The bounds of S."""
        self.has_huge = False
        """Whether a fault of theirs may have mapped a huge page."""
        self.is_open = False
        """Whether processes outside the tree share with them."""
        self.anon = self.file_low = self.file_high = 0
        """R, and the sums of what their files count."""
        self.shares: dict[ProcessKey, Bounds] = {}
        """What counts for each of them; the best values add up to that of the family."""

    def leave(self, member: _Member) -> None:
        del self.members[member.key]
        self.least -= member.may_lose

    def join(self, child: _Member, inherited: int, *, surely: int, sharers: list[_Member]) -> None:
        """Take in a process that was forked since the last glance.

        It has inherited at most ``inherited`` and at least ``surely``.
        """
        self.most += inherited
        self.least += surely
        child.may_share = child.may_lose = inherited
        child.weight = inherited // 2
        for sharer in sharers:
            sharer.weight += inherited // 2 // len(sharers)
        self.members[child.key] = child

    def see(self, member: _Member, glance: Glance) -> int:
        """Take in the next glance at a member; return how much may have ceased to be shared."""
        growth = glance.anon_bytes - member.anon
        faulted = glance.faulted_bytes - member.faulted
        member.see(glance)
        if growth > faulted:
            self.has_huge = True
        if self.has_huge and growth > 0:
            return faulted
        return max(0, faulted - growth)

    def lose(self, member: _Member, lost: int) -> None:
        lost = min(lost, member.may_lose)
        member.may_lose -= lost
        self.least -= lost

    def take_walk(self) -> None:
        """Take over what a walk of all members showed: S to the byte."""
        shared = sum([member.weight for member in self.members.values()])
        sizes = [member.anon for member in self.members.values()]
        self.is_open = shared > sum(sizes) - max(sizes) + _OPEN_BYTES
        self.least = self.most = shared

    def settle(self, belief: _Belief) -> None:
        """Bring the bounds in line with what the members map."""
        members = self.members.values()
        sizes = [member.anon for member in members]
        shared = sum([member.shared for member in members])
        count = len(sizes)
        if self.is_open:
            self.least, self.most = 0, shared
        else:
            limit = min(sum(sizes) - max(sizes), shared * (count - 1) // count)
            self.most = max(0, min(self.most, limit))
            self.least = max(0, min(self.least, self.most))
        self.add_up(belief)

    def add_up(self, belief: _Belief) -> None:
        members = [*self.members.values()]
        self.anon = sum([member.anon for member in members])
        files = [member.file_bounds() for member in members]
        self.file_low = sum([low for low, _ in files])
        self.file_high = sum([high for _, high in files])
        shared = self.most - round(belief.anon * (self.most - self.least))
        self.shares = {
            member.key: Bounds(
                member.anon - min(member.shared, self.most) + low,
                member.anon - part + low + round(belief.file * (high - low)),
                member.anon + high,
            )
            for member, part, (low, high) in zip(
                members, _divide(shared, members), files, strict=True
            )
        }


class Ledger:
    """The bounds of a tree, from glance to glance and from walk to walk."""

    def __init__(self) -> None:
        self.has_changed = True
        """Whether anything has since the last walk of all."""
        self._families: dict[object, _Family] = {}
        self._members: dict[ProcessKey, _Member] = {}
        self._pids: dict[int, _Member] = {}
        self._freed_high = 0
        """What files of processes that left counted, and may count for the others now."""
        self._belief = _Belief()

    def observe(self, glances: Mapping[ProcessKey, Glance]) -> None:
        """Take in a glance at every process of the tree."""
        changed = {number for number, family in self._families.items() if family.is_open}
        lost_one = self._remove_others(glances)
        losses, had = self._compare(glances)
        for key, glance in glances.items():
            if key not in self._members:
                self._add(_Member(key, glance), had)
                changed.add(_number(key, glance))
        for member, lost in losses:
            number = _number(member.key, member.glance)
            self._families[number].lose(member, lost)
            changed.add(number)
        changed |= lost_one
        for number in changed & self._families.keys():
            self._families[number].settle(self._belief)
        self.has_changed = self.has_changed or bool(changed)

    def _remove_others(self, glances: Mapping[ProcessKey, Glance]) -> set[object]:
        """Let those leave which have ended or called execve; return their families."""
        families = set()
        for key, member in [*self._members.items()]:
            glance = glances.get(key)
            if glance is member.glance:
                continue
            if glance is None or glance.family != member.glance.family:
                number = _number(key, member.glance)
                families.add(number)
                self._families[number].leave(member)
                if not self._families[number].members:
                    del self._families[number]
                del self._members[key]
                if self._pids.get(key.pid) is member:
                    del self._pids[key.pid]
                self._freed_high += member.file_pss - member.file_private
        return families

    def _compare(
        self, glances: Mapping[ProcessKey, Glance]
    ) -> tuple[list[tuple[_Member, int]], dict[ProcessKey, int]]:
        """Return what may have ceased to be shared, and the most that each has mapped meanwhile."""
        losses, had = [], {}
        for key, member in self._members.items():
            glance = glances[key]
            if glance is not member.glance:
                family, before = self._families[_number(key, glance)], member.anon
                faulted = glance.faulted_bytes - member.faulted
                losses.append((member, family.see(member, glance)))
                had[key] = max(before, member.anon) if family.has_huge else before + faulted
            else:
                had[key] = member.anon
        return losses, had

    def _add(self, child: _Member, had: Mapping[ProcessKey, int]) -> None:
        glance = child.glance
        number = _number(child.key, glance)
        family = self._families.setdefault(number, _Family())
        self._members[child.key] = self._pids[child.key.pid] = child
        parent = self._pids.get(glance.ppid)
        if parent is None or parent.key not in family.members:
            # Its parent has ended: it may share with any of them.
            for member in family.members.values():
                member.share_all(had.get(member.key, 0))
            family.join(child, glance.anon_bytes, surely=0, sharers=[*family.members.values()])
            return
        inherited, surely = glance.anon_bytes, 0
        if parent.key in had:
            inherited = min(inherited, had[parent.key])
            own = glance.faulted_bytes
            if family.has_huge:
                own += max(0, glance.anon_bytes - parent.anon)
            surely = max(0, glance.anon_bytes - own)
        parent.share_all(had.get(parent.key, 0))
        family.join(child, inherited, surely=surely, sharers=[parent])

    def take_walks(
        self, walks: Mapping[ProcessKey, WalkedPages], torn_families: Collection[int] = ()
    ) -> None:
        """Take in the walks of a round; those of torn families are not of one moment."""
        before = self._sums()
        for key, walk in walks.items():
            if (member := self._members.get(key)) is not None:
                member.take_walk(walk)
                self._families[_number(key, member.glance)].has_huge |= walk.has_huge
        is_whole = True
        for number, family in self._families.items():
            if number not in torn_families and family.members.keys() <= walks.keys():
                family.take_walk()
                family.add_up(self._belief)
            else:
                family.settle(self._belief)
                is_whole = False
        if is_whole:
            self.has_changed = False
            self._freed_high = 0
            self._belief.learn(before, self._sums())

    @property
    def total(self) -> Bounds:
        """The bounds of the sum."""
        sums = self._sums()
        best = sum([share.best for f in self._families.values() for share in f.shares.values()])
        return Bounds(sums.anon_low + sums.file_low, best, sums.anon_high + sums.file_high)

    def share(self, key: ProcessKey) -> Bounds:
        """Return the bounds of one process; the best values add up to that of the total."""
        return self._families[_number(key, self._members[key].glance)].shares[key]

    def _sums(self) -> _Sums:
        families = self._families.values()
        anon_low = sum([family.anon - family.most for family in families])
        anon_high = sum([family.anon - family.least for family in families])
        file_low = sum([family.file_low for family in families])
        file_high = sum([family.file_high for family in families])
        if self._freed_high:
            most = sum([member.file for member in self._members.values()])
            file_high = max(file_high, min(file_high + self._freed_high, most))
        return _Sums(anon_low, anon_high, file_low, file_high)


def _number(key: ProcessKey, glance: Glance) -> object:
    """Return what names the family; a process of unknown family is one of its own."""
    return glance.family or key


def _where(part: int, width: int) -> float:
    return min(1.0, max(0.0, part / width))


def _divide(shared: int, members: Iterable[_Member]) -> list[int]:
    """Divide what is shared among members, by their weights and to the byte."""
    weights = [(member.weight, member.shared) for member in members]
    whole = sum([weight for weight, _ in weights])
    if not shared:
        return [0] * len(weights)
    if whole:
        parts = [shared * weight // whole for weight, _ in weights]
    else:
        parts = [0] * len(weights)
    parts[0] += shared - sum(parts)
    return parts
