"""The bytes of a recording. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memstat.jsonlines import Json, line, seconds
from memstat.mappings import Mappings
from memstat.mappings_json import mappings_object
from memstat.model import Snapshot
from memstat.recording.backlog import Item
from memstat.recording.encoder import Encoder
from memstat.recording.header import Gap, Header, header_object
from memstat.recording.members import packed
from memstat.results import Mark


class Script:
    """Turns what is to be recorded into bytes: whole lines and, where it is packed, members."""

    def __init__(self, header: Header, *, packs: bool) -> None:
        self._header = header
        self._packs = packs
        self._encoder = Encoder(command_lines=header.arguments)

    def begin(self) -> bytes:
        """Return the first line."""
        return self._bytes([header_object(self._header)])

    def go_on(
        self,
        items: Iterable[Item],
        is_last: bool = False,  # noqa: FBT001, FBT002 - for a thread
    ) -> bytes:
        """Return the next lines; the last snapshot of all is a whole one."""
        return self._bytes(self._objects([*items], is_last=is_last))

    def end(self, summary: Json) -> bytes:
        """Return the last line."""
        return self._bytes([summary])

    def _objects(self, items: list[Item], *, is_last: bool) -> Iterator[Json]:
        snapshots = [item for item in items if isinstance(item, Snapshot)]
        for item in items:
            if isinstance(item, Snapshot):
                if is_last and item is snapshots[-1]:
                    self._encoder.restart()
                yield self._encoder.encode(item)
            elif isinstance(item, Mark):
                yield {"kind": "mark", "name": item.name, "elapsed_s": seconds(item.elapsed_s)}
            elif isinstance(item, Mappings):
                yield mappings_object(item)
            else:
                self._encoder.restart()
                yield _gap_object(item)

    def _bytes(self, objects: Iterable[Json]) -> bytes:
        text = "".join([f"{line(value)}\n" for value in objects]).encode("ascii")
        return packed(text) if self._packs and text else text


def _gap_object(gap: Gap) -> Json:
    return {"kind": "gap", "elapsed_s": seconds(gap.elapsed_s), "dropped": gap.dropped}
