"""What a field of a typed request or reply may be: a class for each kind of value.

A kind takes a value, from a caller or from a message, and gives it back as it is kept; what it
does not take is `Invalid`, in the words in which the node's own library says it. It also says how
the value is written, and what is known of it, which a test compares with the tables of the
library. Pure.
"""

import dataclasses
import operator
import re
from typing import Any, Dict, List, Optional, Tuple, Type, get_args

__all__ = [
    "Form", "Invalid", "check_text", "choice", "flag", "kinds_of", "needed", "real", "rows",
    "text", "texts", "whole",
]


class Invalid(ValueError):
    """It does not keep to the contract, which is said in one line. `is_too_much`: it would, but
    for a limit."""

    def __init__(self, text: str, is_too_much: bool = False) -> None:
        super().__init__(re.sub(r"[\x00-\x1f\x7f]", "?", text))
        self.is_too_much = is_too_much


def too_much(name: str, count: int, unit: str, most: int) -> Invalid:
    return Invalid(f"{name} has {count} {unit}, of which there may be {most}", True)


def check_text(value: Any, name: str, max_bytes: int) -> str:
    """A text that fits, and that C can hold."""
    if not isinstance(value, str):
        raise Invalid(f"{name} must be a text")
    if "\0" in value:
        raise Invalid(f"{name} must be a text without NUL")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:  # what was no UTF-8 has been read as surrogates
        at = len(value[:error.start].encode())
        raise Invalid(f"{name} is not UTF-8 from byte {at} on") from None
    if size > max_bytes:
        raise too_much(name, size, "bytes", max_bytes)
    return value


def check_number(value: Any, name: str, least: float, most: float) -> None:
    if not least <= value <= most:  # nor is nan
        shown = value if isinstance(value, int) else f"{value:.15g}"
        raise Invalid(f"{name} is {shown}, and must be from {least:.15g} to {most:.15g}")


class Kind:
    """`zero` is what a field without a default is when a message says nothing of it."""

    name = ""
    zero: Any = None

    def take(self, value: Any, name: str) -> Any:
        """The value as it is kept."""
        raise NotImplementedError

    def is_there(self, value: Any) -> bool:
        """Whether there is something to be written."""
        return True

    def written(self, value: Any) -> Any:
        """The value as msgpack and JSON have it."""
        return value

    def described(self) -> Dict[str, Any]:
        return {}


class Flag(Kind):
    name, zero = "flag", False

    def take(self, value: Any, name: str) -> bool:
        if not isinstance(value, bool):
            raise Invalid(f"{name} must be true or false")
        return value


class Whole(Kind):
    name, zero = "whole", 0

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most

    def take(self, value: Any, name: str) -> int:
        try:
            if isinstance(value, float) and value.is_integer():  # some JSON knows no others
                value = int(value)
            if isinstance(value, bool):
                raise TypeError
            number = operator.index(value)
        except TypeError:
            raise Invalid(f"{name} must be a whole number") from None
        check_number(number, name, self.least, self.most)
        return number

    def described(self) -> Dict[str, Any]:
        return {"min": float(self.least), "max": float(self.most)}


