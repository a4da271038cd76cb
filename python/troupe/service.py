"""What a worker and its node say to each other, and the threads that run its handlers.

All but the handlers runs on the thread of the loop. A handler's thread posts what it has to say;
what it says of a request that has had its final, or that the node has lost sight of, is dropped.

Always true here: each request in `_jobs` gets exactly one final on this connection, or the
connection is lost, and with it every request.
"""

import inspect
import logging
import math
import os
import queue
import threading
import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Set, Tuple, cast

from .connection import Fate, Pauses, Settings
from .conversation import Conversation
from .loop import Loop
from .outcomes import BadRequest, Cancelled, TooLarge, TroupeError, WorkerLost, error_of
from .request import Request, _check_size
from .wire import Command, Payload, frames_of

log = logging.getLogger("troupe")

Handler = Callable[[Request], Any]

ANY = ""  # the capability of a handler that serves whatever the node calls it
TERM_SECONDS = 1.5  # that handlers have, once the process was told to end by a signal
_PAGE = os.sysconf("SC_PAGESIZE")


class Broken(Exception):
    """Raised by a handler, or while a worker starts: the worker as a whole is broken, and must be
    replaced. What it has is lost."""


class NotNeeded(Exception):
    """Raised while a worker starts: it is not needed here, which is no failure."""


