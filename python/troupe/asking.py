"""Calls of the typed capabilities: what `client.vision` and its like are.

Each is one of the classes below with a type of request, whose constructor has its parameters. So
there is nothing here of any capability, and type checkers know the parameters and the reply.
"""

import codecs
import inspect
from typing import (TYPE_CHECKING, Any, AsyncIterator, Callable, Dict, Generic, Iterator, List,
                    Optional, TypeVar, overload)

from .typed import Part, R, TypedRequest, read_progress

if TYPE_CHECKING:
    from typing_extensions import ParamSpec  # which type checkers know without installing it

    from .aio import AsyncClient, AsyncStream
    from .client import Call, Caller, Stream

    P = ParamSpec("P")
else:
    P = TypeVar("P")  # typing has the other from Python 3.10 on

__all__ = ["AsyncCapability", "AsyncTypedStream", "Capability", "TypedCall", "TypedStream"]


class _Parts:
    """What is in the parts of a reply: text as it can be read so far, or how far it is."""

    def __init__(self, request: "TypedRequest[Any, Any]") -> None:
        self._is_text = request.REPLY.SUBJECT.type_name == "text"
        # A letter may be cut in two where a model's tokens are.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self, frames: List[bytes]) -> Any:
        """None: nothing yet."""
        if not self._is_text:
            return read_progress(frames)
        return self._decoder.decode(frames[0] if frames else b"") or None


class TypedCall(Generic[R]):
    """A request that is under way, as `troupe.Call`."""

    def __init__(self, call: "Call", request: "TypedRequest[R, Any]") -> None:
        self._call = call
        self._request = request

    def result(self, timeout: Optional[float] = None) -> R:
        """Its reply, or the error in which it ended is raised; as of `troupe.Call`."""
        return self._request.unpack_reply(self._call.frames(timeout))

    def done(self) -> bool:
        """Whether it has ended."""
        return self._call.done()

    def cancel(self) -> None:
        """Ask for its end."""
        self._call.cancel()


class TypedStream(TypedCall[R], Generic[R, Part]):
    """A request whose reply comes in parts, as `troupe.Stream`: iterate over it for the parts,
    then ask for `result()`. Parts of a text, put together, are the text of the result."""

    def __init__(self, stream: "Stream", request: "TypedRequest[R, Part]") -> None:
        super().__init__(stream, request)
        self._stream = stream
        self._parts = _Parts(request)

    def __iter__(self) -> Iterator[Part]:
        return self

    def __next__(self) -> Part:
        while True:
            part: Optional[Part] = self._parts.read(self._stream.next_frames())
            if part is not None:
                return part

    def close(self) -> None:
        """Cancel it if it has not ended, and want no more of it."""
        self._stream.close()

    def __enter__(self) -> "TypedStream[R, Part]":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class AsyncTypedStream(Generic[R, Part]):
    """The same for asyncio, as `troupe.aio.AsyncStream`."""

    def __init__(self, stream: "AsyncStream", request: "TypedRequest[R, Part]") -> None:
        self._stream = stream
        self._request = request
        self._parts = _Parts(request)

    def __aiter__(self) -> AsyncIterator[Part]:
        return self

    async def __anext__(self) -> Part:
        while True:
            part: Optional[Part] = self._parts.read(await self._stream.next_frames())
            if part is not None:
                return part

    async def result(self) -> R:
        """The reply behind the parts; raises the error in which it ended."""
        return self._request.unpack_reply(await self._stream.frames())

    def close(self) -> None:
        """Cancel it if it has not ended, and want no more of it."""
        self._stream.close()

    async def __aenter__(self) -> "AsyncTypedStream[R, Part]":
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close()


class _Asking(Generic[P, R, Part]):
    """A capability of some caller, and the options of its calls. Parts are asked for where
    somebody takes them, and nowhere else."""

    def __init__(self, caller: Any, make: "Callable[P, TypedRequest[R, Part]]",
                 options: Dict[str, Any]) -> None:
        self._caller = caller
        self._make: Any = make
        self._options = options
        self.__doc__ = make.__doc__

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._make)

    def _request(self, has_parts: bool, *args: Any, **kwargs: Any) -> "TypedRequest[R, Part]":
        if self._make.PARTS is not None:
            kwargs[self._make.PARTS] = has_parts
        request: "TypedRequest[R, Part]" = self._make(*args, **kwargs)
        return request

    def _words(self, request: "TypedRequest[R, Part]") -> Dict[str, Any]:
        """Of a call, or a stream."""
        return {"capability": request.NAME, **self._options, "payload": request.pack(),
                "method": request.method}


class Asking(_Asking[P, R, Part]):
    """`client.vision(page)`, and its like."""

    def __call__(self, *args: "P.args", **kwargs: "P.kwargs") -> R:
        """Ask, and wait for the reply."""
        request = self._request(False, *args, **kwargs)
        call: "Call" = self._caller.start(**self._words(request))
        return request.unpack_reply(call.wait_frames())

    def start(self, *args: "P.args", **kwargs: "P.kwargs") -> TypedCall[R]:
        """Likewise, without waiting."""
        request = self._request(False, *args, **kwargs)
        return TypedCall(self._caller.start(**self._words(request)), request)

    def stream(self, *args: "P.args", **kwargs: "P.kwargs") -> TypedStream[R, Part]:
        """Likewise, for the parts of the reply."""
        request = self._request(True, *args, **kwargs)
        return TypedStream(self._caller.stream(**self._words(request)), request)

    def using(self, **options: Any) -> "Asking[P, R, Part]":
        """The same with options of `troupe.Client.call`; and with `capability`, where one of
        this contract has another name."""
        return Asking(self._caller, self._make, {**self._options, **options})


class AsyncAsking(_Asking[P, R, Part]):
    """The same for asyncio."""

    async def __call__(self, *args: "P.args", **kwargs: "P.kwargs") -> R:
        """Ask, and wait for the reply."""
        request = self._request(False, *args, **kwargs)
        return request.unpack_reply(await self._caller.call_frames(**self._words(request)))

    def stream(self, *args: "P.args", **kwargs: "P.kwargs") -> AsyncTypedStream[R, Part]:
        """Likewise, for the parts of the reply."""
        request = self._request(True, *args, **kwargs)
        return AsyncTypedStream(self._caller.stream(**self._words(request)), request)

    def using(self, **options: Any) -> "AsyncAsking[P, R, Part]":
        """As that of `Asking`."""
        return AsyncAsking(self._caller, self._make, {**self._options, **options})


class Capability(Generic[P, R, Part]):
    """An attribute of a caller that asks for one typed capability."""

    def __init__(self, make: "Callable[P, TypedRequest[R, Part]]") -> None:
        self._make = make
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, caller: None, _: Any) -> "Capability[P, R, Part]": ...

    @overload
    def __get__(self, caller: "Caller", _: Any) -> Asking[P, R, Part]: ...

    def __get__(self, caller: "Optional[Caller]", _: Any = None) -> Any:
        return self if caller is None else Asking(caller, self._make, {})


class AsyncCapability(Generic[P, R, Part]):
    """The same for asyncio."""

    def __init__(self, make: "Callable[P, TypedRequest[R, Part]]") -> None:
        self._make = make
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, caller: None, _: Any) -> "AsyncCapability[P, R, Part]": ...

    @overload
    def __get__(self, caller: "AsyncClient", _: Any) -> AsyncAsking[P, R, Part]: ...

    def __get__(self, caller: "Optional[AsyncClient]", _: Any = None) -> Any:
        return self if caller is None else AsyncAsking(caller, self._make, {})
