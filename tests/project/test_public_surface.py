"""What the package promises to those who install it: names, types, documentation, start-up."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

import memstat
from memstat import errors
from memstat.errors import MemstatError
from memstat.proc.source import ProcSource
from tests.targets import memstat_path

PUBLIC_MODULES = ("memstat", "memstat.testing")
NAMES = dir(memstat)
PUBLIC_HOMES = [importlib.import_module(home) for home in memstat._HOMES]
INTERNAL: set[str] = set()
"""Names in those texts that users never meet."""
NOT_FOR_A_SMALL_RUN = {
    "aiofiles",
    "ctypes",
    "memstat.mappings",
    "rich",
    "shutil",
    "trio",
    "uvloop",
    "vl_convert",
}
NOT_FOR_ONE_SWEEP = {
    *NOT_FOR_A_SMALL_RUN,
    "anyio",
    "asyncio",
    "memstat.report.ending",
    "memstat.results",
    "memstat.supervision",
}

EXAMPLES: list[MemstatError] = [
    MemstatError("something"),
    errors.UnsupportedPlatform("not Linux"),
    errors.TooManyDescriptors("none left"),
    errors.ListingError("the processes could not be listed"),
    errors.UnreadableProcess(7, "process 7 could not be read"),
    errors.TooManyThreads("none can be started"),
    errors.ProcessError(7, "process 7 is odd"),
    errors.NoSuchProcess(7, "no process has PID 7"),
    errors.NotAProcess(8, "8 is a thread of process 7"),
    errors.SpawnError("nothing: command not found", 127),
    errors.CommandLeftRunning(7, 15),
    errors.ComparisonError("new.json: it is no JSON"),
    errors.BenchmarkError("run 2 of make failed"),
    errors.OutputError("cannot write to standard output: it is closed"),
    errors.ParseError("/proc/PID/stat: nonsense"),
    errors.SizeError("'x' is not a size"),
    errors.SidecarError("the sidecar ended"),
    errors.RecordingError("run.jsonl.gz: it is empty"),
    errors.ReportError("nothing was measured in run.jsonl.gz"),
]


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_names_are_sorted_and_there(name: str) -> None:
    module = importlib.import_module(name)
    names = module.__all__
    assert names == sorted(set(names))
    assert all(hasattr(module, public) for public in names)


def test_dir_shows_every_public_name_and_a_star_import_takes_them() -> None:
    taken: dict[str, object] = {}
    exec("from memstat import *", taken)
    assert taken.keys() - {"__builtins__"} == set(NAMES)


def test_the_homes_of_the_names_are_those_that_type_checkers_follow() -> None:
    (block,) = (node for node in ast.parse(inspect.getsource(memstat)).body if _is_for_types(node))
    starred = {node.module for node in ast.walk(block) if isinstance(node, ast.ImportFrom)}
    assert starred == set(memstat._HOMES)


def _is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_public_in_the_module_that_defines_it(name: str) -> None:
    value = getattr(memstat, name)
    home = importlib.import_module(value.__module__)
    assert value.__module__ in memstat._HOMES
    assert name in home.__all__
    assert getattr(home, value.__qualname__) is value


def test_every_memstat_class_that_a_public_docstring_or_annotation_names_is_public() -> None:
    """What is raised, returned or held by public values can be imported from ``memstat``."""
    defined = {
        name
        for module in PUBLIC_HOMES
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and name[0] != "_"
    }
    named = {word for text in _public_texts() for word in re.findall(r"\b[A-Z]\w+", text)}
    assert (named & defined) - set(NAMES) == INTERNAL


def _public_texts() -> Iterator[str]:
    """Yield the docstrings and the annotations that users of the public names see."""
    for name in NAMES:
        value = getattr(memstat, name)
        members = [value, *vars(value).values()] if inspect.isclass(value) else [value]
        functions = (m.fget if isinstance(m, property) else m for m in members)
        for member in functions:
            yield inspect.getdoc(member) or ""
            if inspect.isfunction(member) and not member.__name__.startswith("_"):
                yield str(member.__annotations__)
        if inspect.isclass(value):
            yield str(inspect.get_annotations(value))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (module, name)
        for module in PUBLIC_MODULES
        for name in importlib.import_module(module).__all__
    ],
)
def test_every_public_name_and_what_it_offers_is_documented(module: str, name: str) -> None:
    value = getattr(importlib.import_module(module), name)
    assert inspect.getdoc(value)
    if inspect.isclass(value):
        undocumented = [
            member
            for owner in value.__mro__
            if owner.__module__.startswith("memstat")
            for member, what in vars(owner).items()
            if not member.startswith("_")
            and _wants_documentation(what)
            and not inspect.getdoc(what)
        ]
        # A protocol documents its methods once for all who have them.
        assert set(undocumented) <= vars(ProcSource).keys()


def _wants_documentation(what: object) -> bool:
    return isinstance(what, property | classmethod | staticmethod) or inspect.isfunction(what)


def test_types_ship_with_the_package() -> None:
    assert (resources.files("memstat") / "py.typed").is_file()


def test_every_error_survives_pickling() -> None:
    for error in EXAMPLES:
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert copy.args == error.args
        assert vars(copy) == vars(error)


def test_every_error_is_among_those() -> None:
    defined = {
        error
        for error in vars(errors).values()
        if inspect.isclass(error) and issubclass(error, MemstatError)
    }
    assert {type(error) for error in EXAMPLES} == defined


@pytest.mark.parametrize(
    ("arguments", "needed", "slow"),
    [
        (("get", str(os.getpid())), {"memstat.model", "click"}, NOT_FOR_ONE_SWEEP),
        (("run", "--no-peak", "--", "true"), {"memstat.results", "asyncio"}, NOT_FOR_A_SMALL_RUN),
    ],
    ids=["get", "run"],
)
def test_a_command_imports_nothing_slow_that_it_does_not_need(
    arguments: tuple[str, ...], needed: set[str], slow: set[str]
) -> None:
    command = [sys.executable, "-X", "importtime", f"{memstat_path()}-python", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert needed <= imported
    assert imported & slow == set()


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "memstat", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path("/"),
    )
    assert done.stdout == f"memstat {memstat.__version__}\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(memstat, name)
    assert value.__name__ == name
    assert value.__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        memstat.nonsense  # noqa: B018


def test_importing_memstat_loads_no_event_loop_and_no_terminal_library() -> None:
    source = (
        "import sys, memstat\n"
        "memstat.parse_size, memstat.Snapshot, memstat.SizeError\n"
        "print(*{'anyio', 'asyncio', 'rich', 'click', 'aiofiles'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
