"""A member of the tree from sweep to sweep."""

from __future__ import annotations

from memstat.model import Identity, ProcessSample
from memstat.proc.source import ProcessReader, ProcSource, Reading
from memstat.proc.tree import Node


class Tracked:
    """A member of the tree with its reader and its last sample."""

    __slots__ = (
        "_command_line",
        "_has_moved",
        "_source",
        "before",
        "family",
        "identity",
        "node",
        "reader",
        "reading",
        "sample",
    )

    def __init__(
        self, node: Node, source: ProcSource, identity: Identity | None, *, command_line: bool
    ) -> None:
        self.node = node
        self.identity = identity
        """What it was when it was found; ``None`` when that is unknown."""
        self.family = identity.family if identity is not None else 0
        """The last one that was known; 0 when none ever was."""
        self.reading: Reading | None = None
        """The last one; ``None`` before the first."""
        self.before: Reading | None = None
        """The one before the last."""
        self.reader: ProcessReader = source.reader(node.key)
        self.sample = ProcessSample(node.key, node.name)
        self._source = source
        self._has_moved = False
        self._command_line = command_line

    @property
    def rss_bytes(self) -> int:
        return self.sample.memory.rss_bytes or 0

    def place(self, node: Node) -> None:
        if node is not self.node:
            self.node, self._has_moved = node, True

    def read(self) -> None:
        reading = self.reader.read()
        self.before, self.reading = self.reading, reading
        self.family = reading.family or self.family
        if reading is self.before and not self._has_moved:
            return
        node, name = self.node, reading.name or self.sample.name
        self.sample = ProcessSample(
            node.key,
            name,
            reading.ppid,
            node.depth,
            reading.status,
            reading.memory,
            reading.rss_peak_bytes,
            self._command_line_of(name) if self._command_line else None,
            reading.reason,
        )
        self._has_moved = False

    def _command_line_of(self, name: str) -> str | None:
        """Return the command line, read once, and again when execve(2) has changed the name."""
        if self.before is not None and name == self.sample.name:
            return self.sample.command_line
        return self._source.command_line(self.node.key) or self.sample.command_line

    def close(self) -> None:
        self.reader.close()
