"""What the typed capabilities are asked, and what they answer: the five contracts.

A request and its reply are dataclasses, which are tables too: by them a message is written, read
and checked, here as by the node's own library, whose tables a test compares with these. A client
has a method for each capability (`client.vision(page)`), with the parameters of its request.
Workers read and write them by

    @worker.capability("vision")
    def vision(request):
        asked = VisionRequest.unpack(request)
        return asked.pack_reply(VisionReply(text=read(asked.image, asked.layout)))
"""

from array import array
from dataclasses import dataclass
from typing import Any, List, Literal, Optional, Sequence, Type

from . import fields
from .fields import Form, Invalid, Whole
from .subjects import (MAX_BATCH, MAX_IMAGE, MAX_TEXT, BytesSubject, Image, ImageSubject, Several,
                       TextSubject, Vectors)
from .typed import MAX_DETAILS, TypedReply, TypedRequest
from .wire import MAX_NUMBER

__all__ = [
    "CONTRACTS", "MAX_BATCH", "MAX_DETAILS", "MAX_IMAGE", "MAX_TEXT", "Correction", "Image",
    "ImageEmbeddingReply", "ImageEmbeddingRequest", "Invalid", "TextEmbeddingReply",
    "TextEmbeddingRequest", "TextToImageReply", "TextToImageRequest", "TextToTextReply",
    "TextToTextRequest", "Turn", "TypedReply", "TypedRequest", "VisionReply", "VisionRequest",
    "VisionWord",
]


# ---- vision: an image and what is asked about it, a text back ----

Layout = Literal["auto", "column", "block", "line", "word", "sparse"]
MAX_SIDE = 1000 * 1000  # pixels


@dataclass(frozen=True)
class VisionWord(Form):
    """A word and where it is, in pixels from the upper left corner; `confidence` is 0 to 1."""

    text: str = fields.needed(fields.text(4096))
    confidence: float = fields.real(1)
    left: int = fields.whole(MAX_SIDE)
    top: int = fields.whole(MAX_SIDE)
    width: int = fields.whole(MAX_SIDE)
    height: int = fields.whole(MAX_SIDE)


@dataclass(frozen=True)
class VisionReply(TypedReply):
    """``text``        all that was read
    ``model``       what has read it, as "tesseract 5.3.0 eng"
    ``confidence``  of all words, 0 to 1; 0 without any
    ``width``, ``height``  of the image
    ``words``       if `details` were asked for
    """

    NAME, SUBJECT = "vision", TextSubject("text")

    text: str
    model: Optional[str] = fields.text(256)
    confidence: float = fields.real(1)
    width: int = fields.whole(MAX_SIDE)
    height: int = fields.whole(MAX_SIDE)
    words: Sequence[VisionWord] = fields.rows(VisionWord, 100 * 1000)


@dataclass(frozen=True)
class VisionRequest(TypedRequest[VisionReply, str]):
    """``image``     bytes, or a path of pathlib below the folder that the worker was given
    ``query``     a question, or what the worker's page says
    ``language``  of the text, as "eng" or "eng+deu"; None: the worker's
    ``layout``    how text is spread over the image
    ``details``   words with their boxes, too
    ``stream``    in parts, too: a line each
    """

    NAME, SUBJECT = "vision", ImageSubject("image")
    METHOD, REPLY, PARTS = "describe", VisionReply, "stream"

    image: Image
    query: Optional[str] = fields.text(4096)
    language: Optional[str] = fields.text(100)
    layout: Layout = fields.choice(Layout)
    details: bool = fields.flag()
    stream: bool = fields.flag(True)


# ---- text_to_image: a prompt, an image back ----

ImageFormat = Literal["png", "svg", "pdf"]
Markup = Literal["auto", "yes", "no"]
MAX_DRAWN_SIDE = 16384  # pixels


