"""How a view is to be shown: an immutable value that keys and options change. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Order(StrEnum):
    """What rows are sorted by.

    >>> Order("pss") is Order.PSS
    True
    """

    TREE = "tree"
    """Children below their parent, in the order of their PIDs."""
    PSS = "pss"
    """The largest first."""
    PEAK = "peak"
    """The one with the largest peak first."""
    GROWTH = "growth"
    """The fastest growing first."""
    NAME = "name"
    """By the alphabet."""


class ViewOptions(NamedTuple):
    """How a view is to be shown.

    >>> ViewOptions().sorted_by(Order.PSS).is_flat
    True
    """

    order: Order = Order.TREE
    is_flat: bool = False
    """Whether rows are a list; else they are a tree, of which siblings are sorted."""
    is_folded: bool = False
    """Whether there is a row for each program and not for each process."""
    filter_text: str = ""
    """Only processes are shown that have it in their name or command line, in any case."""
    is_filter_edited: bool = False
    """Whether keys go into the text of the filter."""
    has_command_lines: bool = True
    """Whether command lines are shown, where there is room."""
    first: int | None = None
    """The first row of the list that is scrolled; ``None``: the largest, and sums of the rest."""
    is_paused: bool = False
    """Whether the table stays as it is."""
    shows_help: bool = False
    """Whether the keys are shown in place of the rows."""
    has_keys: bool = False
    """Whether keys are read, so that the footer may name some."""

    replay_text: str = ""
    """How a recording is replayed; empty where something is measured."""

    @property
    def shows_list(self) -> bool:
        """Whether rows are not indented."""
        return self.is_flat or self.is_folded

    @property
    def list_order(self) -> Order:
        """What a list is sorted by: that of a tree would say nothing."""
        return Order.PSS if self.order is Order.TREE else self.order

    @property
    def shown_order(self) -> Order:
        """What the rows are sorted by, as a list or as a tree."""
        return self.list_order if self.shows_list else self.order

    def sorted_by(self, order: Order) -> ViewOptions:
        """Return the same in another order: as a tree, or as a list from the largest on."""
        return self._replace(order=order, is_flat=order is not Order.TREE, first=None)

    @property
    def at_rest(self) -> ViewOptions:
        """What is left of it for a table that stays, when no key is read any more."""
        return self._replace(
            is_filter_edited=False,
            first=None,
            is_paused=False,
            shows_help=False,
            has_keys=False,
            replay_text="",
        )


ORDERS: Final = tuple(Order)
"""As a key goes through them."""
