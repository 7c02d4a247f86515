"""Pages of made-up trees as files, to be read by people and compared to the letter.

``python -m tests.report.pages`` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

from memstat.report.board import ProcessRow, View
from tests.report.views import denied, row, table, view_of

FOLDER: Final = Path(__file__).parent / "pages"
_KINDS: Final = ("gcc", "cc1plus", "as")


class Case(NamedTuple):
    """A tree of so many processes on a terminal of a size."""

    processes: int
    width: int
    height: int

    @property
    def path(self) -> Path:
        """Return where its page is."""
        return FOLDER / f"{self.processes}-processes-{self.width}x{self.height}.txt"

    @property
    def lines(self) -> list[str]:
        """Return its page as it is drawn."""
        return table(tree_of(self.processes), self.width, self.height)


CASES: Final = [Case(*of) for of in product((3, 50, 300), (40, 80, 120, 200), (10, 24, 60))]


def tree_of(processes: int) -> View:
    """Return a build that is also a pool of workers, with a process that may not be read."""
    rows = [
        row(4000, "make", 4.2, depth=0, command_line="make -j8 all", growth_mib=0),
        row(4001, "python3", 61, command_line="/usr/bin/python3 -m pool --size=8", growth_mib=2.5),
        denied(4002, "sudo", 6),
        *_many(),
    ]
    ended = [row(pid, "sleep", 0.2, command_line="sleep 0.2") for pid in range(3000, 3041)]
    ended.append(row(3900, "ld", 40, command_line="ld -o prog main.o"))
    rows = rows[:processes]
    return view_of(rows, ended, peak_mib=1.5 * sum(one.pss_bytes for one in rows) / (1 << 20))


def _many() -> Iterator[ProcessRow]:
    """Yield workers that have named themselves, and compilers below their drivers."""
    for number in range(100):
        yield row(
            5000 + 3 * number,
            f"worker-{number}",
            20 + 7 * number % 50,
            depth=2,
            command_line="/usr/bin/python3 -m pool --size=8",
            growth_mib=number % 5 - 2,
            estimated=number % 2 == 0,
        )
        for kind, (name, size) in enumerate(zip(_KINDS[:2], (1.3, 80 + number), strict=True)):
            yield row(
                5001 + 3 * number + kind,
                name,
                size,
                depth=1 + kind,
                command_line=f"/usr/lib/gcc/{name} -O2 -o file{number}.o file{number}.cc",
            )


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        case.path.write_text("\n".join(case.lines) + "\n")


if __name__ == "__main__":
    main()
