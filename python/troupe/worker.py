"""A worker: `Worker`."""

import os
import signal
import sys
import threading
from typing import Any, Callable, Dict, List, NoReturn, Optional, TypeVar

from .acting import Acting
from .connection import Settings
from .keys import Key
from .process_service import ProcessService
from .remote_service import RemoteService
from .request import Request
from .service import ANY, Broken, Handler, NotNeeded, Service
from .wire import MAX_NAME

__all__ = ["Broken", "NotNeeded", "Request", "Worker"]

MAX_CAPABILITIES = 16
MAX_CONCURRENCY = 1000

AnyHandler = TypeVar("AnyHandler", bound=Handler)
AnyHook = TypeVar("AnyHook", bound=Callable[[], None])


class Worker(Acting):
    """Serves capabilities, or is an actor, or both. The same program may be started by a node as a
    process of its own, or be started by anybody and dial in; actors are started by a node.

        worker = troupe.Worker("tcp://studio:5671")

        @worker.capability("upper")
        def upper(request):
            return request.payload.upper()

        worker.run()

    An actor, of the node's file or one of its own pool, takes messages:

        @worker.receive
        def receive(message):
            message.answer("no" if message.payload == b"any news?" else None)

    ``endpoint``     the node to dial; of no meaning when a node has started this process
    ``concurrency``  how many requests of each capability it takes at a time; each handler runs on
                     a thread of its own
    ``heartbeat``    seconds between signs of life; after three without any it dials anew
    ``drain_timeout``  seconds that requests have to get done once it is told to end. What is still
                     at work so long after its connection was lost is given up
    ``key``, ``server_key``  by CURVE, as of `troupe.Client`
    """

    def __init__(self, endpoint: Optional[str] = None, *, concurrency: int = 1,
                 heartbeat: float = 5.0, drain_timeout: float = 30.0,
                 key: Optional[Key] = None, server_key: Optional[Key] = None) -> None:
        super().__init__()
        if not 1 <= concurrency <= MAX_CONCURRENCY:
            raise ValueError(f"concurrency is from 1 to {MAX_CONCURRENCY}")
        if heartbeat <= 0:
            raise ValueError("a worker without a heartbeat would not notice that its node is gone")
        self._endpoint = endpoint
        self._concurrency = concurrency
        self._heartbeat = heartbeat
        self._drain_timeout = drain_timeout
        self._key = key
        self._server_key = server_key
        self._handlers: Dict[str, Handler] = {}
        self._hooks: List[Callable[[], None]] = []
        self._is_told_to_stop = False

    def capability(self, name: str) -> Callable[[AnyHandler], AnyHandler]:
        """A decorator: this function serves the capability. It gets a `Request`, and returns the
        reply: None, bytes, a text, or a list of them. If it is a generator, what it yields are
        parts, and what it returns is the reply. When it raises, the request ends as
        ``worker_error`` (or as request.fail() says), and the worker goes on."""
        if not name or len(name.encode()) > MAX_NAME:
            raise ValueError("a capability has a name of 1 to 128 bytes")
        if name in self._handlers:
            raise ValueError(f"{name} is served already")
        if len(self._handlers) == MAX_CAPABILITIES:
            raise ValueError(f"a worker serves at most {MAX_CAPABILITIES} capabilities")

        def add(handler: AnyHandler) -> AnyHandler:
            self._handlers[name] = handler
            return handler

        return add

    def on_start(self, hook: AnyHook) -> AnyHook:
        """A decorator: this function is run before the worker is ready, and may take its time: a
        model loads. It should say `worker.progress()` meanwhile. What it raises ends the worker."""
        self._hooks.append(hook)
        return hook

    def progress(self) -> None:
        """What is done here gets on: loading, a request, or a message. To be said now and then by
        what takes long, so that it does not count as hung."""
        if self._service is not None:
            self._service.progress()

    def stop(self) -> None:
        """Finish what is here, take nothing new, and let run() return. From any thread. A worker
        of a node ends as ``normal`` then, and a permanent one is started again."""
        self._is_told_to_stop = True
        if self._service is not None:
            self._service.take_no_more()
            self._service.post(self._service.finish)

    def run(self) -> None:
        """Serve until it is time to end: the node says so, SIGTERM comes, or stop() is called.

        In a process that a node has started this does not return, but ends the process. Elsewhere
        it returns when the worker has left in good order, and raises a `TroupeError` when it can
        be of no use."""
        if not self._handlers and self._actor.receive is None:
            raise ValueError("a worker without a capability, and without receive")
        if os.environ.get("TROUPE_WORKER_ENDPOINT"):
            self._run_as_process(os.environ["TROUPE_WORKER_ENDPOINT"])
        if self._endpoint is None:
            raise ValueError("no node has started this process, and there is no endpoint to dial")
        if self._actor.receive is not None:
            raise ValueError("a worker that dials in takes no messages: for `receive` a node must "
                             "start this program")
        service = RemoteService(self._handlers, self._hooks, self._concurrency,
                                Settings.of(self._endpoint, self._key, self._server_key),
                                self._heartbeat, self._drain_timeout)
        self._service = service
        with _Signals(service):
            try:
                service.load()
            except NotNeeded:
                return
            if self._is_told_to_stop:
                return
            service.run()
        if service.failure is not None:
            raise service.failure

    def _run_as_process(self, endpoint: str) -> NoReturn:
        token = os.environ.get("TROUPE_WORKER_TOKEN", "")
        wanted = os.environ.get("TROUPE_WORKER_CAPABILITY", "")
        handlers = dict(self._handlers)
        if len(handlers) == 1:  # whatever the node calls it
            handlers[ANY] = handlers.pop(next(iter(handlers)))
        hooks = list(self._hooks)
        if wanted and wanted not in handlers and ANY not in handlers:
            hooks.insert(0, lambda: _refuse(wanted, handlers))
        service = ProcessService(handlers, hooks, self._concurrency, endpoint, token,
                                 self._drain_timeout, self._actor)
        self._service = service
        with _Signals(service):
            service.run()
        if service.is_at_work:  # nobody waits for that handler, and it may never end
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(service.status)
        sys.exit(service.status)


def _refuse(wanted: str, handlers: Dict[str, Handler]) -> NoReturn:
    served = ", ".join(handlers) or "no capability"
    raise Broken(f"this worker does not serve {wanted}, but {served}")


class _Signals:
    """While it lasts, SIGTERM and SIGINT are the service's; if this is the main thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._before: Dict[int, Any] = {}

    def __enter__(self) -> "_Signals":
        if threading.current_thread() is threading.main_thread():
            for number, do in ((signal.SIGTERM, self._service.terminate),
                               (signal.SIGINT, self._service.interrupt)):
                self._before[number] = signal.signal(number, self._poster(do))
        return self

    def _poster(self, do: Callable[[], None]) -> Callable[..., None]:
        return lambda *_: self._service.post(do)

    def __exit__(self, *_: Any) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
