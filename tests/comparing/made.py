"""Made-up measurements."""

from __future__ import annotations

from dataclasses import replace

from memstat.comparing.measurements import Measurements, Run

MIB = 1 << 20


def run_of_mib(mib: float, **others: object) -> Run:
    """Return a run with this peak, sampled well on one machine."""
    size = round(mib * MIB)
    run = Run(
        pss_bytes=size,
        pss_low_bytes=size,
        pss_high_bytes=size,
        samples=200,
        interval_s=0.01,
        kernel="6.8.0-1",
        page_bytes=4096,
    )
    return replace(run, **others)  # type: ignore[arg-type]


def measured(*mib: float, name: str = "sort", **others: object) -> Measurements:
    """Return runs with these peaks."""
    return Measurements(name, tuple(run_of_mib(size, **others) for size in mib), f"{name} file")
