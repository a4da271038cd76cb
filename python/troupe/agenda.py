"""What is to be done by the thread of an actor, one after another, and in which order.

First come the looks of an operator, then ticks that are due, then messages that were aside,
urgent ones, and all others as they came. After a tick one message has its turn, so that a timer
whose ticks take long starves nobody.

Any thread may put and start timers; one thread takes. What it has taken it is at until it says
`done`. Nothing here touches a socket. All waiting is in `take`; the rest is told the time.
"""

import heapq
import itertools
import math
import threading
import time
from collections import deque
from typing import Callable, Deque, Generic, List, Optional, Tuple, TypeVar, Union

LONGEST_WAIT = 60.0  # seconds; a clock that jumps, and the like
MANY_OVER = 100  # timers that have been cancelled lie in the heap before it is swept

Mail = TypeVar("Mail")
Task = Callable[[], None]


class Timer(Generic[Mail]):
    """A timer of an actor, as `worker.after` and `worker.every` give it."""

    def __init__(self, agenda: "Agenda[Mail]", period: float,
                 make: Callable[["Timer[Mail]"], Union[Mail, Task]]) -> None:
        self._agenda = agenda
        self._period = period  # 0: it ticks once
        self._make = make
        self._is_over = False

    def cancel(self) -> bool:
        """No tick of it comes any more. False when it was over. From any thread."""
        return self._agenda.cancel_timer(self)

    def _next_at(self, due_at: float, now: float) -> float:
        """Periods do not drift, and those that were missed are left out."""
        missed = max(0, math.floor((now - due_at) / self._period))
        return due_at + (missed + 1) * self._period


class Agenda(Generic[Mail]):
    """See above. `Mail` is what `receive` takes; all else is a function to be called."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._looks: Deque[Task] = deque()
        self._again: Deque[Mail] = deque()
        self._urgent: Deque[Union[Mail, Task]] = deque()
        self._others: Deque[Union[Mail, Task]] = deque()
        self._aside: List[Mail] = []
        self._timers: List[Tuple[float, int, Timer[Mail]]] = []
        self._n_timers = 0  # that are not over
        self._numbers = itertools.count()
        self._is_suspended = False
        self._is_over = False
        self._is_busy = False
        self._is_to_unstash = False
        self._has_ticked = False  # what was taken last was a tick

    # ---- for any thread ----

    def put(self, item: Union[Mail, Task], is_urgent: bool = False) -> bool:
        """False when nothing is taken any more."""
        with self._changed:
            if self._is_over:
                return False
            (self._urgent if is_urgent else self._others).append(item)
            self._changed.notify()
            return True

    def put_look(self, look: Task) -> bool:
        """Before all else, and also while it is suspended. False likewise."""
        with self._changed:
            if self._is_over:
                return False
            self._looks.append(look)
            self._changed.notify()
            return True

    def suspend(self, is_suspended: bool) -> None:
        """Take nothing but looks, or go on."""
        with self._changed:
            self._is_suspended = is_suspended
            self._changed.notify()

    def start_timer(self, now: float, delay: float, period: float,
                    make: Callable[[Timer[Mail]], Union[Mail, Task]]) -> Timer[Mail]:
        """In `delay` seconds, and then every `period` unless that is 0, there is what `make`
        makes of the timer."""
        timer = Timer(self, period, make)
        with self._changed:
            self._n_timers += 1
            self._push(now + max(0.0, delay), timer)
            self._changed.notify()
        return timer

    def cancel_timer(self, timer: Timer[Mail]) -> bool:
        with self._changed:
            if timer._is_over:
                return False
            self._end(timer)
            if len(self._timers) > 2 * self._n_timers + MANY_OVER:
                self._timers = [one for one in self._timers if not one[2]._is_over]
                heapq.heapify(self._timers)
            return True

    def unstash(self) -> None:
        """What is aside comes again, when what is done now is done."""
        with self._changed:
            if self._is_busy:
                self._is_to_unstash = True
            else:
                self._bring_back()
                self._changed.notify()

    def end(self) -> None:
        """Nothing is taken any more, from now on."""
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def close(self) -> List[Mail]:
        """Nothing is taken any more. Returns what was not begun, in the order in which it would
        have been; what is aside, or was to come again, stays."""
        with self._changed:
            self._is_over = True
            unbegun = [one for lane in (self._urgent, self._others) for one in lane
                       if not callable(one)]
            self._urgent.clear()
            self._others.clear()
            self._changed.notify()
            return unbegun

    @property
    def is_busy(self) -> bool:
        """Whether something is being done now."""
        with self._changed:
            return self._is_busy

    @property
    def n_timers(self) -> int:
        """Those that will tick."""
        with self._changed:
            return self._n_timers

    @property
    def n_aside(self) -> int:
        """What was put aside, and did not come again yet."""
        with self._changed:
            return len(self._aside)

    @property
    def n_waiting(self) -> int:
        """What has come, and was not taken yet."""
        with self._changed:
            return len(self._again) + len(self._urgent) + len(self._others)

    # ---- for the one that takes ----

    def take(self) -> Union[Mail, Task, None]:
        """What is next; waits for it. None: it is over."""
        with self._changed:
            while True:
                now = time.monotonic()
                item = self._next(now)
                if item is not None or self._is_over:
                    return item
                self._changed.wait(min(self._wakes_at() - now, LONGEST_WAIT))

    def take_now(self, now: float) -> Union[Mail, Task, None]:
        """Likewise, without waiting."""
        with self._changed:
            return self._next(now)

    def done(self, aside: Optional[Mail] = None) -> None:
        """It is done, or was put aside."""
        with self._changed:
            self._is_busy = False
            if self._is_to_unstash:
                self._bring_back()
            if aside is not None:
                self._aside.append(aside)

    # ---- with the lock ----

    def _next(self, now: float) -> Union[Mail, Task, None]:
        item: Union[Mail, Task, None] = None
        if self._looks:
            item = self._looks.popleft()
        elif not self._is_over and not self._is_suspended:
            item = self._next_of_its_own(now)
        self._is_busy = item is not None
        return item

    def _next_of_its_own(self, now: float) -> Union[Mail, Task, None]:
        has_mail = bool(self._again or self._urgent or self._others)
        tick = None if self._has_ticked and has_mail else self._next_tick(now)
        self._has_ticked = tick is not None
        if tick is not None or not has_mail:
            return tick
        if self._again:
            return self._again.popleft()
        return (self._urgent or self._others).popleft()

    def _next_tick(self, now: float) -> Union[Mail, Task, None]:
        self._drop_those_that_are_over()
        if not self._timers or self._timers[0][0] > now:
            return None
        due_at, _, timer = heapq.heappop(self._timers)
        if timer._period > 0:
            self._push(timer._next_at(due_at, now), timer)
        else:
            self._end(timer)
        return timer._make(timer)

    def _wakes_at(self) -> float:
        self._drop_those_that_are_over()
        return self._timers[0][0] if self._timers and not self._is_suspended else math.inf

    def _drop_those_that_are_over(self) -> None:
        while self._timers and self._timers[0][2]._is_over:
            heapq.heappop(self._timers)

    def _push(self, at: float, timer: Timer[Mail]) -> None:
        heapq.heappush(self._timers, (at, next(self._numbers), timer))

    def _end(self, timer: Timer[Mail]) -> None:
        timer._is_over = True
        self._n_timers -= 1

    def _bring_back(self) -> None:
        self._is_to_unstash = False
        self._again.extend(self._aside)
        self._aside = []
