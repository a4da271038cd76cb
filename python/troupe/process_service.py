"""The service of a worker that a node has started as a process of its own.

It connects once. When the connection is lost, so is the worker: the node has given it up.
"""

import logging
import math
import threading
import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

from .connection import Fate, Pauses, Settings
from .request import Request
from .service import Broken, Handler, NotNeeded, Service

log = logging.getLogger("troupe")

CONNECT_SECONDS = 2.0  # after which a worker that finds no node must have left
TERM_SECONDS = 1.5  # that handlers have, once the process was told to end by a signal


class ProcessService(Service):
    """See above."""

    def __init__(self, handlers: Mapping[str, Handler], hooks: Iterable[Callable[[], None]],
                 concurrency: int, endpoint: str, token: str) -> None:
        super().__init__(handlers, hooks, concurrency, Settings.of(endpoint, None, None), 0.0,
                         None, Pauses(), connect_seconds=CONNECT_SECONDS)
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
