"""The service of a worker that a node has started as a process of its own.

It connects once. When the connection is lost, so is the worker: the node has given it up.

A worker of a node is an actor, too. One more thread takes what it receives, the ticks of its
timers and the answers to what it has asked, one after another, from an agenda.
"""

import logging
import math
import threading
import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Union

from .agenda import Task
from .connection import Fate, Pauses, Settings
from .conversation import Frames, Sink
from .mail import Mail, pack_state
from .message import ActorMessage
from .outcomes import BadRequest, Cancelled
from .request import PROGRESS_SECONDS, Request
from .service import Broken, Handler, NotNeeded, Service
from .wire import Command

log = logging.getLogger("troupe")

CONNECT_SECONDS = 2.0  # after which a worker that finds no node must have left
TERM_SECONDS = 1.5  # that handlers have, once the process was told to end by a signal

Receiver = Callable[[ActorMessage], Any]
StateHook = Callable[[], Any]


class ActorHooks(NamedTuple):
    """What the program has for the actor."""

    receive: Optional[Receiver] = None
    state: Optional[StateHook] = None


class ProcessService(Service):
    """See above."""

    def __init__(self, handlers: Mapping[str, Handler], hooks: Iterable[Callable[[], None]],
                 concurrency: int, endpoint: str, token: str, drain_seconds: float,
                 actor: ActorHooks) -> None:
        super().__init__(handlers, hooks, concurrency, Settings.of(endpoint, None, None), 0.0,
                         None, Pauses(), connect_seconds=CONNECT_SECONDS)
        self._token = token
        self._drain_seconds = drain_seconds
        self._actor = actor
        self._last_words: Optional[Dict[str, Any]] = None
        self.mail = Mail(self.say, self.post, takes_messages=actor.receive is not None)
        self._stint = _Stint(self._say_getting_on)
        self._is_at_last = False
        self.status = 1  # as long as it has not been told to stop

    @property
    def is_at_work(self) -> bool:
        return super().is_at_work or self.mail.agenda.is_busy

    @property
    def _is_done(self) -> bool:
        return super()._is_done and not self.mail.agenda.is_busy

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
        self.mail.close()
        return math.inf

    # ---- ways to the end ----

    def terminate(self) -> None:
        """SIGTERM. What is not begun goes back, what runs has a moment."""
        if not self._is_stopping:
            self._leave("it was told to end by SIGTERM", "worker_error")

    def interrupt(self) -> None:
        """SIGINT, which a terminal sends to all: what is to be done about it the node says."""

    def take_no_more(self) -> None:
        self.mail.agenda.end()

    def finish(self) -> None:
        """The program wants to end well. What is not begun goes back, what runs is finished."""
        if not self._is_stopping:
            self._begin_to_leave()
            self.status = 0
            self._ends_at = time.monotonic() + self._drain_seconds

    def _take_stop(self, headers: Dict[str, Any]) -> None:
        if not self._is_stopping:
            super()._take_stop(headers)
            self.mail.close()
            self.status = 0

    def _stop_when_done(self, now: float) -> None:
        if self._is_stopping and self._is_done and not self._is_at_last:
            # What the actor has posted before it was done is to be said first.
            self._is_at_last = True
            self.post(_nothing)
        else:
            super()._stop_when_done(now)

    def _begin_to_leave(self) -> None:
        self._give_back()
        self.mail.close()
        self._is_stopping = True
        self._state = "evicting"

    def _leave(self, text: str, code: str) -> None:
        """Broken, or told to end: the node will hear why, behind the finals of what it has."""
        self._begin_to_leave()
        log.info("leaves: %s", text)  # and begins nothing more
        self.status = 1
        self._last_words = {"code": code, "text": text, "retryable": False}
        self._ends_at = min(self._ends_at, time.monotonic() + TERM_SECONDS)

    def _say_end(self) -> None:
        if self._last_words:
            for about, job in list(self._jobs.items()):
                if self._end_job(job):
                    self._say_error(about, "worker_lost", "the worker has ended")
            self.say("error", 0, self._last_words)
        self.mail.give_back()

    def _break(self, job: Request, text: str) -> None:
        self._leave(text, "worker_error")

    # ---- the start ----

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
            text = _why(error)
            self.post(lambda: self._leave(text, "worker_error"))
        else:
            self.post(self._say_ready)

    def _say_ready(self) -> None:
        if self._state == "loading":
            self._state = "ready"
            takes = {"messages": True} if self.mail.takes_messages else {}
            self.say("ready", 0, {"concurrency": self._concurrency, **takes})
            threading.Thread(target=self._act, name="troupe actor", daemon=True).start()

    def _say_not_needed(self) -> None:
        self.say("bye", 0, {"state": "ignored"})
        self.status = 0
        self._loop.end()

    # ---- what the node says ----

    def take(self, command: Command, now: float) -> bool:
        if command.name == "inspect":
            self._take_inspect(command.id)
            return True
        return self.mail.take(command, now) or super().take(command, now)

    def _take_request(self, about: int, headers: Dict[str, Any], frames: List[bytes],
                      now: float) -> None:
        if self._is_stopping:
            self._say_error(about, "worker_lost", "the worker is about to end", state="queued")
        else:
            super()._take_request(about, headers, frames, now)

    def _take_inspect(self, about: int) -> None:
        if self._state == "loading":
            self._say_inspected(about, None, "it is loading")
        elif not self.mail.agenda.put_look(lambda: self._look(about)):
            self._say_inspected(about, None, "it is about to end")

    def _look(self, about: int) -> None:
        """Show the state. On the actor's thread; what is wrong with it is no failure of that."""
        state: Optional[bytes] = None
        remark = ""
        if self._actor.state is None:
            remark = "the program shows no state"
        else:
            try:
                state = pack_state(self._actor.state())
            except Exception as error:
                log.exception("the state cannot be shown")
                remark = _why(error)
        self.post(lambda: self._say_inspected(about, state, remark))

    def _say_inspected(self, about: int, state: Optional[bytes], remark: str) -> None:
        n_asks = sum(1 for call in self._calls.values() if _is_for_actor(call.headers))
        self.mail.say_inspected(about, n_asks, len(self._calls) - n_asks, state, remark)

    def _sign_of_life(self, now: float) -> Dict[str, Any]:
        told = super()._sign_of_life(now)
        age = self._stint.progress_age(now)
        if age is None:
            return told
        if self._state == "ready":
            told["state"] = "processing"
        if age >= told.get("progress-age", 0) / 1000:
            told.pop("running", None)  # what the actor's thread is at has no number
            told["running-for"] = max(0, int((now - self._stint.begun_at) * 1000))
            told["progress-age"] = max(0, int(age * 1000))
        return told

    # ---- questions to actors, of which the node does not keep the time ----

    def start(self, sink: Sink, headers: Dict[str, Any], payload: Frames, now: float,
              timeout: Optional[float] = None, command: str = "request") -> int:
        if command == "send":
            sink.error(BadRequest("what a worker sends that the node has started is never "
                                  "confirmed"))
            return 0
        return super().start(sink, headers, payload, now, timeout, command)

    def grace_of(self, headers: Dict[str, Any]) -> float:
        return 0.0 if _is_for_actor(headers) else super().grace_of(headers)

    def cancel(self, about: int) -> None:
        call = self._calls.get(about)
        if call is not None and _is_for_actor(call.headers):
            self._end(about, Cancelled("whoever asked wants no answer any more"))
        else:
            super().cancel(about)

    # ---- the actor's thread ----

    def _act(self) -> None:
        agenda = self.mail.agenda
        self._here.work = self._stint
        item = agenda.take()
        while item is not None:
            self._stint.begin()
            if not self._do(item):
                return  # it stays at that for ever: nothing else is to be done
            item = None  # nobody is to keep it for as long as nothing else comes
            item = agenda.take()

    def _do(self, item: Union[ActorMessage, Task]) -> bool:
        """False: the life has failed."""
        message = item if isinstance(item, ActorMessage) else None
        try:
            is_aside = self._receive(item) if isinstance(item, ActorMessage) else _call(item)
        except BaseException as error:
            log.exception("the actor has failed")
            text = _why(error)
            self._stint.end()
            self.mail.agenda.done()
            self.post(lambda: self._leave(text, "worker_error"))
            return False
        self._stint.end()
        self.mail.agenda.done(message if is_aside else None)
        if self._is_stopping:
            self.post(_nothing)  # it may be what the end waits for
        return True

    def _receive(self, message: ActorMessage) -> bool:
        """Whether it is aside now."""
        message._begin()
        if self._actor.receive is not None:
            self._actor.receive(message)
        return message._finish()

    def _say_getting_on(self) -> None:
        self.post(lambda: self.say("progress"))


