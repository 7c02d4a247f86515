"""Sizes for made-up processes."""

from __future__ import annotations

from memstat.model import Memory


def private_memory(size_bytes: int) -> Memory:
    """Return what a process uses that has so much anonymous memory, all its own, and nothing else.

    >>> private_memory(4096).uss_bytes, private_memory(4096).pss_file_bytes
    (4096, 0)
    """
    return Memory(
        pss_bytes=size_bytes,
        uss_bytes=size_bytes,
        rss_bytes=size_bytes,
        pss_anon_bytes=size_bytes,
        pss_file_bytes=0,
        pss_shmem_bytes=0,
        swap_pss_bytes=0,
    )


def memory_of(used: int | Memory) -> Memory:
    """Return the memory that a script means: a number is so many private bytes.

    >>> memory_of(4096) == private_memory(4096)
    True
    """
    return private_memory(used) if isinstance(used, int) else used