class Real(Kind):
    name, zero = "real", 0.0

    def __init__(self, least: float, most: float) -> None:
        self.least = least
        self.most = most

    def take(self, value: Any, name: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Invalid(f"{name} must be a number")
        check_number(value, name, self.least, self.most)
        return float(value)

    def described(self) -> Dict[str, Any]:
        return {"min": float(self.least), "max": float(self.most)}


class Text(Kind):
    name = "text"

    def __init__(self, max_bytes: int, is_needed: bool) -> None:
        self.max_bytes = max_bytes
        self.is_needed = is_needed

    def take(self, value: Any, name: str) -> Optional[str]:
        if value is not None:
            return check_text(value, name, self.max_bytes)
        if self.is_needed:
            raise Invalid(f"{name} is missing")
        return None

    def is_there(self, value: Any) -> bool:
        return value is not None

    def described(self) -> Dict[str, Any]:
        return {"max_bytes": self.max_bytes, **({"needed": True} if self.is_needed else {})}


class Choice(Kind):
    name = "choice"

    def __init__(self, choices: Tuple[str, ...]) -> None:
        self.choices = choices
        self.zero = choices[0]

    def take(self, value: Any, name: str) -> Any:
        if value not in self.choices:
            *others, last = self.choices
            raise Invalid(f"{name} must be {', '.join(others)} or {last}")
        return value

    def described(self) -> Dict[str, Any]:
        return {"choices": list(self.choices)}


class Texts(Kind):
    name, zero = "texts", ()

    def __init__(self, max_bytes: int, max_count: int) -> None:
        self.max_bytes = max_bytes
        self.max_count = max_count

    def take(self, value: Any, name: str) -> Tuple[str, ...]:
        found = list_of([value] if isinstance(value, str) else value, name, self.max_count)
        return tuple(check_text(one, f"{name}[{index}]", self.max_bytes)
                     for index, one in enumerate(found))

    def is_there(self, value: Any) -> bool:
        return len(value) > 0

    def written(self, value: Any) -> List[str]:
        return list(value)

    def described(self) -> Dict[str, Any]:
        return {"max_bytes": self.max_bytes, "max_count": self.max_count}


class Rows(Kind):
    name, zero = "rows", ()

    def __init__(self, of: "Type[Form]", max_count: int) -> None:
        self.of = of
        self.max_count = max_count

    def take(self, value: Any, name: str) -> "Tuple[Form, ...]":
        found = list_of(value, name, self.max_count)
        return tuple(self._row(one, f"{name}[{index}]") for index, one in enumerate(found))

    def _row(self, value: Any, place: str) -> "Form":
        if isinstance(value, self.of):
            return value
        if not isinstance(value, dict):
            raise Invalid(f"{place} must be a {self.of.__name__}, or a map")
        try:
            return self.of(**self.of.values_of(value, place))
        except Invalid as error:
            raise Invalid(f"{place}.{error}", error.is_too_much) from None

    def is_there(self, value: Any) -> bool:
        return len(value) > 0

    def written(self, value: Any) -> List[Dict[str, Any]]:
        return [row.told() for row in value]

    def described(self) -> Dict[str, Any]:
        return {"max_count": self.max_count, "fields": self.of.described()}


def list_of(value: Any, name: str, max_count: int) -> List[Any]:
    if not isinstance(value, (list, tuple)):
        raise Invalid(f"{name} must be a list")
    if len(value) > max_count:
        raise too_much(name, len(value), "items", max_count)
    return list(value)


# ---- fields of a dataclass ----

def _field(kind: Kind, **default: Any) -> Any:
    return dataclasses.field(metadata={"kind": kind}, **default)


def flag(default: bool = False) -> Any:
    """True or false."""
    return _field(Flag(), default=default)


def whole(most: float, least: int = 0, default: int = 0) -> Any:
    """A whole number from `least` to `most`."""
    return _field(Whole(least, int(most)), default=default)


def real(most: float, least: float = 0.0, default: float = 0.0) -> Any:
    """A number from `least` to `most`."""
    return _field(Real(least, most), default=default)


def text(max_bytes: int) -> Any:
    """A text, or None."""
    return _field(Text(max_bytes, False), default=None)


def choice(of: Any, default: Optional[str] = None) -> Any:
    """One of a typing.Literal; the first where nothing is said."""
    kind = Choice(get_args(of))
    return _field(kind, default=default or kind.zero)


def texts(max_bytes: int, max_count: int) -> Any:
    """A list of texts; a single one stands for a list of one."""
    return _field(Texts(max_bytes, max_count), default=())


def rows(of: "Type[Form]", max_count: int) -> Any:
    """A list of `of`."""
    return _field(Rows(of, max_count), default=())


def needed(field: Any) -> Any:
    """The same field, to be given by whoever makes one."""
    kind = field.metadata["kind"]
    if isinstance(kind, Text):
        kind = Text(kind.max_bytes, True)
    return _field(kind)


_KINDS: Dict[Any, Dict[str, Tuple[Kind, Any]]] = {}  # of each form, once it was asked for


def kinds_of(form: "Type[Form]") -> Dict[str, Tuple[Kind, Any]]:
    """The fields of a form, subjects left out: what each may be, and its default."""
    if form not in _KINDS:
        of_all: Any = form
        _KINDS[form] = {one.name: (one.metadata["kind"],
                                   one.metadata["kind"].zero if one.default is dataclasses.MISSING
                                   else one.default)
                        for one in dataclasses.fields(of_all) if "kind" in one.metadata}
    return _KINDS[form]


class Form:
    """A dataclass of such fields. One that exists keeps to its contract."""

    def __post_init__(self) -> None:
        for name, (kind, _) in kinds_of(type(self)).items():
            self._set(name, kind.take(getattr(self, name), name))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # it is frozen for others

    def told(self, are_all_told: bool = True) -> Dict[str, Any]:
        """The fields as they are written; without those that are as usual, if so wished."""
        found = {}
        for name, (kind, default) in kinds_of(type(self)).items():
            value = getattr(self, name)
            if kind.is_there(value) and (are_all_told or value != default):
                found[name] = kind.written(value)
        return found

    @classmethod
    def values_of(cls, details: Dict[str, Any], what: str) -> Dict[str, Any]:
        """What was written, by name and not checked yet; Invalid for a name that is none."""
        kinds = kinds_of(cls)
        for name in details:
            if name not in kinds:
                raise Invalid(f"{what} has no '{str(name)[:40]}', only "
                              f"{', '.join(kinds) or 'a subject'}")
        return {name: default if details.get(name) is None else details[name]
                for name, (_, default) in kinds.items()}

    @classmethod
    def described(cls, has_defaults: bool = False) -> List[Dict[str, Any]]:
        """The table, as the library describes its own."""
        return [{"name": name, "type": kind.name,
                 **({"default": default} if has_defaults and kind.name in
                    ("flag", "whole", "real", "choice") else {}), **kind.described()}
                for name, (kind, default) in kinds_of(cls).items()]
