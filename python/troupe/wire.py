"""TRP/1 commands to frames and back, as docs/protocol.md says.

Frame 0 of a message is a msgpack array ``["TRP1", command, id, headers]``; the frames behind it
are payload and never looked at here. Nothing in this file touches a socket or a clock. What
comes from outside is checked before it is used.
"""

from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import msgpack  # type: ignore[import]

__all__ = [
    "MAX_BUNDLE", "MAX_FRAMES", "MAX_HEADER", "MAX_NUMBER", "Command", "WireError",
    "decode", "decode_message", "encode", "frames_of", "pack_bundles", "unpack_bundle",
]

MAGIC = "TRP1"
MAX_HEADER = 4096  # bytes of frame 0
MAX_FRAMES = 64  # of payload
MAX_NUMBER = 2**63 - 1  # ids, and every number
MAX_DEPTH = 32  # arrays and maps inside each other, that of frame 0 included
MAX_NAME = 128  # bytes of a capability, a method, an actor, a group
MAX_KEY = 256  # bytes of sticky, dedup, traceparent
MAX_WORD = 64  # bytes of node, boot, code, state, token, peer, reason
MAX_LIST = 16  # texts in capabilities
MAX_TEXT = 1024  # bytes of a line for a person; what is longer is cut
MAX_BUNDLE = 65536  # bytes of frame 1 of a bundle that we take

COMMANDS = frozenset(
    "hello request cancel credit ping pong bye status part reply error goaway ready progress "
    "probe settled answer lost release drain stop bundle send message monitor demonitor down link "
    "unlink join leave publish suspend resume inspect inspected".split()
)
PRIORITIES = ("critical", "high", "normal", "low", "batch")

# How the value of a header is read and written; a number is the largest size of a text.
_NUMBER, _FLAG, _PROSE, _PRIORITY, _ON_DISCONNECT, _TEXTS = (
    "number", "flag", "prose", "priority", "on-disconnect", "texts"
)
_KINDS: Dict[str, Tuple[str, int]] = {
    **{name: (_NUMBER, 0) for name in (
        "version-min version-max heartbeat max-frame max-open bundle timeout credit batch parent "
        "sequence hint position concurrency memory running running-for progress-age done ref "
        "forward count reason-code").split()},
    **{name: (_FLAG, 0) for name in
       "messages wants-status urgent confirm retryable ask".split()},
    **{name: ("text", MAX_NAME) for name in "capability method actor from group".split()},
    **{name: ("text", MAX_WORD) for name in "node boot code state token peer reason".split()},
    "traceparent": ("text", MAX_KEY),
    "sticky": ("key", MAX_KEY),
    "dedup": ("key", MAX_KEY),
    "text": (_PROSE, MAX_TEXT),
    "priority": (_PRIORITY, 0),
    "on-disconnect": (_ON_DISCONNECT, 0),
    "capabilities": (_TEXTS, MAX_NAME),
}
_KINDS_BY_BYTES = {name.encode(): (name, *kind) for name, kind in _KINDS.items()}

Payload = Union[None, bytes, bytearray, memoryview, str, Sequence[Union[bytes, str]]]


class WireError(ValueError):
    """What was read, or was to be written, is no TRP/1. `id` is what it is about, as far as that
    could be read, else 0."""

    def __init__(self, reason: str, about: int = 0) -> None:
        super().__init__(reason)
        self.id = about


class Command(NamedTuple):
    """One command: what it is, which request it is about, and what comes with it."""

    name: str
    id: int = 0
    headers: Dict[str, Any] = {}
    payload: Sequence[bytes] = ()


def frames_of(payload: Payload) -> List[bytes]:
    """The frames of what a caller gives: nothing, one, or a list of them; texts become UTF-8."""
    if payload is None:
        return []
    if isinstance(payload, (bytes, bytearray, memoryview, str)):
        return [_frame_of(payload)]
    if not isinstance(payload, (list, tuple)):
        raise TypeError(f"a payload is bytes, str or a list of them, not {type(payload).__name__}")
    return [_frame_of(frame) for frame in payload]


def _frame_of(frame: Union[bytes, bytearray, memoryview, str]) -> bytes:
    if isinstance(frame, str):
        return frame.encode()
    if isinstance(frame, (bytes, bytearray, memoryview)):
        return bytes(frame)
    raise TypeError(f"a frame is bytes or str, not {type(frame).__name__}")


