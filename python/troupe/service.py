"""What a worker and its node say to each other, and the threads that run its handlers.

All but the handlers runs on the thread of the loop. A handler's thread posts what it has to say;
what it says of a request that has had its final, or that the node has lost sight of, is dropped.
process_service.py and remote_service.py have the two kinds of worker.

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
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Protocol, Tuple, cast

from .connection import Fate, Pauses, Settings
from .conversation import Conversation
from .loop import Loop
from .outcomes import BadRequest, Cancelled, TooLarge, TroupeError, WorkerLost
from .request import Request, check_size
from .wire import Command, Payload, frames_of

log = logging.getLogger("troupe")

Handler = Callable[[Request], Any]

ANY = ""  # the capability of a handler that serves whatever the node calls it
_PAGE = os.sysconf("SC_PAGESIZE")


class AtWork(Protocol):
    """What a thread of the worker is at."""

    def progress(self) -> None: ...

    def _wait_begins(self) -> None: ...

    def _wait_ends(self) -> None: ...


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
        self._here = threading.local()  # what the thread is at
        self._n_abandoned = 0  # handlers' threads that were given up, and have not ended
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

    @property
    def at_work(self) -> Optional[AtWork]:
        """What the thread that asks is at."""
        found: Optional[AtWork] = getattr(self._here, "work", None)
        return found

    def progress(self) -> None:
        """What the thread is at gets on, or loading."""
        work = self.at_work
        if work is not None:
            work.progress()
            return
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
        for capability in self._handlers:
            for _ in range(self._concurrency):
                self._start_thread(capability)
        try:
            self._loop.run()
        finally:
            for waiting in self._waiting.values():
                for _ in range(self._concurrency):
                    waiting.put(None)
            self._forget_all()
            self._loop.run_posted()
            self.end_all(lambda: Cancelled("the worker has ended"))

    def _start_thread(self, capability: str) -> None:
        threading.Thread(target=self._work, name=f"troupe {capability}", daemon=True, args=(
            self._handlers[capability], self._waiting[capability])).start()

    def _load(self) -> None:
        """The hooks of the start, one after another."""
        for hook in self._hooks:
            hook()

    def _say_progress(self) -> None:
        if self._state == "loading":
            self.say("progress")

    @property
    def _is_done(self) -> bool:
        """Whether nothing is open."""
        return not self._jobs

    def _stop_when_done(self, now: float) -> None:
        if (self._is_stopping and self._is_done) or now >= self._ends_at:
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
                self._here.work = job
                name, headers, frames = self._answer(handler, job)
                self._here.work = None
                with self._lock:
                    if job not in self._running:
                        self._n_abandoned -= 1
                        return  # another thread is here in its place
                    self._running.remove(job)
                self._post_final(job, name, headers, frames)

    def _answer(self, handler: Handler, job: Request) -> Tuple[str, Dict[str, Any], List[bytes]]:
        """How a request ends, whatever its handler does."""
        if job.cancelled:
            return _failed(Cancelled("nobody waited for it any more"))
        try:
            frames = frames_of(_run(handler, job))
            check_size(frames)
            return "reply", {}, frames
        except Broken as error:
            text = str(error)
            self.post(lambda: self._break(job, text))
            return _failed(WorkerLost(text))
        except TroupeError as error:
            return _failed(error)
        except BaseException as error:  # the request fails, the worker stays
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
        """Told to end by a signal."""
        raise NotImplementedError

    def take_no_more(self) -> None:
        """It is about to be told to end: the actor takes no other message. From any thread."""

    def finish(self) -> None:
        """Told so by its own program."""
        self.terminate()

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
