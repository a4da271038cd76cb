"""What an actor in a process and its node say to each other about messages, monitors and groups.

A `Mail` is told what comes, and says what is to be said; it owns no socket and no thread. What
comes for the actor it puts on its agenda; what the actor wants is posted, and done here.

Always true here:

* A message of the node is settled once when it was received, behind all that the actor has said
  until then; or it was given back, so that the next life has it. The one in hand of a life that
  fails is neither: it is lost.
* A `down` comes to the actor for a monitor that is open, and no other.
"""

import math
from typing import Any, Callable, Dict, List, Optional, Protocol, Sequence

import msgpack  # type: ignore[import]

from .agenda import Agenda
from .client import down_of
from .message import ActorMessage, ActorMonitor
from .outcomes import TroupeError
from .refs import Ref, Refs, To, address_of
from .wire import Command

MAX_GROUP = 127  # bytes of its name
MAX_STATE = 1024 * 1024  # bytes that are shown to an operator


class Say(Protocol):
    """Put a command behind what is to be sent."""

    def __call__(self, name: str, about: int = 0, headers: Optional[Dict[str, Any]] = None,
                 payload: Sequence[bytes] = ...) -> None: ...


class Mail:
    """See above. `post` has something done by the thread that owns this, in order; from any."""

    def __init__(self, say: Say, post: Callable[[Callable[[], None]], None],
                 takes_messages: bool) -> None:
        self.agenda: Agenda[ActorMessage] = Agenda()
        self.post = post
        self.takes_messages = takes_messages
        self._say = say
        self._refs = Refs(lambda number: post(lambda: self._release(number)))
        self._monitors: Dict[int, ActorMonitor] = {}
        self._last_monitor = 0
        self._unbegun: List[ActorMessage] = []  # which nobody will receive in this life

    # ---- from the node ----

    def take(self, command: Command, now: float) -> bool:
        """One command. False when it is about something else."""
        name, about, headers, payload = command
        if name == "message":
            self._take_message(about, headers, list(payload), now)
        elif name == "down":
            self._take_down(about, headers)
        elif name in ("suspend", "resume"):
            self.agenda.suspend(name == "suspend")
        else:
            return False
        return True

    def _take_message(self, about: int, headers: Dict[str, Any], frames: List[bytes],
                      now: float) -> None:
        number = headers.get("ref", 0)
        sender = self._refs.refer(number, headers.get("from", "")) if number > 0 else None
        if not self.takes_messages:
            self.say_settled(about, "lost")
            return
        is_urgent = headers.get("urgent", False)
        left = headers.get("timeout")
        message = ActorMessage(
            self, "ask" if headers.get("ask") else "plain", frames, sender=sender, receipt=about,
            is_urgent=is_urgent, deadline=math.inf if left is None else now + left / 1000)
        if not self.agenda.put(message, is_urgent):
            self._unbegun.append(message)

    def _take_down(self, about: int, headers: Dict[str, Any]) -> None:
        monitor = self._monitors.pop(about, None)
        if monitor is None or not monitor._take_end():
            return  # it has crossed its end
        self.agenda.put(ActorMessage(self, "down", [], sender=monitor.whom, monitor=monitor,
                                     down=down_of(monitor.whom.name, headers)))

    # ---- from the actor: on the owner's thread ----

    def say_settled(self, receipt: int, state: Optional[str] = None) -> None:
        self._say("settled", receipt, {"state": state})

    def say_answer(self, receipt: int, code: Optional[str], text: str,
                   frames: List[bytes]) -> None:
        self._say("answer", receipt, {"code": code, "text": text} if code else None, frames)

    def forward(self, message: ActorMessage, to: To) -> None:
        self._say("send", 0, {**address_of(to), "forward": message._receipt}, message.frames)

    def begin_monitor(self, monitor: ActorMonitor) -> None:
        if monitor._is_over:
            return
        self._last_monitor += 1
        monitor._about = self._last_monitor
        self._monitors[monitor._about] = monitor
        self._say("monitor", monitor._about, address_of(monitor.whom))

    def end_monitor(self, monitor: ActorMonitor) -> None:
        if self._monitors.pop(monitor._about, None) is not None:
            self._say("demonitor", monitor._about)

    def say_to(self, name: str, to: To) -> None:
        """`link` or `unlink`."""
        self._say(name, 0, address_of(to))

    def say_of_group(self, name: str, group: str, frames: List[bytes]) -> None:
        """`join`, `leave` or `publish`."""
        self._say(name, 0, {"group": group}, frames)

    def close(self) -> None:
        """Nothing is received any more."""
        self._unbegun = self.agenda.close() + self._unbegun

    def give_back(self) -> None:
        """What was not begun is for the next life. To be said behind the last words, or the node
        would have others for this life in their place."""
        for message in self._unbegun:
            message._is_open = False  # its question goes back with it
            if message._receipt > 0:
                self.say_settled(message._receipt, "queued")
        self._unbegun = []

    def _release(self, number: int) -> None:
        n_said = self._refs.take_unused(number)
        if n_said > 0:
            self._say("release", 0, {"ref": number, "count": n_said})

    # ---- looks of an operator ----

    def say_inspected(self, about: int, n_asks: int, n_calls: int, state: Optional[bytes],
                      remark: str) -> None:
        """What there is of what, and the state, or why there is none."""
        counts = {"timers": self.agenda.n_timers, "monitors": len(self._monitors), "asks": n_asks,
                  "calls": n_calls, "aside": self.agenda.n_aside,
                  "waiting": self.agenda.n_waiting, "refs": len(self._refs)}
        self._say("inspected", about, {"text": remark} if remark else None,
                  [msgpack.packb(counts), *([] if state is None else [state])])

    @staticmethod
    def check_address(to: To) -> None:
        """ValueError for nobody."""
        address_of(to)


def pack_state(state: Any) -> bytes:
    """As an operator is shown it. Raises what msgpack raises, or TroupeError."""
    packed: bytes = msgpack.packb(state, use_bin_type=True)
    if len(packed) > MAX_STATE:
        raise TroupeError(f"a state of {len(packed)} bytes is not shown: {MAX_STATE} at most")
    return packed


def check_group(group: str) -> None:
    """ValueError for a name that no group can have."""
    if not 1 <= len(group.encode()) <= MAX_GROUP:
        raise ValueError(f"a group has a name of 1 to {MAX_GROUP} bytes")


def ref_of(whom: To) -> Ref:
    """Who is meant; by a name, whoever is called so."""
    return whom if isinstance(whom, Ref) else Ref(whom)
