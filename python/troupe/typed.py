"""What requests and replies of all typed capabilities have in common: how they lie in a message.

    frame 0  the subject: a text, the bytes of an image, or the float32 values of vectors
    frame 1  all else by name, as a msgpack map or a JSON object; it may be left out

A message is read in the order that says most about what is wrong with it, which is that of the
node's own library: the method, the names in frame 1, the subject, and then all limits. Pure.
"""

import json
from typing import (Any, ClassVar, Dict, Generic, List, Optional, Sequence, Tuple, Type, TypeVar)

import msgpack  # type: ignore[import]

from .fields import Form, Invalid
from .outcomes import BadRequest, TooLarge, WorkerError
from .subjects import Subject

__all__ = ["MAX_DETAILS", "Part", "R", "TypedReply", "TypedRequest", "read_progress"]

MAX_DETAILS = 1024 * 1024  # bytes of frame 1 of a request

Frames = List[bytes]


# ---- frame 1 ----

def _no_twice(pairs: List[Tuple[Any, Any]]) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise Invalid("the details have a name that is no text")
        if key in found:
            raise Invalid(f"{key[:40]} must be there only once")
        found[key] = value
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _read_json(frame: bytes) -> Any:
    try:
        return json.loads(frame.decode(), object_pairs_hook=_no_twice, parse_constant=_no_number)
    except Invalid:
        raise
    except (ValueError, RecursionError) as error:
        raise Invalid(f"no JSON: {error}") from None


def _read_msgpack(frame: bytes) -> Any:
    try:
        return msgpack.unpackb(frame, raw=False, strict_map_key=False,
                               unicode_errors="surrogateescape", object_pairs_hook=_no_twice)
    except Invalid:
        raise
    except Exception:  # of many kinds
        raise Invalid("the details are neither msgpack nor JSON") from None


def _read_details(frame: bytes, limit: int) -> Dict[str, Any]:
    if not frame:
        return {}
    if len(frame) > limit:
        raise Invalid(f"the details have {len(frame)} bytes, of which there may be {limit}", True)
    found = _read_json(frame) if _is_json(frame) else _read_msgpack(frame)
    if not isinstance(found, dict):
        raise Invalid("the details are no map of names and values")
    return found


def _is_json(frame: bytes) -> bool:
    return frame[:1] == b"{"


def _write_details(details: Dict[str, Any], is_json: bool) -> bytes:
    if is_json:
        return json.dumps(details, ensure_ascii=False, separators=(",", ":")).encode()
    return bytes(msgpack.packb(details))


# ---- requests and replies ----

class Typed(Form):
    """A form whose first field is the subject."""

    KIND: ClassVar[str]
    NAME: ClassVar[str]  # of the capability
    SUBJECT: ClassVar[Subject]  # is in the field called as it is
    MAX_DETAILS: ClassVar[int]

    def __post_init__(self) -> None:
        name = self.SUBJECT.name
        self._set(name, self.SUBJECT.take(getattr(self, name), name))
        super().__post_init__()

    @property
    def _subject(self) -> Any:
        return getattr(self, self.SUBJECT.name)

    def _frames(self, is_json: bool, are_all_told: bool) -> Frames:
        details = {**self.told(are_all_told), **self.SUBJECT.details_of(self._subject)}
        head = [self.SUBJECT.frame_of(self._subject)]
        return head + ([_write_details(details, is_json)] if details else [])

    @classmethod
    def _values(cls, frames: Sequence[bytes], is_batch: bool) -> Dict[str, Any]:
        """What a message says, by name."""
        what = f"a {cls.KIND} of {cls.NAME}"
        if len(frames) > 2:
            raise Invalid(f"{what} has two frames, not {len(frames)}")
        subject = cls.SUBJECT
        details = _read_details(frames[1] if len(frames) > 1 else b"", cls.MAX_DETAILS)
        of_subject = () if is_batch else subject.keys
        values = cls.values_of({name: value for name, value in details.items()
                                if name not in of_subject}, what)
        values[subject.name] = subject.read(frames[0] if frames else b"", is_batch, details)
        return values

    @classmethod
    def form(cls, has_defaults: bool) -> Dict[str, Any]:
        """The form, as the node's library describes its own."""
        return {"subject": cls.SUBJECT.described(), "fields": cls.described(has_defaults)}