@dataclass(frozen=True)
class TextToImageReply(TypedReply):
    """``image``   the bytes of a file of `format`
    ``width``, ``height``  in pixels; of a PDF in points
    ``model``   what has drawn it
    """

    NAME, SUBJECT = "text_to_image", BytesSubject("image")

    image: bytes
    format: ImageFormat = fields.choice(ImageFormat)
    width: int = fields.whole(10**9)
    height: int = fields.whole(10**9)
    model: Optional[str] = fields.text(256)


@dataclass(frozen=True)
class TextToImageRequest(TypedRequest[TextToImageReply, float]):
    """``prompt``  a description; or what is to be drawn, of workers that draw a text
    ``width``, ``height``  in pixels; 0: as the worker sees fit
    ``steps``   of workers that work in steps; 0: theirs
    ``seed``    of workers that throw dice; -1: any
    ``markup``  whether the prompt is markup; "auto": if it begins with '<' and is so
    ``font``    a family, as "DejaVu Serif"; None: the worker's
    ``size``    of letters in points; 0: the worker's
    ``margin``  in pixels; -1: the worker's
    ``dpi``     dots that make an inch; 0: the worker's
    ``color``, ``background``  as "#203040" or "navy"; None: black on white
    ``progress``  parts that tell how far it is, 0 to 1
    """

    NAME, SUBJECT = "text_to_image", TextSubject("prompt")
    METHOD, REPLY, PARTS = "generate", TextToImageReply, "progress"

    prompt: str
    format: ImageFormat = fields.choice(ImageFormat)
    width: int = fields.whole(MAX_DRAWN_SIDE)
    height: int = fields.whole(MAX_DRAWN_SIDE)
    steps: int = fields.whole(1000)
    seed: int = fields.whole(MAX_NUMBER, least=-1, default=-1)
    markup: Markup = fields.choice(Markup)
    font: Optional[str] = fields.text(100)
    size: int = fields.whole(1000)
    margin: int = fields.whole(MAX_DRAWN_SIDE, least=-1, default=-1)
    dpi: int = fields.whole(2400)
    color: Optional[str] = fields.text(50)
    background: Optional[str] = fields.text(50)
    progress: bool = fields.flag()


# ---- text_embedding, image_embedding: a vector for each text, or image ----

Task = Literal["similarity", "query", "document"]
MAX_DIMENSION = 16384


@dataclass(frozen=True)
class EmbeddingReply(TypedReply):
    """``vectors``    one for each subject, in their order; any numbers will do to make one
    ``dimension``  how many values each has; 0: as many as the first has
    ``model``      vectors of different models cannot be compared
    """

    SUBJECT = Vectors("vectors", Whole(1, MAX_DIMENSION))

    vectors: "Sequence[array[float]]"
    dimension: int = fields.whole(MAX_DIMENSION, least=1)
    model: Optional[str] = fields.text(256)

    def __post_init__(self) -> None:
        if self.dimension == 0 and self.vectors:
            self._set("dimension", len(self.vectors[0]))
        super().__post_init__()
        for one in self.vectors:
            if len(one) != self.dimension:
                raise Invalid(f"{len(one)} values are no vector of {self.dimension}")

    @property
    def vector(self) -> "array[float]":
        """The only one."""
        (vector,) = self.vectors
        return vector


@dataclass(frozen=True)
class TextEmbeddingReply(EmbeddingReply):
    __doc__ = EmbeddingReply.__doc__
    NAME = "text_embedding"


@dataclass(frozen=True)
class TextEmbeddingRequest(TypedRequest[TextEmbeddingReply, float]):
    """``texts``       a text, or a list of them
    ``task``        what the vectors are for; some models make other ones then
    ``dimensions``  of the vectors; 0: the worker's, which is the most
    """

    NAME, SUBJECT = "text_embedding", Several("texts", TextSubject("text"))
    METHOD, BATCH_METHOD, REPLY = "embed", "embed_batch", TextEmbeddingReply

    texts: Sequence[str]
    task: Task = fields.choice(Task)
    dimensions: int = fields.whole(MAX_DIMENSION)


@dataclass(frozen=True)
class ImageEmbeddingReply(EmbeddingReply):
    __doc__ = EmbeddingReply.__doc__
    NAME = "image_embedding"


