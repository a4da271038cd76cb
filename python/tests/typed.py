"""A worker of all typed capabilities, which tells what it was asked.

    typed.py CAPABILITY [--wrong | --few]

--wrong: its replies keep to no contract.
--few: of several texts the last gets no vector.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import troupe  # noqa: E402
from troupe.contracts import (Correction, ImageEmbeddingReply, ImageEmbeddingRequest,  # noqa: E402
                              TextEmbeddingReply, TextEmbeddingRequest, TextToImageReply,
                              TextToImageRequest, TextToTextReply, TextToTextRequest, VisionReply,
                              VisionRequest, VisionWord)

worker = troupe.Worker()


def vision(request):
    asked = VisionRequest.unpack(request)
    lines = [f"{asked.image!r}\n", f"{asked.layout} {asked.language}\n"]
    if asked.stream:
        yield from lines
    words = [VisionWord("word", 0.5, 1, 2, 3, 4)] if asked.details else []
    return asked.pack_reply(VisionReply("".join(lines), model=f"stream {asked.stream}",
                                        words=words))


def text_to_image(request):
    asked = TextToImageRequest.unpack(request)
    if asked.progress:
        for step in range(4):
            yield asked.pack_progress(step / 4)
    return asked.pack_reply(TextToImageReply(asked.prompt.encode(), asked.format, asked.width))


def text_embedding(request):
    asked = TextEmbeddingRequest.unpack(request)
    texts = asked.texts[:-1] if "--few" in sys.argv else asked.texts
    return asked.pack_reply(TextEmbeddingReply([[len(one), 0.5] for one in texts],
                                               model=f"{request.method} {asked.task}"))


def image_embedding(request):
    asked = ImageEmbeddingRequest.unpack(request)
    return asked.pack_reply(ImageEmbeddingReply([[1] for one in asked.images], model="m"))


def text_to_text(request):
    """Letters of several bytes are cut in two, as the tokens of a model may."""
    asked = TextToTextRequest.unpack(request)
    if asked.turns:  # one turn is answered by others
        replies = [request.text_to_text(one.content, stop=asked.stop) for one in asked.turns]
        return asked.pack_reply(TextToTextReply("|".join(one.text for one in replies)))
    whole = asked.prompt.upper().encode()
    if asked.stream:
        for at in range(0, len(whole), 3):
            request.part(whole[at:at + 3])
    return asked.pack_reply(TextToTextReply(
        whole.decode(), finish="length", corrections=[Correction("teh", 4, "the", ["the"])]))


name = sys.argv[1]
serve = globals()[name]
worker.capability(name)((lambda request: [b"\xff", b"{}", b""]) if "--wrong" in sys.argv else serve)
worker.run()
