"""What a page costs: of an hour of 300 processes at 10 Hz, 5 and 25 % of which change at a tick.

CPU seconds, peak memory and size of ``memstat report -o page.html``, and how long Chromium takes
until the page is ready; where plotly is installed, that of its page of the same instants. Run it as
``python -m tests.benchmarks.report_page [--ticks N] [--processes N]``.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memstat.recording.encoder import Encoder
from memstat.recording.header import Header, Host, header_object
from memstat.testing import snapshot_of
from tests.charts.browser import Browser

_KIB = 1024
_NAMES = ("python3", "cc1plus", "worker-{}", "postgres", "make", "sh", "java", "node")
_TICK_S = 0.1
_DRAWN = "document.documentElement.dataset.ready || document.querySelector('.scatterlayer path')"


def lines(processes: int, ticks: int, busy: float) -> Iterator[bytes]:
    """Yield the lines of a recording; made by hand, since to encode them would take minutes."""
    chance = random.Random(processes)
    header = Header("0.1.0", 1_700_000_000.0, _TICK_S, Host("node7", cpus=2), command=("solver",))
    yield _line(header_object(header))
    sizes = {100 + n: chance.randint(1 << 10, 60 << 10) * _KIB for n in range(processes)}
    first: dict[str, Any] = {**Encoder().encode(snapshot_of(sizes))}
    for at, process in enumerate(first["processes"]):
        process["name"] = _NAMES[at % len(_NAMES)].format(at)
        process["ppid"] = 100 if at else 1
        process.update(_sizes(process["pss_bytes"]))
    yield _line(first)
    head = {**first, "kind": "changes", "ended": []}
    for tick in range(1, ticks):
        changed = chance.sample([*sizes], round(processes * busy))
        for pid in changed:
            sizes[pid] = max(4 * _KIB, sizes[pid] + chance.randint(-60, 61) * 4 * _KIB)
        total = sum(sizes.values())
        head |= {"tick": tick, "elapsed_s": round(tick * _TICK_S, 6)}
        head["total"] = {**first["total"], **_sizes(total)}
        yield _line({**head, "processes": [{"pid": pid, **_sizes(sizes[pid])} for pid in changed]})


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _sizes(pss_bytes: int) -> dict[str, int]:
    file_bytes = 512 * _KIB if pss_bytes > 1 << 20 else 0
    return {
        **dict.fromkeys(("pss_bytes", "pss_low_bytes", "pss_high_bytes", "uss_bytes"), pss_bytes),
        "rss_bytes": pss_bytes + 4 * _KIB,
        "pss_anon_bytes": pss_bytes - file_bytes,
        "pss_file_bytes": file_bytes,
    }


def write_recording(path: Path, processes: int, ticks: int, busy: float) -> None:
    """Write a recording with a member of gzip for each second, as memstat does."""
    held = b""
    with open(path, "wb") as file:
        for tick, line in enumerate(lines(processes, ticks, busy)):
            held += line
            if tick % 10 == 0:
                file.write(gzip.compress(held, 6))
                held = b""
        file.write(gzip.compress(held, 6))


def cost_of(*command: str) -> tuple[float, float]:
    """Return the CPU seconds and the largest RSS in MB of a command."""
    # It remarks that these recordings have no end.
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIB / 1e6


def plotly_page(recording: str, path: str) -> None:
    """Write plotly's page of the instants and the bands that memstat's picture has."""
    import plotly.graph_objects as go  # type: ignore[import-not-found]  # noqa: PLC0415

    from memstat.charts.gathering import gather  # noqa: PLC0415
    from memstat.charts.picture import picture_bands  # noqa: PLC0415

    chart = gather([recording])
    at_s = [frame.elapsed_s for frame in chart.course.frames]
    areas: list[Any] = [
        go.Scatter(x=at_s, y=band.sizes, name=band.label, stackgroup="all", line_shape="hv")
        for band in picture_bands(chart)
    ]
    go.Figure(areas).write_html(path, include_plotlyjs=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=300)
    parser.add_argument("--ticks", type=int, default=36_000)
    parser.add_argument("--busy", type=float, nargs="*", default=[0.05, 0.25])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for busy in chosen.busy:
            _report(Path(name), chosen.processes, chosen.ticks, busy)


def _report(directory: Path, processes: int, ticks: int, busy: float) -> None:
    recording, page = directory / "recording.jsonl.gz", directory / "page.html"
    write_recording(recording, processes, ticks, busy)
    size = recording.stat().st_size / 1e6
    print(f"{processes} processes, {ticks} ticks, {busy:.0%} busy: a recording of {size:.1f} MB")
    cpu_s, rss_mb = cost_of("-m", "memstat", "report", str(recording), "-o", str(page))
    print(f"  page            {cpu_s:6.1f} s CPU {rss_mb:6.0f} MB {_ready(page)}")
    if importlib.util.find_spec("plotly"):
        other = directory / "plotly.html"
        plotly_page(str(recording), str(other))
        print(f"  page of plotly  {_ready(other)}")


def _ready(page: Path) -> str:
    size_mb = page.stat().st_size / 1e6
    with Browser() as browser:
        browser.open(page.as_uri(), ready=_DRAWN)
        ready_ms = browser.evaluate("performance.now()")
    return f"{size_mb:.2f} MB, ready in Chromium after {ready_ms:.0f} ms"


if __name__ == "__main__":
    main()
