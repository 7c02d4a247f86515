"""Whether memstat's own memory stays flat while many short processes come and go.

A shell starts them, and stops at a tenth of them and at the end: the RSS of what measures it then.
Run it as ``python -m tests.benchmarks.soak [PROCESSES]``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Final

import psutil

from tests.targets import memstat_path
from tests.terminal.bare import BareTerminal

_TAIL: Final = "x" * 2000
_LIBRARY: Final = """
import anyio, sys, memstat
async def main():
    async with memstat.supervise(sys.argv[1:], command_lines=True) as running:
        async for _ in running:
            pass
anyio.run(main)
"""
_SIDECAR: Final = """
import subprocess, sys, memstat
with memstat.sidecar():
    subprocess.run(sys.argv[1:])
"""
_BESIDE: Final = {
    "pipe": (memstat_path(), "run", "-rv", "--"),
    "JSON": (memstat_path(), "run", "-rv", "--json", "--"),
    "library": (sys.executable, "-c", _LIBRARY),
    "sidecar": (sys.executable, "-c", _SIDECAR),
}


def churn(processes: int, directory: Path) -> list[str]:
    """Return a command that starts so many processes, and waits at each mark until it may go on."""
    mark = f"echo > {directory}/mark; read -r _ < {directory}/go"
    script = (
        f"for ((i = 1; i <= {processes}; i++)); do sh -c ': $0' {_TAIL}$i & "
        f"((i % 20)) || wait; ((i == {processes // 10})) && {{ {mark}; }}; done; wait; {mark}"
    )
    return ["bash", "-c", script]


def rss_at_marks(pid: int, directory: Path) -> list[int]:
    """Return in KiB what a process and its sidecar have at both marks."""
    sizes = []
    for _ in range(2):
        (directory / "mark").read_text()
        measuring = [psutil.Process(pid)]
        measuring += [p for p in measuring[0].children() if "memstat" in " ".join(p.cmdline())]
        sizes.append(sum(process.memory_info().rss for process in measuring) >> 10)
        (directory / "go").write_text("\n")
    return sizes


def under_dashboard(command: list[str], directory: Path) -> list[int]:
    """Measure a dashboard on a terminal that is read as fast as it can be."""
    with BareTerminal("run", "-rv", "--", *command) as terminal:
        reader = threading.Thread(target=terminal.read_all)
        reader.start()
        sizes = rss_at_marks(terminal.process.pid, directory)
        reader.join()
    return sizes


def beside(way: tuple[str, ...], command: list[str], directory: Path) -> list[int]:
    """Measure a way that prints to no terminal."""
    with subprocess.Popen(
        [*way, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        return rss_at_marks(process.pid, directory)


def main() -> None:
    """Print RSS at a tenth and at the end for each way."""
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.mkfifo(directory / "mark")
        os.mkfifo(directory / "go")
        command = churn(processes, directory)
        print(f"RSS after {processes // 10} and after {processes} processes")
        print_line("dashboard", under_dashboard(command, directory))
        for what, way in _BESIDE.items():
            print_line(what, beside(way, command, directory))


def print_line(name: str, sizes: list[int]) -> None:
    first, last = sizes
    print(f"{name:<10} {first:>8} KiB {last:>8} KiB {last - first:>+7} KiB", flush=True)


if __name__ == "__main__":
    main()
