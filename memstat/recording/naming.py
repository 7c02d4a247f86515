"""The name of a recording, with what differs between the processes of a job. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from memstat.errors import RecordingError


def expand(name: str, *, pid: int, host: str, unix_time_s: float) -> str:
    """Return a name with ``%p``, ``%h`` and ``%t`` replaced by PID, host and UTC; ``%%`` is ``%``.

    Raises RecordingError for any other letter, for an empty name and for ``-``, which is no file.

    >>> expand("mem-%h-%p-%t.gz", pid=7, host="node3", unix_time_s=0)
    'mem-node3-7-19700101T000000Z.gz'
    """
    values: Mapping[str, Callable[[], str]] = {
        "%p": lambda: str(pid),
        "%h": lambda: host.replace("/", "_"),
        "%t": lambda: datetime.fromtimestamp(unix_time_s, UTC).strftime("%Y%m%dT%H%M%SZ"),
        "%%": lambda: "%",
    }

    def value(found: re.Match[str]) -> str:
        if found[0] not in values:
            raise RecordingError(
                f"the name of a recording has %p, %h, %t or %% after a percent sign, not {found[0]}"
                f" (in {name})"
            )
        return values[found[0]]()

    if not name:
        raise RecordingError("the name of the recording is empty")
    if name == "-":
        raise RecordingError("a recording goes to a file: name one, not -")
    return re.sub("%.?", value, name, flags=re.DOTALL)


def is_packed(name: str) -> bool:
    """Whether a recording of this name is packed by gzip.

    >>> is_packed("a.jsonl.gz"), is_packed("a.jsonl")
    (True, False)
    """
    return name.endswith(".gz")
