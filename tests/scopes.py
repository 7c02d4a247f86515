"""Scopes in one word."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from memstat.model import Identity, ProcessKey
from memstat.proc.tree import Scope


def scope_of(*roots: ProcessKey, **options: Any) -> Scope:
    """Return the scope of these targets with all their descendants, unless ``options`` differ."""
    return Scope(roots=roots, **options)


def adopted_by(pid: int | None, *, but: Container[ProcessKey] = ()) -> Callable[[Identity], bool]:
    """Return whether a process is a child of a subreaper, and none of its own."""
    return lambda identity: identity.ppid == pid and identity.key not in but
