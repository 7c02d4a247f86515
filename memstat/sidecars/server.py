"""The sidecar itself: samples on the grid and on request, and ends when its host does.

One thread, no event loop and nothing imported that it does not need: it starts in a moment and is
small. It never blocks on its host.
"""

from __future__ import annotations

import os
import select
import time
from typing import Final

from memstat.errors import MemstatError
from memstat.proc.descriptors import raise_descriptor_limit
from memstat.proc.linux import LinuxProcSource
from memstat.proc.signals import is_alive, open_pidfd
from memstat.sampling.clock import Tick, TickGrid
from memstat.sampling.liveness import targets_ended, tree_ended
from memstat.sampling.sweep import Sweeper
from memstat.sidecars import protocol
from memstat.sidecars.outbox import Outbox
from memstat.sidecars.protocol import StartRequest

_STDIN: Final = 0
_STDOUT: Final = 1
_READ_BYTES: Final = 1 << 16
_LONGEST_WAIT_S: Final = 1.0
"""Where the kernel cannot wake us when the host ends, we look this often."""


class _HostGone(Exception):
    """Nobody is there to measure for."""


def _receive() -> bytes:
    data = os.read(_STDIN, _READ_BYTES)
    if not data:
        raise _HostGone
    return data


def _read_start_request() -> StartRequest:
    # The host says nothing else before it has the first snapshot.
    data = b""
    while not data.endswith(b"\n"):
        data += _receive()
    return StartRequest.decode(data)


class Host:
    """The other end of the pipes, and the process that must not be outlived.

    Its end closes the pipes, unless a child that it forked holds them open: so it is watched too.
    """

    def __init__(self, order: StartRequest) -> None:
        self.outbox = Outbox()
        self._key = order.host
        self._source = LinuxProcSource()
        self._received = b""
        self._poll = select.poll()
        self._poll.register(_STDIN, select.POLLIN)
        self._pidfd = open_pidfd(order.host.pid)
        if self._pidfd is not None:
            self._poll.register(self._pidfd, select.POLLIN)
        self._require_alive()
        os.set_blocking(_STDOUT, False)

    def requests(self, timeout_s: float) -> list[bytes]:
        """Write what waits, and return the requests that came within so many seconds."""
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
        """Write all that waits."""
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


class Measurement:
    """Takes samples and puts them into the outbox."""

    def __init__(self, order: StartRequest, outbox: Outbox) -> None:
        source = LinuxProcSource()
        excluded = {os.getpid()}
        self._sweeper = Sweeper(
            source, [order.target], recursive=order.recursive, excluded=excluded
        )
        self._grid = TickGrid(order.interval_s)
        self._outbox = outbox
        self._started_s = time.monotonic()
        outbox.put(protocol.started(self._started_s))

    @property
    def until_next_s(self) -> float:
        return self._grid.next_s - self._elapsed_s()

    def sample_tick(self) -> bool:
        """Sample the tick that is due; whether the target is alive."""
        return self._sample(self._grid.begin(self._elapsed_s()))

    def answer(self, request: bytes) -> bool:
        """Do what the host asks for; whether to go on."""
        match protocol.decode(request):
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

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    def _sample_now(self) -> None:
        self._sample(self._grid.begin_last(self._elapsed_s()))

    def _sample(self, tick: Tick) -> bool:
        self._sweeper.begin()
        self._sweeper.drain()
        snapshot = self._sweeper.finish(tick, self._started_s)
        if not tree_ended(snapshot):
            self._outbox.put(protocol.snapshot(snapshot), snapshot.total.pss_bytes or 0)
        return not targets_ended(self._sweeper.roots, snapshot)


def serve(order: StartRequest, host: Host) -> None:
    """Measure until the target ends or the host says stop."""
    measurement = Measurement(order, host.outbox)
    going_on = measurement.sample_tick()
    while going_on:
        for request in host.requests(measurement.until_next_s):
            going_on = going_on and measurement.answer(request)
        if going_on and measurement.until_next_s <= 0:
            going_on = measurement.sample_tick()


def main() -> None:
    """Serve the host at the other end of stdin and stdout until it is gone or has enough."""
    try:
        raise_descriptor_limit()
        order = _read_start_request()
        host = Host(order)
        try:
            serve(order, host)
            host.outbox.put(protocol.end())
        except MemstatError as error:
            host.outbox.put(protocol.failed(str(error)))
        host.flush()
    except _HostGone:
        pass
