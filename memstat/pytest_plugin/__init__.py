"""The pytest plugin: what a test and all that it starts may use, and what every test did use.

Loaded with every run of pytest, so this module imports nothing but pytest; the rest is loaded when
a test or an option asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memstat.pytest_plugin.selection import is_opted_in

if TYPE_CHECKING:
    from memstat.pytest_plugin.measuring import MeasuringPlugin
    from memstat.pytest_plugin.probe import MemoryProbe

__all__ = ["MemoryProbe"]

_OPTIONS = ("memstat", "memstat_top", "memstat_json", "memstat_baseline", "memstat_update")
_MEASURING = "memstat-measuring"
_MARKER = (
    'max_pss(size, absolute=False): the test and all that it starts may grow by so much PSS ("200'
    ' MiB") over the start of the test; with absolute=True, use so much in total'
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("memstat", "memory of tests and all that they start (PSS)")
    group.addoption(
        "--memstat",
        action="store_true",
        default=None,
        help="Measure every test; list the largest growths.",
    )
    group.addoption(
        "--memstat-top", metavar="N", type=int, help="List so many (default 10). Implies --memstat."
    )
    group.addoption(
        "--memstat-json", metavar="FILE", help="Measure every test; write the figures as JSON."
    )
    group.addoption(
        "--memstat-baseline",
        metavar="FILE",
        help="Measure every test; fail those that grow more than this file of an earlier run says.",
    )
    group.addoption(
        "--memstat-tolerance",
        metavar="P%|SIZE",
        default="10%",
        help="How much more is no failure (default 10%%; a percentage is 1 MiB at least).",
    )
    group.addoption(
        "--memstat-update",
        action="store_true",
        default=None,
        help="Write what passed to the baseline instead; within the tolerance it stays as it is.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    if any(config.getoption(name) is not None for name in _OPTIONS):
        from memstat.pytest_plugin.reporting import register  # noqa: PLC0415 - only when asked for

        register(config)
        _measuring(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if any(is_opted_in(item) for item in items):
        _measuring(config)


def _measuring(config: pytest.Config) -> MeasuringPlugin:
    """Return what measures the tests of this process, made on first use."""
    from memstat.pytest_plugin.measuring import MeasuringPlugin  # noqa: PLC0415 - only when used

    plugin: MeasuringPlugin | None = config.pluginmanager.get_plugin(_MEASURING)
    if plugin is None:
        plugin = MeasuringPlugin(config)
        config.pluginmanager.register(plugin, _MEASURING)
    return plugin


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> MemoryProbe:
    """What this test and all that it starts use, seen by a sidecar: ``peak``, ``mark(name)``."""
    return _measuring(request.config).probe(request.node)


def __getattr__(name: str) -> object:
    # For annotations in tests, and for nobody else.
    if name == "MemoryProbe":
        from memstat.pytest_plugin.probe import MemoryProbe  # noqa: PLC0415 - only when used

        return MemoryProbe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