class Service(Conversation):
    """See above. What the two kinds of worker do otherwise is in the subclasses below."""

    def __init__(self, handlers: Mapping[str, Handler], hooks: Iterable[Callable[[], None]],
                 concurrency: int, settings: Settings, heartbeat: float,
                 greeting: Optional[Dict[str, Any]], pauses: Pauses,
                 connect_seconds: float) -> None:
        super().__init__(heartbeat, greeting)
        self.status = 0  # of the process, when it is over
        self.failure: Optional[TroupeError] = None
        self._handlers = handlers
        self._hooks = list(hooks)
        self._concurrency = concurrency
        self._loop = Loop(settings, self, pauses, connect_seconds)
        self._jobs: Dict[int, Request] = {}
        # Of each capability as many may run as of any other, so each has threads of its own.
        self._waiting: Dict[str, "queue.SimpleQueue[Optional[Request]]"] = {
            capability: queue.SimpleQueue() for capability in handlers}
        self._running: List[Request] = []  # changed by handlers' threads, under the lock
        self._lock = threading.Lock()
        self._n_done = 0
        self._state = "loading"
        self._progress_at = time.monotonic()
        self._progress_told_at = 0.0
        self._is_stopping = False  # nothing new is taken: it ends when nothing is open
        self._ends_at = math.inf

    @property
    def calls(self) -> Conversation:
        return self

    @property
    def is_at_work(self) -> bool:
        """Whether a handler is running still."""
        with self._lock:
            return bool(self._running)

    # ---- for any thread ----

    def post(self, do: Callable[[], None]) -> None:
        self._loop.post(do)

    def say_of(self, job: Request, name: str, headers: Optional[Dict[str, Any]] = None,
               payload: Iterable[bytes] = ()) -> None:
        """A word of a handler about its request."""
        def say() -> None:
            if self._jobs.get(job._about) is job:
                self.say(name, job._about, headers, list(payload))

        self.post(say)

    def progress(self) -> None:
        """Loading gets on."""
        now = time.monotonic()
        self._progress_at = now
        if now >= self._progress_told_at + 0.1:
            self._progress_told_at = now
            self.post(self._say_progress)

    def inherited(self, job: Request) -> Dict[str, Any]:
        """What a call for that request says of it."""
        raise NotImplementedError

    # ---- from its start to its end ----

    def run(self) -> None:
        for capability, handler in self._handlers.items():
            for number in range(self._concurrency):
                threading.Thread(target=self._work, args=(handler, self._waiting[capability]),
                                 name=f"troupe {capability} {number}", daemon=True).start()
        try:
            self._loop.run()
        finally:
            for waiting in self._waiting.values():
                for _ in range(self._concurrency):
                    waiting.put(None)
            self._forget_all()
            self._loop.run_posted()
            self.end_all(lambda: Cancelled("the worker has ended"))

    def _load(self) -> None:
        """The hooks of the start, one after another."""
        for hook in self._hooks:
            hook()

    def _say_progress(self) -> None:
        if self._state == "loading":
            self.say("progress")

    def _stop_when_done(self, now: float) -> None:
        if (self._is_stopping and not self._jobs) or now >= self._ends_at:
            self._say_end()
            self._loop.end()

    def _say_end(self) -> None:
        """The last words."""

    # ---- what the loop tells ----

    def lost(self, fate: Fate) -> float:
        raise NotImplementedError

    def take(self, command: Command, now: float) -> bool:
        name, about, headers, payload = command
        if name == "request":
            self._take_request(about, headers, list(payload), now)
        elif name == "cancel":
            if about in self._jobs:
                self._jobs[about].cancel()
        elif name == "credit":
            if about in self._jobs and headers.get("credit", 0) > 0:
                self._jobs[about].grant(headers["credit"])
        elif name == "ping":
            self.say("pong", about, self._sign_of_life(now))
        elif name == "stop":
            self._take_stop(headers)
        else:
            return super().take(command, now)
        return True

    def _take_stop(self, headers: Dict[str, Any]) -> None:
        self._is_stopping = True
        self._state = "evicting"

    def _take_request(self, about: int, headers: Dict[str, Any], frames: List[bytes],
                      now: float) -> None:
        if about in self._jobs:
            self._say_error(about, "bad_request", "that id is open already")
            return
        capability = headers.get("capability", "")
        waiting = self._waiting.get(capability) or self._waiting.get(ANY)
        if waiting is None:
            self._say_error(about, "bad_request", f"this worker does not serve {capability}")
            return
        job = Request(self, about, headers, frames, now)
        self._jobs[about] = job
        waiting.put(job)

    def tick(self, now: float) -> bool:
        is_well = super().tick(now)
        self._stop_when_done(now)
        return is_well

    def wakes_at(self) -> float:
        return min(super().wakes_at(), self._ends_at)

    def _sign_of_life(self, now: float) -> Dict[str, Any]:
        told: Dict[str, Any] = {"done": self._n_done, "memory": resident_bytes()}
        with self._lock:
            at_work = [job for job in self._running if job._n_waiting == 0]
        if self._state != "ready":
            told["state"] = self._state
        else:
            told["state"] = "processing" if self._jobs else "idle"
        if at_work:
            slowest = min(at_work, key=lambda job: job._progress_at)
            told["running"] = slowest._about
            told["running-for"] = max(0, int((now - slowest._begun_at) * 1000))
            told["progress-age"] = max(0, int((now - slowest._progress_at) * 1000))
        elif self._state == "loading":
            told["progress-age"] = max(0, int((now - self._progress_at) * 1000))
        return told

    def _forget_all(self) -> None:
        """The node does not know any more of what was open here."""
        jobs, self._jobs = self._jobs, {}
        for job in jobs.values():
            job.end()

    def _give_back(self) -> None:
        """What has not been begun may be given to another worker."""
        for about, job in list(self._jobs.items()):
            if job.give_back():
                del self._jobs[about]
                self._say_error(about, "worker_lost", "the worker is about to end", state="queued")

    # ---- handlers ----

    def _work(self, handler: Handler, waiting: "queue.SimpleQueue[Optional[Request]]") -> None:
        while True:
            job = waiting.get()
            if job is None:
                return
            if job.begin():
                with self._lock:
                    self._running.append(job)
                try:
                    name, headers, frames = self._answer(handler, job)
                finally:
                    with self._lock:
                        self._running.remove(job)
                self._post_final(job, name, headers, frames)

    def _answer(self, handler: Handler, job: Request) -> Tuple[str, Dict[str, Any], List[bytes]]:
        """How a request ends, whatever its handler does."""
        if job.cancelled:
            return _failed(Cancelled("nobody waited for it any more"))
        try:
            frames = frames_of(_run(handler, job))
            _check_size(frames)
            return "reply", {}, frames
        except Broken as error:
            text = str(error)
            self.post(lambda: self._break(job, text))
            return _failed(WorkerLost(text))
        except TroupeError as error:
            return _failed(error)
        except Exception as error:  # the request fails, the worker stays
            log.exception("%s: the handler failed", job.capability)
            return _failed(TroupeError(f"{type(error).__name__}: {error}", code="worker_error"))

    def _post_final(self, job: Request, name: str, headers: Dict[str, Any],
                    frames: List[bytes]) -> None:
        def finish() -> None:
            if self._end_job(job):
                self._n_done += 1
                self.say(name, job._about, headers, frames)

        self.post(finish)

    def _end_job(self, job: Request) -> bool:
        if self._jobs.get(job._about) is not job:
            return False
        del self._jobs[job._about]
        job.end()
        return True

    def _say_error(self, about: int, code: str, text: str, **more: Any) -> None:
        self.say("error", about, {"code": code, "text": text, "retryable": code == "worker_lost",
                                  **more})

    def terminate(self) -> None:
        """Told to end, by a signal or by its own program."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """Told so by a terminal."""
        raise NotImplementedError

    def _break(self, job: Request, text: str) -> None:
        """A handler has found that the whole worker is broken."""
        raise NotImplementedError


def _failed(error: TroupeError) -> Tuple[str, Dict[str, Any], List[bytes]]:
    # What others have told a handler is no outcome of its own.
    own = (BadRequest, TooLarge, Cancelled, WorkerLost)
    code = error.code if isinstance(error, own) else "worker_error"
    text = error.text if isinstance(error, own) or error.code == "worker_error" else str(error)
    return "error", {"code": code, "text": text, "retryable": code == "worker_lost"}, []


def _run(handler: Handler, job: Request) -> Payload:
    """What the handler returns; what it yields are parts."""
    result: Any = handler(job)
    if not inspect.isgenerator(result):
        return cast(Payload, result)
    try:
        while True:
            try:
                part = next(result)
            except StopIteration as end:
                return cast(Payload, end.value)
            job.part(part)
    finally:
        result.close()


def resident_bytes() -> int:
    """The memory of this process."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * _PAGE
    except OSError:
        return 0


