"""What all tests share."""

from __future__ import annotations

import gc
import os
import pty
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import pytest
import uvloop
from _pytest.doctest import DoctestModule
from hypothesis import HealthCheck, settings

from tests import preloaded
from tests.blocking import forbid_blocking
from tests.targets import Target, compile_c
from tests.turns import Company, Turns

# A busy machine is no reason to fail.
# Each run draws others: many runs of fewer find as much.
settings.register_profile(
    "memstat",
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("memstat")


_TURNS = pytest.StashKey[Turns]()


def pytest_configure(config: pytest.Config) -> None:
    """Undo what the environment would hand on to all that tests start."""
    config.addinivalue_line(
        "markers", "alone(why): no other test runs at the same time, in no worker of pytest-xdist"
    )
    config.addinivalue_line(
        "markers", "calm(why): only tests that are marked so too run at the same time"
    )
    if (shared := _shared_by_workers(config)) is not None:
        config.stash[_TURNS] = Turns(shared)
    if getattr(config.option, "maxschedchunk", 1) is None:
        # With the many that pytest-xdist gives to a worker at once, one that is held up by a slow
        # test still has tests for all when the others have come to those that need a calm machine.
        config.option.maxschedchunk = 4
    # Where Python may not keep what it has compiled, as in some images of containers, each pytest
    # that is started compiles all plugins anew, which is two thirds of its start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # What nohup or the background of a script has ignored, commands under memstat would ignore too:
    # they are to end by these signals.
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(signum) is signal.SIG_IGN:
            signal.signal(signum, signal.SIG_DFL)


def _shared_by_workers(config: pytest.Config) -> Path | None:
    """Return a directory of all workers of this run; ``None`` when this is no worker."""
    if not hasattr(config, "workerinput"):
        return None
    return Path(config.getoption("basetemp")).parent


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for no doctests in tests, which have none: that takes as long as all else."""
    return [found for found in (yield) if not isinstance(found, DoctestModule)]


def pytest_collection(session: pytest.Session) -> None:
    """Import the test modules, in each worker from another one on.

    In a fresh clone they are compiled so: each by one worker, while others compile others.
    """
    if not hasattr(session.config, "workerinput"):
        return
    modules = sorted(Path(__file__).parent.rglob("test_*.py"))
    worker = int(session.config.workerinput["workerid"].removeprefix("gw"))
    first = len(modules) * worker // session.config.workerinput["workercount"]
    for path in modules[first:] + modules[:first]:
        name = ".".join(path.relative_to(session.config.rootpath).with_suffix("").parts)
        # What is wrong with it is reported where pytest imports it.
        with suppress(Exception, pytest.skip.Exception):
            import_module(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that need the machine to be calm last, so that others end for them once."""
    order = [*Company]
    items.sort(key=lambda item: order.index(_company(item)))


def _company(item: pytest.Item) -> Company:
    if item.get_closest_marker("alone"):
        return Company.NONE
    return Company.CALM if item.get_closest_marker("calm") else Company.ANY


def pytest_collection_finish() -> None:
    """Look for no garbage in what stays to the end: modules, and thousands of tests."""
    gc.freeze()


# Around everything else: no time limit counts the wait.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Let a test wait until it may run beside those that run, or alone."""
    turns = item.config.stash.get(_TURNS, None)
    following = None if nextitem is None else _company(nextitem)
    with turns.turn(_company(item), following) if turns else nullcontext():
        return (yield)


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
def targets() -> Iterator[list[Target]]:
    """What is killed, with all its descendants, after the test."""
    started: list[Target] = []
    yield started
    for target in reversed(started):
        target.kill()


@pytest.fixture
def start(targets: list[Target]) -> Callable[..., Target]:
    """Start real targets."""

    def start_target(*command: str, **options: Any) -> Target:
        target = Target.start(*command, **options)
        targets.append(target)
        return target

    return start_target


@pytest.fixture
def start_preloaded(targets: list[Target]) -> Callable[..., Target]:
    """Start a memstat in a tenth of the time, as a target that is the leader of a session."""

    def start_memstat(*arguments: str, **options: Any) -> Target:
        running = preloaded.Running(*arguments, start_new_session=True, **options)
        targets.append(Target(running))
        return targets[-1]

    return start_memstat


@pytest.fixture(scope="session")
def c_program(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Callable[[str], Path]:
    """Compile a C program once a session, for all its workers."""
    directory = (_shared_by_workers(pytestconfig) or tmp_path_factory.getbasetemp()) / "c"
    directory.mkdir(exist_ok=True)
    return lambda source: compile_c(source, directory)


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, int]]:
    """A terminal to draw on and the descriptor to read what was drawn."""
    near, far = pty.openpty()
    with open(far, "w", encoding="utf-8") as stream:
        yield stream, near
    os.close(near)
