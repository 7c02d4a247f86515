"""The mappings of several processes as groups of one kind and name each. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from memstat.mappings import MappingGroup
from memstat.model import sum_known


def grouped(of_processes: Iterable[Iterable[MappingGroup]]) -> tuple[MappingGroup, ...]:
    """Return the groups of all processes, by PSS, the largest first; each takes those of one.

    >>> from memstat.mappings import MappingKind
    >>> heap = MappingGroup(MappingKind.HEAP, "", 4096, 4096, 8192)
    >>> library = MappingGroup(MappingKind.FILE, "/lib/a", 5120, 0, 8192)
    >>> of_both, of_one = grouped([[heap], [library, heap]])
    >>> of_both.pss_bytes, of_both.processes, of_one.name
    (8192, 2, '/lib/a')
    """
    same: dict[tuple[str, str], list[MappingGroup]] = {}
    for groups in of_processes:
        for group in groups:
            same.setdefault((group.kind, group.name), []).append(group)
    return tuple(sorted(map(_together, same.values()), key=_order))


def _together(groups: list[MappingGroup]) -> MappingGroup:
    return MappingGroup(
        groups[0].kind,
        groups[0].name,
        sum(group.pss_bytes for group in groups),
        sum(group.uss_bytes for group in groups),
        sum(group.rss_bytes for group in groups),
        sum_known(group.swap_pss_bytes for group in groups),
        sum_known(group.hugetlb_bytes for group in groups),
        processes=sum(group.processes for group in groups),
        mappings=sum(group.mappings for group in groups),
    )


def _order(group: MappingGroup) -> tuple[int, int, str, str]:
    beside = (group.swap_pss_bytes or 0) + (group.hugetlb_bytes or 0)
    return -group.pss_bytes, -beside, group.kind, group.name
