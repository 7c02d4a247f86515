"""The program that a sidecar runs: samples on the grid and on request, until its host ends.

It has one thread, no event loop and few imports, so that it starts fast and stays small. It never
blocks on its host.
"""

from __future__ import annotations

import errno
import os
import select
import time
from typing import Final

from memstat.deferred import undated
from memstat.errors import MemstatError
from memstat.model import ProcessKey
from memstat.proc.descriptors import close_inherited_descriptors, raise_descriptor_limit
from memstat.proc.linux import LinuxProcSource
from memstat.proc.own import key_of
from memstat.proc.signals import is_alive, open_pidfd
from memstat.proc.tree import Scope
from memstat.sampling.clock import Tick, TickGrid
from memstat.sampling.liveness import targets_ended, tree_ended
from memstat.sampling.rate import Rate
from memstat.sampling.sweep import Sweeper
from memstat.sampling.tally import rank
from memstat.sidecars import protocol
from memstat.sidecars.others import SidecarFilter
from memstat.sidecars.outbox import Outbox
from memstat.sidecars.protocol import StartRequest

_STDIN: Final = 0
_STDOUT: Final = 1
_READ_BYTES: Final = 1 << 16
_LISTING_S: Final = 0.05
"""How often to look for new processes of a target that is alone, while others start some."""
_LONGEST_WAIT_S: Final = 1.0
"""How often to check the host where no pidfd reports its end."""


class _HostGone(Exception):
    """The host has ended or closed the pipes."""


def _receive() -> bytes:
    data = os.read(_STDIN, _READ_BYTES)
    if not data:
        raise _HostGone
    return data


def _read_start_request() -> StartRequest:
    # The host sends nothing else before it has the first snapshot.
    data = b""
    while not data.endswith(b"\n"):
        data += _receive()
    return StartRequest.decode(data)


class Host:
    """The process at the other end of the pipes, which the sidecar must not outlive.

    When it ends, the pipes are closed, unless a child that it forked holds them open. So the
    process is watched as well.
    """

    def __init__(self, key: ProcessKey) -> None:
        self.outbox = Outbox()
        self._key = key
        self._source = LinuxProcSource()
        self._received = b""
        self._poll = select.poll()
        self._poll.register(_STDIN, select.POLLIN)
        self._pidfd = open_pidfd(key.pid)
        if self._pidfd is not None:
            self._poll.register(self._pidfd, select.POLLIN)
        self._require_alive()
        os.set_blocking(_STDOUT, False)

    def requests(self, timeout_s: float) -> list[bytes]:
        """Write what is in the outbox; return the requests that arrive within ``timeout_s``."""
        self._poll.register(_STDOUT, select.POLLOUT if self.outbox.head else 0)
        ready = dict(self._poll.poll(1000 * min(max(timeout_s, 0.0), _LONGEST_WAIT_S)))
        if self._pidfd is None or self._pidfd in ready:
            self._require_alive()
        if _STDOUT in ready:
            self._write(ready[_STDOUT])
        if _STDIN in ready:
            self._received += _receive()
        *lines, self._received = self._received.split(b"\n")
        return lines

    def flush(self) -> None:
        """Write everything in the outbox."""
        while self.outbox.head:
            self.requests(_LONGEST_WAIT_S)

    def _write(self, events: int) -> None:
        if events & select.POLLERR:
            raise _HostGone
        try:
            while head := self.outbox.head:
                self.outbox.sent(os.write(_STDOUT, head))
        except BlockingIOError:
            pass
        except BrokenPipeError:
            raise _HostGone from None

    def _require_alive(self) -> None:
        if not is_alive(self._source, self._key):
            raise _HostGone


class Solitude:
    """Saves samples of a target that has no descendants, where the host has asked for it.

    The host then knows from the kernel what the target itself uses. What the target starts must
    still be noticed: while the newest PID stays, nothing has started.
    """

    def __init__(self, sweeper: Sweeper) -> None:
        self.interval_s = 0.0
        """How often to sample a target that is alone; at every tick by default."""
        self._sweeper = sweeper
        self._is_alone = False
        self._sampled_s = self._listed_s = 0.0
        self._newest_pid: int | None = None

    def sampled(self, elapsed_s: float, processes: int) -> None:
        """Take note of a sample."""
        self._is_alone = processes == 1
        self._sampled_s = self._listed_s = elapsed_s

    def makes_needless(self, elapsed_s: float) -> bool:
        """Whether a sample now would show nothing but the target itself."""
        if not self._is_alone or elapsed_s - self._sampled_s >= self.interval_s:
            return False
        newest = self._sweeper.source.newest_pid()
        if newest is not None and newest == self._newest_pid:
            return True
        if elapsed_s - self._listed_s < _LISTING_S:
            return True
        self._listed_s, self._newest_pid = elapsed_s, newest
        return len(self._sweeper.find()) == 1


