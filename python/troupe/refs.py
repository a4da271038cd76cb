"""References: whom an actor may send to, and the numbers by which the node knows them.

With each message of an actor the node says a number for who has sent it, and remembers who that
is until it is told that the number is of no more use here, with how often it has come. So there
is at most one `Ref` of a number at a time, and when that was collected the number goes back.

Pure, but for one thing: references end on any thread, as Python collects what nobody has.
"""

import weakref
from typing import Any, Callable, Dict, NamedTuple, Optional, Union

from .wire import encode


class Ref:
    """An actor, or a client, through all its lives: whoever it was that sent a message. It may be
    sent to, asked, monitored and linked to, from any thread, for as long as it is kept."""

    __slots__ = ("_name", "_number", "__weakref__")

    def __init__(self, name: str, number: Optional[int] = None) -> None:
        self._name = name
        self._number = number  # None: whoever is called so

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    def __repr__(self) -> str:
        return f"<troupe.Ref {self._name}>"


To = Union[str, Ref]
#: Whom a message is for: the actor of a name, or who has sent one.


def address_of(to: To) -> Dict[str, Any]:
    """The headers that say whom it is for. ValueError for a name that nobody can have."""
    if isinstance(to, Ref) and to._number is not None:
        return {"ref": to._number}
    name = to.name if isinstance(to, Ref) else to
    if not name:
        raise ValueError("which actor?")
    told = {"actor": name}
    encode("send", 0, told)
    return told


class _Known(NamedTuple):
    ref: "weakref.ref[Ref]"
    n_said: int


class Refs:
    """The references of a process. One thread owns it; `tell_unused(number)` is called on any."""

    def __init__(self, tell_unused: Callable[[int], None]) -> None:
        self._tell_unused = tell_unused
        self._known: Dict[int, _Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def refer(self, number: int, name: str) -> Ref:
        """Who has that number, which the node has said now."""
        known = self._known.get(number)
        ref = known.ref() if known else None
        watched = known.ref if known else None
        if ref is None or watched is None:
            ref = Ref(name, number)
            watched = weakref.ref(ref, lambda _: self._tell_unused(number))
        self._known[number] = _Known(watched, (known.n_said if known else 0) + 1)
        return ref

    def take_unused(self, number: int) -> int:
        """How often a number was said that is of no more use, and is forgotten now; 0: it is of
        use again, or was forgotten before."""
        known = self._known.get(number)
        if known is None or known.ref() is not None:
            return 0
        del self._known[number]
        return known.n_said
