"""How a request can end otherwise than by a reply: an exception for each code."""

from typing import Any, Dict, Optional, Type

__all__ = [
    "BadRequest", "Cancelled", "CircuitOpen", "Forbidden", "Internal", "MemoryExhausted",
    "NoCapability", "NoWorkers", "Overloaded", "ShuttingDown", "SpawnFailed", "SpawnTimeout",
    "Timeout", "TooLarge", "TroupeError", "WorkerError", "WorkerLost", "error_of",
]


class TroupeError(Exception):
    """A request ended in an error. This class itself stands for codes that are not known here.

    ``code``       the outcome, such as ``worker_error``
    ``retryable``  whether the same request may do better later
    ``hint``       seconds after which trying again makes sense; None: not known
    ``text``       one line for a person
    """

    code: str = "internal"
    retryable: bool = False

    def __init__(self, text: str = "", *, code: Optional[str] = None,
                 retryable: Optional[bool] = None, hint: Optional[float] = None) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return f"{self.code}: {self.text}" if self.text else self.code


class WorkerError(TroupeError):
    """The handler failed the request; `text` is its own."""

    code = "worker_error"


class WorkerLost(TroupeError):
    """The worker crashed, hung or was cut off; or the connection to the node was lost."""

    code = "worker_lost"
    retryable = True


class Timeout(TroupeError, TimeoutError):
    """The deadline passed."""

    code = "timeout"
    retryable = True


class Cancelled(TroupeError):
    """The caller cancelled it."""

    code = "cancelled"


class Overloaded(TroupeError):
    """A queue is full; `hint` may say when trying again makes sense."""

    code = "overloaded"
    retryable = True


class NoCapability(TroupeError):
    """Nobody offers that capability, or is called so."""

    code = "no_capability"


class NoWorkers(TroupeError):
    """It is offered, but no worker could be had in time."""

    code = "no_workers"
    retryable = True


class CircuitOpen(TroupeError):
    """The circuit breaker of the capability is open."""

    code = "circuit_open"
    retryable = True


class MemoryExhausted(TroupeError):
    """No worker fits the memory budget of the node."""

    code = "memory_exhausted"
    retryable = True


class SpawnFailed(TroupeError):
    """A worker that is needed did not start."""

    code = "spawn_failed"
    retryable = True


class SpawnTimeout(TroupeError):
    """A worker that is needed did not start in time."""

    code = "spawn_timeout"
    retryable = True


class ShuttingDown(TroupeError):
    """The node, or the capability, is draining."""

    code = "shutting_down"
    retryable = True


class BadRequest(TroupeError):
    """Malformed or invalid."""

    code = "bad_request"


class TooLarge(TroupeError):
    """Above a size limit."""

    code = "too_large"


class Forbidden(TroupeError):
    """This peer may not call this, send there, or come in at all."""

    code = "forbidden"


class Internal(TroupeError):
    """A bug in Troupe."""

    code = "internal"


_BY_CODE: Dict[str, Type[TroupeError]] = {
    one.code: one for one in TroupeError.__subclasses__()
}


def error_of(headers: Dict[str, Any]) -> TroupeError:
    """The exception for the headers of an `error` command."""
    code = headers.get("code", "internal")
    hint = headers.get("hint")
    return _BY_CODE.get(code, TroupeError)(
        headers.get("text", ""), code=code, retryable=headers.get("retryable", False),
        hint=None if hint is None else hint / 1000)
