"""What the machine is that memstat runs on."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Final, NamedTuple

from memstat.proc.files import read_file
from memstat.text import decode_name

_CGROUPS: Final = "/sys/fs/cgroup"
_NO_LIMIT_BYTES: Final = 1 << 60
"""Version 1 of control groups states as much where there is none."""


class HostFacts(NamedTuple):
    """The machine; ``None`` where it cannot be read."""

    name: str
    kernel: str
    cpus: int
    memory_bytes: int | None
    swap_bytes: int | None
    page_bytes: int
    boot_id: str | None
    cgroup: str | None
    cgroup_limit_bytes: int | None


def host_facts() -> HostFacts:
    """Return what this machine is. Blocking.

    >>> host_facts().page_bytes in (4096, 16384, 65536)
    True
    """
    system = os.uname()
    memory = _read("/proc/meminfo")
    groups = _read("/proc/self/cgroup")
    boot_id = _read("/proc/sys/kernel/random/boot_id")
    cgroup = _group(groups, b"memory") or _group(groups, b"")
    return HostFacts(
        name=system.nodename,
        kernel=system.release,
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=_kib(memory, b"MemTotal"),
        swap_bytes=_kib(memory, b"SwapTotal"),
        page_bytes=os.sysconf("SC_PAGE_SIZE"),
        boot_id=decode_name(boot_id.strip()) or None,
        cgroup=None if cgroup is None else decode_name(cgroup),
        cgroup_limit_bytes=_limit_bytes(groups),
    )


def _read(path: str) -> bytes:
    with suppress(OSError):
        return read_file(path)
    return b""


def _kib(memory: bytes, name: bytes) -> int | None:
    found = re.search(rb"^%b: *(\d+) kB$" % name, memory, re.MULTILINE)
    return int(found[1]) << 10 if found else None


def _group(groups: bytes, controller: bytes) -> bytes | None:
    """Return the group for a controller of version 1, or of version 2, which has no name."""
    found = re.search(rb"^\d+:%b:(/.*)$" % controller, groups, re.MULTILINE)
    return found[1] if found else None


def _limit_bytes(groups: bytes) -> int | None:
    """Return the smallest limit of the group and of those above it."""
    limits = []
    for controller, root, file in (
        (b"", _CGROUPS, "memory.max"),
        (b"memory", f"{_CGROUPS}/memory", "memory.limit_in_bytes"),
    ):
        path = os.fsdecode((_group(groups, controller) or b"/").rstrip(b"/"))
        while True:
            text = _read(f"{root}{path}/{file}").strip()
            if text.isdigit() and int(text) < _NO_LIMIT_BYTES:
                limits.append(int(text))
            if not path:
                break
            path = path.rpartition("/")[0]
    return min(limits, default=None)
