"""The thread-side driver of a connection: it owns the socket, and does what others ask of it.

Others post functions, which run here one after another; only this loop touches the socket and
what is told by it. It ends when it is asked to. It never waits without a bound, and for nothing
but its socket, what is posted, and time.
"""

import logging
import math
import socket as socketlib
import time
from collections import deque
from typing import Any, Callable, Deque, Iterable, Iterator, List, Optional, Protocol

import zmq

from . import connection
from .connection import Fate, Pauses, Settings

log = logging.getLogger("troupe")

LONGEST_WAIT = 60.0  # seconds; a clock that jumps, and the like


class Talk(Protocol):
    """What the loop is told by, and asks; all of it on the loop's thread."""

    def connected(self, now: float) -> None: ...

    def lost(self, fate: Fate) -> float:
        """The connection, or the attempt, is over. Returns how long to pause at least;
        infinite: there is to be no other one."""
        ...

    def hear(self, frames: List[bytes], now: float) -> bool: ...

    def tick(self, now: float) -> bool: ...

    def wakes_at(self) -> float: ...

    def take_messages(self, now: float) -> Iterable[List[bytes]]: ...


class Loop:
    """See above."""

    def __init__(self, settings: Settings, talk: Talk, pauses: Optional[Pauses] = None,
                 connect_seconds: float = connection.CONNECT_SECONDS) -> None:
        self._settings = settings
        self._talk = talk
        self._pauses = pauses or Pauses()
        self._connect_seconds = connect_seconds
        self._context: "zmq.Context[Any]" = zmq.Context()
        self._posted: Deque[Callable[[], None]] = deque()
        # Sockets, since one that is closed says so; a number of a closed pipe may be another's.
        self._bell, self._ring = socketlib.socketpair()
        self._bell.setblocking(False)
        self._ring.setblocking(False)
        self._is_over = False
        self._has_rung = False
        self._socket: Any = None
        self._monitor: Any = None
        self._is_up = False
        self._up_since = 0.0
        self._next_attempt = 0.0
        self._attempt_ends = 0.0
        self._left: Iterator[List[bytes]] = iter(())  # to be sent, when there is room
        self._stuck: Optional[List[bytes]] = None  # the next of them
        self._is_quick = True  # the next closing waits for nothing

    def post(self, do: Callable[[], None]) -> None:
        """Have it done by the loop. Any thread may say so; what comes after the end is dropped."""
        self._posted.append(do)
        if not self._has_rung:
            self._has_rung = True
            self.wake()

    def wake(self) -> None:
        """Also from a signal handler."""
        try:
            self._ring.send(b".")
        except OSError:
            pass  # it rings already, or is over

    def end(self) -> None:
        """What was said leaves, if it can; then it is over. To be posted."""
        self._is_over = True
        self._is_quick = False

    @property
    def is_up(self) -> bool:
        return self._is_up

    def run(self) -> None:
        """Until its end."""
        try:
            while not self._is_over:
                self._turn()
            if not self._is_quick:
                self._flush()
        finally:
            self._close(0 if self._is_quick else connection.LINGER_MS)
            self._context.destroy(linger=0)
            self._ring.close()
            self._bell.close()

    # ---- one turn ----

    def _turn(self) -> None:
        now = time.monotonic()
        if self._socket is None and now >= self._next_attempt:
            self._open(now)
        self._wait(now)
        self._hear_bell()
        if self._is_over:
            return
        now = time.monotonic()
        if self._socket is not None:
            self._read_all()
        now = time.monotonic()
        if self._socket is not None and not self._is_up and now >= self._attempt_ends:
            self._give_up(Fate(is_over=True, text="the node cannot be reached"))
        if not self._talk.tick(now) and self._socket is not None:
            self._give_up(Fate(is_over=True, text="the node has been silent for too long"))
        self._flush()

    def _wait(self, now: float) -> None:
        poller = zmq.Poller()
        poller.register(self._bell, zmq.POLLIN)
        wakes_at = min(self._talk.wakes_at(), now + LONGEST_WAIT)
        if self._socket is None:
            wakes_at = min(wakes_at, self._next_attempt)
        else:
            poller.register(self._monitor, zmq.POLLIN)
            poller.register(self._socket,
                            zmq.POLLIN | (zmq.POLLOUT if self._stuck is not None else 0))
            if not self._is_up:
                wakes_at = min(wakes_at, self._attempt_ends)
        left_ms = 0 if self._posted else max(0, math.ceil((wakes_at - now) * 1000))
        poller.poll(left_ms)

    def _hear_bell(self) -> None:
        # The flag falls before the pipe is read and the queue is looked at: whoever posts now
        # rings again, and nothing is left behind a bell that nobody hears.
        self._has_rung = False
        try:
            while len(self._bell.recv(4096)) == 4096:
                pass
        except BlockingIOError:
            pass
        self.run_posted()

    def run_posted(self) -> None:
        """What has been posted so far. For the loop's thread, and after the end."""
        for _ in range(len(self._posted)):
            self._posted.popleft()()

    # ---- the connection ----

    def _open(self, now: float) -> None:
        self._attempt_ends = now + self._connect_seconds
        self._is_up = False
        try:
            self._socket, self._monitor = connection.open_socket(self._context, self._settings)
        except zmq.ZMQError as error:
            self._pause(Fate(is_over=True, text=f"{self._settings.endpoint}: {error}"))

    def _give_up(self, fate: Fate) -> None:
        if self._is_up and time.monotonic() - self._up_since > 1:
            self._pauses.reset()  # it had been one that could be worked with
        self._close(0)
        self._pause(fate)

    def _pause(self, fate: Fate) -> None:
        at_least = self._talk.lost(fate)
        if at_least == math.inf:
            self._is_over = True
        else:
            self._next_attempt = time.monotonic() + self._pauses.next(at_least)

    def _close(self, linger_ms: int) -> None:
        self._left, self._stuck = iter(()), None
        self._is_up = False
        if self._socket is not None:
            connection.close_socket(self._socket, self._monitor, linger_ms)
            self._socket = self._monitor = None

    def _read_all(self) -> None:
        """What has come, before what became of the connection: it was said before."""
        events = self._events()
        for fate in events:
            if fate.is_up:
                self._is_up = True
                self._up_since = time.monotonic()
                self._talk.connected(self._up_since)
        end = next((fate for fate in events if fate.is_over), None)
        now = time.monotonic()
        for _ in range(1000 if end is None else 100000):  # others want their turn, too
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            if not self._talk.hear(frames, now):
                end = Fate(is_over=True, text="the node has cut the connection off")
                break
        if end is not None:
            self._give_up(end)

    def _events(self) -> List[Fate]:
        events = []
        while True:
            try:
                events.append(connection.read_event(self._monitor.recv_multipart(zmq.NOBLOCK)))
            except zmq.Again:
                return events

    def _flush(self) -> None:
        """Send what there is, as far as there is room."""
        while self._socket is not None and self._is_up:
            if self._stuck is None:
                self._stuck = next(self._left, None)
            if self._stuck is None:
                self._left = iter(self._talk.take_messages(time.monotonic()))
                self._stuck = next(self._left, None)
            if self._stuck is None:
                return
            try:
                self._socket.send_multipart(self._stuck, zmq.NOBLOCK)
            except zmq.Again:
                return
            self._stuck = None
