"""How much the processes of a family share, between the walks that show it exactly. Pure.

Processes that were forked from one another without an ``execve`` in between are a *family*. Only
they can share anonymous pages, as only fork(2) shares them. A page that m members map is mapped
m - 1 times more than it counts; the sum of that over all pages is S, what the family shares. With R
the sum of what its members map, its PSS is R - S. R is known at every glance, and S is kept between
two bounds, `least` and `most`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from memstat.model import ProcessKey
from memstat.proc.source import Glance, WalkedPages

_OPEN_BYTES: Final = 64 << 10
"""So much may seem to be shared with processes outside the tree, by rounding and skew."""


def exceeds_members(shared: int, sizes: Collection[int]) -> bool:
    """Whether a family shares more than its members, of these sizes, can among them.

    >>> exceeds_members(100 << 20, [100 << 20, 100 << 20])
    False
    >>> exceeds_members(50 << 20, [100 << 20])
    True
    """
    return shared > sum(sizes) - max(sizes) + _OPEN_BYTES


class Belief:
    """Where between its bounds a size is believed to be: 0 at the low one, 1 at the high one."""

    __slots__ = ("anon", "file")

    def __init__(self) -> None:
        self.anon = self.file = 0.5


class Files:
    """What files and shared memory count for a process: any process may share these.

    What counts is known from the last round of walks. A page that was mapped since counts one at
    most, and a page that was unmapped counted one at most. Not seen is the exchange of pages for as
    many others. The bounds are kept, as they are asked for more often than they change.
    """

    __slots__ = (
        "_at_walk",
        "_least",
        "_most",
        "_private",
        "grown",
        "high",
        "likely_high",
        "low",
        "released",
        "size",
    )

    def __init__(self, size: int) -> None:
        self._least = self._most = self._private = self._at_walk = 0
        self.see(size)

    @property
    def shared(self) -> int:
        """What it counted in pages that others may map: they may count as much more when it ends.

        A page is counted in equal parts by those that map it. When one of them unmaps it, its part
        is divided among the others, and is more than any of them gets.
        """
        return self._most - self._private

    def see(self, size: int) -> None:
        """Take in how much it maps now."""
        change = size - self._at_walk
        self.size = size
        self.grown = max(0, change)
        """What it has mapped since; these may be pages that others map, which then count less."""
        self.released = min(max(0, -change), self.shared)
        """What it has unmapped since and others may map, which then count more."""
        self.low = max(0, self._least + min(0, change))
        self.high = min(self._most + self.grown, size + self.released)
        """Together with what others now count since it has unmapped it."""
        self.likely_high = min(size, self.high)

    def guess(self, belief: float) -> int:
        return self.low + round(belief * (self.likely_high - self.low))

    def take_walk(self, walk: WalkedPages, *, is_torn: bool) -> None:
        """Take over what a walk showed.

        In a torn family, processes that no glance shows may have shared at that moment, so that it
        counted less than it does without them.
        """
        self._least = min(walk.pss_file_bytes, walk.file_bytes)
        self._most = max(self.high, self._least) if is_torn else self._least
        self._private = min(self._least, max(0, walk.private_bytes - walk.pss_anon_bytes))
        self._at_walk = walk.file_bytes
        self.see(walk.file_bytes)

    def miss_walk(self) -> None:
        """Note a round without it: what it counts is not of the same moment as the others."""
        self._least = self._private = 0
        self._most = max(self.high, self.size)
        self._at_walk = self.size
        self.see(self.size)


class Member:
    """A process of a family, as the last glance and the last walk showed it."""

    __slots__ = (
        "_proved",
        "anon",
        "faulted",
        "files",
        "glance",
        "had",
        "key",
        "may_lose",
        "may_share",
        "weight",
    )

    def __init__(self, key: ProcessKey, glance: Glance) -> None:
        self.key = key
        self.glance = glance
        self.anon = glance.anon_bytes
        self.faulted = glance.faulted_bytes
        self.files = Files(glance.file_bytes)
        self.may_share = 0
        """At most so much of its anonymous memory is shared."""
        self.may_lose = 0
        """At most so much may still cease to be shared by what it does. It is not `may_share`:
        what its relatives do makes that smaller, and is charged to them."""
        self.had = self.anon
        """While a glance is taken in: at most so much it has mapped at any time since the last."""
        self.weight = 0
        """Its part of what the family shares, in proportion to those of the others."""
        self._proved: int | None = None

    @property
    def shared(self) -> int:
        return min(self.may_share, self.anon)

    def see(self, glance: Glance, *, has_huge: bool) -> int:
        """Take in the next glance; return how much it may have ceased to share since the last.

        Each page that it got, new or as a copy of a shared one, was a fault. Those that did not
        make it grow are the most that it has copied and unmapped: ``copied + unmapped <= faults -
        growth``.

        But one fault may map a huge page of 2 MiB; then growth hides what was lost. To allow for
        512 pages in each fault was tried: that is proved, and useless, as the bounds of a family
        with huge pages are then 60 to 90 % too wide. So while it grows, none of its faults is
        believed to explain the growth, and what it had is what it has at one of the glances. That
        is likely and not proved.
        """
        growth = glance.anon_bytes - self.anon
        faulted = glance.faulted_bytes - self.faulted
        self.had = max(self.anon, glance.anon_bytes) if has_huge else self.anon + faulted
        self.glance = glance
        self.anon = glance.anon_bytes
        self.files.see(glance.file_bytes)
        self.faulted = glance.faulted_bytes
        return faulted if has_huge and growth > 0 else max(0, faulted - growth)

    def fork(self, weight: int) -> None:
        """Note that it has forked: all that it had is shared, until it writes to it."""
        self.may_share = self.may_lose = max(self.anon, self.had)
        self.weight += weight

    def take_walk(self, walk: WalkedPages) -> None:
        """Take over a walk that is of one moment with those of its whole family."""
        self.anon = walk.anon_bytes
        self.weight = walk.anon_bytes - walk.pss_anon_bytes
        self.may_share = self.may_lose = _shared_at_most(walk)
        self._proved = None

    def take_torn_walk(self, walk: WalkedPages) -> None:
        """Keep what a walk proves alone. It holds from the next glance on, not for the last.

        What it may lose stays: what it has lost before the walk is not yet charged.
        """
        self._proved = _shared_at_most(walk)

    def use_proof(self) -> None:
        """Use what a torn walk proved."""
        if self._proved is not None:
            self.may_share, self._proved = min(self.may_share, self._proved), None


def _shared_at_most(walk: WalkedPages) -> int:
    """Return how much of its anonymous memory others may map.

    A shared page counts half at most: what is missing to the size is at least half of what is
    shared. And what the kernel calls private is not shared.
    """
    missing = walk.anon_bytes - walk.pss_anon_bytes
    private = walk.private_bytes - walk.pss_file_bytes
    return walk.anon_bytes - max(0, walk.pss_anon_bytes - missing, private)


class Sums(NamedTuple):
    """What families add up to."""

    anon_low: int = 0
    anon_best: int = 0
    anon_high: int = 0
    file_size: int = 0
    file_low: int = 0
    file_best: int = 0
    file_high: int = 0
    file_grown: int = 0
    file_released: int = 0

    def replace(self, old: Sums, new: Sums) -> Sums:
        """Return these with the new sums of a family in the place of its old ones."""
        return Sums._make([mine - was + now for mine, was, now in zip(self, old, new, strict=True)])


class Family:
    """Processes that were forked from one another, and how much they share.

    Where a walk shows sharers that are no members (it was forked by a process outside the tree, or
    the kernel merges equal pages), it is *open*: no more is proved than that each page counts
    between nothing and one.
    """

    __slots__ = (
        "has_huge",
        "is_exact",
        "is_open",
        "is_unknown",
        "least",
        "members",
        "most",
        "parts",
        "sums",
        "was_whole",
    )

    def __init__(self, *, is_unknown: bool) -> None:
        self.members: dict[ProcessKey, Member] = {}
        self.least = self.most = 0
        """The bounds of S."""
        self.has_huge = False
        """Whether a fault of theirs may have mapped a huge page."""
        self.was_whole = False
        """Whether a walk of all members was ever of one moment."""
        self.is_exact = False
        """Whether nothing has changed since a walk: what each member shares is known, too."""
        self.is_unknown = self.is_open = is_unknown
        """Whether it is not known which of them are related."""
        self.parts: dict[ProcessKey, int] = {}
        """What is best taken from each of them for what is shared."""
        self.sums = Sums()

    def leave(self, member: Member, parent: Member | None) -> None:
        """Let a member go which has ended or called execve: at most, it takes all that it shares.

        What the others share among them cannot have grown.
        """
        del self.members[member.key]
        if parent is not None and parent.key in self.members:
            parent.weight = max(0, parent.weight - member.weight)
        self.least = max(0, self.least - member.may_lose)

    def see(self, member: Member, glance: Glance) -> int:
        """Take in the next glance at a member; return how much may have ceased to be shared."""
        growth, faulted = glance.anon_bytes - member.anon, glance.faulted_bytes - member.faulted
        self.has_huge = self.has_huge or growth > faulted
        return member.see(glance, has_huge=self.has_huge)

    def join(self, children: Collection[Member], parents: dict[ProcessKey, Member]) -> None:
        """Take in those that were forked since the last glance, and their parents.

        In two steps, as a child may have forked as well, and they come in any order.
        """
        known = {*self.members}
        for child in children:
            parent = parents.get(child.key)
            is_known = parent is not None and parent.key in known
            inherited, surely = self._inherited(child, parent if is_known else None)
            self.most += inherited
            self.least += surely
            child.may_share = child.may_lose = inherited
            child.weight = inherited // 2
        for child in children:
            self.members[child.key] = child
        for child in children:
            if (parent := parents.get(child.key)) is not None:
                parent.fork(child.weight)
        orphaned = sum([child.weight for child in children if child.key not in parents])
        if len(parents) < len(children):
            # What has forked them has ended, and may itself have been forked by any of the others.
            for member in self.members.values():
                member.fork(orphaned // len(self.members))

    def _inherited(self, child: Member, parent: Member | None) -> tuple[int, int]:
        """Return how much it shares with the others at most and at least, now that it is there."""
        if parent is None:
            # Its parent has ended, or was forked itself since: nothing is known of that.
            return child.anon, 0
        own = child.faulted
        if self.has_huge:
            own += max(0, child.anon - parent.anon)
        return min(child.anon, parent.had), max(0, child.anon - own)

    def lose(self, member: Member, lost: int) -> None:
        """Note that so much at most has ceased to be shared by what a member did."""
        lost = min(lost, member.may_lose)
        member.may_lose -= lost
        self.least -= lost

    def take_walks(self, walks: Mapping[ProcessKey, WalkedPages], *, is_torn: bool) -> bool:
        """Take over what walks showed; return whether they are of all members at one moment."""
        is_whole = not is_torn and self.members.keys() <= walks.keys()
        for key, member in self.members.items():
            if (walk := walks.get(key)) is None:
                member.files.miss_walk()
                continue
            self.has_huge = self.has_huge or walk.has_huge
            member.files.take_walk(walk, is_torn=is_torn)
            if is_whole:
                member.take_walk(walk)
            else:
                member.take_torn_walk(walk)
        if is_whole:
            self._take_sum()
        elif not self.was_whole and self._seems_shared(walks):
            self._take_for_open(walks)
        return is_whole

    def _seems_shared(self, walks: Mapping[ProcessKey, WalkedPages]) -> bool:
        """Whether walks show more sharing than the members can have among them."""
        seen = [walks[key] for key in self.members if key in walks]
        missing = sum([walk.anon_bytes - walk.pss_anon_bytes for walk in seen])
        return exceeds_members(missing, [member.anon for member in self.members.values()])

    def _take_for_open(self, walks: Mapping[ProcessKey, WalkedPages]) -> None:
        """Take it that the sharers are outside the tree, until a walk of one moment shows it.

        Where none ever was, they may be: then a member does not count what it maps.
        """
        self.is_open = True
        for key, member in self.members.items():
            if key in walks:
                member.may_share = max(member.may_share, _shared_at_most(walks[key]))
        self.settle()

    def _take_sum(self) -> None:
        """Take over what the family shares: to the byte, what its members count less than map."""
        shared = sum([member.weight for member in self.members.values()])
        sizes = [member.anon for member in self.members.values()]
        self.is_open = self.is_unknown or exceeds_members(shared, sizes)
        self.least = self.most = shared
        self.is_exact = self.was_whole = True

    def use_proofs(self) -> None:
        """Use what walks proved that were not of one moment."""
        for member in self.members.values():
            member.use_proof()

    def settle(self) -> None:
        """Bring the bounds in line with what the members may share.

        A page that m of them map is shared m - 1 times. So leave out any one of them, best the one
        that may share most: the others share a page with it or among them at most that often.
        """
        self.is_exact = False
        parts = [member.shared for member in self.members.values()]
        if self.is_open:
            self.least, self.most = 0, sum(parts)
            return
        self.most = max(0, min(self.most, sum(parts) - max(parts)))
        self.least = max(0, min(self.least, self.most))

    def add_up(self, belief: Belief) -> None:
        """Divide what is best believed to be shared among the members, and add up."""
        members = [*self.members.values()]
        shared = self.most - round(belief.anon * (self.most - self.least))
        self.parts = divide(shared, members)
        anon = sum([member.anon for member in members])
        files = [member.files for member in members]
        self.sums = Sums(
            anon_low=anon - self.most,
            anon_best=anon - shared,
            anon_high=anon - self.least,
            file_size=sum([file.size for file in files]),
            file_low=sum([file.low for file in files]),
            file_best=sum([file.guess(belief.file) for file in files]),
            file_high=sum([file.high for file in files]),
            file_grown=sum([file.grown for file in files]),
            file_released=sum([file.released for file in files]),
        )


def divide(shared: int, members: Collection[Member]) -> dict[ProcessKey, int]:
    """Divide what is shared among members, by their weights, to none more than it may share."""
    parts = {}
    weights = sum([member.weight for member in members])
    left = shared
    for member in members:
        part = shared * member.weight // weights if weights else 0
        parts[member.key] = part = min(part, member.shared, left)
        left -= part
    for member in members:
        more = min(left, member.shared - parts[member.key])
        parts[member.key] += more
        left -= more
    return parts
