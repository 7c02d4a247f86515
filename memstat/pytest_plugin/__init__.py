"""The pytest plugin: limits for the memory of tests, and a report of what every test used.

Every run of pytest loads this module, so it imports nothing but pytest. The rest is loaded when a
test or an option needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memstat.pytest_plugin.selection import is_opted_in

if TYPE_CHECKING:
    from memstat.pytest_plugin.measuring import MeasuringPlugin
    from memstat.pytest_plugin.probe import MemoryProbe

__all__ = ["MemoryProbe"]

_OPTIONS = (
    "memstat",
    "memstat_top",
    "memstat_json",
    "memstat_baseline",
    "memstat_update",
    "memstat_record",
    "memstat_append",
)
_MEASURING = "memstat-measuring"
_MARKER = (
    "max_pss(size, absolute=False): fail the test if it and all that it starts grow by more PSS"
    ' than size ("200 MiB") after its start; with absolute=True, if they use more in total'
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
        "--memstat-top",
        metavar="N",
        type=int,
        help="List N tests (default 10). Implies --memstat.",
    )
    group.addoption(
        "--memstat-json", metavar="FILE", help="Measure every test; write the figures as JSON."
    )
    group.addoption(
        "--memstat-baseline",
        metavar="FILE",
        help="Measure every test; fail those that grow more than in the earlier run saved in FILE.",
    )
    group.addoption(
        "--memstat-tolerance",
        metavar="P%|SIZE",
        default="10%",
        help="How much more is allowed (default 10%%; a percentage allows at least 1 MiB).",
    )
    group.addoption(
        "--memstat-update",
        action="store_true",
        default=None,
        help="Write the tests that passed to the baseline; within the tolerance it is not changed.",
    )
    group.addoption(
        "--memstat-record",
        metavar="DIR",
        help="Measure every test; record each in a file of this directory.",
    )
    group.addoption(
        "--memstat-append",
        action="store_true",
        default=None,
        help="Compare, and append the tests that passed; the last five runs of each are kept.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    if any(config.getoption(name) is not None for name in _OPTIONS):
        from memstat.pytest_plugin.reporting import register  # noqa: PLC0415 - only when needed

        register(config)
        _measuring(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    measures = config.pluginmanager.has_plugin(_MEASURING)
    if not measures and any(is_opted_in(item) for item in items):
        _measuring(config)


def _measuring(config: pytest.Config) -> MeasuringPlugin:
    """Return the plugin that measures the tests of this process; the first call makes it."""
    from memstat.pytest_plugin.measuring import MeasuringPlugin  # noqa: PLC0415 - only when used

    plugin: MeasuringPlugin | None = config.pluginmanager.get_plugin(_MEASURING)
    if plugin is None:
        plugin = MeasuringPlugin(config)
        config.pluginmanager.register(plugin, _MEASURING)
    return plugin


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> MemoryProbe:
    """What this test and all that it starts use, as a sidecar measures it: ``peak``, ``mark``."""
    return _measuring(request.config).probe(request.node)


def __getattr__(name: str) -> object:
    # Only annotations in tests need it.
    if name == "MemoryProbe":
        from memstat.pytest_plugin.probe import MemoryProbe  # noqa: PLC0415 - only when used

        return MemoryProbe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