class ProcessService(Service):
    """The worker that a node has started as a process of its own. It connects once."""

    def __init__(self, handlers: Mapping[str, Handler], hooks: Iterable[Callable[[], None]],
                 concurrency: int, endpoint: str, token: str) -> None:
        super().__init__(handlers, hooks, concurrency, Settings.of(endpoint, None, None), 0.0,
                         None, Pauses(), connect_seconds=2.0)
        self._token = token
        self._last_words: Optional[Dict[str, Any]] = None
        self.status = 1  # as long as it has not been told to stop

    def inherited(self, job: Request) -> Dict[str, Any]:
        return {"parent": job._about}

    def connected(self, now: float) -> None:
        super().connected(now)
        self.say("hello", 0, {"version-min": 1, "version-max": 1, "state": "loading",
                              "token": self._token})
        threading.Thread(target=self._load_and_tell, name="troupe start", daemon=True).start()

    def lost(self, fate: Fate) -> float:
        self.disconnected(fate.text)
        self._forget_all()
        return math.inf

    def terminate(self) -> None:
        """SIGTERM. What is not begun goes back, what runs has a moment."""
        if not self._is_stopping:
            self._leave("it was told to end by SIGTERM", "worker_error")
            self._ends_at = time.monotonic() + TERM_SECONDS

    def interrupt(self) -> None:
        """SIGINT, which a terminal sends to all: what is to be done about it the node says."""

    def _take_stop(self, headers: Dict[str, Any]) -> None:
        if not self._is_stopping:
            super()._take_stop(headers)
            self.status = 0

    def _take_request(self, about: int, headers: Dict[str, Any], frames: List[bytes],
                      now: float) -> None:
        if self._is_stopping:
            self._say_error(about, "worker_lost", "the worker is about to end", state="queued")
        else:
            super()._take_request(about, headers, frames, now)

    def _load_and_tell(self) -> None:
        try:
            self._load()
        except NotNeeded:
            self.post(self._say_not_needed)
        except MemoryError as error:
            text = f"MemoryError: {error}"
            self.post(lambda: self._leave(text, "memory_exhausted"))
        except Exception as error:
            log.exception("the worker cannot start")
            text = str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
            self.post(lambda: self._leave(text, "worker_error"))
        else:
            self.post(self._say_ready)

    def _say_ready(self) -> None:
        if self._state == "loading":
            self._state = "ready"
            self.say("ready", 0, {"concurrency": self._concurrency})

    def _say_not_needed(self) -> None:
        self.say("bye", 0, {"state": "ignored"})
        self.status = 0
        self._loop.end()

    def _leave(self, text: str, code: str) -> None:
        """Broken, or told to end: the node will hear why, behind the finals of what it has."""
        self._give_back()
        self._is_stopping = True
        self._state = "evicting"
        self.status = 1
        self._last_words = {"code": code, "text": text, "retryable": False}
        self._ends_at = min(self._ends_at, time.monotonic() + TERM_SECONDS)

    def _say_end(self) -> None:
        if self._last_words:
            for about, job in list(self._jobs.items()):
                if self._end_job(job):
                    self._say_error(about, "worker_lost", "the worker has ended")
            self.say("error", 0, self._last_words)

    def _break(self, job: Request, text: str) -> None:
        self._leave(text, "worker_error")


class RemoteService(Service):
    """A worker that dials in, and again when the node was away."""

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
        self.say("ready", 0, {"capabilities": list(self._handlers),
                              "concurrency": self._concurrency, "memory": resident_bytes()})
        log.info("connected to the node; offers %s", ", ".join(self._handlers))

    def lost(self, fate: Fate) -> float:
        self.disconnected(fate.text)
        self._forget_all()
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
        if self._loop.is_up and self._offered:
            self._state = "draining"
            self.say("drain")
        else:
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