class _Stint:
    """What the actor's thread is at. That writes, and the loop reads."""

    def __init__(self, say_progress: Callable[[], None]) -> None:
        self._say_progress = say_progress
        self._is_on = False
        self._n_waiting = 0  # answers that it waits for
        self._progress_at = 0.0
        self._told_at = 0.0
        self.begun_at = 0.0

    def begin(self) -> None:
        self.begun_at = self._progress_at = time.monotonic()
        self._is_on = True

    def end(self) -> None:
        self._is_on = False

    def progress_age(self, now: float) -> Optional[float]:
        """Seconds since it got on; to wait for others is to get on. None: it is at nothing."""
        if not self._is_on:
            return None
        return 0.0 if self._n_waiting > 0 else max(0.0, now - self._progress_at)

    def progress(self) -> None:
        self._progress_at = time.monotonic()
        if self._progress_at >= self._told_at + PROGRESS_SECONDS:
            self._told_at = self._progress_at
            self._say_progress()

    def _wait_begins(self) -> None:
        self._n_waiting += 1

    def _wait_ends(self) -> None:
        self._n_waiting -= 1
        self._progress_at = time.monotonic()


def _call(task: Task) -> bool:
    """Nothing is aside then."""
    task()
    return False


def _nothing() -> None:
    """For the loop to have a turn."""


def _why(error: BaseException) -> str:
    return str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"


def _is_for_actor(headers: Mapping[str, Any]) -> bool:
    return "actor" in headers or "ref" in headers
