"""Reading one process of Linux through descriptors that stay open."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

from memstat.errors import ParseError
from memstat.model import DenialReason, Identity, Memory, ProcessKey, ReadStatus
from memstat.proc.address_space import shares_address_space
from memstat.proc.descriptors import DescriptorBudget, raise_if_no_descriptor_is_left
from memstat.proc.failures import DENIED, ENDED, Failure, reason_of
from memstat.proc.files import fetch, fetch_pieces, fetch_short, read_file, read_first_bytes
from memstat.proc.pages import FIRST_GLANCE, glance_of, pages_of, with_glance_error
from memstat.proc.parse import (
    Status,
    parse_activity,
    parse_children_usage,
    parse_rollup,
    parse_rss_peak,
    parse_smaps,
    parse_stat,
    parse_status,
)
from memstat.proc.rest import Rest, is_asleep
from memstat.proc.source import GONE, LEFT, Afterwards, Glance, Reading, WalkedPages

_STATM_BYTES: Final = 256
"""More than seven numbers take."""
_EXEC_RACES: Final = 4
"""How often an ``execve`` may come between opening and reading until this tick is given up."""
EXECUTES_AGAIN_AND_AGAIN: Final = "it called execve again and again while it was read"


def no_hidden(_: int) -> None:
    """Return None: for a ``/proc`` that hides no process."""


class LinuxReader:
    """Keeps the files of one process open and reads them with ``pread``.

    A glance reads ``statm``, and ``stat`` if that has changed, or if faults count and ``schedstat``
    does not prove that the process has not run: no lock of it is taken. A walk reads
    ``smaps_rollup``, for which the kernel looks at every page.

    ``smaps_rollup`` is bound to an address space and fails with ESRCH after ``execve`` or exit;
    ``stat`` and ``statm`` are bound to the process. Whatever fails leads to the same slow path:
    close, open anew, check that the start time is still ours, classify. What fails there too is a
    reading of its own: no process that cannot be read may keep the others from being read.

    A child of vfork(2) uses its parent's address space until ``execve``: it has no memory of its
    own yet, and its parent's would be counted twice.

    ``status`` is expensive, and read only when there have been faults, which alone raise the mark
    that it holds. Of what changes, no more is parsed than a sample holds.
    """

    __slots__ = (
        "_borrows",
        "_budget",
        "_counts_exactly",
        "_directory",
        "_family",
        "_fetch",
        "_find_hidden",
        "_glance",
        "_glance_stat_text",
        "_key",
        "_last",
        "_memory_fd",
        "_memory_file",
        "_memory_text",
        "_parse",
        "_rest",
        "_rest_fd",
        "_shows_rest",
        "_stat_fd",
        "_stat_text",
        "_statm_fd",
        "_statm_text",
    )

    def __init__(
        self,
        key: ProcessKey,
        budget: DescriptorBudget,
        *,
        rollup: bool,
        counts_exactly: bool = False,
        shows_rest: bool = False,
        find_hidden: Callable[[int], Identity | None] = no_hidden,
    ) -> None:
        self._directory = f"/proc/{key.pid}"
        self._key = key
        self._budget = budget
        self._find_hidden = find_hidden
        self._counts_exactly = counts_exactly
        self._shows_rest = shows_rest
        self._rest: Rest | None = None
        self._memory_file = "smaps_rollup" if rollup else "smaps"
        self._fetch = fetch if rollup else fetch_pieces
        self._parse = parse_rollup if rollup else parse_smaps
        self._memory_fd = self._stat_fd = self._statm_fd = self._rest_fd = -1
        self._stat_text = self._glance_stat_text = self._statm_text = self._memory_text = b""
        self._last = GONE
        self._glance = FIRST_GLANCE
        self._borrows: bool | None = None
        self._family = 0

    def glance(self, *, with_faults: bool, with_parent: bool = True) -> Glance | None:
        if self._statm_fd >= 0:
            try:
                return self._glance_open(with_faults=with_faults, with_parent=with_parent)
            except (OSError, ParseError):
                self.close()
        glance: Glance | None = None
        try:
            if self._open_for_glances():
                glance = self._glance_open(with_faults=True, with_parent=True)
        except (OSError, ParseError) as failure:
            raise_if_no_descriptor_is_left(failure)
        finally:
            if glance is None or not self._may_stay:
                self.close()
        return glance

    def walk(self) -> Reading:
        if self._memory_fd >= 0:
            try:
                return self._read_open()
            except (OSError, ParseError):
                pass
        self.close()
        for _ in range(_EXEC_RACES):
            reading = self._read_anew()
            if reading is not None:
                return reading
        return self._unreadable(EXECUTES_AGAIN_AND_AGAIN)

    def afterwards(self) -> Afterwards:
        try:
            # A fork has the lock for which this read waits, until all pages are copied.
            read_first_bytes(f"{self._directory}/cmdline")
            is_open = self._stat_fd >= 0
            text = fetch(self._stat_fd) if is_open else read_file(f"{self._directory}/stat")
            stat = parse_stat(text)
            has_waited = parse_children_usage(text) != parse_children_usage(self._stat_text)
        except (OSError, ParseError):
            return LEFT
        if stat.start_ticks != self._key.start_ticks:
            return LEFT
        return Afterwards(stat.is_alive and stat.family == self._family, has_waited)

    def close(self) -> None:
        for fd in (self._memory_fd, self._stat_fd, self._statm_fd, self._rest_fd):
            if fd >= 0:
                self._close(fd)
        self._memory_fd = self._stat_fd = self._statm_fd = self._rest_fd = -1
        self._rest = None

    def _open_for_glances(self) -> bool:
        """Open what a glance reads; whether a glance shows what the process uses."""
        self._stat_fd = self._open(f"{self._directory}/stat")
        identity = parse_stat(fetch(self._stat_fd))
        if identity.start_ticks != self._key.start_ticks:
            return False
        self._borrows = not identity.has_executed and shares_address_space(
            identity.pid, identity.ppid
        )
        self._statm_fd = self._open(f"{self._directory}/statm")
        return self._borrows is False

    def _glance_open(self, *, with_faults: bool, with_parent: bool) -> Glance | None:
        statm_text = os.pread(self._statm_fd, _STATM_BYTES, 0)
        is_same, rest = statm_text == self._statm_text, self._rest
        if is_same and not with_faults:
            return self._glance
        if rest is not None and rest.lasts() and is_same and not with_parent:
            return self._glance
        stat_text = fetch_short(self._stat_fd)
        if is_same and stat_text == self._glance_stat_text:
            if rest is not None:
                rest.note(stat_text)
            elif self._shows_rest and not with_parent:
                self._watch_rest(stat_text)
            return self._glance
        if rest is not None:
            rest.forget()
        glance = glance_of(statm_text, stat_text, self._glance, self._read_mark)
        if glance is None:
            return None
        self._statm_text, self._glance_stat_text = statm_text, stat_text
        if glance != self._glance:
            self._glance = glance
        return self._glance

    def _watch_rest(self, stat_text: bytes) -> None:
        """Find out from now on whether it runs at all, if that may save a read."""
        if self._budget.is_ample and is_asleep(stat_text):
            with suppress(OSError):
                self._rest_fd = self._open(f"{self._directory}/schedstat")
                self._rest = Rest(self._rest_fd)

    def _read_mark(self) -> int | None:
        return parse_rss_peak(read_file(f"{self._directory}/status"))

    def _read_open(self) -> Reading:
        statm_text = fetch(self._statm_fd)
        stat_text = fetch(self._stat_fd)
        memory_text = self._fetch(self._memory_fd)
        last = self._last
        if memory_text == self._memory_text:
            memory, pages = last.memory, last.pages
        else:
            memory = self._parse(memory_text)
            pages = self._pages(memory_text, memory, statm_text)
        if stat_text != self._stat_text:
            activity = parse_activity(stat_text)
            rss_peak_bytes = self._read_mark()
            self._last = Reading(
                ReadStatus.MEASURED,
                activity.name,
                activity.ppid,
                memory,
                rss_peak_bytes,
                family=self._family,
                pages=pages,
            )
        elif memory is not last.memory:
            self._last = last._replace(memory=memory, pages=pages)
        self._stat_text, self._memory_text = stat_text, memory_text
        return self._last

    def _pages(self, text: bytes, memory: Memory, statm_text: bytes) -> WalkedPages | None:
        """Return what the ledger needs; ``statm_text`` was read just before the walk."""
        pages = pages_of(text, memory)
        # If nothing has changed meanwhile, a glance must report the same.
        if pages and not self._counts_exactly and fetch(self._statm_fd) == statm_text:
            return with_glance_error(pages, statm_text)
        return pages

    def _read_anew(self) -> Reading | None:
        """Read from fresh descriptors; ``None`` when the address space changed under us."""
        reading: Reading | None = None
        try:
            reading = self._open_and_read()
        except (OSError, ParseError) as failure:
            reading = self._explain(failure)
        finally:
            if reading is None or reading.status is not ReadStatus.MEASURED or not self._may_stay:
                self.close()
        return reading

    def _open_and_read(self) -> Reading | None:
        self._stat_fd = self._open(f"{self._directory}/stat")
        before = parse_stat(fetch(self._stat_fd))
        if before.start_ticks != self._key.start_ticks:
            return GONE
        self._borrows = not before.has_executed and shares_address_space(before.pid, before.ppid)
        self._statm_fd = self._open(f"{self._directory}/statm")
        status_text = read_file(f"{self._directory}/status")
        refusal = self._open_memory()
        # Read once more, it fails if the process has ended: the files opened meanwhile are its own.
        self._stat_text = fetch(self._stat_fd)
        after = parse_stat(self._stat_text)
        if after.has_executed != before.has_executed:
            return None
        self._family = after.family
        if self._borrows:
            return Reading(ReadStatus.NO_MEMORY, before.name, before.ppid, family=after.family)
        status = parse_status(status_text)
        if status.rss_bytes is None:
            is_exiting = after.is_alive and not after.is_kernel_thread
            return self._read_through_thread(status, is_exiting=is_exiting)
        if refusal is not None:
            if refusal.errno not in DENIED:
                raise refusal
            return _denied(status)
        statm_text = fetch(self._statm_fd)
        self._memory_text = self._fetch(self._memory_fd)
        memory = self._parse(self._memory_text)
        pages = self._pages(self._memory_text, memory, statm_text)
        self._last = _measured(status, memory, self._family, pages)
        return self._last

    def _open_memory(self) -> OSError | None:
        try:
            self._memory_fd = self._open(f"{self._directory}/{self._memory_file}")
        except OSError as refusal:
            # A process without memory has none to open either; its status shows which it is.
            return refusal
        return None

    @property
    def _may_stay(self) -> bool:
        """Whether the descriptors may stay open.

        Not where it is unknown which address space they are bound to: after ``execve`` they would
        go on reporting the parent's memory.
        """
        return self._borrows is False and not self._budget.exceeded

    def _read_through_thread(self, status: Status, *, is_exiting: bool) -> Reading:
        """Read a process by another thread: once the main thread has ended, its files are empty."""
        if status.threads > 1:
            for tid in sorted(map(int, os.listdir(f"{self._directory}/task"))):
                try:
                    reading = self._read_thread(f"{self._directory}/task/{tid}", status)
                except OSError as error:
                    if error.errno not in ENDED:
                        raise
                else:
                    if reading is not None:
                        return reading
        return Reading(ReadStatus.NO_MEMORY, status.name, status.ppid, is_exiting=is_exiting)

    def _read_thread(self, directory: str, status: Status) -> Reading | None:
        of_thread = parse_status(read_file(f"{directory}/status"))
        if of_thread.rss_bytes is None:
            return None
        # A thread may bear a name of its own: name and parent are the process's.
        status = status._replace(
            rss_bytes=of_thread.rss_bytes, rss_peak_bytes=of_thread.rss_peak_bytes
        )
        try:
            fd = self._open(f"{directory}/{self._memory_file}")
        except PermissionError:
            return _denied(status)
        try:
            return _measured(status, self._parse(self._fetch(fd)), self._family)
        finally:
            self._close(fd)

    def _explain(self, failure: Failure) -> Reading | None:
        """Return what a failed read means; ``None`` to read again."""
        if isinstance(failure, OSError):
            raise_if_no_descriptor_is_left(failure)
            if failure.errno in ENDED | DENIED and (hidden := self._hidden()) is not None:
                return hidden
            if failure.errno in ENDED:
                return None if self._is_still_ours() else GONE
            if failure.errno in DENIED:
                return Reading(ReadStatus.DENIED, reason=DenialReason.OTHER_USER)
        return self._unreadable(reason_of(failure))

    def _hidden(self) -> Reading | None:
        """Return what is known of a process that ``/proc`` hides; ``None`` for any other."""
        hidden = self._find_hidden(self._key.pid)
        if hidden is None or hidden.start_ticks != self._key.start_ticks:
            return None
        status, reason = ReadStatus.DENIED, DenialReason.HIDDEN
        if not hidden.is_alive:
            return Reading(ReadStatus.NO_MEMORY, hidden.name, hidden.ppid)
        return Reading(status, hidden.name, hidden.ppid, reason=reason)

    def _unreadable(self, reason: str) -> Reading:
        return Reading(ReadStatus.UNREADABLE, self._last.name, self._last.ppid, reason=reason)

    def _is_still_ours(self) -> bool:
        try:
            stat = parse_stat(read_file(f"{self._directory}/stat"))
        except OSError as error:
            return error.errno not in ENDED
        except ParseError:
            return True
        return stat.start_ticks == self._key.start_ticks

    def _open(self, path: str) -> int:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._budget.take()
        return fd

    def _close(self, fd: int) -> None:
        os.close(fd)
        self._budget.give_back()


def _measured(
    status: Status, memory: Memory, family: int, pages: WalkedPages | None = None
) -> Reading:
    return Reading(
        ReadStatus.MEASURED,
        status.name,
        status.ppid,
        memory,
        status.rss_peak_bytes,
        family=family,
        pages=pages,
    )


def _denied(status: Status) -> Reading:
    known = Memory(rss_bytes=status.rss_bytes, pss_low_bytes=0, pss_high_bytes=status.rss_bytes)
    return Reading(
        ReadStatus.DENIED,
        status.name,
        status.ppid,
        known,
        status.rss_peak_bytes,
        _denial(status.uids),
    )


def _denial(uids: Collection[int]) -> DenialReason:
    """Return why this user may not read a process that runs under these user ids."""
    user = os.geteuid()
    if user == 0:
        return DenialReason.NOT_CAPABLE
    return DenialReason.PROTECTED if {*uids} == {user} else DenialReason.OTHER_USER
