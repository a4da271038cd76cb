"""A client that blocks: `Client`, and the calls that it has under way."""

import abc
import queue
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import (Any, Callable, Deque, Dict, Iterator, List, NamedTuple, Optional, Sequence,
                    Type, Union)

import msgpack  # type: ignore[import]

from .asking import Capability
from .connection import Fate, Settings
from .contracts import (ImageEmbeddingRequest, TextEmbeddingRequest, TextToImageRequest,
                        TextToTextRequest, VisionRequest)
from .conversation import Conversation, Frames, Sink, Status
from .keys import Key
from .loop import Loop
from .outcomes import Cancelled, Forbidden, Overloaded, TooLarge, TroupeError
from .refs import To, address_of
from .wire import MAX_FRAMES, MAX_NUMBER, Payload, encode, frames_of

Reply = Union[bytes, List[bytes]]
#: A reply, or a part: the bytes of its one frame, b"" if it has none, else a list of its frames.

WINDOW = 16  # parts of a stream that may be on their way or wait to be taken
MAX_MESSAGES = 10000  # of actors, that wait to be taken
ASK_SECONDS = 5.0  # that an actor has to answer, where nothing else is said


class _Default:
    """The time that the client was given for calls without one of their own."""

    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT = _Default()
TimeoutOption = Union[float, None, _Default]


def seconds_of(timeout: TimeoutOption, default: Optional[float]) -> Optional[float]:
    """What a caller has said, or else the default."""
    return default if isinstance(timeout, _Default) else timeout


class Message(NamedTuple):
    """What an actor has sent to this client."""

    sender: str
    payload: Reply


class Down(NamedTuple):
    """How an actor that was monitored has ended.

    ``name``    of the actor
    ``reason``  ``normal``, ``shutdown``, ``failed``, ``crashed``, ``exited``, ``hung``, ``lost``, …;
                ``gone``: there was nobody called so
    ``code``    the signal of one that has ``crashed``, the status of one that has ``exited``
    ``text``    what has failed, in words, or ""
    """

    name: str
    reason: str
    code: Optional[int] = None
    text: str = ""

    def __str__(self) -> str:
        told = self.reason if self.code is None else f"{self.reason} ({self.code})"
        return f"{told}: {self.text}" if self.text else told


def down_of(actor: str, headers: Dict[str, Any]) -> Down:
    """What the node says of that."""
    return Down(headers.get("from", actor), headers.get("reason", "failed"),
                headers.get("reason-code"), headers.get("text", ""))


def reply_of(frames: Frames) -> Reply:
    """A payload, as callers get it."""
    if len(frames) == 1:
        return frames[0]
    return frames if frames else b""


def request_headers(capability: str, method: str = "", priority: str = "normal",
                    sticky: Union[bytes, str, None] = None,
                    dedup: Union[bytes, str, None] = None,
                    traceparent: Optional[str] = None, on_disconnect: str = "cancel",
                    on_status: Optional[Callable[[Status], None]] = None) -> Dict[str, Any]:
    """The headers of a request, checked. ValueError for what no node takes."""
    if not capability:
        raise ValueError("which capability?")
    headers = {"capability": capability, "method": method or None,
               "priority": None if priority == "normal" else priority,
               "sticky": sticky, "dedup": dedup, "traceparent": traceparent,
               "on-disconnect": None if on_disconnect == "cancel" else on_disconnect,
               "wants-status": True if on_status else None}
    told = {key: value for key, value in headers.items() if value is not None}
    encode("request", 1, told)
    return told


def actor_headers(actor: To, urgent: bool = False, confirm: bool = False) -> Dict[str, Any]:
    """Those of what is for an actor, likewise."""
    told = address_of(actor)
    if urgent:
        told["urgent"] = True
    if confirm:
        told["confirm"] = True
    return told


def message_frames(payload: Payload) -> List[bytes]:
    """The frames of a message. TooLarge for more than it may have."""
    frames = frames_of(payload)
    if len(frames) > MAX_FRAMES:
        raise TooLarge(f"a message has at most {MAX_FRAMES} frames")
    return frames


