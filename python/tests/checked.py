"""What type checkers are to know of the package: this file is checked, and never run.

mypy --strict complains of a line that ought to be wrong and is not.
"""

from array import array
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import troupe
from troupe.aio import AsyncClient
from troupe.contracts import (Correction, TextToTextRequest, Turn, VisionReply, VisionRequest,
                              VisionWord)


def client(client: troupe.Client) -> Dict[str, object]:
    page = client.vision(Path("page.png"), layout="block", details=True)
    word: VisionWord = page.words[0]
    model: Optional[str] = page.model
    vector: "array[float]" = client.text_embedding("text", task="query").vector
    parts: List[str] = []
    with client.vision.using(timeout=5.0).stream(b"") as lines:
        parts.extend(lines)
        page = lines.result()
    progress: List[float] = list(client.text_to_image.stream("a boat", format="svg"))
    corrections: Sequence[Correction] = client.text_to_text.start("x").result().corrections
    client.text_to_text(turns=[Turn("user", "x")])
    down: troupe.Down = client.monitor("room").result(1.0)
    code: Optional[int] = down.code
    client.monitor(5)  # type: ignore[arg-type]
    client.vision("page.png")  # type: ignore[arg-type]
    client.vision(b"", layout="blok")  # type: ignore[arg-type]
    client.vision(b"", lay_out="block")  # type: ignore[call-arg]
    client.vision()  # type: ignore[call-arg]
    client.image_embedding(b"")  # type: ignore[arg-type]
    page.words = []  # type: ignore[misc]
    return {"all": (word, model, vector, parts, progress, corrections, code)}


def worker(request: troupe.Request) -> List[bytes]:
    asked = VisionRequest.unpack(request)
    language: Optional[str] = asked.language
    request.text_to_text(prompt=language)
    TextToTextRequest.unpack(request).pack_reply(VisionReply(""))  # type: ignore[arg-type]
    return asked.pack_reply(VisionReply("", words=[VisionWord("x", left=1)]))


def actor(worker: troupe.Worker) -> None:
    @worker.receive
    def receive(message: troupe.ActorMessage) -> None:
        if message.kind == "down" and message.down is not None:
            kind: str = message.down.reason
            worker.send("other", [kind, str(message.down.code)])
        elif message.sender is not None:
            worker.send(message.sender, message.payload, urgent=True)
            call: troupe.Call = worker.start_ask(message.sender, b"x", then=lambda call: call.result())
            call.cancel()
        message.answer(5)  # type: ignore[arg-type]
        worker.send(5)  # type: ignore[arg-type]

    timer: troupe.Timer[troupe.ActorMessage] = worker.every(1.0, lambda: worker.unstash())
    monitor: troupe.ActorMonitor = worker.monitor("other")
    done: bool = timer.cancel() or monitor.cancel()
    worker.after(1.0, ["a", b"tick"] if done else None)
    worker.after("x")  # type: ignore[arg-type]
    worker.receive(lambda: None)  # type: ignore[type-var]


async def asynchronous(client: AsyncClient) -> str:
    image: bytes = (await client.text_to_image("x")).image
    text = (await client.monitor("room")).text
    async with client.vision.stream(image) as lines:
        async for line in lines:
            text += line
    return text + (await lines.result()).text
