"""Which processes of a tree are sidecars: no sidecar counts one, whatever program it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from memstat.model import ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.sampling.sums import add_up, is_complete
from memstat.sidecars.launch import NAME, is_command_of_sidecar


class SidecarFilter:
    """Removes sidecars from snapshots.

    A sidecar takes its name some milliseconds after its start. Before, its command line shows it,
    which is read once for each process that has memory: before ``execve`` a child has none of its
    own where it was made by vfork, as sidecars are. While ``execve`` is under way, it has a page or
    two of memory, and an empty command line: then it is looked at again.
    """

    def __init__(self, command_line: Callable[[ProcessKey], str | None]) -> None:
        self._command_line = command_line
        self._known: dict[ProcessKey, bool] = {}

    def without_sidecars(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot without any sidecar."""
        known = self._known
        self._known = {}
        for process in snapshot.processes:
            if process.key in known:
                self._known[process.key] = known[process.key]
            elif process.status is ReadStatus.MEASURED:
                command = self._command_line(process.key)
                if command is not None:
                    self._known[process.key] = is_command_of_sidecar(command)
        kept = tuple([p for p in snapshot.processes if not self._is_sidecar(p)])
        if len(kept) == len(snapshot.processes):
            return snapshot
        complete = is_complete(kept) and snapshot.missing_reason is None and not snapshot.torn
        return replace(snapshot, processes=kept, total=add_up(kept), complete=complete)

    def _is_sidecar(self, process: ProcessSample) -> bool:
        return process.name == NAME or self._known.get(process.key, False)
