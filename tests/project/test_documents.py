"""Every block of the README and of the guide is run: what it shows is what a reader gets."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest

from memstat import __version__
from tests.cli import json_fields
from tests.preloaded import memstat
from tests.targets import Target, search_path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDE = ROOT / "memstat" / "guide"
DOCUMENTS = [README, *sorted(GUIDE.glob("*.md"))]
# A busy machine may print this in any run.
TICKS_MISSED = re.compile(r"memstat: missed N of N ticks?:.*\n")
# So it may take a sample while processes come and go: what is not known exactly then has bounds.
BOUNDS = re.compile(r"memstat: the peak was between.*\n| \(between [^)]*\)|~(?=N)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOTAL = re.compile(r"^(?:Total: )?~?(\d+)(?: kB)?$", re.MULTILINE)


def blocks(document: Path, language: str) -> list[str]:
    return [block for of, block in BLOCK.findall(document.read_text()) if of == language]


def in_all_documents(language: str, containing: str = "") -> list[object]:
    """Return the blocks of a language as parameters; what stands in two documents, once."""
    found = {
        block: f"{document.stem}-{number}"
        for document in reversed(DOCUMENTS)
        for number, block in enumerate(blocks(document, language), 1)
        if containing in block
    }
    return [pytest.param(block, id=name) for block, name in found.items()]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": search_path(), **more}


def without_figures(text: str) -> str:
    text = TICKS_MISSED.sub("", re.sub(r"\d+(\.\d+)?", "N", re.sub(" +", " ", text)))
    text = BOUNDS.sub("", text)
    # How many workers are there when a limit is exceeded depends on the sample that first shows it.
    return re.sub(r"^( \[N\] N kB \(pythonN\)\n)\1+", r"\1", text, flags=re.MULTILINE)


@pytest.fixture
def tree(start: Callable[..., Target]) -> str:
    """The PID of the example with its four workers, stopped while it has them."""
    target = start(
        str(Path(sys.executable).with_name("python3")), str(ROOT / "examples/fork_tree.py")
    )
    children = Path(f"/proc/{target.pid}/task/{target.pid}/children")
    while len(children.read_text().split()) < 4:
        time.sleep(0.01)
    os.killpg(target.pid, signal.SIGSTOP)
    return str(target.pid)


def sessions(block: str) -> Iterator[tuple[str, str]]:
    for session in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = session.partition("\n")
        yield command, output


@pytest.mark.calm("the examples take their steps by the clock")
@pytest.mark.parametrize("block", in_all_documents("console"))
def test_a_command_prints_what_is_shown(
    block: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    variables = {"PID": request.getfixturevalue("tree")} if "$PID" in block else {}
    variables["DIR"] = str(tmp_path)
    for command, output in sessions(block):
        printed = subprocess.run(
            ["bash", "-c", f"exec 2>&1\n{command}"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(**variables),
            timeout=60,
            check=False,
        ).stdout
        assert without_figures(printed) == without_figures(output)
        for total, shown in zip(TOTAL.findall(printed), TOTAL.findall(output), strict=True):
            # Another kernel and another Python take a bit more or less.
            assert int(shown) / 2 <= int(total) <= int(shown) * 2


def run_program(source: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the source of a program, or of a test by pytest, in a directory."""
    first_line = source.partition("\n")[0]
    is_test = first_line.startswith("# test_")
    path = directory / (first_line.removeprefix("# ") if is_test else "program.py")
    path.write_text(source)
    return subprocess.run(
        [sys.executable, *(["-m", "pytest", "-q"] if is_test else []), str(path)],
        capture_output=True,
        text=True,
        cwd=directory,
        env=environment(),
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("source", in_all_documents("python"))
def test_a_program_runs(source: str, tmp_path: Path) -> None:
    finished = run_program(source, tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("source", in_all_documents("python", containing="max_pss"))
def test_a_test_with_a_lower_limit_would_fail(source: str, tmp_path: Path) -> None:
    finished = run_program(source.replace("60 MiB", "10 MiB"), tmp_path)
    assert finished.returncode == 1
    assert "1 failed, 1 passed" in finished.stdout


def test_both_set_up_commands_are_what_ci_runs() -> None:
    commands = blocks(README, "sh")
    assert len(commands) == 2
    assert ".venv/bin/memstat run" in commands[0]
    assert commands[1].endswith(".venv/bin/pytest -n 4\n")
    ci = (ROOT / ".ci" / "run").read_text()
    assert "readme_command 1" in ci
    assert "readme_command 2" in ci


def test_no_block_is_left_out() -> None:
    languages = {path.stem: {of for of, _ in BLOCK.findall(path.read_text())} for path in DOCUMENTS}
    run = {"console", "python"}
    # CI runs the commands of the README, the tests below those of installation; a diagram is text.
    more = {"README": {"sh"}, "install": {"sh", "dockerfile"}, "design": {"text"}} | {
        # What a long build looks like, and what other programs are told.
        page: {"text"}
        for page in ("exports", "reports")
    }
    assert {
        name: wrong for name, of in languages.items() if (wrong := of - run - more.get(name, set()))
    } == {}


from_package_index = pytest.mark.skipif(
    "CI" not in os.environ, reason="CI alone installs from a package index"
)


@from_package_index
def test_the_recipe_for_an_image_installs_memstat(tmp_path: Path) -> None:
    (recipe,) = blocks(GUIDE / "install.md", "dockerfile")
    base, copy, run = recipe.splitlines()
    assert base.startswith("FROM python:3.")
    assert copy == "COPY . /src/memstat"
    commands = run.removeprefix("RUN ").replace("/src/memstat", ".") + "\nmemstat help install"
    assert install(commands, tmp_path).endswith((GUIDE / "install.md").read_text())


@from_package_index
@pytest.mark.parametrize("commands", blocks(GUIDE / "install.md", "sh"))
def test_the_commands_install_memstat(commands: str, tmp_path: Path) -> None:
    assert install(commands, tmp_path).endswith(f"memstat {__version__}\n")


def install(commands: str, directory: Path) -> str:
    """Run commands in a copy of the repository, where Python has nothing installed but pip."""
    copy_of_repository(directory / "memstat")
    subprocess.run([sys.executable, "-m", "venv", str(directory / "python")], check=True)
    if "pipx" in commands:
        subprocess.run([str(directory / "python/bin/pip"), "install", "-q", "pipx"], check=True)
    paths = f"{directory}/bin:{directory}/python/bin:{os.environ['PATH']}"
    pipx = {"PIPX_HOME": f"{directory}/pipx", "PIPX_BIN_DIR": f"{directory}/bin"}
    done = subprocess.run(
        ["bash", "-euc", commands],
        capture_output=True,
        text=True,
        cwd=directory / "memstat",
        env=environment(PATH=paths, **pipx),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy_of_repository(path: Path, *, with_bytecode: bool = False) -> None:
    """Copy what the repository has, and if wanted what Python has compiled of it."""
    ignored = [".venv", ".git", ".*cache", *([] if with_bytecode else ["__pycache__"])]
    shutil.copytree(ROOT, path, ignore=shutil.ignore_patterns(*ignored))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_links_within_the_repository_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / target).exists(), target
    for path in re.findall(r"\b(?:examples|\.github)/[\w.]+", text):
        assert (ROOT / path.rstrip(".")).exists(), path
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        assert anchor in headings


def test_the_readme_links_to_every_page_of_the_guide() -> None:
    linked = set(re.findall(r"\]\(memstat/guide/([\w-]+)\.md\)", README.read_text()))
    assert linked == {path.stem for path in DOCUMENTS} - {"README"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_help_that_is_mentioned_is_there(document: Path) -> None:
    for topic in re.findall(r"`memstat help ([a-z]+)`", document.read_text()):
        assert memstat("help", topic).returncode == 0, topic


def test_the_pages_are_part_of_the_package() -> None:
    pages = resources.files("memstat").joinpath("guide").iterdir()
    assert {page.name for page in pages} == {path.name for path in DOCUMENTS} - {"README.md"}


@pytest.mark.parametrize("command", ["get", "run", "bench", "compare"])
def test_every_option_is_in_the_table(command: str) -> None:
    page = (GUIDE / "options.md").read_text()
    text = memstat(command, "--help").stdout
    text = text.partition("\n  Examples:")[0]
    options = set(re.findall(r"(?<![\w-])(--?[a-zA-Z][\w-]*)", text)) - {"-h", "--help", "-c"}
    missing = {option for option in options if f"`{option}" not in page.replace("|", "`")}
    assert not missing


def test_every_field_of_json_is_in_the_tables() -> None:
    page = (GUIDE / "json.md").read_text()
    rows = re.findall(r"^\| (.*?) \|", page, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    fields = {*json_fields.SNAPSHOT, *json_fields.PROCESS, *json_fields.RUN, "peak", "limit"}
    fields |= {*json_fields.MAPPINGS, *json_fields.GROUP}
    assert documented == fields