Self = TypeVar("Self", bound="TypedReply")


class TypedReply(Typed):
    """The reply of a typed capability."""

    KIND, MAX_DETAILS = "reply", 16 * MAX_DETAILS  # a worker is trusted with more

    def pack(self, is_json: bool = False) -> Frames:
        """The reply as frames; a worker rather asks its request to pack it."""
        return self._frames(is_json, True)

    @classmethod
    def unpack(cls: Type[Self], frames: Sequence[bytes], is_batch: bool = False) -> Self:
        """Frames as a reply; WorkerError when they are none."""
        try:
            return cls(**cls._values(frames, is_batch))
        except Invalid as error:
            raise WorkerError(f"the reply does not keep to the contract: {error}") from None


R = TypeVar("R", bound=TypedReply)
Part = TypeVar("Part")
Asked = TypeVar("Asked", bound="TypedRequest[Any, Any]")


class TypedRequest(Typed, Generic[R, Part]):
    """A request of a typed capability. Its constructor raises `Invalid`, a ValueError, for what
    does not keep to the contract."""

    KIND, MAX_DETAILS = "request", MAX_DETAILS
    METHOD: ClassVar[str]
    BATCH_METHOD: ClassVar[Optional[str]] = None
    REPLY: ClassVar[Type[TypedReply]]
    #: The field by which parts are asked for.
    PARTS: ClassVar[Optional[str]] = None

    _is_json = False  # whether it has come so, and is to be answered so

    @property
    def method(self) -> str:
        """The method to be called."""
        if self.BATCH_METHOD is None or self.SUBJECT.is_one(self._subject):
            return self.METHOD
        return self.BATCH_METHOD

    def pack(self) -> Frames:
        """The request as frames."""
        return self._frames(False, False)

    def unpack_reply(self, frames: Sequence[bytes]) -> R:
        """Frames as the reply to it; WorkerError when they are none."""
        reply: Any = self.REPLY.unpack(frames, self.method == self.BATCH_METHOD)
        wrong = self.SUBJECT.miscounted(self._subject, reply.SUBJECT, reply._subject)
        if wrong:
            raise WorkerError(f"the reply does not keep to the contract: {wrong}")
        return reply  # type: ignore[no-any-return]

    # ---- for workers ----

    @classmethod
    def unpack(cls: Type[Asked], request: Any) -> Asked:
        """What `request` asks, which is a `troupe.Request`. BadRequest or TooLarge, in which a
        handler may let the request end, when it does not keep to the contract."""
        try:
            return cls._unpack(request.method, request.frames)
        except Invalid as error:
            raise (TooLarge if error.is_too_much else BadRequest)(str(error)) from None

    @classmethod
    def _unpack(cls: Type[Asked], method: str, frames: Sequence[bytes]) -> Asked:
        methods = [one for one in (cls.METHOD, cls.BATCH_METHOD) if one]
        if method and method not in methods:
            raise Invalid(f"{cls.NAME} has no method '{method[:100]}', only "
                          f"{' and '.join(methods)}")
        asked = cls(**cls._values(frames, method == cls.BATCH_METHOD))
        asked._set("_is_json", len(frames) > 1 and _is_json(frames[1]))
        return asked

    def pack_reply(self, reply: R) -> Frames:
        """What the handler returns, in the form in which it was asked: msgpack or JSON."""
        return reply.pack(self._is_json)

    def pack_progress(self, progress: float) -> Frames:
        """A part that tells how far it is, 0 to 1, likewise."""
        return [b"", _write_details({"progress": progress}, self._is_json)]

    @classmethod
    def contract(cls) -> Dict[str, Any]:
        """All of it, as the node's library describes its own."""
        methods = {"method": cls.METHOD}
        if cls.BATCH_METHOD is not None:
            methods["batch_method"] = cls.BATCH_METHOD
        return {"capability": cls.NAME, **methods, "request": cls.form(True),
                "reply": cls.REPLY.form(False)}


def read_progress(frames: Sequence[bytes]) -> Optional[float]:
    """What a part says of how far it is; None: nothing."""
    try:
        said = _read_details(frames[1] if len(frames) > 1 else b"", MAX_DETAILS).get("progress")
    except Invalid:
        return None
    return float(said) if isinstance(said, (int, float)) else None
