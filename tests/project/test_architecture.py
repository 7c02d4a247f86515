"""The rules that keep the house in order, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import memstat

PACKAGE = Path(memstat.__file__).parent

LEAVES = (
    "model",
    "deferred",
    "results",
    "mappings",
    "errors",
    "units",
    "text",
    "background",
    "json_types",
    "jsonlines",
    "mappings_json",
)
LINE = (
    "proc",
    "sampling",
    "supervision",
    "api",
    "recording",
    "comparing",
    "report",
    "charts",
    "exports",
    "sidecars",
    "terminal",
    "cli",
)
"""From the kernel to the user. An import points left along this line, or to a leaf."""
ENDS = ("__init__", "__main__", "pytest_plugin", "testing")
"""What nothing else in the package imports, but for the version."""

LEAF_TO_LEAF = {
    "deferred": {"model"},
    "results": {"model"},
    "units": {"errors"},
    "background": {"errors"},
    "json_types": {"model"},
    "jsonlines": {"json_types", "model", "results", "text"},
    "mappings": {"model"},
    "mappings_json": {"json_types", "jsonlines", "mappings"},
}
"""What leaves import from each other."""

ONLY_IN = {
    "rich": {"report", "terminal"},
    "click": {"cli"},
    "pytest": {"pytest_plugin"},
    "vl_convert": {"charts"},
}
"""Third-party packages and the places that may know them."""

IMPURE = {"anyio", "os", "threading", "time"}
"""What a module that calls itself pure does without: it neither waits, nor looks at the machine."""


@cache
def modules() -> Mapping[str, ast.Module]:
    """Return every module of the package by its dotted name below ``memstat``."""
    parsed = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        parsed[name] = ast.parse(path.read_text(), str(path))
    return parsed


def place(module: str) -> str:
    """Return the part of the house that a module belongs to."""
    return module.partition(".")[0]


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the dotted names that a module imports, whenever it does."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative imports hide where they point"
            assert child.module is not None
            # What is imported may be a module or a name in one.
            yield from (f"{child.module}.{alias.name}" for alias in child.names)


def imported_parts(module: str) -> set[str]:
    """Return which parts of memstat a module imports from."""
    names = (name.split(".") for name in imported(modules()[module]))
    parts = {parts[1] for parts in names if parts[0] == "memstat" and len(parts) > 1}
    return {part for part in parts if part != "__version__"}


def test_every_module_has_a_place_and_says_what_it_is_for() -> None:
    assert {place(module) for module in modules()} <= {*LEAVES, *LINE, *ENDS}
    assert [module for module, tree in modules().items() if not ast.get_docstring(tree)] == []


def test_imports_point_left() -> None:
    assert {
        module: wrong
        for module in modules()
        if (wrong := imported_parts(module) - allowed_parts(place(module)))
    } == {}


def allowed_parts(where: str) -> set[str]:
    if where in LEAVES:
        return LEAF_TO_LEAF.get(where, set())
    if where in LINE:
        return {*LEAVES, *LINE[: LINE.index(where) + 1]}
    return {*LEAVES, *LINE, where}


def test_no_import_goes_round_in_a_circle() -> None:
    graph = {module: imports_at_start(tree) for module, tree in modules().items()}
    assert len([*TopologicalSorter(graph).static_order()]) == len(graph)


def imports_at_start(tree: ast.Module) -> set[str]:
    """Return the modules of memstat that a module imports as soon as it is imported itself."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in imported(node):
                path = name.removeprefix("memstat.")
                found |= {path, path.rpartition(".")[0]} & modules().keys()
    return found


def test_a_third_party_package_is_known_in_one_place_alone() -> None:
    assert {
        (module, name)
        for module, tree in modules().items()
        for name in top_level_packages(tree) & ONLY_IN.keys()
        if place(module) not in ONLY_IN[name]
    } == set()


def test_a_module_that_calls_itself_pure_is_pure() -> None:
    pure = {module: tree for module, tree in modules().items() if calls_itself_pure(tree)}
    assert pure.keys() >= {"proc.parse", "sampling.clock"}, "the docstrings are not found any more"
    assert {
        module: impure
        for module, tree in pure.items()
        if (impure := top_level_packages(tree) & IMPURE)
    } == {}


def calls_itself_pure(tree: ast.Module) -> bool:
    """Whether the docstring of a module says so, in a sentence that begins with ``Pure``."""
    return re.search(r"(^|[.!?]\s+)Pure\b", ast.get_docstring(tree) or "") is not None


def test_no_module_is_bound_to_one_event_loop_but_that_of_the_command_line() -> None:
    loops = {"asyncio", "trio", "uvloop"}
    bound = [module for module, tree in modules().items() if top_level_packages(tree) & loops]
    assert bound == ["cli.event_loop"]


def top_level_packages(tree: ast.AST) -> set[str]:
    """Return the packages that a module imports from, in functions too."""
    return {name.partition(".")[0] for name in imported(tree)}


def test_only_proc_knows_the_files_of_the_kernel() -> None:
    knowing = {place(module) for module, tree in modules().items() if knows_the_kernel(tree)}
    assert knowing == {"proc"}


def knows_the_kernel(tree: ast.Module) -> bool:
    """Whether a module names a file of /proc, or opens any by its descriptor."""
    opens = any(
        isinstance(node, ast.Attribute) and ast.unparse(node) == "os.open"
        for node in ast.walk(tree)
    )
    return opens or "os.open" in imported(tree) or any("/proc" in text for text in literals(tree))


def literals(tree: ast.AST) -> Iterator[str]:
    """Yield every string that is more than documentation."""
    documentation = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in documentation:
            yield from [node.value] if isinstance(node.value, str) else []


def test_every_field_of_the_values_that_travel_is_documented() -> None:
    undocumented = [
        f"{value.name}: {ast.unparse(field)}"
        for module in ("model", "results", "mappings")
        for value in modules()[module].body
        if isinstance(value, ast.ClassDef)
        for field, after in zip(value.body, [*value.body[1:], None], strict=True)
        if isinstance(field, ast.AnnAssign | ast.Assign) and not isinstance(after, ast.Expr)
    ]
    assert undocumented == []