@dataclass(frozen=True)
class ImageEmbeddingRequest(TypedRequest[ImageEmbeddingReply, float]):
    """``images``      a list of images, each as that of `VisionRequest`
    ``dimensions``  of the vectors; 0: the worker's, which is the most
    """

    NAME, SUBJECT = "image_embedding", Several("images", ImageSubject("image"))
    METHOD, BATCH_METHOD, REPLY = "embed", "embed_batch", ImageEmbeddingReply

    images: Sequence[Image]
    dimensions: int = fields.whole(MAX_DIMENSION)


# ---- text_to_text: a prompt or a conversation, a text back ----

Role = Literal["user", "assistant", "system"]
Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class Turn(Form):
    """One turn of a conversation: who has said what."""

    role: Role = fields.needed(fields.choice(Role))
    content: str = fields.needed(fields.text(MAX_TEXT))


@dataclass(frozen=True)
class Correction(Form):
    """A word that was found wrong.

    ``offset``       of its first byte in the prompt, as UTF-8
    ``replacement``  what stands there now; None: it was left as it is
    ``suggestions``  the best first
    """

    word: str = fields.needed(fields.text(4096))
    offset: int = fields.whole(MAX_TEXT)
    replacement: Optional[str] = fields.text(4096)
    suggestions: Sequence[str] = fields.texts(4096, 32)


@dataclass(frozen=True)
class TextToTextReply(TypedReply):
    """``finish``  "stop": the text is complete, or `stop` was met; "length": `max_tokens` were made
    ``prompt_tokens``, ``reply_tokens``  or words, of workers that know no tokens
    ``corrections``  of workers that correct
    """

    NAME, SUBJECT = "text_to_text", TextSubject("text")

    text: str
    model: Optional[str] = fields.text(256)
    finish: Finish = fields.choice(Finish)
    prompt_tokens: int = fields.whole(10**9)
    reply_tokens: int = fields.whole(10**9)
    corrections: Sequence[Correction] = fields.rows(Correction, 100 * 1000)


@dataclass(frozen=True)
class TextToTextRequest(TypedRequest[TextToTextReply, str]):
    """A prompt, or turns.

    ``max_tokens``   of the reply; 0: the worker's
    ``temperature``  0: always the likeliest; -1: the worker's
    ``top_p``        0 to 1; 1: all
    ``top_k``        0: all
    ``seed``         -1: any
    ``stop``         where it ends; what stops it is not part of the text
    ``language``     as "en_US", of workers that correct; None: theirs
    ``words``        likewise: also right
    ``suggest``      likewise: only suggestions; False: the text is corrected
    ``stream``       in parts, too
    """

    NAME, SUBJECT = "text_to_text", TextSubject("prompt", may_lack=True)
    METHOD, REPLY, PARTS = "prompt", TextToTextReply, "stream"

    prompt: Optional[str] = None
    turns: Sequence[Turn] = fields.rows(Turn, 1000)
    max_tokens: int = fields.whole(10**6)
    temperature: float = fields.real(100, least=-1, default=-1)
    top_p: float = fields.real(1, default=1)
    top_k: int = fields.whole(10**6)
    seed: int = fields.whole(MAX_NUMBER, least=-1, default=-1)
    stop: Sequence[str] = fields.texts(256, 16)
    language: Optional[str] = fields.text(100)
    words: Sequence[str] = fields.texts(256, 1000)
    suggest: bool = fields.flag()
    stream: bool = fields.flag(True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prompt is not None and self.turns:
            raise Invalid("there are a prompt and turns, and only one of them can be meant")
        if self.prompt is None and not self.turns:
            raise Invalid("prompt is missing")


_ALL: List[Type["TypedRequest[Any, Any]"]] = [
    ImageEmbeddingRequest, TextEmbeddingRequest, TextToImageRequest, TextToTextRequest,
    VisionRequest]

#: The requests by the names of their capabilities.
CONTRACTS = {one.NAME: one for one in _ALL}
