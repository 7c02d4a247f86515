"""How much slower a command prints under a live dashboard than through a pipe to ``cat``.

Both print 100 MB to a pseudo-terminal that is read as fast as it can be, in turn; medians.
Run it as ``python -m tests.benchmarks.relay [REPETITIONS]``.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Final

from tests.targets import memstat_path
from tests.terminal.bare import BareTerminal

_LINE: Final = "a line as compilers and test runners print them, of some 70 characters"
_PRINTS: Final = f"yes '{_LINE}' | head -c 100000000"
_BESIDE: Final = {
    "cat": ("sh", "-c", f"({_PRINTS}) | cat"),
    "memstat run -v": (memstat_path(), "run", "-v", "--", "sh", "-c", _PRINTS),
}


def seconds_of(*command: str) -> float:
    """Return how long a command takes until its terminal has got everything."""
    began_s = time.monotonic()
    with BareTerminal(*command) as terminal:
        while terminal.read() is not None:
            pass
        assert terminal.process.wait() == 0
    return time.monotonic() - began_s


def main(repetitions: int) -> None:
    """Measure in turn and print medians and their ratio."""
    seconds: dict[str, list[float]] = {name: [] for name in _BESIDE}
    for _ in range(repetitions):
        for name, command in _BESIDE.items():
            seconds[name].append(seconds_of(*command))
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    for name, median_s in medians.items():
        each = " ".join(f"{s:.2f}" for s in seconds[name])
        print(f"{name:<16}{median_s:6.2f} s  ({each})")
    print(f"ratio           {medians['memstat run -v'] / medians['cat']:6.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
