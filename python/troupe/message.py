"""What an actor receives: `ActorMessage`, and what it may do with it."""

import math
import threading
import time
from typing import TYPE_CHECKING, List, Optional

from .agenda import Timer
from .client import Down, Reply, message_frames, reply_of
from .refs import Ref, To
from .wire import Payload

if TYPE_CHECKING:
    from .mail import Mail

# Of what several threads may do to a question. Held for a moment only, in which Python may find
# that another one was forgotten.
_lock = threading.RLock()


class ActorMonitor:
    """A monitor of an actor, as `worker.monitor` gives it: one `down` comes for it."""

    def __init__(self, mail: "Mail", whom: Ref) -> None:
        self._mail = mail
        self._whom = whom
        self._about = 0  # known to the loop
        self._is_over = False

    @property
    def whom(self) -> Ref:
        """Who is monitored."""
        return self._whom

    def cancel(self) -> bool:
        """No `down` comes for it any more. False when it was over. From any thread."""
        with _lock:
            if self._is_over:
                return False
            self._is_over = True
        self._mail.post(lambda: self._mail.end_monitor(self))
        return True

    def _take_end(self) -> bool:
        with _lock:
            was_over, self._is_over = self._is_over, True
        return not was_over


class ActorMessage:
    """A message in the hands of an actor. What it does not do with it until its `receive` returns
    it cannot do later, but for the answer to one that it keeps."""

    def __init__(self, mail: "Mail", kind: str, frames: List[bytes], *,
                 sender: Optional[Ref] = None, receipt: int = 0, is_urgent: bool = False,
                 deadline: float = math.inf, timer: "Optional[Timer[ActorMessage]]" = None,
                 monitor: Optional[ActorMonitor] = None, down: Optional[Down] = None) -> None:
        self._mail = mail
        self._frames = frames
        self._receipt = receipt  # 0: it is none of the node's
        self._deadline = deadline
        self._is_open = kind == "ask"  # its question, under the lock
        self._is_kept = False
        self._is_in_hand = False
        self._is_aside = False
        self._went_on = False
        #: ``plain``, ``ask``: somebody waits for an answer; ``tick`` of a timer; ``down``: who was
        #: monitored went down.
        self.kind: str = kind
        #: Who has sent it, or went down; None when that is nobody who can be sent to.
        self.sender: Optional[Ref] = sender
        #: Whether it has overtaken others.
        self.urgent: bool = is_urgent
        #: Of a tick.
        self.timer: "Optional[Timer[ActorMessage]]" = timer
        #: Of a down.
        self.monitor: Optional[ActorMonitor] = monitor
        #: Of a down: how whoever is monitored has ended.
        self.down: Optional[Down] = down

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
    def time_left(self) -> Optional[float]:
        """Seconds for which who asks will still wait; None: nobody waits, or however long."""
        if self.kind != "ask" or self._deadline == math.inf:
            return None
        return max(0.0, self._deadline - time.monotonic())

    # ---- what becomes of it ----

    def answer(self, payload: Payload = None) -> bool:
        """Answer who asks. False when it does not ask, was answered, or has gone on. Whether
        somebody still waits the node knows."""
        return self._end_question(None, "", message_frames(payload))

    def refuse(self, text: str) -> bool:
        """Have the question end as `WorkerError`, with a text. False likewise."""
        return self._end_question("worker_error", text, [])

    def keep(self) -> "ActorMessage":
        """It will be answered when `receive` has returned: at any time, on any thread. Who asks
        is told when it was forgotten instead. Returns itself."""
        self._is_kept = True
        return self

    def forward(self, to: To) -> None:
        """Have it go on to another actor, which sees who has sent it, and has to answer it if it
        asks. Once, and not when it was put aside."""
        self._check("forwarded")
        if self._receipt == 0:
            raise RuntimeError(f"a {self.kind} is nobody else's, and cannot be forwarded")
        self._mail.check_address(to)
        self._went_on = True
        with _lock:
            self._is_open = False
        self._mail.post(lambda: self._mail.forward(self, to))

    def stash(self) -> None:
        """Put it aside when `receive` returns: it comes again when `worker.unstash` was called, or
        to the next life of the actor. Its question goes with it, and its time runs on."""
        self._check("put aside")
        self._is_aside = True

    def _check(self, what: str) -> None:
        if not self._is_in_hand:
            raise RuntimeError(f"only within its receive can a message be {what}")
        if self._went_on or self._is_aside:
            raise RuntimeError(f"the message goes elsewhere already, and cannot be {what}")

    def _end_question(self, code: Optional[str], text: str, frames: List[bytes]) -> bool:
        with _lock:
            if not self._is_open:
                return False
            self._is_open = False
        receipt, mail = self._receipt, self._mail
        mail.post(lambda: mail.say_answer(receipt, code, text, frames))
        return True

    def _lose_question(self, text: str) -> None:
        self._end_question("worker_lost", text, [])

    def __del__(self) -> None:
        if self._is_open:
            self._lose_question("nobody has answered it, and nobody will")

    # ---- for the thread that receives ----

    def _begin(self) -> None:
        self._is_in_hand = True
        self._is_aside = self._is_kept = False

    def _finish(self) -> bool:
        """It was received. Whether it is aside now."""
        self._is_in_hand = False
        if not self._is_aside and not self._is_kept:
            self._lose_question("it was received, and was not answered")
        if self._receipt > 0:
            receipt, mail, state = self._receipt, self._mail, "stashed" if self._is_aside else None
            mail.post(lambda: mail.say_settled(receipt, state))
        return self._is_aside
