"""Troupe: call the capabilities of a node, and serve some.

    import troupe

    with troupe.Client("ipc:///tmp/troupe-studio.sock") as client:
        print(client.call("echo", "hello"))

`Client` blocks, `troupe.aio.AsyncClient` is for asyncio, and `Worker` serves. `troupe.contracts` has
what the typed capabilities, such as `client.vision`, are asked and answer. How a request may
end otherwise than by a reply is a `TroupeError`; there is a subclass for each code.
"""

from .agenda import Timer
from .client import DEFAULT, Call, Client, Down, Message, Monitor, Reply, Stream
from .conversation import Status
from .message import ActorMessage, ActorMonitor
from .outcomes import (BadRequest, Cancelled, CircuitOpen, Forbidden, Internal, MemoryExhausted,
                       NoCapability, NoWorkers, Overloaded, ShuttingDown, SpawnFailed,
                       SpawnTimeout, Timeout, TooLarge, TroupeError, WorkerError, WorkerLost)
from .refs import Ref
from .worker import Broken, NotNeeded, Request, Worker

__version__ = "0.1.0"

__all__ = [
    "DEFAULT", "ActorMessage", "ActorMonitor", "BadRequest", "Broken", "Call", "Cancelled",
    "CircuitOpen", "Client", "Down", "Forbidden", "Internal", "MemoryExhausted", "Message",
    "Monitor", "NoCapability", "NoWorkers", "NotNeeded", "Overloaded", "Ref", "Reply", "Request",
    "ShuttingDown", "SpawnFailed", "SpawnTimeout", "Status", "Stream", "Timeout", "Timer",
    "TooLarge", "TroupeError", "Worker", "WorkerError", "WorkerLost",
]
