"""A client for asyncio: `AsyncClient`."""

import asyncio
import math
import time
from typing import Any, AsyncIterator, Dict, Generator, List, Optional, Union

import zmq
import zmq.asyncio

from . import connection
from .asking import AsyncCapability
from .client import (DEFAULT, MAX_MESSAGES, WINDOW, Down, Message, Reply, TimeoutOption,
                     actor_headers, down_of, events_payload, message_frames, reply_of,
                     request_headers, seconds_of, unpack_map)
from .connection import Fate, Pauses, Settings
from .contracts import (ImageEmbeddingRequest, TextEmbeddingRequest, TextToImageRequest,
                        TextToTextRequest, VisionRequest)
from .conversation import Conversation, Frames, Sink
from .keys import Key
from .outcomes import Cancelled, Forbidden, Overloaded, TooLarge, TroupeError
from .wire import MAX_FRAMES, MAX_NUMBER, Payload, frames_of

__all__ = ["AsyncClient", "AsyncMonitor", "AsyncStream"]


class _Call(Sink):
    def __init__(self) -> None:
        self.about = 0
        self.future: "asyncio.Future[Frames]" = asyncio.get_running_loop().create_future()

    def reply(self, frames: Frames) -> None:
        if not self.future.done():
            self.future.set_result(frames)

    def error(self, error: TroupeError) -> None:
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # who has left is not to be reminded of it


