"""Vega and what it needs as one script, for pages that request nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from memstat.charts.converter import converter

_USE: Final = "window.vegaEmbed = vegaEmbed;"
_MAIN: Final = (
    "import sys, vl_convert;"
    f"sys.stdout.buffer.write(vl_convert.javascript_bundle({_USE!r}).encode())"
)


@cache
def vega() -> str:
    """Return the script. It takes seconds to make. Raises ReportError without vl-convert."""
    script: str = converter().javascript_bundle(_USE)
    return script


@contextmanager
def making_vega() -> Iterator[Callable[[], str]]:
    """Make the script in another process meanwhile; call what this yields to get it.

    vl-convert holds Python's lock while it works: a thread would gain nothing.
    """
    with subprocess.Popen(
        [sys.executable, "-E", "-P", "-c", _MAIN],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:

        def result() -> str:
            script, _ = process.communicate()
            # It may not have been allowed to start as this process did.
            return script.decode() if process.returncode == 0 and script else vega()

        try:
            yield result
        finally:
            process.kill()
