"""What a worker may do as an actor of its node: `Acting`, the larger half of `Worker`."""

import inspect
import math
import time
from typing import Callable, Optional, TypeVar, Union

from .agenda import Task, Timer
from .client import DEFAULT, Call, Caller, TimeoutOption, message_frames
from .conversation import Conversation, Frames
from .mail import Mail, check_group, ref_of
from .message import ActorMessage, ActorMonitor
from .outcomes import TroupeError
from .process_service import ActorHooks, ProcessService, Receiver, StateHook
from .refs import To, address_of
from .service import Service
from .wire import Payload

AnyReceiver = TypeVar("AnyReceiver", bound=Receiver)
AnyStateHook = TypeVar("AnyStateHook", bound=StateHook)
Then = Callable[[Call], object]
Tick = Union[Payload, Task]


class _Question(Call):
    """A question whose answer the actor takes between two messages."""

    def __init__(self, caller: Caller, mail: Mail, then: Then) -> None:
        super().__init__(caller)
        self._mail = mail
        self._then = then

    def reply(self, frames: Frames) -> None:
        super().reply(frames)
        self._mail.agenda.put(self._call)

    def error(self, error: TroupeError) -> None:
        super().error(error)
        self._mail.agenda.put(self._call)

    def _call(self) -> None:
        self._then(self)


class Acting(Caller):
    """Messages, questions, timers, monitors, links and groups, from any thread while the worker
    runs, `on_start` included. It is a caller, too: `call`, `start`, `stream`, `send`, `ask` and
    `start_ask` are those of `troupe.Client`, for what the worker needs for its own sake.

    What the actor receives, its ticks and what is called back run on a thread of their own, one
    after another. What one of them raises ends this life of the worker as failed."""

    def __init__(self) -> None:
        self._service: Optional[Service] = None
        self._actor = ActorHooks()

    # ---- what the program has for the actor ----

    def receive(self, receiver: AnyReceiver) -> AnyReceiver:
        """A decorator: this function takes the messages that are sent to the actor, the ticks of
        its timers and the ends of whom it monitors. It gets a `troupe.ActorMessage`. When it has
        returned the message is settled. When it raises, this life of the worker has failed: the
        message is lost, and the node starts another one, which has all others."""
        self._actor = self._actor._replace(receive=_checked(receiver))
        return receiver

    def state(self, hook: AnyStateHook) -> AnyStateHook:
        """A decorator: this function returns what an operator is shown who inspects the actor,
        whatever msgpack can pack. It runs between two messages."""
        self._actor = self._actor._replace(state=_checked(hook))
        return hook

    # ---- questions ----

    def start_ask(self, actor: To, payload: Payload = None, *,
                  timeout: TimeoutOption = DEFAULT, then: Optional[Then] = None) -> Call:
        """Ask an actor without waiting; 5 s where nothing else is said. With `then` the actor
        calls `then(call)` when it has ended, between two messages, in order with what else comes
        from whoever was asked: `call.result()` is the answer, or raises."""
        call = Call(self) if then is None else _Question(self, self._mail_for("be called back"),
                                                         then)
        self._start_ask(call, actor, payload, timeout)
        return call

    # ---- what is aside ----

    def unstash(self) -> None:
        """Have all that was put aside come again, before what waits, when what the actor is at is
        done."""
        self._mail_for("unstash").agenda.unstash()

    # ---- timers ----

    def after(self, seconds: float, what: Tick = None) -> "Timer[ActorMessage]":
        """In so many seconds have `what` called, if it is a function, or else received as a
        `tick` with that payload. A tick does not wait behind messages."""
        return self._start_timer(seconds, 0.0, what)

    def every(self, seconds: float, what: Tick = None, *,
              first: Optional[float] = None) -> "Timer[ActorMessage]":
        """Likewise again and again, for the first time in `first` seconds, or one period. Periods
        do not drift, and those that were missed are left out."""
        if not 0 < seconds < math.inf:
            raise ValueError("a period is longer than nothing")
        return self._start_timer(seconds if first is None else first, seconds, what)

    def _start_timer(self, delay: float, period: float, what: Tick) -> "Timer[ActorMessage]":
        if not delay < math.inf:
            raise ValueError("a tick is to come some time")
        make: Callable[["Timer[ActorMessage]"], Union[ActorMessage, Task]]
        if callable(what):
            mail, task = self._mail_for("have timers"), what
            make = lambda _: task  # noqa: E731
        else:
            mail, frames = self._mail_of_receiver("tick"), message_frames(what)
            make = lambda timer: ActorMessage(mail, "tick", frames, timer=timer)  # noqa: E731
        return mail.agenda.start_timer(time.monotonic(), delay, period, make)

    # ---- monitors and links ----

    def monitor(self, whom: To) -> ActorMonitor:
        """Have one `down` come when this life of the actor ends, or the next one, when it is
        between two: after all that it had sent. Of one that has ended for good, or of nobody, it
        comes at once, for the reason ``gone``."""
        address_of(whom)
        mail = self._mail_of_receiver("down")
        monitor = ActorMonitor(mail, ref_of(whom))
        self._post_message(lambda: mail.begin_monitor(monitor))
        return monitor

    def link(self, whom: To) -> None:
        """Tie two lives together: when one ends for any other reason than ``normal`` the other
        one fails. Where a supervisor can do it, better let it."""
        self._say_to("link", whom)

    def unlink(self, whom: To) -> None:
        """Untie them."""
        self._say_to("unlink", whom)

    def _say_to(self, name: str, whom: To) -> None:
        address_of(whom)
        mail = self._mail_for(name)
        self._post_message(lambda: mail.say_to(name, whom))

    # ---- groups ----

    def join(self, group: str) -> None:
        """Be a member of that group, until this life ends or leaves it."""
        check_group(group)
        mail = self._mail_of_receiver("message")
        self._post_message(lambda: mail.say_of_group("join", group, []))

    def leave(self, group: str) -> None:
        """Be no member any more."""
        check_group(group)
        mail = self._mail_for("leave")
        self._post_message(lambda: mail.say_of_group("leave", group, []))

    def publish(self, group: str, payload: Payload = None) -> None:
        """Send a message to all members of a group but this actor."""
        check_group(group)
        mail, frames = self._mail_for("publish"), message_frames(payload)
        self._post_message(lambda: mail.say_of_group("publish", group, frames))

    # ---- who does it ----

    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("the worker does not run: this is for on_start, and later")
        return self._service

    def _mail_for(self, what: str) -> Mail:
        service = self._running()
        if not isinstance(service, ProcessService):
            raise RuntimeError(f"a worker that dials in is no actor, and cannot {what}: a node "
                               "must start this program for that")
        return service.mail

    def _mail_of_receiver(self, what: str) -> Mail:
        mail = self._mail_for(f"get a {what}")
        if not mail.takes_messages:
            raise RuntimeError(f"nobody would take a {what}: the worker has no receive")
        return mail

    @property
    def _calls(self) -> Conversation:  # type: ignore[override]
        return self._running().calls

    def _post(self, do: Callable[[], None], is_late_fine: bool = False) -> None:
        self._running().post(do)

    def _wait_begins(self) -> None:
        work = self._running().at_work
        if work is not None:
            work._wait_begins()

    def _wait_ends(self) -> None:
        work = self._running().at_work
        if work is not None:
            work._wait_ends()


def _checked(function: "AnyFunction") -> "AnyFunction":
    """One that runs when it is called."""
    if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
        raise TypeError("it is a plain function: nothing would run a generator, or a coroutine")
    return function


AnyFunction = TypeVar("AnyFunction", bound=Callable[..., object])
