"""What lies in frame 0 of a typed request or reply: a class for each kind, as fields.py has them
for what lies in frame 1.

Several texts or images in one request are a msgpack array; an image may be a path instead, which
is then told in frame 1, or as a map in the array. Pure.
"""

import sys
from array import array
from pathlib import PurePath
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import msgpack  # type: ignore[import]

from .fields import Invalid, Whole, check_text, too_much

__all__ = [
    "MAX_BATCH", "MAX_IMAGE", "MAX_TEXT", "BytesSubject", "Image", "ImageSubject", "Several",
    "Subject", "TextSubject", "Vectors",
]

MAX_TEXT = 1024 * 1024  # bytes of a text that is a subject
MAX_IMAGE = 32 * 1024 * 1024  # bytes of the file of an image
MAX_BATCH = 1024  # subjects of one request
MAX_PATH = 1024  # bytes of the path of an image

Image = Union[bytes, PurePath]
#: The bytes of a file, as PNG or JPEG; or its path below the folder that the worker was given.


def check_whole_text(value: Any, name: str, max_bytes: int) -> str:
    """A text that is a frame, or a path."""
    if isinstance(value, str) and "\0" in value:
        raise Invalid(f"{name} has a NUL in it")
    return check_text(value, name, max_bytes)


class Subject:
    """`name` is what it is called in complaints and in the JSON form."""

    type_name = ""
    #: What frame 1 may hold that belongs to the subject.
    keys: Tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    def take(self, value: Any, name: str) -> Any:
        """The value as it is kept."""
        raise NotImplementedError

    def frame_of(self, value: Any) -> bytes:
        raise NotImplementedError

    def details_of(self, value: Any) -> Dict[str, Any]:
        """What frame 1 says of it."""
        return {}

    def is_one(self, value: Any) -> bool:
        return True

    def read(self, frame: bytes, is_batch: bool, details: Dict[str, Any]) -> Any:
        """What a message says, not checked yet."""
        raise NotImplementedError

    def miscounted(self, value: Any, answer: "Subject", answered: Any) -> Optional[str]:
        """What is wrong with how many there are in the answer; None: nothing."""
        return None

    def described(self) -> Dict[str, Any]:
        return {"name": self.name, "type": self.type_name}


class TextSubject(Subject):
    type_name = "text"

    def __init__(self, name: str, may_lack: bool = False) -> None:
        super().__init__(name)
        self.may_lack = may_lack  # nothing at all, and an empty text, are None

    def take(self, value: Any, name: str) -> Optional[str]:
        if self.may_lack and (value is None or value == ""):
            return None
        return check_whole_text(value, name, MAX_TEXT)

    def frame_of(self, value: Any) -> bytes:
        return b"" if value is None else bytes(value.encode())

    def read(self, frame: bytes, is_batch: bool, details: Dict[str, Any]) -> str:
        return frame.decode(errors="surrogateescape")


class ImageSubject(Subject):
    type_name = "image"
    keys = ("path", "url")

    def take(self, value: Any, name: str) -> Image:
        if isinstance(value, PurePath):
            check_whole_text(str(value), "path", MAX_PATH)
            return value
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise Invalid(f"{name} must be bytes, or a path of pathlib")
        if len(value) == 0:
            raise Invalid(f"{name} is empty")
        if len(value) > MAX_IMAGE:
            raise too_much(name, len(value), "bytes", MAX_IMAGE)
        return bytes(value)

    def frame_of(self, value: Any) -> bytes:
        return b"" if isinstance(value, PurePath) else bytes(value)

    def details_of(self, value: Any) -> Dict[str, Any]:
        return {"path": str(value)} if isinstance(value, PurePath) else {}

    def read(self, frame: bytes, is_batch: bool, details: Dict[str, Any]) -> Image:
        if "url" in details:
            raise Invalid("images are not fetched from URLs: send the bytes, or a path")
        path = details.get("path")
        if path is None:
            return frame
        if frame:
            raise Invalid("there is an image and a path, and only one of them can be meant")
        return PurePath(check_whole_text(path, "path", MAX_PATH))


