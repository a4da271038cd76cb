"""CURVE keys, and the files that `troupe keygen` writes (those of czmq and pyzmq, too)."""

import os
import re
from typing import Optional, Tuple, Union

import zmq

Key = Union[str, bytes, "os.PathLike[str]"]

_Z85 = r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}"


def public_key(key: Key) -> bytes:
    """A public key: 40 characters, or that of a file."""
    return _load(key, "public-key")


def key_pair(secret: Optional[Key]) -> Tuple[bytes, bytes]:
    """Public and secret key of a secret one: 40 characters, or that of a file. Without it, a
    pair that nobody else knows."""
    if secret is None:
        return zmq.curve_keypair()
    loaded = _load(secret, "secret-key")
    return zmq.curve_public(loaded), loaded


def _load(key: Key, name: str) -> bytes:
    text = key.decode() if isinstance(key, bytes) else os.fspath(key)
    if re.fullmatch(_Z85, text):
        return text.encode()
    with open(text, encoding="utf-8") as file:
        found = re.search(rf"^\s*{name}\s*=\s*[\"']?({_Z85})[\"']?\s*$", file.read(), re.M)
    if not found:
        raise ValueError(f"{text}: no {name} in this file")
    return found.group(1).encode()
