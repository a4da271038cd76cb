"""The service of a worker that dials in, and again when the node was away."""

import logging
import math
import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Set

from .connection import Fate, Pauses, Settings
from .outcomes import TroupeError, WorkerLost, error_of
from .request import Request
from .service import Handler, Service, resident_bytes
from .wire import Command

log = logging.getLogger("troupe")

MAX_ABANDONED = 100  # handlers that hang, until the worker is taken for broken


class RemoteService(Service):
    """See above."""

    def __init__(self, handlers: Mapping[str, Handler], hooks: Iterable[Callable[[], None]],
                 concurrency: int, settings: Settings, heartbeat: float,
                 drain_seconds: float) -> None:
        super().__init__(handlers, hooks, concurrency, settings, heartbeat, {},
                         Pauses(0.1, 10.0), connect_seconds=5.0)
        self._drain_seconds = drain_seconds
        self._is_leaving = False  # by our own will
        # Of this connection: capabilities that the node wants, and why it does not want others.
        self._offered: Set[str] = set()
        self._refusals: List[TroupeError] = []
        self._pause_at_least = 0.0
        self._ready_by = math.inf  # when `ready` is to be said at the latest; infinite: it was

    def inherited(self, job: Request) -> Dict[str, Any]:
        told: Dict[str, Any] = {} if job.priority == "normal" else {"priority": job.priority}
        return {**told, "traceparent": job.traceparent} if job.traceparent else told

    def load(self) -> None:
        """Before the node is dialled."""
        self._load()
        self._state = "ready"

    def connected(self, now: float) -> None:
        super().connected(now)
        self._refusals = []
        self._pause_at_least = 0.0
        if self._is_leaving:
            self._is_stopping = True
            return
        self._is_stopping = False
        self._state = "ready"
        self._offered = set(self._handlers)
        # What the last connection has left behind may end first, or there would be more at work
        # than the node knows of.
        self._ready_by = now + self._drain_seconds

    def _say_ready(self) -> None:
        self._ready_by = math.inf
        self._abandon()
        self.say("ready", 0, {"capabilities": list(self._handlers),
                              "concurrency": self._concurrency, "memory": resident_bytes()})
        log.info("connected to the node; offers %s", ", ".join(self._handlers))

    def _abandon(self) -> None:
        """Who is still at work for another connection is given up, and replaced."""
        with self._lock:
            left, self._running = self._running, []
            self._n_abandoned += len(left)
        for job in left:
            log.warning("a handler of %s does not end, and is given up", job.capability)
            self._start_thread(job.capability)
        if self._n_abandoned > MAX_ABANDONED:
            self.failure = WorkerLost(f"{self._n_abandoned} handlers hang")
            self._loop.end()

    def tick(self, now: float) -> bool:
        if self._ready_by != math.inf and (not self.is_at_work or now >= self._ready_by):
            self._say_ready()
        return super().tick(now)

    def wakes_at(self) -> float:
        return min(super().wakes_at(), self._ready_by)

    def lost(self, fate: Fate) -> float:
        self.disconnected(fate.text)
        self._forget_all()
        self._ready_by = math.inf
        if self._is_leaving or self._is_stopping or self.failure is not None:
            return math.inf
        log.warning("%s; it will be dialled again", fate.text)
        return self._pause_at_least

    def take(self, command: Command, now: float) -> bool:
        if command.name == "error" and command.id == 0:
            return self._take_refusal(error_of(command.headers),
                                      command.headers.get("capability"))
        return super().take(command, now)

    def _take_refusal(self, error: TroupeError, capability: Optional[str]) -> bool:
        """An offer was not let pass. False: none was, and this connection is of no use."""
        log.warning("the node does not take %s: %s", capability or "this worker", error)
        self._refusals.append(error)
        self._offered.difference_update([capability] if capability else set(self._offered))
        if self._offered:
            return True
        if self._is_leaving:
            self._is_stopping = True
            return True
        self._pause_at_least = max(one.hint or 0.0 for one in self._refusals)
        if not any(one.retryable for one in self._refusals):
            self.failure = error
        return False

    def _take_stop(self, headers: Dict[str, Any]) -> None:
        """Somebody wants one of our capabilities to be over."""
        capability = headers.get("capability")
        self._offered.difference_update([capability] if capability else set(self._offered))
        if not self._offered:
            super()._take_stop(headers)

    def terminate(self) -> None:
        """Nothing new is wanted, and what is here gets done."""
        if self._is_leaving:
            return
        self._is_leaving = True
        self._ends_at = time.monotonic() + self._drain_seconds
        if self._loop.is_up and self._offered and self._ready_by == math.inf:
            self._state = "draining"
            self.say("drain")
        else:
            self._ready_by = math.inf
            self._is_stopping = True

    interrupt = terminate

    def _say_end(self) -> None:
        self.say("bye")

    def _break(self, job: Request, text: str) -> None:
        self.failure = WorkerLost(text)
        if self._end_job(job):
            self._say_error(job._about, "worker_lost", text)
        self.say("error", 0, {"code": "worker_error", "text": text, "retryable": False})
        self.say("bye")
        self._loop.end()
