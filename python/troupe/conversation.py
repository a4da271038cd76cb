"""What a client and a node say to each other, without a socket and without a clock.

A `Conversation` is told what comes, what is wanted and what time it is (seconds of a clock that
only goes forward), and says what is to be sent. Whoever owns the socket drives it: a thread of
its own for `troupe.Client`, the event loop for `troupe.aio.AsyncClient`, the loop of a worker for
what its handlers call. It lives through any number of connections; each is a new beginning.

Always true here:

* A call is in `_calls` from its start to its one end, and each sink hears exactly one end.
* What has been said on a connection that was lost ends as `worker_lost`. What was not said yet
  waits for the next one, as long as its own time allows.
"""

import heapq
import logging
import math
from collections import deque
from typing import (Any, Callable, Deque, Dict, Iterator, List, NamedTuple, Optional, Sequence,
                    Tuple)

from . import wire
from .outcomes import (BadRequest, Cancelled, Overloaded, Timeout, TooLarge, TroupeError,
                       WorkerLost, error_of)

GRACE = 1.0  # seconds: see grace_of()
SILENCES = 3  # intervals without a word until the other side is given up
MAX_CALLS = 10000  # that are open or wait for a connection
MAX_FRAME = 64 * 1024 * 1024  # bytes of a frame of payload, before the node has said its own

Frames = List[bytes]


class Status(NamedTuple):
    """How a request stands."""

    state: str  #: ``queued``, ``starting`` (there is no worker yet), ``running``
    position: int  #: how many wait, itself included; 0 when it is running


class Sink:
    """Who hears of a call. Each method is called by whoever drives the conversation."""

    on_status: Optional[Callable[[Status], None]] = None

    def status(self, status: Status) -> None:
        """How it stands, where that is wanted."""
        if self.on_status is not None:
            try:
                self.on_status(status)
            except Exception:
                logging.getLogger("troupe").exception("on_status has failed")

    def part(self, frames: Frames) -> None:
        """A part of the reply has come."""

    def reply(self, frames: Frames) -> None:
        """It has ended well."""
        raise NotImplementedError

    def error(self, error: TroupeError) -> None:
        """It has ended otherwise."""
        raise NotImplementedError

    def down(self, headers: Dict[str, Any]) -> None:
        """Of a monitor: the actor has gone down."""


class _Call:
    __slots__ = ("sink", "headers", "payload", "is_sent", "deadline", "next_sequence", "command")

    def __init__(self, sink: Sink, command: str, headers: Dict[str, Any], payload: Frames,
                 deadline: float) -> None:
        self.sink = sink
        self.command = command
        self.headers = headers
        self.payload = payload
        self.is_sent = False
        self.deadline = deadline  # infinite: none
        self.next_sequence = 0


