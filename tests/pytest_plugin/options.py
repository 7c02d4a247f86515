"""Options of the pytest that these tests start."""

from typing import Final

LIGHT: Final = (
    *("-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:fakefs"),
    *("-p", "no:xdist", "-p", "no:xdist.looponfail", "-p", "no:time_machine"),
    *("-p", "no:timeout", "-p", "no:rerunfailures"),
)
"""Without plugins that take longer to load than all the rest, and have no part in most tests.

One that a test needs comes back behind them, as with ``-p anyio``.
"""
