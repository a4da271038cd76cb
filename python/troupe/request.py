"""A request, as the handler of a worker sees it."""

import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NoReturn, Optional, Set, Type

from .client import Call, Caller, Reply, TimeoutOption, reply_of, seconds_of
from .conversation import Conversation
from .outcomes import BadRequest, Cancelled, TooLarge, TroupeError, WorkerError
from .wire import MAX_FRAMES, Payload, frames_of

if TYPE_CHECKING:
    from .service import Service

PROGRESS_SECONDS = 0.1  # no more often is progress told to the node

_FAILURES: Dict[str, Type[TroupeError]] = {
    "worker_error": WorkerError, "bad_request": BadRequest, "too_large": TooLarge}


class Request(Caller):
    """One request. Its handler may ask it things and tell it things until it returns; it is then
    answered by what the handler has returned or raised.

    It is a caller, too: `call`, `start`, `stream`, `send` and `ask` are those of `troupe.Client`,
    for what the handler needs from others. A call has no more time than the request has left, and
    is cancelled with it."""

    def __init__(self, service: "Service", about: int, headers: Dict[str, Any],
                 frames: List[bytes], now: float) -> None:
        self._service = service
        self._about = about
        self._frames = frames
        self._changed = threading.Condition()
        self._credit: Optional[int] = headers.get("credit")  # None: as many as it likes
        self._n_parts = 0
        self._is_cancelled = False
        self._is_over = False  # it has had its final
        self._is_begun = False
        self._n_waiting = 0  # calls that the handler waits for
        self._nested: Set[Call] = set()
        self._begun_at = now
        self._progress_at = now
        self._progress_told_at = 0.0
        #: What is called.
        self.capability: str = headers.get("capability", "")
        #: What it is to do; empty: not said.
        self.method: str = headers.get("method", "")
        #: ``critical`` … ``batch``
        self.priority: str = headers.get("priority", "normal")
        #: The name of who asks, as its key is called in the node's file; empty: it has none.
        self.peer: str = headers.get("peer", "")
        #: The W3C trace context of the caller; None: there is none.
        self.traceparent: Optional[str] = headers.get("traceparent")
        #: How many more of its batch follow; None: it is in none.
        self.batch: Optional[int] = headers.get("batch")
        left = headers.get("timeout")
        #: Until when somebody waits, of time.monotonic(); None: however long.
        self.deadline: Optional[float] = None if left is None else now + left / 1000

    # ---- what it is ----

    @property
    def payload(self) -> Reply:
        """The bytes of its frame, b"" without one, else a list of its frames."""
        return reply_of(self._frames)

    @property
    def frames(self) -> List[bytes]:
        """Its frames, however many."""
        return self._frames

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for it any more. A long handler should look, and end soon."""
        return self._is_cancelled or (self.deadline is not None
                                      and time.monotonic() >= self.deadline)

    @property
    def time_left(self) -> Optional[float]:
        """Seconds until its deadline; None: it has none."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    # ---- what is told of it ----

    def progress(self) -> None:
        """It gets on. To be said now and then in a long handler, so that it does not count as
        hung; it is told no more often than ten times a second."""
        now = time.monotonic()
        self._progress_at = now
        if now >= self._progress_told_at + PROGRESS_SECONDS:
            self._progress_told_at = now
            self._service.say_of(self, "progress")

    def part(self, payload: Payload) -> None:
        """Send a part of the reply. Waits while the reader has no room; raises Cancelled when
        nobody waits for the request any more. A handler may as well yield its parts."""
        frames = frames_of(payload)
        check_size(frames)
        with self._changed:
            while not self._has_room():
                self._changed.wait(self.time_left)
            if self.cancelled:
                raise Cancelled("nobody waits for this request any more")
            if self._credit is not None:
                self._credit -= 1
            sequence = self._n_parts
            self._n_parts += 1
        self._progress_at = time.monotonic()
        self._service.say_of(self, "part", {"sequence": sequence}, frames)

    def _has_room(self) -> bool:
        return self.cancelled or self._credit is None or self._credit > 0

    def fail(self, text: str, code: str = "worker_error") -> NoReturn:
        """End the request as failed; `code` may be ``bad_request`` or ``too_large``, too. The
        worker stays well. It raises, so nothing behind it is run."""
        raise _FAILURES.get(code, WorkerError)(text)

    # ---- what its handler needs from others ----

    @property
    def _calls(self) -> Conversation:  # type: ignore[override]
        return self._service.calls

    def _post(self, do: Callable[[], None], is_late_fine: bool = False) -> None:
        self._service.post(do)

    def _start(self, call: Call, headers: Dict[str, Any], payload: Payload,
               timeout: TimeoutOption, command: str = "request") -> None:
        if command == "request" and "capability" in headers:
            headers = {**self._service.inherited(self), **headers}
        left = self.time_left
        seconds = seconds_of(timeout, self.timeout)
        if left is not None:
            seconds = left if seconds is None else min(seconds, left)
        call.add_done_callback(self._forget)
        # Under the lock, so that a call is begun before its request is over, or not at all.
        with self._changed:
            if self._is_cancelled or self._is_over:
                call.error(Cancelled("nobody waits for this request any more"))
                return
            self._nested.add(call)
            super()._start(call, headers, payload, seconds, command)
            self._post(lambda: self._cancel_late(call))

    def _cancel_late(self, call: Call) -> None:
        """The request was cancelled before its call had a number."""
        if self._is_cancelled:
            self._calls.cancel(call._about)

    def _forget(self, call: Call) -> None:
        with self._changed:
            self._nested.discard(call)

    def _wait_begins(self) -> None:
        with self._changed:
            self._n_waiting += 1

    def _wait_ends(self) -> None:
        with self._changed:
            self._n_waiting -= 1
            self._progress_at = time.monotonic()

    # ---- the loop's side ----

    def begin(self) -> bool:
        """A thread takes it up. False: it was given back, or had no time left."""
        with self._changed:
            if self._is_over:
                return False
            self._is_begun = True
            self._begun_at = self._progress_at = time.monotonic()
            return True

    def give_back(self) -> bool:
        """Another worker may have it. False: a thread has taken it up."""
        with self._changed:
            if self._is_begun or self._is_over:
                return False
            self._is_over = True
            return True

    def grant(self, n_parts: int) -> None:
        with self._changed:
            if self._credit is not None:
                self._credit += n_parts
                self._changed.notify_all()

    def cancel(self) -> None:
        """Nobody waits for it any more, nor for what it has called."""
        with self._changed:
            self._is_cancelled = True
            self._changed.notify_all()
            nested = list(self._nested)
        for call in nested:
            self._service.calls.cancel(call._about)

    def end(self) -> None:
        """It has had its final, or will have none."""
        with self._changed:
            self._is_over = True
        self.cancel()


def check_size(frames: List[bytes]) -> None:
    if len(frames) > MAX_FRAMES:
        raise TooLarge(f"a payload has at most {MAX_FRAMES} frames")
