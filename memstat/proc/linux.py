"""The real ``/proc`` of Linux as a source of processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from memstat.errors import (
    ListingError,
    NoSuchProcess,
    NotAProcess,
    ParseError,
    UnreadableProcess,
    UnsupportedPlatform,
)
from memstat.model import Identity, ProcessKey
from memstat.proc.address_space import order_of_address_spaces
from memstat.proc.descriptors import (
    DescriptorBudget,
    available_descriptors,
    raise_if_no_descriptor_is_left,
)
from memstat.proc.failures import Failure, reason_of
from memstat.proc.files import read_file, read_first_bytes
from memstat.proc.hidden import HiddenProcesses, hides_processes
from memstat.proc.loadavg import LoadAverage
from memstat.proc.parse import parse_stat, parse_status
from memstat.proc.platform import kernel_version, require_linux_kernel
from memstat.proc.reader import LinuxReader, no_hidden
from memstat.proc.rest import is_reported
from memstat.proc.source import MappedReading
from memstat.text import decode_name


class LinuxProcSource:
    """Reads ``/proc``; one source of memory figures, ``smaps_rollup`` or else ``smaps``, for good.

    Raises UnsupportedPlatform when there is neither. ``max_descriptors`` bounds what its readers
    keep open; past it they open and close at every read.
    """

    def __init__(
        self, *, use_rollup: bool | None = None, max_descriptors: int | None = None
    ) -> None:
        require_linux()
        self.use_rollup = (
            os.path.exists("/proc/self/smaps_rollup") if use_rollup is None else use_rollup
        )
        # Since commit 82241a83cd15 of the kernel, statm sums up counters that are kept per CPU.
        self._counts_exactly = kernel_version() >= (6, 16)
        self._shows_rest = is_reported()
        limit = available_descriptors() if max_descriptors is None else max_descriptors
        self.budget = DescriptorBudget(limit)
        self._hidden = HiddenProcesses() if hides_processes() else None
        # Some containers mount a made-up file over it, which need not know our PIDs.
        is_real = os.stat("/proc/loadavg").st_dev == os.stat("/proc").st_dev
        # Hidden processes are found by listings alone.
        self._load_average = (
            LoadAverage(stays_open=self.budget.is_ample)
            if is_real and self._hidden is None
            else None
        )

    def list_processes(self) -> Mapping[int, int]:
        try:
            with os.scandir("/proc") as entries:
                listing = {int(e.name): e.inode() for e in entries if e.name.isdecimal()}
        except OSError as error:
            raise_if_no_descriptor_is_left(error)
            raise ListingError(f"the processes could not be listed: {reason_of(error)}") from error
        return listing if self._hidden is None else self._hidden.complete(listing)

    @property
    def missing_reason(self) -> str | None:
        if self._hidden is None or self._hidden.is_known:
            return None
        return "processes of other users may be missing: /proc hides them (hidepid)"

    def newest_pid(self) -> int | None:
        return None if self._load_average is None else self._load_average.newest_pid()

    def close(self) -> None:
        if self._load_average is not None:
            self._load_average.close()

    def identify(self, pid: int) -> Identity | None:
        try:
            return self._identify(pid)
        except UnreadableProcess:
            return self._identify(pid)

    def _identify(self, pid: int) -> Identity | None:
        try:
            identity = parse_stat(read_file(f"/proc/{pid}/stat"))
        except (ProcessLookupError, FileNotFoundError, PermissionError):
            return self._find_hidden(pid)
        except (OSError, ParseError) as failure:
            raise_if_no_descriptor_is_left(failure)
            raise _unreadable(pid, failure) from failure
        if self._hidden is not None:
            self._hidden.remember(identity)
        return identity

    def _find_hidden(self, pid: int) -> Identity | None:
        if self._hidden is None:
            return None
        found = self._hidden.find(pid)
        if found is None:
            # It may have been hidden since the last listing.
            self.list_processes()
            found = self._hidden.find(pid)
        return found

    def order_of_memory(self, pid: int, other: int) -> int | None:
        return order_of_address_spaces(pid, other)

    def is_thread(self, number: int) -> bool:
        # proc(5): the directory of a thread can be opened too, though it is not listed.
        try:
            return parse_status(read_file(f"/proc/{number}/status")).tgid != number
        except (OSError, ParseError):
            return False

    def require(self, pid: int) -> Identity:
        try:
            status = parse_status(read_file(f"/proc/{pid}/status"))
            identity = parse_stat(read_file(f"/proc/{pid}/stat"))
        except PermissionError:
            raise NoSuchProcess(pid, _hidden(pid)) from None
        except (ProcessLookupError, FileNotFoundError):
            raise NoSuchProcess(pid, _missing(pid)) from None
        except (OSError, ParseError) as failure:
            raise_if_no_descriptor_is_left(failure)
            raise _unreadable(pid, failure) from failure
        if status.tgid != pid:
            raise NotAProcess(
                pid, f"{pid} is a thread of process {status.tgid}: measure {status.tgid} instead"
            )
        return identity

    def command_line(self, key: ProcessKey) -> str | None:
        # proc_pid_cmdline(5): empty for kernel threads and zombies.
        try:
            arguments = read_first_bytes(f"/proc/{key.pid}/cmdline")
            if parse_stat(read_file(f"/proc/{key.pid}/stat")).start_ticks != key.start_ticks:
                return None
        except (OSError, ParseError):
            return None
        return decode_name(arguments.rstrip(b"\0").replace(b"\0", b" ")) or None

    def reader(self, key: ProcessKey) -> LinuxReader:
        return LinuxReader(
            key,
            self.budget,
            rollup=self.use_rollup,
            counts_exactly=self._counts_exactly,
            shows_rest=self._shows_rest,
            find_hidden=self._hidden_finder,
        )

    def mappings(self, key: ProcessKey) -> MappedReading:
        from memstat.proc.mapping_reader import MappingReader  # noqa: PLC0415 - seldom needed

        return MappingReader(key, self.budget, find_hidden=self._hidden_finder).read()

    @property
    def _hidden_finder(self) -> Callable[[int], Identity | None]:
        return no_hidden if self._hidden is None else self._find_hidden


def require_linux() -> None:
    """Raise UnsupportedPlatform unless ``/proc`` reports the memory of processes here."""
    require_linux_kernel()
    if not os.path.exists("/proc/self/smaps"):
        raise UnsupportedPlatform(
            "/proc/self/smaps does not exist: /proc is not mounted, "
            "or this kernel was built without CONFIG_PROC_PAGE_MONITOR"
        )
    if os.readlink("/proc/self") != str(os.getpid()):
        # A PID means another process there than here (pid_namespaces(7)).
        raise UnsupportedPlatform(
            "/proc belongs to another PID namespace: mount it anew (unshare --mount-proc)"
        )


def _unreadable(pid: int, failure: Failure) -> UnreadableProcess:
    return UnreadableProcess(pid, f"process {pid} could not be read: {reason_of(failure)}")


def _missing(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return _hidden(pid)
    except (OSError, OverflowError):
        pass
    return f"no process has PID {pid}"


def _hidden(pid: int) -> str:
    return (
        f"process {pid} belongs to another user and /proc hides it (hidepid): "
        "run as the same user or as root"
    )
