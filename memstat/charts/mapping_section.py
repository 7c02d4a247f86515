"""What the memory consisted of near the peak, below a chart. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from memstat.mappings import Mappings
from memstat.report.mappings import mapping_cells, mappings_notes, mappings_title


def mapping_section(mappings: Mappings, title: str = "") -> str:
    """Return a section of HTML; ``title`` names the recording where there are several.

    >>> from memstat.mappings import MappingGroup, MappingKind
    >>> file = MappingGroup(MappingKind.FILE, "/tmp/<b>", 4096, 4096, 4096)
    >>> "<td>/tmp/&lt;b&gt;</td>" in mapping_section(Mappings((file,), unix_time_s=0.0))
    True
    """
    head, *rows = mapping_cells(mappings)
    what = mappings_title(mappings)
    notes = "".join(f'<p class="remark">{escape(note)}</p>' for note in mappings_notes(mappings))
    return (
        f'<section class="mappings"><h2>{escape(f"{title}: {what}" if title else what)}</h2>'
        f"{notes}<table><thead>{_row('th', head)}</thead>"
        f"<tbody>{''.join(_row('td', row) for row in rows)}</tbody></table></section>"
    )


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
