"""Vega and what it needs as one script, for pages that request nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
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
    with ExitStack() as cleanup:
        making = None
        # Where no process can be started, there is time afterwards.
        with suppress(OSError):
            making = cleanup.enter_context(_start())
            cleanup.callback(making.kill)
        yield partial(_result_of, making)


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-E", "-P", "-c", _MAIN],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _result_of(making: subprocess.Popen[bytes] | None) -> str:
    if making is not None:
        script, _ = making.communicate()
        if making.returncode == 0 and script:
            return script.decode()
    # It may not have been allowed to start as this process did.
    return vega()