def events_payload(only: Sequence[str], past: int) -> List[bytes]:
    """The question of what `troupe.admin` tells of what happens."""
    return [" ".join(only).encode(), str(past).encode()]


class Inbox:
    """Messages of actors that nobody has taken yet; any thread may put and take."""

    def __init__(self) -> None:
        self.n_lost = 0
        self._messages: Deque[Message] = deque()
        self._changed = threading.Condition()
        self._is_over = False

    def put(self, sender: str, frames: Frames) -> None:
        with self._changed:
            if len(self._messages) >= MAX_MESSAGES:
                self.n_lost += 1
                return
            self._messages.append(Message(sender, reply_of(frames)))
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def take(self, timeout: Optional[float]) -> Optional[Message]:
        with self._changed:
            self._changed.wait_for(lambda: self._messages or self._is_over, timeout)
            return self._messages.popleft() if self._messages else None


class Call(Sink):
    """A request that is under way. Any thread may wait for it, or cancel it."""

    def __init__(self, caller: "Caller") -> None:
        self._caller = caller
        self._about = 0  # known and used by the caller's own thread
        self._to: Optional[To] = None  # a reference is good for as long as it is kept
        self._future: "Future[Frames]" = Future()

    def result(self, timeout: Optional[float] = None) -> Reply:
        """Its reply, or the error in which it ended is raised. `timeout` bounds the waiting and
        not the request: when it passes, TimeoutError (of concurrent.futures) is raised, and the
        request goes on."""
        return reply_of(self.frames(timeout))

    def frames(self, timeout: Optional[float] = None) -> List[bytes]:
        """Likewise, always as a list of frames."""
        self._caller._wait_begins()
        try:
            return self._future.result(timeout)
        finally:
            self._caller._wait_ends()

    def wait_frames(self) -> List[bytes]:
        """Likewise, for as long as it takes; who interrupts the waiting ends the request."""
        try:
            return self.frames()
        except KeyboardInterrupt:
            self.cancel()
            raise

    def _wait(self) -> Reply:
        return reply_of(self.wait_frames())

    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def cancel(self) -> None:
        """Ask for its end: it ends as Cancelled, unless it has ended first."""
        self._caller._post(lambda: self._caller._calls.cancel(self._about), is_late_fine=True)

    def add_done_callback(self, do: Any) -> None:
        """Call `do(call)` when it has ended, on the client's own thread, which must not be held."""
        self._future.add_done_callback(lambda _: do(self))

    # ---- what the conversation says ----

    def reply(self, frames: Frames) -> None:
        self._future.set_result(frames)

    def error(self, error: TroupeError) -> None:
        self._future.set_exception(error)


