"""The ledger's bounds hold whatever processes do: held against a model with page tables."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from memstat.model import ProcessKey
from memstat.proc.source import Glance, WalkedPages
from memstat.sampling.ledger import Bounds, Ledger
from tests.sampling.page_tables import Machine, Page, Process

ROUNDING = 64
"""Bytes: what a walk shows is rounded down to the byte for each process; a page is far more."""

MOST = 12
"""Processes at a time."""

Step = tuple[str, int, int, int]
"""What happens, and three numbers that choose to whom and how much."""

PROCESS_STEPS = (
    *("grow", "grow", "write", "write", "unmap", "unmap shared", "fault"),
    *("fork", "fork", "execve", "end", "end", "spawn", "map file", "map file", "unmap file"),
)
TICK_STEPS = ("glance", "glance", "walk all", "walk some", "begin round", "end round")


class Round:
    """A round of walks that takes time: some are walked at its start, the others at its end."""

    def __init__(self, machine: Machine, first: set[ProcessKey]) -> None:
        self.known = {key: process.family for key, process in machine.processes.items()}
        self.walks = {key: machine.processes[key].walk() for key in first}
        self.torn: set[int] = set()

    def allows(self, what: str, process: Process) -> bool:
        """Whether a process may do this meanwhile, and the ledger still is to be right.

        A family that no process joins or leaves is taken to be walked at one moment, and files too.
        Only what is born meanwhile, and perhaps ends before the next glance, may map some.
        """
        if "file" in what:
            if process.key not in self.known:
                return process.family in self.torn
            return not self.walks
        changes = what in {"fork", "execve", "end"}
        return not self.walks or changes or process.family in self.torn

    def end(self, machine: Machine) -> dict[ProcessKey, WalkedPages]:
        late = {key: machine.processes[key] for key in self.known if key in machine.processes}
        return {key: process.walk() for key, process in late.items()} | self.walks


class Story:
    """A machine, and a ledger that looks at it now and then."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.ledger = Ledger()
        self.round: Round | None = None
        self.glances: dict[ProcessKey, Glance] = {}
        self.shares: dict[ProcessKey, Bounds] = {}
        self.maps: dict[ProcessKey, bool] = {}
        """What maps files (or unmaps them) since the last round: none does both, as pages that are
        exchanged for as many others are not seen."""
        self.machine.spawn()

    def tell(self, steps: list[Step]) -> None:
        for what, place, which, many in steps:
            if what in TICK_STEPS:
                self.tick(what, place)
            elif self.machine.processes:
                processes = [*self.machine.processes.values()]
                process = processes[place % len(processes)]
                if self.round is None or self.round.allows(what, process):
                    self.act(what, process, which, many)
            else:
                self.machine.spawn()
        self.tick("glance", 1)

    # What processes do

    def act(self, what: str, process: Process, which: int, many: int) -> None:
        if self.round is not None and what in {"fork", "execve", "end"}:
            self.round.torn.add(process.family)
        if what in {"map file", "unmap file"}:
            self.use_file(process, which, many, maps=what == "map file")
        elif what in {"write", "unmap", "unmap shared"}:
            self.use_pages(what, process, which, many)
        elif what == "grow":
            self.machine.grow(process, 1 + many)
        elif what == "fault":
            process.faults += 1 + many
        else:
            self.live(what, process, many)

    def live(self, what: str, process: Process, many: int) -> None:
        machine = self.machine
        if what == "end":
            machine.end(process)
        elif what == "execve":
            machine.execve(process)
            machine.grow(process, many)
        elif len(machine.processes) < MOST:
            if what == "fork":
                machine.fork(process)
            else:
                machine.spawn(process.key.pid)

    def use_pages(self, what: str, process: Process, which: int, many: int) -> None:
        shared = [page for page in process.anon if page.mapped > 1]
        for page in chosen(shared if what == "unmap shared" else process.anon, which, many):
            if what == "write":
                self.machine.write(process, page)
            else:
                process.unmap(page)

    def use_file(self, process: Process, which: int, many: int, *, maps: bool) -> None:
        if self.maps.setdefault(process.key, maps) != maps:
            return
        if maps:
            pages = [page for page in self.machine.file if page not in process.files]
            if self.round is not None and process.key not in self.round.known:
                pages = [page for page in pages if self.is_of_family(page, process.family)]
            for page in chosen(pages, which, many):
                process.fault(page)
        else:
            for page in chosen(process.files, which, many):
                process.unmap(page)

    def is_of_family(self, page: Page, family: int) -> bool:
        """Whether no other process maps it: what others count is not safe from unseen sharers."""
        return all(self.machine.processes[key].family == family for key in page.mappers)

    # What the ledger sees

    def tick(self, what: str, number: int) -> None:
        if self.round is not None:
            self.end_round(self.round)
        self.look(number)
        processes = self.machine.processes
        some = {key for place, key in enumerate(processes) if number >> place & 1}
        if what == "walk all":
            for page in self.machine.file[: number % 5]:
                page.outsiders = number % 3  # none outside comes or goes but at a walk
            self.take_walks({*processes})
            self.check(is_exact=True)
        elif what == "walk some":
            self.take_walks(some)
            self.check()
        elif what == "begin round":
            self.round = Round(self.machine, some if number % 2 else set())

    def look(self, number: int) -> None:
        """Glance at all, in any order; what has not changed may be the same object."""
        glances = {key: process.glance() for key, process in self.machine.processes.items()}
        if number % 2:
            for key, glance in glances.items():
                if self.glances.get(key) == glance:
                    glances[key] = self.glances[key]
        if number % 3:
            glances = dict(sorted(glances.items(), key=lambda item: item[0].pid * number % 11))
        self.glances = glances
        self.ledger.observe(glances)
        self.check()

    def take_walks(self, keys: set[ProcessKey]) -> None:
        self.maps.clear()
        self.ledger.take_walks({key: self.machine.processes[key].walk() for key in keys})

    def end_round(self, ended: Round) -> None:
        self.maps.clear()
        self.round = None
        self.ledger.take_walks(ended.end(self.machine), ended.torn)

    # What must be true

    def check(self, *, is_exact: bool = False) -> None:
        shares = {key: self.ledger.share(key).bounds for key in self.machine.processes}
        total = self.ledger.total
        holds(total, self.machine.pss)
        for key, share in shares.items():
            holds(share, self.machine.processes[key].pss)
        assert sum(share.best for share in shares.values()) == total.best
        stale = self.ledger.take_stale()
        for key, share in shares.items():
            if key in self.shares and self.glances[key].family not in stale:
                assert share == self.shares[key]
        self.shares = shares
        if is_exact:
            assert total.high - total.low <= ROUNDING
            for key, share in shares.items():
                assert abs(share.best - self.machine.processes[key].pss) <= ROUNDING


def holds(bounds: Bounds, truth: Fraction) -> None:
    assert bounds.low <= bounds.best <= bounds.high
    assert bounds.low - ROUNDING <= truth <= bounds.high + ROUNDING


def chosen(pages: list[Page], which: int, many: int) -> list[Page]:
    """Return some of the pages: from the place `which` on, as many as there are or 1 + `many`."""
    if not pages:
        return []
    place = which % len(pages)
    return [*pages[place:], *pages[:place]][: 1 + many]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(PROCESS_STEPS + TICK_STEPS),
        st.integers(0, 255),
        st.integers(0, 15),
        st.integers(0, 7),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(STEPS)
def test_the_truth_is_within_the_bounds_whatever_processes_do(steps: list[Step]) -> None:
    Story().tell(steps)