class SidecarSampler:
    """Takes samples of the target and puts them into the outbox."""

    def __init__(self, request: StartRequest, outbox: Outbox) -> None:
        scope = Scope(
            roots=(request.target,),
            recursive=request.recursive,
            excluded=frozenset({os.getpid()}),
        )
        source = LinuxProcSource()
        self._rate = Rate(request.interval_s)
        self._sweeper = Sweeper(source, scope, request.policy, self._rate.interval_s)
        self._filter = SidecarFilter(source.command_line)
        self._grid = TickGrid(self._rate.interval_s)
        self._outbox = outbox
        self._solitude = Solitude(self._sweeper)
        self._started_s = round(time.monotonic(), 6)
        outbox.put(protocol.started(self._started_s))

    @property
    def until_next_s(self) -> float:
        """Seconds until the next tick; not positive when it is due."""
        return self._grid.next_s - self._elapsed_s()

    def sample_tick(self) -> bool:
        """Take the sample of the tick that is due; return whether the target is alive."""
        elapsed_s = self._elapsed_s()
        tick = self._grid.begin(elapsed_s)
        if self._solitude.makes_needless(elapsed_s):
            return True
        began_s = time.process_time()
        is_going_on = self._sample(tick, walk=False)
        if self._rate.observe(time.process_time() - began_s):
            self._change_interval(self._rate.interval_s)
        return is_going_on

    def answer(self, request: bytes) -> bool:
        """Carry out a request of the host; return whether to go on."""
        match protocol.decode(request):
            case {"kind": "pace", "alone_interval_s": float(interval_s)}:
                self._solitude.interval_s = interval_s
                return True
            case {"kind": "end phase"}:
                self._sample_now()
                self._outbox.put(protocol.boundary(self._elapsed_s()))
            case {"kind": "begin phase"}:
                self._outbox.put(protocol.boundary(self._elapsed_s()))
                self._sample_now()
            case _:
                self._sample_now()
                return False
        self._outbox.put(protocol.done())
        return True

    def _change_interval(self, interval_s: float) -> None:
        self._grid.change(interval_s)
        self._sweeper.expect(interval_s)
        self._outbox.put(protocol.interval(self._elapsed_s(), interval_s))

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    def _sample_now(self) -> None:
        """Take a sample that rests on no estimate: it divides two phases."""
        self._sample(self._grid.begin_last(self._elapsed_s()), walk=True)

    def _sample(self, tick: Tick, *, walk: bool) -> bool:
        snapshot = self._sweeper.sweep(
            tick, self._started_s, interval_s=self._grid.interval_s, walk=walk
        )
        self._solitude.sampled(snapshot.elapsed_s, len(undated(snapshot)))
        snapshot = self._filter.without_sidecars(snapshot)
        if not tree_ended(snapshot):
            self._outbox.put(protocol.snapshot(snapshot), rank(snapshot))
        return not targets_ended(self._sweeper.scope.roots, snapshot)


def serve(sampler: SidecarSampler, host: Host) -> None:
    """Measure until the target ends or the host sends the stop request."""
    going_on = sampler.sample_tick()
    while going_on:
        for request in host.requests(sampler.until_next_s):
            going_on = going_on and sampler.answer(request)
        if going_on and sampler.until_next_s <= 0:
            going_on = sampler.sample_tick()


def _settle_in() -> None:
    """Say hello, and keep nothing of what the host had open or where it was."""
    key = key_of(os.getpid())
    if key is None:
        raise OSError(errno.ESRCH, "the process files of another PID namespace are mounted")
    os.write(_STDOUT, protocol.hello(key))
    os.chdir("/")
    close_inherited_descriptors()
    raise_descriptor_limit()


def main() -> None:
    """Serve the host at the other end of stdin and stdout until it stops or ends."""
    try:
        _settle_in()
        request = _read_start_request()
        host = Host(request.host)
        try:
            serve(SidecarSampler(request, host.outbox), host)
            host.outbox.put(protocol.end())
        except MemstatError as error:
            host.outbox.put(protocol.failed(str(error)))
        host.flush()
    except _HostGone:
        pass
