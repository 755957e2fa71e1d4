"""One HTTP/2 connection with its gRPC calls."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, cast

from h2.errors import ErrorCodes

from gcptasks.base.budget import Share
from gcptasks.base.deadlines import Deadlines, Expiring
from gcptasks.base.log_text import log_text
from gcptasks.rpc import grpc
from gcptasks.rpc.framing import FIRST_WINDOW, Framing
from gcptasks.rpc.header_lists import Fields
from gcptasks.rpc.limits import ListenerLimits
from gcptasks.wire.codes import Code, Status, status_of

_log = logging.getLogger("gcptasks.rpc")

_LATE = Status(Code.DEADLINE_EXCEEDED, "Deadline Exceeded")
_SLOW = Status(Code.DEADLINE_EXCEEDED, "The request did not arrive in time.")
_FULL = Status(Code.RESOURCE_EXHAUSTED, "The service holds as many bytes of requests and responses as it may.")
_STOPPED = Status(Code.UNAVAILABLE, "The service is stopping.")

_CHUNK = 8192
"""Bytes that are read at a time: some twenty calls, whose responses leave before more is read. With all that is there
(asyncio reads 256 KiB) client and server would take turns, each waiting for the other's whole batch."""
_LARGE = 64 * 1024
"""Bytes of a message that take the loop a while."""
_PADDING = 1024
"""Bytes of a stream's window beyond the request, so that padding, which is given back, fits at its end as well."""
_CALL = 4096
"""Bytes that a call takes beside its message."""
_LINGER = 1.0
"""Seconds in which a client should notice that we closed, or read on."""


class Handler(Protocol):
    """Handles calls: the message of a method such as `/google.cloud.tasks.v2.CloudTasks/CreateTask`.

    An error of `gcptasks.base.errors` becomes its status. Cancelled when the client cancels the call or is gone,
    so what it awaits must happen whole or not at all. A passed deadline is answered without it: it goes on.
    """

    def __call__(self, method: str, message: bytes) -> Coroutine[Any, Any, bytes]: ...


class _Call(Expiring):
    """One request, from its headers to its response."""

    __slots__ = ("_late", "granted", "held", "incoming", "message", "opening", "patience", "rest", "stream", "task")

    incoming: grpc.Incoming
    """What has arrived of the message, unless it came whole."""

    def __init__(self, stream: int, opening: grpc.Opening, late: Callable[["_Call"], None]) -> None:
        """`late` is called when the client waits no longer."""
        self.stream = stream
        self.opening = opening
        self.message: bytes | None = None
        self._late = late
        self.timer = self.others = None
        self.held = self.granted = 0
        """Bytes of memory that it counts for: from its beginning, and what it asked for."""
        self.rest: asyncio.TimerHandle | None = None
        """Runs until its message is whole."""
        self.patience: asyncio.TimerHandle | None = None
        """Runs while it waits for memory."""
        self.task: asyncio.Task[None] | None = None

    def expire(self) -> None:
        self._late(self)