class Conversation:
    """See above. `greeting` is what `hello` says beside versions, heartbeat and bundles; a worker
    that the node has started greets by itself, and has None."""

    def __init__(self, heartbeat: float = 0.0, greeting: Optional[Dict[str, Any]] = None,
                 on_message: Optional[Callable[[str, Frames], None]] = None) -> None:
        self.heartbeat = heartbeat
        self.node: Dict[str, Any] = {}  # what its `hello` told, while connected
        self.is_draining = False  # it has said `goaway`
        self._greeting = greeting
        self._on_message = on_message
        self._calls: Dict[int, _Call] = {}
        # When which call is late: a heap. One that has ended, or has got more time since, is still
        # in it until it comes up, or until there are too many of these.
        self._late: List[Tuple[float, int]] = []
        self._last_id = 0
        self._out: Deque[Frames] = deque()
        # Messages, each with the call behind which it was wanted.
        self._unsent: Deque[Tuple[int, Dict[str, Any], Frames]] = deque()
        self._is_connected = False
        self._why = ""  # there is no connection, as far as that is known
        self._said_at = 0.0
        self._heard_at = 0.0
        self._interval = 0.0  # of heartbeats, as the node has agreed to it; 0: none

    # ---- the connection ----

    def connected(self, now: float) -> None:
        """A connection has been made. What waited is said on it."""
        self._is_connected = True
        self._why = ""
        self.is_draining = False
        self.node = {}
        self._interval = 0.0
        self._said_at = self._heard_at = now
        self._out.clear()
        if self._greeting is not None:
            self.say("hello", 0, {"version-min": 1, "version-max": 1,
                                  "heartbeat": int(self.heartbeat * 1000),
                                  "bundle": wire.MAX_BUNDLE, **self._greeting})
        for about, call in list(self._calls.items()):
            self._say_unsent(about)
            self._say_call(about, call, now)
        self._say_unsent(self._last_id + 1)

    def disconnected(self, text: str = "the connection to the node was lost") -> None:
        """The connection is no more."""
        self._is_connected = False
        self._why = text
        self.node = {}
        self._out.clear()
        for about, call in list(self._calls.items()):
            if call.is_sent:
                self._end(about, WorkerLost(text))

    def end_all(self, error: Callable[[], TroupeError]) -> None:
        """All that is open or waits ends so."""
        for about in list(self._calls):
            self._end(about, error())

    def __len__(self) -> int:
        return len(self._calls)

    def hear(self, frames: Sequence[bytes], now: float) -> bool:
        """A message has come. False: the node has cut us off."""
        self._heard_at = now
        try:
            command = wire.decode_message(frames)
        except wire.WireError:
            return True  # nothing that we could act upon
        if command.name != "bundle":
            return self.take(command, now)
        for inner in wire.unpack_bundle(command.payload[0] if command.payload else b""):
            try:
                command = wire.decode_message(inner)
            except wire.WireError:
                continue
            if command.name != "bundle" and not self.take(command, now):
                return False
        return True

    def take(self, command: wire.Command, now: float) -> bool:
        """One command of the node; those that are unknown are ignored. False as above."""
        name, about, headers, payload = command
        if name == "error" and about == 0 and not self.node:
            self.end_all(lambda: error_of(headers))  # our greeting was not liked
            return False
        if name in ("part", "reply", "error"):
            self._take_answer(name, about, headers, list(payload))
        elif name == "status" and about in self._calls:
            self._calls[about].sink.status(Status(headers.get("state", ""),
                                                  headers.get("position", 0)))
        elif name == "ping":
            self.say("pong", about)
        elif name == "hello":
            self.node = headers
            # The node may have moved it into its bounds. Without one of ours it is an offer.
            self._interval = headers.get("heartbeat", 0) / 1000 if self.heartbeat else 0.0
        elif name == "goaway":
            self.is_draining = True
        elif name == "down":
            self._take_down(about, headers)
        elif name == "message" and self._on_message:
            self._on_message(headers.get("from", ""), list(payload))
        return name != "bye"

    def _take_answer(self, name: str, about: int, headers: Dict[str, Any],
                     payload: Frames) -> None:
        call = self._calls.get(about)
        if call is None or (call.command == "monitor" and name != "error"):
            return  # it had ended here already, or was about no request
        if name == "part":
            if headers.get("sequence", call.next_sequence) != call.next_sequence:
                self.cancel(about)
                self._end(about, WorkerLost("a part of the reply is missing"))
                return
            call.next_sequence += 1
            call.sink.part(payload)
        elif name == "reply":
            del self._calls[about]
            call.sink.reply(payload)
        else:
            self._end(about, error_of(headers))

    def _take_down(self, about: int, headers: Dict[str, Any]) -> None:
        call = self._calls.get(about)
        if call is not None and call.command == "monitor":
            del self._calls[about]
            call.sink.down(headers)

    # ---- time ----

    def tick(self, now: float) -> bool:
        """End what is late, and keep the heartbeat. False: the node is silent for too long."""
        while self._late and self._late[0][0] <= now:
            _, about = heapq.heappop(self._late)
            call = self._calls.get(about)
            if call is not None and now >= self._given_up_at(call):
                if call.is_sent:
                    self._say_cancel(about, call)
                self._end(about, Timeout(self._why_late(call)))
        if self._is_connected and self._interval:
            if now >= self._heard_at + SILENCES * self._interval:
                return False
            if now >= self._said_at + self._interval:
                self.say("ping")
                self._said_at = now
        return True

    def wakes_at(self) -> float:
        """When `tick` is wanted at the latest; infinite: not at all."""
        times = [self._late[0][0]] if self._late else []
        if self._is_connected and self._interval:
            times.append(self._said_at + self._interval)
            times.append(self._heard_at + SILENCES * self._interval)
        return min(times, default=math.inf)

    def _watch(self, about: int, call: _Call) -> None:
        """Its time is known, or is another one now."""
        if call.deadline == math.inf:
            return
        if len(self._late) > 2 * len(self._calls) + 100:
            self._late = [(self._given_up_at(one), number)
                          for number, one in self._calls.items() if one.deadline != math.inf]
            heapq.heapify(self._late)
        heapq.heappush(self._late, (self._given_up_at(call), about))

    def _given_up_at(self, call: _Call) -> float:
        return call.deadline + self.grace_of(call.headers) if call.is_sent else call.deadline

    def _why_late(self, call: _Call) -> str:
        if call.is_sent:
            return ("the node does not answer" if self.grace_of(call.headers) > 0 else
                    "no answer has come in time")
        return ("the deadline passed without a connection to the node"
                + (f": {self._why}" if self._why else ""))

    def grace_of(self, headers: Dict[str, Any]) -> float:
        """Seconds beyond a deadline that the node has to say that it has passed."""
        return GRACE

    # ---- what is wanted ----

    def start(self, sink: Sink, headers: Dict[str, Any], payload: Frames, now: float,
              timeout: Optional[float] = None, command: str = "request") -> int:
        """Begin a call, a `send` that is confirmed, or a `monitor`, whose timeout bounds how long
        it waits for a connection. Returns its id, for `cancel` and `grant`."""
        self._last_id += 1
        about = self._last_id
        deadline = math.inf if timeout is None else now + max(0.0, timeout)
        call = _Call(sink, command, headers, payload, deadline)
        if len(self._calls) >= MAX_CALLS:
            sink.error(Overloaded(f"{MAX_CALLS} requests of this client are open"))
            return about
        self._calls[about] = call
        if self._is_connected:
            self._say_call(about, call, now)
        else:
            self._watch(about, call)
        return about

    def _say_call(self, about: int, call: _Call, now: float) -> None:
        headers = dict(call.headers)
        if call.deadline != math.inf and call.command == "request":
            headers["timeout"] = max(0, math.ceil((call.deadline - now) * 1000))
        largest = self.node.get("max-frame", MAX_FRAME)
        if len(call.payload) > wire.MAX_FRAMES or any(len(one) > largest for one in call.payload):
            self._end(about, TooLarge(f"more than {wire.MAX_FRAMES} frames, or one of more than "
                                      f"{largest} bytes"))
            return
        try:
            self.say(call.command, about, headers, call.payload)
        except wire.WireError as error:
            self._end(about, BadRequest(str(error)))
            return
        call.is_sent = True
        call.payload = []
        if call.command == "monitor":
            call.deadline = math.inf
        self._watch(about, call)

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be sent that no message should be added. Any thread may ask."""
        return len(self._out) >= MAX_CALLS or len(self._unsent) >= MAX_CALLS

    def send(self, headers: Dict[str, Any], payload: Frames) -> None:
        """A message to an actor, about which nothing will be heard. Without a connection it waits
        for the next one."""
        if self._is_connected:
            self.say("send", 0, headers, payload)
        else:
            self._unsent.append((self._last_id, headers, payload))

    def _say_unsent(self, before: int) -> None:
        """What was wanted before that call."""
        while self._unsent and self._unsent[0][0] < before:
            _, headers, payload = self._unsent.popleft()
            self.say("send", 0, headers, payload)

    def cancel(self, about: int) -> None:
        """The node ends it; a monitor, and one that was not sent, end here."""
        call = self._calls.get(about)
        if call is None:
            return
        if call.is_sent:
            self._say_cancel(about, call)
            if call.command == "monitor":
                self._end(about, Cancelled("cancelled by the caller"))
        else:
            self._end(about, Cancelled("cancelled before it was sent"))

    def drop(self, about: int) -> None:
        """Cancel it, and hear of it no more."""
        call = self._calls.pop(about, None)
        if call is not None and call.is_sent:
            self._say_cancel(about, call)

    def _say_cancel(self, about: int, call: _Call) -> None:
        self.say("demonitor" if call.command == "monitor" else "cancel", about)

    def grant(self, about: int, n_parts: int) -> None:
        """So many more parts are welcome."""
        call = self._calls.get(about)
        if call is None:
            return
        if call.is_sent:
            self.say("credit", about, {"credit": n_parts})
        else:
            call.headers["credit"] = call.headers.get("credit", 0) + n_parts

    def say(self, name: str, about: int = 0, headers: Optional[Dict[str, Any]] = None,
            payload: Sequence[bytes] = ()) -> None:
        """Put a command behind what is to be sent; dropped while there is no connection."""
        frame = wire.encode(name, about, headers)
        if self._is_connected:
            self._out.append([frame, *payload])

    def _end(self, about: int, error: TroupeError) -> None:
        call = self._calls.pop(about, None)
        if call is not None:
            call.sink.error(error)

    # ---- what is to be sent ----

    def take_messages(self, now: float) -> Iterator[Frames]:
        """All that is to be sent now, in bundles if the node takes them."""
        if not self._out:
            return iter(())
        out, self._out = self._out, deque()
        self._said_at = now
        return wire.pack_bundles(out, min(self.node.get("bundle", 0), wire.MAX_BUNDLE))