class Several(Subject):
    """One of another subject, or a batch of them."""

    def __init__(self, name: str, one: Subject) -> None:
        super().__init__(name)
        self.one = one
        self.type_name = one.type_name
        self.keys = one.keys

    def take(self, value: Any, name: str) -> Tuple[Any, ...]:
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, (list, tuple)):
            raise Invalid(f"{name} must be a list")
        if len(found) == 1:
            return (self.one.take(found[0], self.one.name),)
        if len(found) > MAX_BATCH:
            raise too_much(name, len(found), "items", MAX_BATCH)
        return tuple(self.one.take(one, f"{name}[{index}]") for index, one in enumerate(found))

    def is_one(self, value: Any) -> bool:
        return len(value) == 1

    def frame_of(self, value: Any) -> bytes:
        if self.is_one(value):
            return self.one.frame_of(value[0])
        return bytes(msgpack.packb([{"path": str(one)} if isinstance(one, PurePath) else one
                                    for one in value]))

    def details_of(self, value: Any) -> Dict[str, Any]:
        return self.one.details_of(value[0]) if self.is_one(value) else {}

    def read(self, frame: bytes, is_batch: bool, details: Dict[str, Any]) -> List[Any]:
        if not is_batch:
            return [self.one.read(frame, False, details)]
        try:
            items = msgpack.unpackb(frame, raw=True, strict_map_key=False)
        except Exception:  # of many kinds
            items = None
        if not isinstance(items, list):
            raise self._no_batch()
        return [self._item(item) for item in items]

    def _item(self, item: Any) -> Any:
        if isinstance(item, bytes):
            return self.one.read(item, False, {})
        if "path" in self.keys and isinstance(item, dict) and list(item) == [b"path"]:
            if isinstance(item[b"path"], bytes):
                return self.one.read(b"", False, {
                    "path": item[b"path"].decode(errors="surrogateescape")})
        raise self._no_batch()

    def miscounted(self, value: Any, answer: Subject, answered: Any) -> Optional[str]:
        """Who has sent several gets a vector for each: what is missing, or too much, would be
        taken for that of another."""
        if not isinstance(answer, Vectors) or len(answered) == len(value):
            return None
        name = self.one.name if self.is_one(value) else self.name
        return (f"it has {len(answered)} vector{'' if len(answered) == 1 else 's'} for "
                f"{len(value)} {name}")

    def _no_batch(self) -> Invalid:
        return Invalid(f"{self.name} must be a msgpack array of "
                       + ("bytes, or maps with a path" if self.keys else "texts"))

    def described(self) -> Dict[str, Any]:
        return {**self.one.described(), "batch_name": self.name}


class BytesSubject(Subject):
    type_name = "bytes"

    def take(self, value: Any, name: str) -> bytes:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise Invalid(f"{name} must be bytes")
        return bytes(value)

    def frame_of(self, value: Any) -> bytes:
        return bytes(value)

    def read(self, frame: bytes, is_batch: bool, details: Dict[str, Any]) -> bytes:
        return frame


class Vectors(Subject):
    """Vectors of as many values as the field `dimension` says."""

    type_name = "float32"

    def __init__(self, name: str, dimension: Whole) -> None:
        super().__init__(name)
        self.dimension = dimension

    def take(self, value: Any, name: str) -> "List[array[float]]":
        if not isinstance(value, (list, tuple)):
            raise Invalid(f"{name} must be a list")
        try:
            return [array("f", one) for one in value]
        except (TypeError, ValueError, OverflowError):
            raise Invalid(f"{name} must be a list of vectors, which are of numbers") from None

    def frame_of(self, value: "Sequence[array[float]]") -> bytes:
        whole = array("f")
        for one in value:
            whole.extend(one)
        return _little(whole).tobytes()

    def read(self, frame: bytes, is_batch: bool, details: Dict[str, Any]) -> "List[array[float]]":
        values = array("f")
        if len(frame) % values.itemsize:
            raise Invalid(f"{len(frame)} bytes are no float32 values")
        values.frombytes(frame)
        values = _little(values)
        step: int = self.dimension.take(details.get("dimension") or 0, "dimension")
        if len(values) % step:
            raise Invalid(f"{len(values)} values are no vectors of {step}")
        return [values[at:at + step] for at in range(0, len(values), step)]

    def described(self) -> Dict[str, Any]:
        return {"name": "vector", "batch_name": self.name, "type": self.type_name}


def _little(values: "array[float]") -> "array[float]":
    """From the order of bytes of this machine to that of messages, or back."""
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values
