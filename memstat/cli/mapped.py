"""``memstat get --maps``, once the mappings are read."""

from __future__ import annotations

from memstat.cli.output import Output
from memstat.mappings import Mappings
from memstat.report.formats import Format
from memstat.report.mappings import mappings_notes


def print_mappings(
    mappings: Mappings, chosen: Format, out: Output, err: Output, *, is_plain: bool
) -> None:
    """Print them, as a table for people on a terminal unless ``is_plain``, and what they lack.

    Raises OutputError when stdout takes no more.
    """
    shown = chosen if is_plain or not out.is_terminal else chosen.on_terminal.within(out.width)
    if mappings.processes or chosen.is_self_contained:
        out.write(shown.mappings(mappings))
    for note in mappings_notes(mappings) if mappings.processes else ():
        err.remark(note)