class Http2(asyncio.BufferedProtocol):
    """Serves one client. Give it the bytes from the preface on."""

    def __init__(self, handle: Handler, limits: ListenerLimits, share: Share, connections: set["Http2"]) -> None:
        """`share`: the memory that it may fill. `connections`: where it is found while it is open."""
        self._handle = handle
        self._limits = limits
        self._connections = connections
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._share = share
        self._framing = Framing(self, limits, share)
        self._calls: dict[int, _Call] = {}
        """Those without a response, by stream."""
        self._arriving: dict[int, _Call] = {}
        """Of these, the ones whose message is not whole."""
        self._begun: list[_Call] = []
        """Those that the last bytes began."""
        self._running: dict[asyncio.Task[None], _Call] = {}
        self._in_turn: deque[asyncio.Future[None]] = deque()
        """Calls that wait for their turn, mostly until the client reads the responses before."""
        self._has_worked = False
        """Whether it had something large in this turn of the loop, of which it may have one."""
        self._deadlines = Deadlines()
        self._spare_resets = limits.resets
        self._draining = False
        self._buffer = memoryview(bytearray(_CHUNK))
        self._flushing = False
        self._is_paused = False
        self._closing = False
        self._heard = True
        self._pinged = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # that of uvloop does not derive from it
        self._transport = transport
        self._connections.add(self)
        self._silence = self._limits.silence.total_seconds()
        self._watch = self._loop.call_later(self._silence, self._look)
        self._framing.start()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._heard = True
        open_ = self._framing.receive(data)
        for call in self._begun:
            if call.stream in self._arriving:
                self._expect_rest(call)
        self._begun.clear()
        self._flush_soon()
        if not open_:
            self.close()

    def pause_writing(self) -> None:
        # A client that does not read what it asked for may not ask for more.
        self._is_paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._heard = True
        self._is_paused = False
        self._transport.resume_reading()
        self._flush_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self.closed.set_result(None)
        self._watch.cancel()
        for stream in tuple(self._calls):
            self._drop(stream)
        self._framing.unsent.forget_all()
        for task in self._running:
            task.cancel()

    def drain(self) -> None:
        """Take no more calls; close once those under way are answered."""
        self._draining = True
        self._framing.go_away()
        self._flush_soon()

    def abandon(self) -> None:
        """Take no more calls, cancel those that run, close."""
        for call in tuple(self._calls.values()):
            self._refuse(call, _STOPPED)
        for task in self._running:
            task.cancel()
        self.close()

    def close(self) -> None:
        """Say no more, and close once the client has: bytes of its that nobody reads would cost it our last ones."""
        if not self._closing:
            self._send()
            self._closing = True
            try:
                self._transport.write_eof()
            except OSError:  # the client has reset the connection, which we have not been told yet
                self._transport.abort()
            self._watch.cancel()
            self._watch = self._loop.call_later(_LINGER, self._part, self._unsent())

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # What the client sent, as `framing.Sink`.

    def begun(self, stream: int, headers: Fields) -> None:
        if call := self._open(stream, headers):
            self._expect(call)
            self._begun.append(call)
            self._hold(call, _CALL + FIRST_WINDOW)

    def came(self, stream: int, headers: Fields, body: bytes) -> None:
        if call := self._open(stream, headers):
            self._hold(call, _CALL + len(body))
            call.message = grpc.plain(body, self._limits.message)
            if call.message is None:
                self._expect(call)
                self.received(stream, body)
                self.ended(stream)
            else:
                self._start(call)

    def received(self, stream: int, data: bytes) -> None:
        if call := self._arriving.get(stream):
            known = call.incoming.size
            try:
                call.incoming.feed(data)
            except grpc.Refused as refused:
                self._refuse(call, refused.status)
            else:
                if known is None and (size := call.incoming.size):
                    self._size_known(call, size)
                elif _CALL + call.incoming.arrived > call.held:
                    # It does not know yet, or care, that its window is smaller than the default.
                    self._hold(call, _CALL + call.incoming.arrived)

    def ended(self, stream: int) -> None:
        if call := self._arriving.pop(stream, None):
            if more := call.incoming.unpacked():
                self._ask(call, more, lambda: self._start(call))
            else:
                self._start(call)

    def gone(self, stream: int) -> None:
        call = self._drop(stream)
        if call and call.task:
            call.task.cancel()
        self._spare_resets -= 1
        if self._spare_resets < 0 and not self._draining:
            self._draining = True
            self._framing.go_away(ErrorCodes.ENHANCE_YOUR_CALM)
            self._loop.call_soon(self.close)

    # Calls.

    def _open(self, stream: int, headers: Fields) -> _Call | None:
        """A call of these headers; None if it was refused."""
        if self._draining or self._is_busy():
            self._framing.reset(stream, ErrorCodes.REFUSED_STREAM)
            return None
        try:
            opening = grpc.opening(headers)
        except grpc.NotGrpc as not_grpc:
            self._framing.refuse_in_full(stream, not_grpc.headers, not_grpc.text, not_grpc.trailers)
        except grpc.Refused as refused:
            self._framing.refuse(stream, grpc.refusal(refused.status), complete=False)
        else:
            call = self._calls[stream] = _Call(stream, opening, self._expired)
            if opening.timeout is not None:
                call.loop = self._loop
                call.until = self._loop.time() + opening.timeout
                self._deadlines.add(call)
            return call
        return None

    def _is_busy(self) -> bool:
        # A call whose client reset it is cancelled, which may take it a moment: those count as well, otherwise
        # opening and resetting would start calls without end (CVE-2023-44487).
        unsent = self._framing.unsent
        return (
            len(self._running) >= self._limits.streams
            or len(self._calls) + len(unsent) >= self._limits.streams
            or unsent.bytes > self._limits.memory // 8
            or self._share.is_full()
        )

    def _expect(self, call: _Call) -> None:
        """Its message is still to come, or to be looked at."""
        self._arriving[call.stream] = call
        call.incoming = grpc.Incoming(self._limits.message)

    def _size_known(self, call: _Call, size: int) -> None:
        more = size - FIRST_WINDOW
        if more <= 0:
            self._hold(call, _CALL + size)
        else:
            self._ask(call, more, lambda: self._framing.grant(call.stream, more + _PADDING))

    def _message(self, call: _Call) -> bytes:
        """The request's message; `Refused` if it is none."""
        if call.message is not None:
            return call.message
        message = call.incoming.read(call.opening.encoding)
        del call.incoming
        if (spare := call.granted - len(message)) > 0:
            self._share.grant(-spare)
            call.granted -= spare
        self._note_size(message)
        return message

    def _note_size(self, message: bytes) -> None:
        if len(message) > _LARGE:
            self._has_worked = True
            self._flush_soon()

    def _hold(self, call: _Call, size: int) -> None:
        """Count so many bytes for the call from now on."""
        self._share.hold(size - call.held)
        call.held = size

    def _release(self, call: _Call) -> None:
        self._hold(call, 0)
        if call.granted:
            self._share.grant(-call.granted)
            call.granted = 0

    def _ask(self, call: _Call, more: int, then: Callable[[], None]) -> None:
        """Go on with the call as soon as it may take `more` bytes."""

        def ready() -> None:
            self._stop_waiting(call)
            call.granted += more
            then()

        if not self._share.ask(call.stream, more, ready):
            self._wait_for_memory(call)

    def _wait_for_memory(self, call: _Call) -> None:
        call.patience = self._loop.call_later(self._limits.memory_within.total_seconds(), self._give_up, call)

    def _stop_waiting(self, call: _Call) -> None:
        if call.patience:
            call.patience.cancel()
            call.patience = None

    def _give_up(self, call: _Call) -> None:
        self._refuse(call, _FULL)
        if call.task:
            call.task.cancel()

    async def _until_its_turn(self, call: _Call) -> None:
        """Return once the client has read what it asked for before, and the loop has seen to others."""
        self._wait_for_memory(call)
        while self._has_enough():
            turn = self._loop.create_future()
            self._in_turn.append(turn)
            await turn
        self._stop_waiting(call)

    def _has_enough(self) -> bool:
        return self._has_worked or self._framing.unsent.bytes > self._share.limit()

    def _start(self, call: _Call) -> None:
        if call.rest:
            call.rest.cancel()
        call.task = self._loop.create_task(self._run(call))
        self._running[call.task] = call
        call.task.add_done_callback(self._ran)

    async def _run(self, call: _Call) -> None:
        try:
            if self._has_enough():
                await self._until_its_turn(call)
            response = await self._handle(call.opening.method, self._message(call))
        except asyncio.CancelledError:
            self._refuse(call, _STOPPED)
            raise
        except grpc.Refused as refused:
            self._refuse(call, refused.status)
        except Exception as error:
            status = status_of(error)
            if status.code is Code.INTERNAL:
                _log.exception("%s failed", log_text(call.opening.method))
            self._refuse(call, status)
        else:
            if not self._share.has_room(len(response)):
                self._refuse(call, _FULL)
            elif self._drop(call.stream):
                self._spare_resets = min(self._spare_resets + 1, self._limits.resets)
                self._note_size(response)
                self._framing.respond(call.stream, grpc.OK_HEADERS, grpc.framed(response), grpc.OK_TRAILERS)
                self._flush_soon()

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._release(self._running.pop(task))
        if self._draining or self._in_turn:
            self._flush_soon()

    def _expired(self, call: _Call) -> None:
        self._refuse(call, _LATE)

    def _refuse(self, call: _Call, status: Status) -> None:
        """Answer the call with an error, unless it has its response."""
        complete = call.stream not in self._arriving
        if self._drop(call.stream):
            self._framing.refuse(call.stream, grpc.refusal(status), complete=complete)
            self._flush_soon()

    def _drop(self, stream: int) -> _Call | None:
        """Take the call out of the books, and return it; None if it was out already."""
        call = self._calls.pop(stream, None)
        if call:
            self._deadlines.remove(call)
            if call.rest:
                call.rest.cancel()
            if call.patience:
                self._stop_waiting(call)
                self._share.forget(stream)
            if call.task is None:
                self._release(call)
            self._arriving.pop(stream, None)
        return call

    def _expect_rest(self, call: _Call) -> None:
        rest_due = self._loop.time() + self._limits.request.total_seconds()
        call.rest = self._loop.call_at(rest_due, self._refuse, call, _SLOW)

    # The connection.

    def _flush_soon(self) -> None:
        # Once per turn of the loop: responses that are ready together leave in one write.
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._send()
        if not self._is_paused and self._framing.unsent.socket_opened():
            self._flush_soon()
        self._has_worked = False
        if self._in_turn and not self._has_enough():
            self._let_one_go_on()
        if self._draining and not (self._calls or self._running or self._framing.unsent):
            self.close()

    def _let_one_go_on(self) -> None:
        # One, as its response may be large; it flushes, and then the next goes on.
        while self._in_turn:
            if not (turn := self._in_turn.popleft()).done():
                turn.set_result(None)
                return

    def _send(self) -> None:
        if not (self._closing or self._transport.is_closing()) and (data := self._framing.take()):
            self._transport.write(data)

    def _part(self, unsent: int) -> None:
        """Close for good, unless the client is still reading."""
        if 0 < (left := self._unsent()) < unsent:
            self._watch = self._loop.call_later(_LINGER, self._part, left)
        else:
            self.abort()

    def _unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def _look(self) -> None:
        if self._heard:
            self._heard = self._pinged = False
        elif self._pinged:
            _log.info("closing a connection: no sign of life from the client")
            self.abort()
            return
        else:
            self._pinged = True
            self._framing.ping()
            self._flush_soon()
        self._framing.forgive()
        self._watch = self._loop.call_later(self._silence, self._look)