def encode(name: str, about: int = 0, headers: Optional[Dict[str, Any]] = None) -> bytes:
    """Frame 0. Headers that are None are left out; one that breaks a limit is a WireError."""
    if not 0 <= about <= MAX_NUMBER:
        raise WireError("an id is from 0 to 2^63 - 1")
    told = {key: _written(key, value) for key, value in (headers or {}).items()
            if value is not None}
    frame: bytes = msgpack.packb([MAGIC, name, about, told])
    if len(frame) > MAX_HEADER:
        raise WireError("the headers are too long", about)
    return frame


def _written(key: str, value: Any) -> Any:
    kind, limit = _KINDS.get(key, ("", 0))
    if kind == _NUMBER:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
            raise WireError(f"{key} must be a number from 0 to 2^63 - 1")
    elif kind == _FLAG:
        if not isinstance(value, bool):
            raise WireError(f"{key} must be true or false")
    elif kind == _TEXTS:
        if (not isinstance(value, list) or len(value) > MAX_LIST
                or not all(isinstance(one, str) and 0 < len(one.encode()) <= limit
                           for one in value)):
            raise WireError(f"{key} must be a list of at most {MAX_LIST} texts of 1 to {limit} "
                            "bytes")
    elif kind == _PROSE:
        value = _cut(str(value), limit)
    elif kind == "text":
        if not isinstance(value, str) or len(value.encode()) > limit:
            raise WireError(f"{key} must be a text of at most {limit} bytes")
    elif kind == "key":
        value = value.encode() if isinstance(value, str) else bytes(value)
        if len(value) > limit:
            raise WireError(f"{key} must be at most {limit} bytes")
    elif kind == _PRIORITY:
        if value not in PRIORITIES:
            raise WireError("priority is none of " + ", ".join(PRIORITIES))
    elif kind == _ON_DISCONNECT and value not in ("cancel", "finish"):
        raise WireError("on-disconnect is neither cancel nor finish")
    return value


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of it, cut where a character ends; what is no text is mended."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore")


def decode(frame: bytes) -> Command:
    """Read frame 0. Known headers have the type that the protocol says: `int`, `bool`, `str`, and
    `bytes` for sticky and dedup; unknown ones are left out, and so are absent ones. An unknown
    command comes with its name and no headers."""
    unpacker = msgpack.Unpacker(None, raw=True, strict_map_key=False, object_pairs_hook=_Pairs,
                                max_buffer_size=max(len(frame), 1))
    unpacker.feed(frame)
    about = 0
    try:
        if unpacker.read_array_header() != 4 or unpacker.unpack() != MAGIC.encode():
            raise WireError("frame 0 is no array of TRP1, command, id and headers")
        name = _text(unpacker.unpack(), "the command is no text")
        number = unpacker.unpack()
        if not _is_number(number):
            raise WireError("the id is no number from 0 to 2^63 - 1")
        about = number
        if len(frame) > MAX_HEADER:
            raise WireError("frame 0 is too large", about)
        pairs = unpacker.unpack()
        if not isinstance(pairs, _Pairs):
            raise WireError("the headers are no map", about)
        _check_depth(pairs, about)
        if unpacker.tell() != len(frame):
            raise WireError("bytes follow the array", about)
    except WireError:
        raise
    except Exception as error:  # msgpack has many names for it
        raise WireError("it is cut short, too deep or no msgpack", about) from error
    headers = _read_headers(pairs, about) if name in COMMANDS else {}
    if name == "request":
        _check_request(headers, about)
    elif name == "error":
        headers.setdefault("retryable", False)
    return Command(name, about, headers)


def decode_message(frames: Sequence[bytes]) -> Command:
    """Read a message; its payload is not looked at."""
    if not frames:
        raise WireError("a message without frames")
    name, about, headers, _ = decode(frames[0])
    return Command(name, about, headers, list(frames[1:]))


class _Pairs(List[Any]):
    """A map as it was written: keys may come twice, and may be anything."""

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)  # a map may be a key of a map


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER


def _text(value: Any, reason: str) -> str:
    if not isinstance(value, bytes):
        raise WireError(reason)
    return value.decode(errors="replace")


def _check_depth(pairs: "_Pairs", about: int) -> None:
    level: List[Any] = [pairs]
    for _ in range(MAX_DEPTH - 1):  # the array of frame 0 is the first
        level = [inner for one in level for inner in _inside(one)]
    if level:
        raise WireError("the headers are too deep", about)


