"""``memstat help``: the guide by topic, and the help of each command."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable

import click
from click.shell_completion import CompletionItem

from memstat.cli.output import Output, end_with_reader, standard_output


def _pages() -> Mapping[str, Traversable]:
    """Return the pages of the guide by topic, sorted: a file of the package is a topic."""
    files = resources.files("memstat").joinpath("guide").iterdir()
    pages = {file.name.removesuffix(".md"): file for file in files if file.name.endswith(".md")}
    return dict(sorted(pages.items()))


def _complete_topic(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001 - part of click's signature
    incomplete: str,
) -> list[CompletionItem]:
    names = [*_pages(), *_commands(ctx)]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command("help", short_help="Show a page of the guide.")
@click.argument("topic", required=False, shell_complete=_complete_topic)
@click.pass_context
def command(ctx: click.Context, topic: str | None) -> None:
    """Show a page of the guide, or the help of a command; without a topic, list the topics.

    On a terminal the page is laid out for it, in a pager if it is longer than the screen. In a pipe
    it is plain Markdown.

    Exit status: 0; 2 when there is no such topic.
    """
    pages = _pages()
    out = standard_output()
    if topic is None:
        _write(out, _list_of(pages))
    elif topic in _commands(ctx):
        ctx.find_root().command.main([topic, "--help"], "memstat", standalone_mode=False)
    elif topic in pages:
        _show(out, pages[topic].read_text("utf-8").rstrip("\n"))
    else:
        topics = ", ".join(pages)
        raise click.UsageError(f"there is no topic {topic!r}; the topics are {topics}", ctx)


def _commands(ctx: click.Context) -> list[str]:
    root = ctx.find_root().command
    return root.list_commands(ctx) if isinstance(root, click.Group) else []


def _list_of(pages: Mapping[str, Traversable]) -> str:
    width = max(map(len, pages))
    lines = [
        f"  {topic:{width}}  {_summary(page.read_text('utf-8'))}" for topic, page in pages.items()
    ]
    return "\n".join(["The guide by topic; memstat help TOPIC shows a page:", "", *lines])


def _summary(page: str) -> str:
    """Return the line under the heading, which says what the page is about."""
    return page.splitlines()[2]


def _show(out: Output, page: str) -> None:
    if out.live_terminal is None:
        _write(out, page)
        return
    from memstat.report.guide import render  # noqa: PLC0415 - rich, for a terminal alone

    columns, rows = shutil.get_terminal_size()
    text = render(page, width=columns)
    if text.count("\n") + 1 < rows:
        out.write(text)
    else:
        _page(out, text)


def _write(out: Output, text: str) -> None:
    end_with_reader()
    out.write(text)


def _page(out: Output, text: str) -> None:
    """Show text in the user's pager; print it where there is none."""
    if shutil.which(_pager()) is None:
        out.write(text)
        return
    # Ctrl+C is for the pager. A handler, since the pager would inherit an ignored signal.
    signal.signal(signal.SIGINT, lambda *_: None)
    click.echo_via_pager(text)


def _pager() -> str:
    return (os.environ.get("PAGER") or "less").split(maxsplit=1)[0]
