"""The contracts of the typed capabilities, against those of the node's own library.

$TROUPE_CONTRACTS names the program made of contracts_in_c.c. $TROUPE_SEED makes another run of
the random cases.
"""

import json
import math
import os
import random
import subprocess
import sys
import unittest
from pathlib import PurePath

import kit  # finds the package

import msgpack
import troupe
from troupe import contracts, fields, subjects
from troupe.contracts import (CONTRACTS, ImageEmbeddingRequest,
                              TextEmbeddingReply, TextEmbeddingRequest, TextToImageReply,
                              TextToImageRequest, TextToTextReply, TextToTextRequest, Turn,
                              VisionReply, VisionRequest, VisionWord)

PROGRAM = os.environ.get("TROUPE_CONTRACTS", "")
if not PROGRAM:
    print("skipped: $TROUPE_CONTRACTS names no program")
    sys.exit(77)
SEED = int(os.environ.get("TROUPE_SEED", "1"))
N_RANDOM = 2000


def described_in_c():
    printed = subprocess.run([PROGRAM], stdout=subprocess.PIPE, check=True, timeout=kit.LONG)
    return [json.loads(line) for line in printed.stdout.splitlines()]


class InC:
    """The program, which unpacks and packs again what it is given."""

    def __init__(self, case):
        self.process = subprocess.Popen([PROGRAM, "pass"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        case.addCleanup(self.end)

    def passed(self, what, capability, method, frames):
        """("ok", frames), or the code and why it was refused."""
        words = [what, capability, method or "-", *("." + frame.hex() for frame in frames)]
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        head, _, rest = self.process.stdout.readline().rstrip("\n").partition(" ")
        if head != "ok":
            return head, rest
        return "ok", [bytes.fromhex(word[1:]) for word in rest.split(" ")]

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(kit.LONG) == 0
        self.process.stdout.close()


class Asked:
    """What a worker is given, as far as a contract looks at it."""

    def __init__(self, method, frames):
        self.method = method
        self.frames = frames


def unpacked_here(capability, method, frames):
    """As `InC.passed`, for requests."""
    try:
        return "ok", CONTRACTS[capability].unpack(Asked(method, frames)).pack()
    except (troupe.BadRequest, troupe.TooLarge) as error:
        return error.code, error.text


class Tables(unittest.TestCase):
    maxDiff = None

    def test_they_are_those_of_the_library(self):
        """What is written of a number with fifteen digits, is read as another where it is large."""
        def rounded(value):
            if isinstance(value, dict):
                return {key: rounded(one) for key, one in value.items()}
            if isinstance(value, list):
                return [rounded(one) for one in value]
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return f"{value:.14g}" if is_number else value

        in_c = described_in_c()
        self.assertEqual([one["capability"] for one in in_c], list(CONTRACTS))
        for one in in_c:
            self.assertEqual(rounded(CONTRACTS[one["capability"]].contract()), rounded(one))

    def test_each_subject_is_a_field(self):
        for one in CONTRACTS.values():
            for form in (one, one.REPLY):
                self.assertIn(form.SUBJECT.name, form.__dataclass_fields__)


IMAGE = b"\x89PNG and so on"

# What no request may say, and how it is refused in both languages: capability, method, frames.
REFUSED = [
    ("vision", "see", [IMAGE]),
    ("text_embedding", "prompt", [b"x"]),
    ("vision", "", [IMAGE, b"", b""]),
    ("vision", "", []),
    ("vision", "", [b""]),
    ("vision", "", [IMAGE, b" " * (1024 * 1024 + 1)]),
    ("vision", "", [IMAGE, msgpack.packb([1])]),
    ("vision", "", [IMAGE, b"\xc1"]),
    ("vision", "", [IMAGE, msgpack.packb({"layout": "block"})[:-1]]),
    ("vision", "", [IMAGE, msgpack.packb({"layout": "blok"})]),
    ("vision", "", [IMAGE, b'{"lay-out": "block"}']),
    ("vision", "", [IMAGE, b'{"one\\ntwo": 1}']),
    ("vision", "", [IMAGE, b'{"details": 1}']),
    ("vision", "", [IMAGE, b'{"query": 1}']),
    ("vision", "", [IMAGE, msgpack.packb({"query": "a\0b"})]),
    ("vision", "", [IMAGE, msgpack.packb({"query": "x" * 4097})]),
    ("vision", "", [IMAGE, b"\x81\xa5query\xa3abc\xff"[:-2] + b"\xff"]),
    ("vision", "", [IMAGE, b'{"path": "x.png"}']),
    ("vision", "", [b"", b'{"url": "http://localhost/x.png"}']),
    ("vision", "", [b"", b'{"path": 5}']),
    ("vision", "", [b"", msgpack.packb({"path": "x" * 1025})]),
    ("text_to_image", "", [b"\xff"]),
    ("text_to_image", "", [b"ab\xc3"]),
    ("text_to_image", "", [b"a\0b"]),
    ("text_to_image", "", [b"x" * (1024 * 1024 + 1)]),
    ("text_to_image", "", [b"x", b'{"width": 16385}']),
    ("text_to_image", "", [b"x", b'{"width": -1}']),
    ("text_to_image", "", [b"x", b'{"width": 1.5}']),
    ("text_to_image", "", [b"x", b'{"width": true}']),
    ("text_to_image", "", [b"x", b'{"format": "gif"}']),
    ("text_to_text", "", [b""]),
    ("text_to_text", "", [b"x", b'{"turns": [{"content": "y"}]}']),
    ("text_to_text", "", [b"", b'{"turns": [{"role": "user"}]}']),
    ("text_to_text", "", [b"", b'{"turns": [{"role": "robot", "content": "x"}]}']),
    ("text_to_text", "", [b"x", msgpack.packb({"top_p": 1.5})]),
    ("text_to_text", "", [b"x", msgpack.packb({"temperature": math.nan})]),
    ("text_to_text", "", [b"x", b'{"temperature": "warm"}']),
    ("text_to_text", "", [b"x", b'{"stop": 5}']),
    ("text_to_text", "", [b"x", msgpack.packb({"stop": ["x"] * 17})]),
    ("text_to_text", "", [b"x", msgpack.packb({"stop": ["x", "y" * 257]})]),
    ("text_embedding", "embed_batch", [b"no array"]),
    ("text_embedding", "embed_batch", [msgpack.packb(["a", 5])]),
    ("text_embedding", "embed_batch", [msgpack.packb(["a", {"path": "x"}])]),
    ("text_embedding", "embed_batch", [msgpack.packb(["a"]) + b"\0"]),
    ("text_embedding", "embed_batch", [msgpack.packb(["a"] * 1025)]),
    ("text_embedding", "embed_batch", [msgpack.packb(["fine", b"\xff"])]),
    ("image_embedding", "embed_batch", [msgpack.packb([b"x", {"base64": "x"}])]),
    ("image_embedding", "embed_batch", [msgpack.packb([b"x", b""])]),
    ("image_embedding", "embed", [IMAGE, msgpack.packb({"dimensions": 16385})]),
]

# These tell a place more here, or are told by another reader of JSON or msgpack.
SAME_ENOUGH = ("content must be", "role must be", "must be there only once", "no JSON", "neither")


class Refusals(unittest.TestCase):
    def test_both_refuse_for_the_same_reason(self):
        in_c = InC(self)
        for capability, method, frames in REFUSED:
            with self.subTest(capability=capability, method=method, frames=str(frames)[:80]):
                there = in_c.passed("request", capability, method, frames)
                here = unpacked_here(capability, method, frames)
                self.assertNotEqual(here[0], "ok")
                self.assertEqual(here[0], there[0], (here, there))
                if not any(one in here[1] for one in SAME_ENOUGH):
                    self.assertEqual(here[1], there[1])

    def test_replies(self):
        in_c = InC(self)
        for capability, frames in (
                ("vision", [b"\xff"]), ("vision", [b"x", b'{"confidence": 2}']),
                ("vision", [b"x", b'{"words": [{"left": 5}]}']),
                ("text_embedding", [b"12345", b'{"dimension": 1}']),
                ("text_embedding", [b"12345678", b'{"dimension": 3}']),
                ("image_embedding", [b"1234"]), ("text_to_image", [b"x", b'{"depth": 5}'])):
            with self.subTest(capability=capability, frames=frames):
                self.assertNotEqual(in_c.passed("reply", capability, "", frames)[0], "ok")
                with self.assertRaises(troupe.WorkerError):
                    CONTRACTS[capability].REPLY.unpack(frames)

    def test_who_asks_is_told_at_once(self):
        for make, words in (
                (lambda: VisionRequest(b""), "image is empty"),
                (lambda: VisionRequest("page.png"), "image must be bytes, or a path of pathlib"),
                (lambda: VisionRequest(IMAGE, layout="blok"),
                 "layout must be auto, column, block, line, word or sparse"),
                (lambda: VisionRequest(IMAGE, details=1), "details must be true or false"),
                (lambda: TextToImageRequest("x", width=-1), "width is -1, and must be from 0 to 16384"),
                (lambda: TextToImageRequest(None), "prompt must be a text"),
                (lambda: TextToImageRequest("x", seed=2**63), "seed is 9223372036854775808, and"),
                (lambda: TextToTextRequest(), "prompt is missing"),
                (lambda: TextToTextRequest(""), "prompt is missing"),
                (lambda: TextToTextRequest("x", turns=[Turn("user", "y")]), "only one of them"),
                (lambda: Turn("robot", "x"), "role must be user, assistant or system"),
                (lambda: TextToTextRequest("\ud800"), "prompt is not UTF-8 from byte 0 on"),
                (lambda: TextToTextRequest("x", temperature=10**400), "temperature is 1000"),
                (lambda: TextToTextRequest("x", turns=["y"]), "turns[0] must be a Turn, or a map"),
                (lambda: TextEmbeddingRequest(["a", 5]), "texts[1] must be a text"),
                (lambda: TextEmbeddingRequest(5), "texts must be a list"),
                (lambda: ImageEmbeddingRequest([b"x"] * 1025), "images has 1025 items"),
                (lambda: ImageEmbeddingRequest([b"x", b""]), "images[1] is empty"),
                (lambda: TextEmbeddingReply([[1, 2], [3]]), "1 values are no vector of 2"),
                (lambda: TextEmbeddingReply([]), "dimension is 0"),
                (lambda: TextEmbeddingReply(["ab"]), "which are of numbers"),
                (lambda: TextToImageReply("x"), "image must be bytes"),
                (lambda: VisionReply("x", words=[VisionWord("y", left=-1)]), "left is -1")):
            with self.subTest(words=words):
                with self.assertRaises(ValueError) as caught:
                    make()
                self.assertIn(words, str(caught.exception))

    def test_limits_are_another_thing_than_mistakes(self):
        with self.assertRaises(contracts.Invalid) as caught:
            VisionRequest(bytes(contracts.MAX_IMAGE + 1))
        self.assertTrue(caught.exception.is_too_much)
        with self.assertRaises(troupe.TooLarge):
            VisionRequest.unpack(Asked("", [b"x", b" " * (contracts.MAX_DETAILS + 1)]))


class Messages(unittest.TestCase):
    """What is in the frames, where the random cases would not tell."""

    def test_what_is_as_usual_is_not_said(self):
        self.assertEqual(VisionRequest(b"x").pack(), [b"x"])
        self.assertEqual(TextToTextRequest("x", temperature=-1.0, seed=-1).pack(), [b"x"])
        self.assertEqual(VisionRequest(b"x", layout="line", stream=False).pack(),
                         [b"x", msgpack.packb({"layout": "line", "stream": False})])

    def test_one_subject_and_several(self):
        one = TextEmbeddingRequest("just one")
        self.assertEqual((one.texts, one.method, one.pack()), (("just one",), "embed", [b"just one"]))
        none = TextEmbeddingRequest([])
        self.assertEqual((none.method, none.pack()), ("embed_batch", [b"\x90"]))
        some = ImageEmbeddingRequest([b"a", PurePath("b.png")])
        self.assertEqual((some.method, msgpack.unpackb(some.pack()[0])),
                         ("embed_batch", [b"a", {"path": "b.png"}]))
        self.assertEqual(ImageEmbeddingRequest([PurePath("b.png")]).pack(),
                         [b"", msgpack.packb({"path": "b.png"})])

    def test_a_reply_is_in_the_form_of_its_request(self):
        for details, read in ((b"{}", json.loads), (b"", msgpack.unpackb),
                              (b"\x80", msgpack.unpackb)):
            asked = VisionRequest.unpack(Asked("", [b"x", details]))
            text, more = asked.pack_reply(VisionReply("\u00e4", model="m", words=[VisionWord("\u00e4")]))
            self.assertEqual((text, read(more)["words"][0]["text"]), ("\u00e4".encode(), "\u00e4"))
            self.assertEqual(VisionReply.unpack([text, more]).words, (VisionWord("\u00e4"),))
            self.assertEqual(read(asked.pack_progress(0.5)[1]), {"progress": 0.5})

    def test_vectors(self):
        reply = TextEmbeddingReply([(1, 0.5), [0, 2]], model="m")
        frames = reply.pack()
        self.assertEqual(frames[0], b"\0\0\x80\x3f\0\0\0\x3f\0\0\0\0\0\0\0\x40")
        again = TextEmbeddingReply.unpack(frames, is_batch=True)
        self.assertEqual((again, again.dimension), (reply, 2))
        self.assertEqual([list(one) for one in again.vectors], [[1, 0.5], [0, 2]])
        with self.assertRaises(ValueError):
            again.vector
        self.assertEqual(list(TextEmbeddingReply([[3]]).vector), [3])

    def test_what_exists_cannot_be_spoilt(self):
        request = TextToTextRequest("x", stop=["y"])
        with self.assertRaises(AttributeError):
            request.prompt = "z"
        self.assertEqual(request.stop, ("y",))
        with self.assertRaises(TypeError):
            VisionRequest(b"x", lay_out="line")


# ---- random requests and replies ----

class Maker:
    """Makes values that a field takes, of the lengths where things go wrong."""

    LETTERS = "ab \n\"\\\u00e4\u20ac\U0001f600\ufffd\u007f{["

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self, max_bytes):
        n = self.random.choice((0, 1, 3, 31, 32, 255, 256))
        made = ""
        for _ in range(n):
            made += self.random.choice(self.LETTERS)
            if len(made.encode()) > max_bytes:
                return made[:-1]
        return made

    def value(self, kind):
        pick = self.random.choice
        if isinstance(kind, fields.Flag):
            return pick((True, False))
        if isinstance(kind, (fields.Whole, fields.Real)):
            least, most = kind.least, kind.most
            among = [least, most, min(most, least + 1), min(most, 127), min(most, 128),
                     min(most, 70000)]
            if isinstance(kind, fields.Real):
                return pick([float(one) for one in among]
                            + [self.random.uniform(least, most), 0.1])
            return pick(among + [self.random.randint(least, most)])
        if isinstance(kind, fields.Choice):
            return pick(kind.choices)
        if isinstance(kind, fields.Text):
            return self.text(kind.max_bytes) if kind.is_needed else pick((
                None, self.text(kind.max_bytes)))
        n = min(kind.max_count, pick((0, 0, 1, 2, 15, 16, 17)))
        if isinstance(kind, fields.Texts):
            return [self.text(kind.max_bytes) for _ in range(n)]
        return [kind.of(**self.values(kind.of)) for _ in range(n)]

    def values(self, form, every=True):
        return {name: self.value(kind) for name, (kind, _) in fields.kinds_of(form).items()
                if every or self.random.random() < 0.4}

    def image(self):
        if self.random.random() < 0.3:
            return PurePath(self.text(200).replace("/", "").replace("\n", "") or "x.png")
        return self.random.randbytes(self.random.choice((1, 31, 300, 70000)))

    def subject(self, subject, dimension):
        if isinstance(subject, subjects.Several):
            n = self.random.choice((0, 1, 1, 2, 17))
            return [self.subject(subject.one, 0) for _ in range(n)]
        if isinstance(subject, subjects.ImageSubject):
            return self.image()
        if isinstance(subject, subjects.BytesSubject):
            return self.random.randbytes(self.random.choice((0, 1, 1000)))
        if isinstance(subject, subjects.Vectors):
            return [[self.random.uniform(-1, 1) for _ in range(dimension)]
                    for _ in range(self.random.choice((0, 1, 3)))]
        return self.text(5000)

    def form(self, form):
        values = self.values(form, every=False)
        dimension = values["dimension"] = self.random.choice((1, 2, 300))
        if "dimension" not in fields.kinds_of(form):
            del values["dimension"]
        values[form.SUBJECT.name] = self.subject(form.SUBJECT, dimension)
        if form is TextToTextRequest:
            values["prompt"] = None if values.get("turns") else values["prompt"] or "x"
        return form(**values)


class Random(unittest.TestCase):
    def setUp(self):
        self.make = Maker(SEED)
        self.in_c = InC(self)

    def each(self, n):
        for self.number in range(n):
            yield CONTRACTS[self.make.random.choice(list(CONTRACTS))]

    def check(self, one, other, *more):
        self.assertEqual(one, other, (f"seed {SEED}, number {self.number}", *more))

    def test_requests_from_python_to_c_and_back(self):
        for kind in self.each(N_RANDOM):
            request = self.make.form(kind)
            frames = request.pack()
            how, passed = self.in_c.passed("request", kind.NAME, request.method, frames)
            self.check(how, "ok", frames, passed)
            self.check(kind.unpack(Asked(request.method, passed)), request)
            # The order of names is that of the tables, too, so the bytes are the same.
            self.check(kind.unpack(Asked(request.method, passed)).pack(), frames)

    def test_requests_in_json(self):
        for kind in self.each(N_RANDOM // 4):
            request = self.make.form(kind)
            head, *details = request.pack()
            told = msgpack.unpackb(details[0]) if details else {}
            frames = [head, json.dumps(told, ensure_ascii=self.make.random.random() < 0.5).encode()]
            how, passed = self.in_c.passed("request", kind.NAME, request.method, frames)
            self.check(how, "ok", frames, passed)
            self.check(kind.unpack(Asked(request.method, frames)), request)
            self.check(kind.unpack(Asked(request.method, passed)), request)

    def test_replies_from_python_to_c_and_back(self):
        for kind in self.each(N_RANDOM):
            reply = self.make.form(kind.REPLY)
            is_batch = kind.BATCH_METHOD is not None and len(reply.vectors) != 1
            method = kind.BATCH_METHOD if is_batch else kind.METHOD
            is_json, are_json = (self.make.random.random() < 0.5 for _ in range(2))
            frames = reply.pack(are_json)
            how, passed = self.in_c.passed("json" if is_json else "reply", kind.NAME, method, frames)
            self.check(how, "ok", frames, passed)
            self.check(passed[1][:1] == b"{", is_json)
            self.check(kind.REPLY.unpack(passed, is_batch), reply)

    def test_what_was_damaged_is_judged_alike(self):
        """Both take it, and then for the same, or both refuse it."""
        judged = {"ok": 0, "refused": 0}
        for kind in self.each(N_RANDOM):
            request = self.make.form(kind)
            frames = request.pack()
            place = self.make.random.randrange(len(frames))
            frames[place] = self.damaged(frames[place])
            there = self.in_c.passed("request", kind.NAME, request.method, frames)
            here = unpacked_here(kind.NAME, request.method, frames)
            self.check(here[0] == "ok", there[0] == "ok", frames, here, there)
            if here[0] == "ok":
                self.check(here[1], there[1], frames)
            judged["ok" if here[0] == "ok" else "refused"] += 1
        self.assertGreater(min(judged.values()), N_RANDOM // 20, judged)

    def damaged(self, frame):
        frame = bytearray(frame)
        for _ in range(self.make.random.choice((1, 1, 1, 3))):
            where = self.make.random.randrange(min(len(frame), 64) + 1)
            how = self.make.random.randrange(4)
            if how == 0:
                frame[where:where] = self.make.random.randbytes(1)
            elif how == 1:
                del frame[where:where + 1]
            elif how == 2 and where < len(frame):
                frame[where] ^= 1 << self.make.random.randrange(8)
            else:
                del frame[where:]
        return bytes(frame)


if __name__ == "__main__":
    unittest.main()