def _inside(container: Any) -> Iterator[Any]:
    """The arrays and maps in it."""
    values = (value for pair in container for value in pair) if isinstance(
        container, _Pairs) else container
    return (value for value in values
            if isinstance(value, (list, tuple)) and not isinstance(value, msgpack.ExtType))


def _read_headers(pairs: "_Pairs", about: int) -> Dict[str, Any]:
    headers: Dict[str, Any] = {}
    seen = set()
    for key, value in pairs:
        known = _KINDS_BY_BYTES.get(key) if isinstance(key, bytes) else None
        if known is None:
            continue
        name, kind, limit = known
        if name in seen:
            raise WireError("a header comes twice", about)
        seen.add(name)
        if value is not None:
            read = _read(name, kind, limit, value, about)
            if read not in ("", b"", []):
                headers[name] = read
    return headers


def _read(name: str, kind: str, limit: int, value: Any, about: int) -> Any:
    if kind == _NUMBER:
        if not _is_number(value):
            raise WireError(f"{name} must be a number from 0 to 2^63 - 1", about)
        return value
    if kind == _FLAG:
        if not isinstance(value, bool):
            raise WireError(f"{name} must be true or false", about)
        return value
    if kind == _TEXTS:
        if not isinstance(value, list) or not all(isinstance(one, bytes) and one for one in value):
            raise WireError(f"{name} must be a list of texts", about)
        if len(value) > MAX_LIST:
            raise WireError(f"{name} has more than {MAX_LIST} texts", about)
        return [_limited(name, one, limit, about).decode(errors="replace") for one in value]
    if not isinstance(value, bytes):
        raise WireError(f"{name} must be a text", about)
    if kind == "key":
        return _limited(name, value, limit, about)
    if kind == _PROSE:
        return _cut(value.decode(errors="replace"), limit)
    text = (_limited(name, value, limit, about) if limit else value).decode(errors="replace")
    if kind == _PRIORITY and text not in PRIORITIES:
        raise WireError("priority is none of " + ", ".join(PRIORITIES), about)
    if kind == _ON_DISCONNECT and text not in ("cancel", "finish"):
        raise WireError("on-disconnect is neither cancel nor finish", about)
    return text


def _limited(name: str, value: bytes, limit: int, about: int) -> bytes:
    if len(value) > limit:
        raise WireError(f"{name} is longer than {limit} bytes", about)
    return value


def _check_request(headers: Dict[str, Any], about: int) -> None:
    if about == 0:
        raise WireError("a request needs an id above 0")
    is_for_actor = "actor" in headers or "ref" in headers
    if ("capability" in headers) == is_for_actor:
        raise WireError("a request is for a capability or for an actor", about)


# ---- bundles ----

_BUNDLE_HEAD = encode("bundle")
_SMALL = 1024  # bytes of payload; longer ones gain nothing by being put together


def pack_bundles(messages: Iterable[Sequence[bytes]], largest: int) -> Iterator[List[bytes]]:
    """The same messages, with short ones that follow each other put into bundles of at most
    `largest` bytes; 0: none is made. Their order stays as it is."""
    items: List[bytes] = []
    waiting: List[List[bytes]] = []  # what is in `items`, in the case that it remains alone
    size = 0
    for message in messages:
        frames = list(message)
        item = b""
        if largest and sum(map(len, frames)) <= _SMALL:
            item = msgpack.packb(frames[0]) + msgpack.packb(frames[1:])
        if waiting and (not item or size + len(item) > largest):
            yield _one_of(items, waiting)
            items, waiting, size = [], [], 0
        if not item or len(item) > largest:
            yield frames
            continue
        items.append(item)
        waiting.append(frames)
        size += len(item)
    if waiting:
        yield _one_of(items, waiting)


def _one_of(items: List[bytes], waiting: List[List[bytes]]) -> List[bytes]:
    return waiting[0] if len(waiting) == 1 else [_BUNDLE_HEAD, b"".join(items)]


def unpack_bundle(body: bytes) -> Iterator[List[bytes]]:
    """The messages in frame 1 of a bundle; ends early where it cannot be read."""
    unpacker = msgpack.Unpacker(None, raw=True, strict_map_key=False,
                                max_buffer_size=max(len(body), 1))
    unpacker.feed(body)
    while unpacker.tell() < len(body):
        try:
            head = unpacker.unpack()
            frames = unpacker.unpack()
        except Exception:  # as above
            return
        if (not isinstance(head, bytes) or not isinstance(frames, list)
                or not all(isinstance(frame, bytes) for frame in frames)):
            return
        yield [head, *frames]