class Stream(Call):
    """A request whose reply comes in parts. Iterate over it for the parts, then ask for
    `result()`; the error in which it ended, if any, is raised behind the last part.

    At most `window` parts are on their way or wait to be taken. One that is left early should be
    closed, by `close()` or at the end of its `with`: then it is cancelled."""

    def __init__(self, caller: "Caller", window: int) -> None:
        super().__init__(caller)
        self._parts: "queue.SimpleQueue[Optional[Frames]]" = queue.SimpleQueue()
        self._lump = max(1, window // 2)
        self._n_taken = 0
        self._is_at_end = False

    def __iter__(self) -> Iterator[Reply]:
        return self

    def __next__(self) -> Reply:
        return reply_of(self.next_frames())

    def next_frames(self) -> List[bytes]:
        """The next part, always as a list of frames; StopIteration behind the last."""
        if self._is_at_end:
            raise StopIteration
        self._caller._wait_begins()
        try:
            frames = self._parts.get()
        finally:
            self._caller._wait_ends()
        if frames is None:
            self._is_at_end = True
            self._future.result()  # raises, if it did not end well
            raise StopIteration
        self._n_taken += 1
        if self._n_taken % self._lump == 0:
            self._caller._post(lambda: self._caller._calls.grant(self._about, self._lump),
                               is_late_fine=True)
        return frames

    def close(self) -> None:
        """Cancel it if it has not ended, and want no more of it."""
        self._is_at_end = True
        if not self.done():
            self.cancel()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def part(self, frames: Frames) -> None:
        self._parts.put(frames)

    def reply(self, frames: Frames) -> None:
        super().reply(frames)
        self._parts.put(None)

    def error(self, error: TroupeError) -> None:
        super().error(error)
        self._parts.put(None)


class Monitor(Sink):
    """An actor that is monitored, until it goes down. Any thread may wait for that."""

    def __init__(self, client: "Client", actor: str) -> None:
        self.actor = actor
        self._client = client
        self._about = 0  # known and used by the client's own thread
        self._future: "Future[Down]" = Future()

    def result(self, timeout: Optional[float] = None) -> Down:
        """How the actor has ended. Raises the error that keeps that from being known: Forbidden,
        Overloaded, WorkerLost when the connection was lost, ShuttingDown when the node stops,
        Cancelled. `timeout` bounds the waiting and not the monitor: when it passes, TimeoutError
        (of concurrent.futures) is raised, and the monitor goes on."""
        return self._future.result(timeout)

    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    def cancel(self) -> None:
        """Be told no more: it ends as Cancelled, unless it has ended first."""
        self._client._post(lambda: self._client._calls.cancel(self._about), is_late_fine=True)

    def add_done_callback(self, do: Any) -> None:
        """Call `do(monitor)` when it has ended, on the client's own thread, which must not be
        held."""
        self._future.add_done_callback(lambda _: do(self))

    # ---- what the conversation says ----

    def down(self, headers: Dict[str, Any]) -> None:
        self._future.set_result(down_of(self.actor, headers))

    def error(self, error: TroupeError) -> None:
        self._future.set_exception(error)


class Caller(abc.ABC):
    """Who may call capabilities and actors: a client, and a worker for its handlers."""

    #: Seconds for calls that say nothing else; None: as the capability says.
    timeout: Optional[float] = None
    _calls: Conversation

    @abc.abstractmethod
    def _post(self, do: Callable[[], None], is_late_fine: bool = False) -> None:
        """Have it done by the thread that owns `_calls`; RuntimeError when there is none any
        more, unless that is fine."""

    def _wait_begins(self) -> None:
        """A thread waits for something that it has called."""

    def _wait_ends(self) -> None:
        """It waits no more."""

    # ---- calls ----

    def call(self, capability: str, payload: Payload = None, *, method: str = "",
             timeout: TimeoutOption = DEFAULT, priority: str = "normal",
             sticky: Union[bytes, str, None] = None, dedup: Union[bytes, str, None] = None,
             traceparent: Optional[str] = None, on_disconnect: str = "cancel",
             on_status: Optional[Callable[[Status], None]] = None) -> Reply:
        """Call it, and wait for the reply: the bytes of its frame, or a list if it has several.
        Parts before it are dropped; stream() has them. Raises the error in which it ends.

        ``payload``   bytes, a text, or a list of them, a frame each
        ``timeout``   seconds; None: as the capability says
        ``priority``  ``critical``, ``high``, ``normal``, ``low``, ``batch``
        ``sticky``    requests with equal keys go to the same worker, if the capability is so
        ``dedup``     requests with equal keys share a run
        ``on_disconnect``  ``finish``: it goes on when this client has gone
        ``on_status``  called with a Status when it begins to wait and when a worker gets it, on
                       the client's own thread, which must not be held
        """
        return self.start(capability, payload, method=method, timeout=timeout, priority=priority,
                          sticky=sticky, dedup=dedup, traceparent=traceparent,
                          on_disconnect=on_disconnect, on_status=on_status)._wait()

    def start(self, capability: str, payload: Payload = None, *,
              timeout: TimeoutOption = DEFAULT, **options: Any) -> Call:
        """Likewise, without waiting: for many calls at a time, and for calls to be cancelled."""
        call = Call(self)
        call.on_status = options.get("on_status")
        self._start(call, request_headers(capability, **options), payload, timeout)
        return call

    def stream(self, capability: str, payload: Payload = None, *,
               timeout: TimeoutOption = DEFAULT, window: int = WINDOW,
               **options: Any) -> Stream:
        """Likewise, for the parts of the reply. The node sends no more than `window` of them
        ahead of who takes them."""
        if not 1 <= window <= MAX_NUMBER:
            raise ValueError("a window is of one part at least")
        stream = Stream(self, window)
        stream.on_status = options.get("on_status")
        self._start(stream, {**request_headers(capability, **options), "credit": window},
                    payload, timeout)
        return stream

    # ---- the typed capabilities ----

    vision = Capability(VisionRequest)
    text_to_image = Capability(TextToImageRequest)
    text_embedding = Capability(TextEmbeddingRequest)
    image_embedding = Capability(ImageEmbeddingRequest)
    text_to_text = Capability(TextToTextRequest)

    # ---- actors ----

    def send(self, actor: To, payload: Payload = None, *, urgent: bool = False,
             confirm: bool = False, timeout: TimeoutOption = DEFAULT) -> None:
        """Send a message to an actor. With `confirm` it is in the actor's mailbox on return, or
        an error is raised; without, nothing is known, and nothing is waited for: Overloaded is
        raised when too many wait to be sent."""
        headers = actor_headers(actor, urgent, confirm)
        if confirm:
            call = Call(self)
            self._start(call, headers, payload, timeout, "send")
            call._wait()
        else:
            frames = message_frames(payload)

            def send(_: To = actor) -> None:
                self._calls.send(headers, frames)

            self._post_message(send)

    def ask(self, actor: To, payload: Payload = None, *,
            timeout: TimeoutOption = DEFAULT) -> Reply:
        """Ask an actor, and wait for its answer; 5 s where nothing else is said."""
        return self.start_ask(actor, payload, timeout=timeout)._wait()

    def start_ask(self, actor: To, payload: Payload = None, *,
                  timeout: TimeoutOption = DEFAULT) -> Call:
        """Likewise, without waiting."""
        call = Call(self)
        self._start_ask(call, actor, payload, timeout)
        return call

    def _start_ask(self, call: Call, actor: To, payload: Payload,
                   timeout: TimeoutOption) -> None:
        call._to = actor
        if isinstance(timeout, _Default) and self.timeout is None:
            timeout = ASK_SECONDS
        self._start(call, actor_headers(actor), payload, timeout)

    def _post_message(self, say: Callable[[], None]) -> None:
        if self._calls.is_full:
            raise Overloaded("too many messages wait to be sent")
        self._post(say)

    # ---- the node itself ----

    def admin(self, method: str, *frames: Union[bytes, str],
              timeout: TimeoutOption = DEFAULT) -> Reply:
        """An operation of `troupe.admin`, as docs/protocol.md lists them."""
        return self.call("troupe.admin", list(frames), method=method, timeout=timeout)

    def tree(self) -> Dict[str, Any]:
        """The state of the node."""
        return unpack_map(self.admin("tree"))

    def stats(self) -> Dict[str, Any]:
        """The metrics of the node."""
        return unpack_map(self.admin("stats"))

    def events(self, *only: str, past: int = 0) -> Iterator[Dict[str, Any]]:
        """The events of the node, as they happen, without end; `past` of the last come first.
        `only` are names of events, or their beginnings up to a ``_``."""
        with self.stream("troupe.admin", events_payload(only, past), method="events",
                         timeout=None) as stream:
            for part in stream:
                yield unpack_map(part)

    def _start(self, call: Call, headers: Dict[str, Any], payload: Payload,
               timeout: TimeoutOption, command: str = "request") -> None:
        frames = frames_of(payload)
        seconds = seconds_of(timeout, self.timeout)

        now = time.monotonic()

        def start() -> None:
            call._about = self._calls.start(call, headers, frames, now, seconds, command)

        self._post(start)


class _Talk:
    """What the loop of a client is told by: a conversation, and nothing else."""

    def __init__(self, calls: Conversation) -> None:
        self.calls = calls
        self.connected = calls.connected
        self.hear = calls.hear
        self.tick = calls.tick
        self.wakes_at = calls.wakes_at
        self.take_messages = calls.take_messages

    def lost(self, fate: Fate) -> float:
        self.calls.disconnected(fate.text)
        if fate.is_refused:
            self.calls.end_all(lambda: Forbidden(fate.text))
        return 0.0


class Client(Caller):
    """A client of a node.

    A thread of its own keeps the connection: it beats the heart, and connects again when the
    node was away. Any thread may call, and any number of calls may be under way. What was under
    way when the connection was lost ends as WorkerLost; what is called while there is none waits
    for the next one, as long as its timeout allows.

    ``endpoint``    ``tcp://HOST:PORT`` or ``ipc://PATH``
    ``timeout``     seconds for calls that say nothing else; None: as the capability says
    ``heartbeat``   seconds between signs of life, both ways; after three without any the other
                    side is given up. 0: none, and a node that vanishes is not noticed
    ``messages``    whether actors may send to this client, see next_message()
    ``key``, ``server_key``  by CURVE: this client's secret key and the node's public one; 40
                    characters each, or the path of a file of ``troupe keygen``
    """

    def __init__(self, endpoint: str, *, timeout: Optional[float] = 30.0, heartbeat: float = 5.0,
                 messages: bool = False, key: Optional[Key] = None,
                 server_key: Optional[Key] = None) -> None:
        settings = Settings.of(endpoint, key, server_key)
        self.timeout = timeout
        self._inbox = Inbox()
        self._calls = Conversation(heartbeat, {"messages": True} if messages else {},
                                   self._inbox.put)
        self._loop = Loop(settings, _Talk(self._calls))
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="troupe client", daemon=True)
        self._thread.start()

    # ---- actors ----

    def monitor(self, actor: str, *, timeout: TimeoutOption = DEFAULT) -> Monitor:
        """Be told when an actor goes down: the life that it has now, or the next one if it is just
        between two. What is sent to it and asked afterwards finds it watched. `timeout` bounds how
        long a connection to the node is waited for; from then on it lasts until the actor ends, or
        the connection does."""
        monitor = Monitor(self, actor)
        headers = actor_headers(actor)
        seconds = seconds_of(timeout, self.timeout)
        now = time.monotonic()

        def start() -> None:
            monitor._about = self._calls.start(monitor, headers, [], now, seconds, "monitor")

        self._post(start)
        return monitor

    def next_message(self, timeout: Optional[float] = None) -> Optional[Message]:
        """The next message that an actor has sent to this client; None when there was none in
        that time, or the client was closed. The node sends some to those that have said
        `messages`, or have sent a message themselves."""
        return self._inbox.take(timeout)

    # ---- the client ----

    def close(self) -> None:
        """Say good-bye. What is open ends as Cancelled. May be said twice."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._loop.post(self._leave)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *_: Any) -> None:
        self.close()

    def _post(self, do: Callable[[], None], is_late_fine: bool = False) -> None:
        with self._lock:
            if not self._is_closed:
                self._loop.post(do)
            elif not is_late_fine:
                raise RuntimeError("this client is closed")

    def _leave(self) -> None:
        self._calls.end_all(lambda: Cancelled("the client was closed"))
        self._calls.say("bye")
        self._loop.end()

    def _run(self) -> None:
        try:
            self._loop.run()
        finally:
            with self._lock:
                self._is_closed = True
            # Whatever has stopped the loop, nobody is to wait for it.
            self._loop.run_posted()
            self._calls.end_all(lambda: Cancelled("the client was closed"))
            self._inbox.end()


def unpack_map(reply: Reply) -> Dict[str, Any]:
    """A map that the node itself has replied."""
    found = msgpack.unpackb(reply, raw=False, strict_map_key=False, unicode_errors="replace")
    return dict(found)
