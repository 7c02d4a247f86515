"""What all tests share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, settings

from tests.blocking import forbid_blocking
from tests.targets import Target, compile_c

# A busy machine is no reason to fail.
settings.register_profile("memstat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("memstat")


def pytest_configure() -> None:
    """Restore signals that ``nohup`` or a background job ignores: all that is started would too.

    Commands under memstat are to end by these signals.
    """
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(signum) is signal.SIG_IGN:
            signal.signal(signum, signal.SIG_DFL)


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
        pytest.param(("asyncio", {"loop_factory": uvloop.new_event_loop}), id="uvloop"),
        pytest.param(("trio", {}), id="trio"),
    ]
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Every async test runs on all three."""
    return request.param


@pytest.fixture(autouse=True)
def loop_never_blocked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail an async test in which memstat blocks the event loop."""
    if "anyio_backend" not in request.fixturenames:
        yield
        return
    with forbid_blocking():
        yield


@pytest.fixture
def start() -> Iterator[Callable[..., Target]]:
    """Start real targets that are killed, with all their descendants, after the test."""
    targets: list[Target] = []

    def start_target(*command: str, **options: Any) -> Target:
        target = Target.start(*command, **options)
        targets.append(target)
        return target

    yield start_target
    for target in reversed(targets):
        target.kill()


@pytest.fixture(scope="session")
def c_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Compile a C program once a session."""
    directory = tmp_path_factory.mktemp("c")
    return lambda source: compile_c(source, directory)
