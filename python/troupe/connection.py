"""One attempt to be connected: a DEALER socket that is connected once, and what became of it.

To a node a connection that was made anew is a new peer. So a socket is never used for a second
one: where ZeroMQ would connect again by itself, this closes, and whoever drives it opens another.
"""

import random
from typing import Any, NamedTuple, Optional, Tuple

import zmq
import zmq.utils.monitor

from . import keys
from .keys import Key

CONNECT_SECONDS = 5.0  # what an attempt may take
NEVER_MS = 24 * 60 * 60 * 1000
HIGH_WATER = 10000  # messages that wait in the socket
LINGER_MS = 1000  # what was said has so long to leave when all is closed in good order

_WATCHED = (zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED)


class Settings(NamedTuple):
    """Where to, and by which keys; without any, without CURVE."""

    endpoint: str
    server_key: Optional[bytes]
    pair: Optional[Tuple[bytes, bytes]]

    @classmethod
    def of(cls, endpoint: str, key: Optional[Key], server_key: Optional[Key]) -> "Settings":
        if server_key is None:
            if key is not None:
                raise ValueError("a key is of no use without the node's, server_key")
            return cls(endpoint, None, None)
        return cls(endpoint, keys.public_key(server_key), keys.key_pair(key))


def open_socket(context: "zmq.Context[Any]", settings: Settings) -> Tuple[Any, Any]:
    """A socket that has begun to connect, and the one that tells what becomes of it. Raises
    zmq.ZMQError for an endpoint that is none."""
    socket = context.socket(zmq.DEALER)
    try:
        socket.linger = 0  # until it is closed in good order
        socket.sndhwm = socket.rcvhwm = HIGH_WATER
        # Never, that is. With -1, libzmq would drop what has come and was not read yet.
        socket.reconnect_ivl = NEVER_MS
        if settings.server_key is not None and settings.pair is not None:
            socket.curve_serverkey = settings.server_key
            socket.curve_publickey, socket.curve_secretkey = settings.pair
        monitor = socket.get_monitor_socket(_WATCHED)
    except Exception:
        socket.close()
        raise
    try:
        socket.connect(settings.endpoint)
    except Exception:
        close_socket(socket, monitor)
        raise
    return socket, monitor


def close_socket(socket: Any, monitor: Any, linger_ms: int = 0) -> None:
    """Close it, and the one that watches it."""
    socket.disable_monitor()
    if monitor is not None:
        monitor.close(0)
    socket.close(linger_ms)


class Fate(NamedTuple):
    """What a socket that watches has told."""

    is_up: bool = False
    is_over: bool = False
    is_refused: bool = False  # by the node, for what we are or how we come in
    text: str = ""


def read_event(frames: Any) -> Fate:
    """One message of the socket that watches."""
    event = zmq.utils.monitor.parse_monitor_message(frames)
    kind = event["event"]
    if kind == zmq.EVENT_HANDSHAKE_SUCCEEDED:
        return Fate(is_up=True)
    if kind == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return Fate(is_over=True, is_refused=True, text="the node does not let this key in")
    if kind == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return Fate(is_over=True, is_refused=True,
                    text="the node wants to be spoken to by CURVE, or not by CURVE")
    if kind == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        # Where two who do not understand each other hang up at once, only one may learn why. It
        # may as well be a node that has just gone, so it is no refusal.
        return Fate(is_over=True, text="the node has hung up before a word was said; does it want "
                                       "to be spoken to by CURVE, or not by CURVE?")
    if kind == zmq.EVENT_MONITOR_STOPPED:
        return Fate()
    return Fate(is_over=True, text="the connection to the node was lost")


class Pauses:
    """How long to wait before the next attempt: longer each time, and not all at once."""

    def __init__(self, shortest: float = 0.05, longest: float = 2.0) -> None:
        self._shortest = shortest
        self._longest = longest
        self._next = shortest

    def reset(self) -> None:
        self._next = self._shortest

    def next(self, at_least: float = 0.0) -> float:
        pause = max(self._next * random.uniform(0.75, 1.25), at_least)
        self._next = min(self._next * 2, self._longest)
        return pause
