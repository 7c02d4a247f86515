"""Whether memstat keeps anything of ten thousand short children.

Run it as ``python -m tests.benchmarks.short_children [CHILDREN [SECONDS]]``.
"""

from __future__ import annotations

import sys

from tests.supervision.test_leaks import run_short_children


def main(children: int, seconds: float) -> None:
    """Run them and print what memstat held after the first second and at the end."""
    early, late = run_short_children(children, seconds)
    for name in ("pss_kib", "descriptors", "threads", "zombies"):
        print(f"{name:<12}{getattr(early, name):>8}{getattr(late, name):>8}")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 10_000,
        float(sys.argv[2]) if len(sys.argv) > 2 else 60.0,
    )
