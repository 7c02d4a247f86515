"""``memstat help``: the topics, their pages, and the help of the commands."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from importlib import resources

import click
import pytest

from memstat.cli.root import root
from tests.cli.harness import assert_one_line
from tests.preloaded import memstat
from tests.targets import memstat_path

PAGES = {
    page.name.removesuffix(".md"): page.read_text("utf-8")
    for page in resources.files("memstat").joinpath("guide").iterdir()
}
COMMANDS = (
    "get",
    "run",
    "report",
    "export",
    "replay",
    "bench",
    "compare",
    "help",
    "completion",
)


def test_help_lists_the_topics_with_a_line_each() -> None:
    done = memstat("help")
    assert (done.returncode, done.stderr) == (0, "")
    heading, _, *lines = done.stdout.splitlines()
    assert "memstat help TOPIC" in heading
    assert [line.split()[0] for line in lines] == sorted(PAGES)
    assert all(len(line) < 80 for line in lines)


@pytest.mark.parametrize("topic", PAGES)
def test_a_page_in_a_pipe_is_its_markdown(topic: str) -> None:
    done = memstat("help", topic)
    assert (done.returncode, done.stdout, done.stderr) == (0, PAGES[topic], "")


@pytest.mark.parametrize("topic", PAGES)
def test_a_page_begins_with_its_heading_and_what_it_is_about(topic: str) -> None:
    heading, blank, summary, end, *_ = PAGES[topic].splitlines()
    assert heading.startswith("# ")
    assert (blank, end) == ("", "")
    assert summary.endswith(".")


def test_an_unknown_topic_is_wrong_usage_and_the_error_has_the_topics() -> None:
    done = memstat("help", "nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, "nonsense", *PAGES)


@pytest.mark.parametrize("topic", ["\x1b[31mred", "a\nb", "../guide/json", "json.md", ""])
def test_any_other_text_is_an_unknown_topic(topic: str) -> None:
    done = memstat("help", topic)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr)
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_is_what_its_option_shows(command: str) -> None:
    done = memstat("help", command)
    assert done.stdout.startswith(f"Usage: memstat {command}")
    assert (done.returncode, done.stdout) == (0, memstat(command, "--help").stdout)


def test_no_topic_is_called_as_a_command() -> None:
    assert {*root.list_commands(click.Context(root))} == {*COMMANDS}
    assert not PAGES.keys() & {*COMMANDS}


@pytest.mark.parametrize("arguments", [["help"], ["help", "json"], ["completion", "bash"]])
def test_a_reader_that_has_left_is_no_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([memstat_path(), *arguments], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


@pytest.mark.parametrize(
    "arguments",
    [["help"], ["help", "json"], ["completion", "bash"], ["--help"], ["--version"]],
)
def test_a_page_on_a_full_disk_is_an_error(arguments: list[str]) -> None:
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [memstat_path(), *arguments], stdout=full, stderr=subprocess.PIPE, env=buffered
        )
    assert done.returncode == 1
    assert_one_line(done.stderr.decode(), "No space left")


def test_a_page_in_a_pipe_needs_no_terminal_library() -> None:
    source = (
        "import sys; from memstat.cli.root import run_command_line as run\n"
        "run(['help']), run(['help', 'json'])\n"
        "print(*{'anyio', 'asyncio', 'rich'} & sys.modules.keys(), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stderr.split() == []


@pytest.mark.parametrize("command", ["", "get", "run"])
def test_help_ends_with_three_examples_that_are_right_usage(command: str) -> None:
    text = memstat(*command.split(), "--help").stdout
    examples = text.partition("\n  Examples:\n")[2].splitlines()
    assert len(examples) == 3
    for example in examples:
        # Two spaces part a command from what it does.
        found = re.fullmatch(r"    memstat (.*?)  +.*", example)
        assert found is not None
        name, *arguments = shlex.split(found[1])
        assert command in ("", name)
        chosen = root.get_command(click.Context(root), name)
        assert chosen is not None
        chosen.make_context(name, arguments)