class AsyncStream(_Call):
    """A request whose reply comes in parts: ``async for`` takes them, `result()` is the rest; as
    `troupe.client.Stream`. To leave early is to cancel: ``async with``, or `close()`."""

    def __init__(self, client: "AsyncClient", window: int) -> None:
        super().__init__()
        self._client = client
        self._parts: "asyncio.Queue[Optional[Frames]]" = asyncio.Queue()
        self._lump = max(1, window // 2)
        self._n_taken = 0
        self._is_at_end = False

    def __aiter__(self) -> "AsyncStream":
        return self

    async def __anext__(self) -> Reply:
        return reply_of(await self.next_frames())

    async def next_frames(self) -> List[bytes]:
        """The next part, always as a list of frames; StopAsyncIteration behind the last."""
        if self._is_at_end:
            raise StopAsyncIteration
        try:
            frames = await self._parts.get()
        except asyncio.CancelledError:
            self.close()
            raise
        if frames is None:
            self._is_at_end = True
            self.future.result()  # raises, if it did not end well
            raise StopAsyncIteration
        self._n_taken += 1
        if self._n_taken % self._lump == 0:
            self._client._calls.grant(self.about, self._lump)
            self._client._wake()
        return frames

    async def result(self) -> Reply:
        """The reply behind the parts; raises the error in which it ended."""
        return reply_of(await self.frames())

    async def frames(self) -> List[bytes]:
        """Likewise, always as a list of frames."""
        return await asyncio.shield(self.future)

    def close(self) -> None:
        """Cancel it if it has not ended, and want no more of it."""
        self._is_at_end = True
        if not self.future.done():
            self._client._calls.cancel(self.about)
            self._client._wake()

    async def __aenter__(self) -> "AsyncStream":
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close()

    def part(self, frames: Frames) -> None:
        self._parts.put_nowait(frames)

    def reply(self, frames: Frames) -> None:
        super().reply(frames)
        self._parts.put_nowait(None)

    def error(self, error: TroupeError) -> None:
        super().error(error)
        self._parts.put_nowait(None)


class AsyncMonitor(Sink):
    """An actor that is monitored: ``down = await monitor``, or `result()`, as
    `troupe.client.Monitor`. A task that is cancelled while it waits leaves the monitor as it is;
    `cancel()` ends it."""

    def __init__(self, client: "AsyncClient", actor: str) -> None:
        self.actor = actor
        self.about = 0
        self._client = client
        self._future: "asyncio.Future[Down]" = asyncio.get_running_loop().create_future()

    def __await__(self) -> Generator[Any, None, Down]:
        return self.result().__await__()

    async def result(self) -> Down:
        """How the actor has ended; raises the error that keeps that from being known."""
        return await asyncio.shield(self._future)

    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def cancel(self) -> None:
        """Be told no more: it ends as Cancelled, unless it has ended first."""
        self._client._calls.cancel(self.about)
        self._client._wake()

    # ---- what the conversation says ----

    def down(self, headers: Dict[str, Any]) -> None:
        self._future.set_result(down_of(self.actor, headers))

    def error(self, error: TroupeError) -> None:
        self._future.set_exception(error)
        self._future.exception()  # nobody has to wait for it


class AsyncClient:
    """A client of a node, for one event loop; it says and promises what `troupe.Client` does. A
    task that is cancelled while it waits for a call cancels the call.

    Use it by ``async with``, or begin by ``await client.open()`` and end by ``close()``."""

    def __init__(self, endpoint: str, *, timeout: Optional[float] = 30.0, heartbeat: float = 5.0,
                 messages: bool = False, key: Optional[Key] = None,
                 server_key: Optional[Key] = None) -> None:
        self.timeout = timeout
        self._settings = Settings.of(endpoint, key, server_key)
        self._calls = Conversation(heartbeat, {"messages": True} if messages else {},
                                   self._take_message)
        self._messages: List[Message] = []
        self._message_waits: Optional["asyncio.Future[None]"] = None
        self._context: Optional[zmq.asyncio.Context] = None
        self._task: Optional["asyncio.Task[None]"] = None
        self._awake: Optional[asyncio.Event] = None
        self._is_leaving = False

    async def open(self) -> "AsyncClient":
        """Begin. Does not wait for the node."""
        if self._task is not None:
            raise RuntimeError("this client is open, or was closed")
        self._awake = asyncio.Event()
        self._context = zmq.asyncio.Context()
        self._task = asyncio.get_running_loop().create_task(self._run(self._context, self._awake))
        return self

    async def close(self) -> None:
        """Say good-bye. What is open ends as Cancelled."""
        if self._task is not None and not self._is_leaving:
            self._is_leaving = True
            self._wake()
            await asyncio.shield(self._task)

    async def __aenter__(self) -> "AsyncClient":
        return await self.open()

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    # ---- calls ----

    async def call(self, capability: str, payload: Payload = None, *,
                   timeout: TimeoutOption = DEFAULT, **options: Any) -> Reply:
        """Call it, and wait for the reply; the options are those of `troupe.Client.call`."""
        return reply_of(await self.call_frames(capability, payload, timeout=timeout, **options))

    async def call_frames(self, capability: str, payload: Payload = None, *,
                          timeout: TimeoutOption = DEFAULT, **options: Any) -> List[bytes]:
        """Likewise, always as a list of frames."""
        call = _Call()
        call.on_status = options.get("on_status")
        return await self._wait(self._start(call, request_headers(capability, **options),
                                            payload, timeout))

    def stream(self, capability: str, payload: Payload = None, *,
               timeout: TimeoutOption = DEFAULT, window: int = WINDOW,
               **options: Any) -> AsyncStream:
        """Likewise, for the parts of the reply; at most `window` are ahead of who takes them."""
        if not 1 <= window <= MAX_NUMBER:
            raise ValueError("a window is of one part at least")
        stream = AsyncStream(self, window)
        stream.on_status = options.get("on_status")
        self._start(stream, {**request_headers(capability, **options), "credit": window},
                    payload, timeout)
        return stream

    vision = AsyncCapability(VisionRequest)
    text_to_image = AsyncCapability(TextToImageRequest)
    text_embedding = AsyncCapability(TextEmbeddingRequest)
    image_embedding = AsyncCapability(ImageEmbeddingRequest)
    text_to_text = AsyncCapability(TextToTextRequest)

    async def send(self, actor: str, payload: Payload = None, *, urgent: bool = False,
                   confirm: bool = False, timeout: TimeoutOption = DEFAULT) -> None:
        """As `troupe.Client.send`."""
        headers = actor_headers(actor, urgent, confirm)
        if confirm:
            await self._wait(self._start(_Call(), headers, payload, timeout, "send"))
            return
        self._check_open()
        frames = message_frames(payload)
        if self._calls.is_full:
            raise Overloaded("too many messages wait to be sent")
        self._calls.send(headers, frames)
        self._wake()

    async def ask(self, actor: str, payload: Payload = None, *,
                  timeout: TimeoutOption = DEFAULT) -> Reply:
        """As `troupe.Client.ask`."""
        return reply_of(await self._wait(self._start(_Call(), actor_headers(actor), payload,
                                                     timeout)))

    def monitor(self, actor: str, *, timeout: TimeoutOption = DEFAULT) -> AsyncMonitor:
        """As `troupe.Client.monitor`."""
        monitor = AsyncMonitor(self, actor)
        self._start(monitor, actor_headers(actor), None, timeout, "monitor")
        return monitor

    async def next_message(self) -> Optional[Message]:
        """The next message of an actor; None when the client was closed. One task at a time."""
        while not self._messages:
            if self._is_leaving or self._task is None or self._task.done():
                return None
            self._message_waits = asyncio.get_running_loop().create_future()
            await self._message_waits
        return self._messages.pop(0)

    async def admin(self, method: str, *frames: Union[bytes, str],
                    timeout: TimeoutOption = DEFAULT) -> Reply:
        """An operation of `troupe.admin`, as docs/protocol.md lists them."""
        return await self.call("troupe.admin", list(frames), method=method, timeout=timeout)

    async def tree(self) -> Dict[str, Any]:
        """The state of the node."""
        return unpack_map(await self.admin("tree"))

    async def stats(self) -> Dict[str, Any]:
        """The metrics of the node."""
        return unpack_map(await self.admin("stats"))

    async def events(self, *only: str, past: int = 0) -> AsyncIterator[Dict[str, Any]]:
        """As `troupe.Client.events`."""
        async with self.stream("troupe.admin", events_payload(only, past), method="events",
                               timeout=None) as stream:
            async for part in stream:
                yield unpack_map(part)

    # ---- inside ----

    def _start(self, call: Any, headers: Dict[str, Any], payload: Payload,
               timeout: TimeoutOption, command: str = "request") -> Any:
        self._check_open()
        call.about = self._calls.start(call, headers, frames_of(payload), time.monotonic(),
                                       seconds_of(timeout, self.timeout), command)
        self._wake()
        return call

    async def _wait(self, call: _Call) -> List[bytes]:
        try:
            return await call.future
        except asyncio.CancelledError:
            self._calls.drop(call.about)
            self._wake()
            raise

    def _check_open(self) -> None:
        if self._task is None or self._is_leaving or self._task.done():
            raise RuntimeError("this client is not open")

    def _wake(self) -> None:
        if self._awake is not None:
            self._awake.set()

    def _take_message(self, sender: str, frames: Frames) -> None:
        if len(self._messages) < MAX_MESSAGES:
            self._messages.append(Message(sender, reply_of(frames)))
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._message_waits is not None and not self._message_waits.done():
            self._message_waits.set_result(None)

    async def _run(self, context: zmq.asyncio.Context, awake: asyncio.Event) -> None:
        """Connections, one after another, until close()."""
        pauses = Pauses()
        try:
            while not self._is_leaving:
                began = time.monotonic()
                fate = await self._connect_once(context, awake)
                self._calls.disconnected(fate.text)
                if fate.is_refused:
                    text = fate.text
                    self._calls.end_all(lambda: Forbidden(text))
                if fate.is_up and time.monotonic() - began > 1:
                    pauses.reset()
                until = time.monotonic() + pauses.next()
                while not self._is_leaving and time.monotonic() < until:
                    await self._sleep(awake, until)
                    self._calls.tick(time.monotonic())
        finally:
            self._is_leaving = True
            self._calls.end_all(lambda: Cancelled("the client was closed"))
            self._wake_reader()
            context.destroy(linger=0)

    @staticmethod
    async def _sleep(awake: asyncio.Event, until: float) -> None:
        try:
            await asyncio.wait_for(awake.wait(), max(0.0, until - time.monotonic()))
        except asyncio.TimeoutError:
            pass
        awake.clear()

    async def _connect_once(self, context: zmq.asyncio.Context, awake: asyncio.Event) -> Fate:
        """One connection, from its beginning to its end; how it ended."""
        try:
            socket, monitor = connection.open_socket(context, self._settings)
        except zmq.ZMQError as error:
            return Fate(is_over=True, text=f"{self._settings.endpoint}: {error}")
        linger_ms = 0
        try:
            fate = await self._watch(socket, monitor, awake)
            if self._is_leaving and fate.is_up:
                linger_ms = connection.LINGER_MS
            return fate
        finally:
            connection.close_socket(socket, monitor, linger_ms)

    async def _watch(self, socket: Any, monitor: Any, awake: asyncio.Event) -> Fate:
        gives_up_at = time.monotonic() + connection.CONNECT_SECONDS
        is_up = False
        readers: Dict[str, "asyncio.Future[Any]"] = {
            "event": monitor.recv_multipart(), "message": socket.recv_multipart(),
            "wake": asyncio.ensure_future(awake.wait())}
        try:
            while True:
                wakes_at = self._calls.wakes_at()
                if not is_up:
                    wakes_at = min(wakes_at, gives_up_at)
                left = None if wakes_at == math.inf else max(0.0, wakes_at - time.monotonic())
                await asyncio.wait(readers.values(), timeout=left,
                                   return_when=asyncio.FIRST_COMPLETED)
                fate = Fate()
                if readers["event"].done():
                    fate = connection.read_event(readers["event"].result())
                    readers["event"] = monitor.recv_multipart()
                if fate.is_up:
                    is_up = True
                    self._calls.connected(time.monotonic())
                if not await self._read(socket, readers):
                    return Fate(is_up, True, text="the node has cut the connection off")
                if fate.is_over:
                    self._read_rest(socket, readers["message"])
                    return fate._replace(is_up=is_up)
                now = time.monotonic()
                if not is_up and now >= gives_up_at:
                    return Fate(text="the node cannot be reached")
                if not self._calls.tick(now):
                    return Fate(is_up, text="the node has been silent for too long")
                if readers["wake"].done():
                    awake.clear()
                    readers["wake"] = asyncio.ensure_future(awake.wait())
                if self._is_leaving:
                    self._calls.end_all(lambda: Cancelled("the client was closed"))
                    self._calls.say("bye")
                if is_up and not await self._write(socket):
                    return Fate(is_up, text="the node does not read")
                if self._is_leaving:
                    return Fate(is_up)
        finally:
            for one in readers.values():
                one.cancel()
            await asyncio.wait(readers.values())

    async def _read(self, socket: Any, readers: Dict[str, "asyncio.Future[Any]"]) -> bool:
        """All that has come; False when that was the end."""
        while readers["message"].done():
            if not self._calls.hear(readers["message"].result(), time.monotonic()):
                return False
            readers["message"] = socket.recv_multipart()
        return True

    def _read_rest(self, socket: Any, reader: "asyncio.Future[Any]") -> None:
        """What had come before the connection was lost, and the event loop has not seen yet."""
        reader.cancel()
        plain = zmq.Socket.shadow(socket.underlying)
        while True:
            try:
                self._calls.hear(plain.recv_multipart(zmq.NOBLOCK), time.monotonic())
            except zmq.Again:
                return

    async def _write(self, socket: Any) -> bool:
        """Send what there is. False: the node has taken nothing for too long."""
        for message in self._calls.take_messages(time.monotonic()):
            try:
                await asyncio.wait_for(socket.send_multipart(message),
                                       max(15.0, 3 * self._calls.heartbeat))
            except asyncio.TimeoutError:
                return False
        return True
