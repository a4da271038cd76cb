"""Each typed capability, by each way to call one: from the command line, in C, in Python, and as a
Majordomo client, with the workers that come with Troupe.

What is asserted is what came out: the text that was drawn is read, what was misspelt is corrected,
and the nearest is the one that it should be. In the end the table of what works is printed, which
is the one in docs/workers.md. A worker that was not built is left out, and said to be.

$TROUPE_TYPED_CALLS names the program made of typed_calls.c.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

import majordomo_kit
from node_kit import LONG, Node, run_troupe

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "python"))

import troupe  # noqa: E402

PROGRAM = os.environ["TROUPE_TYPED_CALLS"]
FOLDERS = os.environ["TROUPE_MODULE_PATH"].split(":")
CAPABILITIES = ("vision", "text_to_image", "text_embedding", "image_embedding", "text_to_text")

SHOWN = "Actors pass messages on,\nand share nothing else."
MISSPELT = "Actors recieve messages in seperate threads."
CORRECT = "Actors receive messages in separate threads."
ABOUT_MESSAGES = "An actor sends messages to another actor"
TEXTS = ["Messages that actors send to one another", "A loaf of bread with butter", "Rain in spring"]


class CommandLine:
    """`troupe call CAPABILITY`, mostly with `-r`: JSON for the request, and for the reply."""

    name = "CLI"

    def __init__(self, case):
        self.case = case

    def run(self, capability, *words):
        done = run_troupe("call", capability, *words, "-e", self.case.node.ipc)
        if done.returncode != 0:
            raise Refused(done.stderr)
        return done.stdout

    def ask(self, capability, request, *words):
        return json.loads(self.run(capability, "-r", json.dumps(request), *words))

    def vision(self, image):
        plain = self.run("vision", "-f", image)
        reply = self.ask("vision", {"layout": "block", "details": True}, "-f", image)
        assert words_of(plain) == words_of(reply["text"]), (plain, reply)
        return reply["text"], len(reply["words"])

    def text_to_image(self, prompt):
        out = self.case.path("cli.png")
        self.run("text_to_image", "-d", prompt, "-r", '{"size": 24}', "-o", out)
        return read(out)

    def text_embedding(self, texts):
        return self.ask("text_embedding", {"texts": texts})["vectors"]

    def image_embedding(self, images):
        return [self.ask("image_embedding", {}, "-f", one)["vector"] for one in images]

    def text_to_text(self, prompt):
        plain = self.run("text_to_text", "-d", prompt)
        reply = self.ask("text_to_text", {"prompt": prompt})
        assert words_of(plain) == words_of(reply["text"]), (plain, reply)
        return reply["text"], len(reply["corrections"])


class InC:
    """The typed calls of the C client."""

    name = "C"

    def __init__(self, case):
        self.case = case

    def run(self, *words):
        done = subprocess.run([PROGRAM, self.case.node.ipc, *words], text=True, timeout=LONG,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL)
        if done.returncode == 1:
            raise Refused(done.stdout)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def text_of(self, *words):
        """The text, and how many there are of what the first line counts."""
        counts, _, text = self.run(*words).partition("\n")
        n_found, n_parts = (int(one.split()[0]) for one in counts.split(", "))
        assert n_parts > 0, counts
        return text, n_found

    def vision(self, image):
        return self.text_of("vision", image)

    def text_to_image(self, prompt):
        out = self.case.path("c.png")
        size = self.run("text_to_image", prompt, out).split()
        image = read(out)
        assert tuple(map(int, size)) == size_of(image), size
        return image

    def vectors(self, *words):
        return [[float(value) for value in line.split()] for line in self.run(*words).splitlines()]

    def text_embedding(self, texts):
        return self.vectors("text_embedding", *texts)

    def image_embedding(self, images):
        return self.vectors("image_embedding", *images)

    def text_to_text(self, prompt):
        return self.text_of("text_to_text", prompt)


class InPython:
    """The typed calls of the Python client."""

    name = "Python"

    def __init__(self, case):
        self.client = case.python

    def asked(self, asking, *words, **more):
        try:
            return asking(*words, **more)
        except troupe.TroupeError as error:
            raise Refused(str(error)) from None

    def vision(self, image):
        reply = self.asked(self.client.vision, read(image), layout="block", details=True)
        with self.client.vision.stream(read(image), layout="block") as parts:
            assert "".join(parts) == reply.text
        return reply.text, len(reply.words)

    def text_to_image(self, prompt):
        reply = self.asked(self.client.text_to_image, prompt, size=24)
        assert (reply.width, reply.height) == size_of(reply.image)
        return reply.image

    def text_embedding(self, texts):
        return self.asked(self.client.text_embedding, texts).vectors

    def image_embedding(self, images):
        return self.asked(self.client.image_embedding, [read(one) for one in images]).vectors

    def text_to_text(self, prompt):
        reply = self.asked(self.client.text_to_text, prompt)
        with self.client.text_to_text.stream(prompt) as parts:
            assert "".join(parts) == reply.text
        return reply.text, len(reply.corrections)


class Majordomo:
    """MDP/0.2: the subject alone, or with its details in JSON, which are then answered in JSON."""

    name = "Majordomo"

    def __init__(self, case):
        self.client = majordomo_kit.Client(case.context, case.node.tcp, "mdp0.2")
        case.addCleanup(self.client.close)

    def ask(self, capability, *frames):
        """(text of the parts, frame 0, details)"""
        self.client.request(capability.encode(), *frames)
        partials, body = self.client.final()
        if body[0] == majordomo_kit.ERROR:
            raise Refused(b" ".join(body[1:]).decode())
        read_details = json.loads if len(frames) > 1 else msgpack.unpackb
        return b"".join(one[0] for one in partials), body[0], read_details(body[1])

    def vision(self, image):
        parts, bare, _ = self.ask("vision", read(image))
        assert parts == bare, (parts, bare)
        parts, text, details = self.ask("vision", read(image),
                                        b'{"layout": "block", "details": true}')
        assert parts == text, (parts, text)
        return text.decode(), len(details["words"])

    def text_to_image(self, prompt):
        _, image, details = self.ask("text_to_image", prompt.encode())
        assert (details["width"], details["height"]) == size_of(image), details
        _, image, details = self.ask("text_to_image", prompt.encode(), b'{"size": 24}')
        assert (details["width"], details["height"]) == size_of(image), details
        return image

    def vectors(self, capability, subject, *more):
        _, values, details = self.ask(capability, subject, *more)
        assert len(values) == 4 * details["dimension"]
        return list(struct.unpack(f"<{details['dimension']}f", values))

    def text_embedding(self, texts):
        first = self.vectors("text_embedding", texts[0].encode())
        return [first] + [self.vectors("text_embedding", one.encode(), b"{}") for one in texts[1:]]

    def image_embedding(self, images):
        first = self.vectors("image_embedding", read(images[0]))
        return [first] + [self.vectors("image_embedding", read(one), b"{}") for one in images[1:]]

    def text_to_text(self, prompt):
        parts, text, _ = self.ask("text_to_text", prompt.encode())
        assert parts == text, (parts, text)
        _, text, details = self.ask("text_to_text", prompt.encode(), b'{"stream": false}')
        return text.decode(), len(details["corrections"])


WAYS = (CommandLine, InC, InPython, Majordomo)


class Refused(Exception):
    """In which outcome, and why."""


def read(path):
    with open(path, "rb") as file:
        return file.read()


def size_of(png):
    """(width, height)"""
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and png[12:16] == b"IHDR", png[:16]
    return struct.unpack(">II", png[16:24])


def words_of(text):
    return text.split()


def nearest(vector, others):
    """The index of the one that it has most in common with, and how much; all are normalised."""
    common = [sum(a * b for a, b in zip(vector, other)) for other in others]
    best = max(range(len(others)), key=common.__getitem__)
    return best, common[best]


class Table(unittest.TestCase):
    cells = {}  # (capability, way) -> a word

    @classmethod
    def setUpClass(cls):
        cls.built = [name for name in CAPABILITIES
                     if any(os.path.exists(os.path.join(one, name + ".so")) for one in FOLDERS)]
        cls.folder = tempfile.TemporaryDirectory(prefix="troupe-typed-")
        cls.node = Node({"children": [
            {"capability": name, "isolation": "process", "worker": {"module": name},
             "workers": {"min": 1, "max": 1}, "timeout": f"{LONG}s"} for name in cls.built]})
        cls.addClassCleanup(cls.folder.cleanup)
        cls.addClassCleanup(cls.node.end)
        cls.node.start()
        cls.context = zmq.Context()
        cls.addClassCleanup(cls.context.destroy, 0)
        cls.python = troupe.Client(cls.node.ipc, timeout=LONG)
        cls.addClassCleanup(cls.python.close)
        for name, text, size in (("page", SHOWN, 14), ("large", SHOWN, 20),
                                 ("other", "Quite\nanother\npage", 14)):
            if "text_to_image" in cls.built:
                with open(cls.path(name + ".png"), "wb") as file:
                    file.write(cls.python.text_to_image(text, size=size).image)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def each(self, capability, check):
        """Let `check` try it each way, and note how that went."""
        needs = {"vision": ["text_to_image"], "image_embedding": ["text_to_image"]}
        lacking = [name for name in [capability] + needs.get(capability, [])
                   if name not in self.built]
        for kind in WAYS:
            if lacking:
                self.cells[capability, kind.name] = "not built"
                continue
            self.cells[capability, kind.name] = "no"
            with self.subTest(capability=capability, way=kind.name):
                check(kind(self))
                self.cells[capability, kind.name] = "yes"
        if lacking:
            self.skipTest(f"{', '.join(lacking)} was not built")

    def test_vision(self):
        def check(way):
            text, n_words = way.vision(self.path("page.png"))
            self.assertEqual(words_of(text), words_of(SHOWN))
            self.assertEqual(n_words, len(words_of(SHOWN)))
            self.assert_garbage_is_refused(way.vision)

        self.each("vision", check)

    def test_text_to_image(self):
        def check(way):
            width, height = size_of(way.text_to_image(SHOWN))
            self.assertGreater(width, height)
            with self.assertRaises(Refused) as caught:
                way.text_to_image("x" * 120 * 1024)
            self.assertIn("too_large", str(caught.exception))

        self.each("text_to_image", check)

    def test_text_embedding(self):
        def check(way):
            first, *others = way.text_embedding([ABOUT_MESSAGES, *TEXTS])
            self.assertEqual(len(others), len(TEXTS))
            self.assertEqual(nearest(first, others)[0], 0)
            self.assertAlmostEqual(nearest(first, [first])[1], 1, places=4)

        self.each("text_embedding", check)

    def test_image_embedding(self):
        def check(way):
            first, *others = way.image_embedding(
                [self.path(name + ".png") for name in ("page", "other", "large")])
            self.assertEqual(nearest(first, others)[0], 1)
            self.assertAlmostEqual(nearest(first, [first])[1], 1, places=4)
            self.assert_garbage_is_refused(lambda path: way.image_embedding([path]))

        self.each("image_embedding", check)

    def test_text_to_text(self):
        def check(way):
            self.assertEqual(way.text_to_text(MISSPELT), (CORRECT, 2))

        self.each("text_to_text", check)

    def assert_garbage_is_refused(self, look_at):
        with open(self.path("garbage.png"), "wb") as file:
            file.write(b"no image at all")
        with self.assertRaises(Refused) as caught:
            look_at(self.path("garbage.png"))
        self.assertIn("bad_request", str(caught.exception))


class Miscounted(unittest.TestCase):
    """A worker of somebody else's, which answers a batch with a vector too few."""

    def setUp(self):
        worker = os.path.join(ROOT, "python", "tests", "typed.py")
        self.node = Node({"children": [
            {"capability": "text_embedding", "isolation": "process", "timeout": f"{LONG}s",
             "worker": {"command": [sys.executable, worker, "text_embedding", "--few"]}}]}).start()
        self.addCleanup(self.node.end)

    def test_who_calls_in_c_is_told(self):
        for texts, wrong in (("abc", "it has 2 vectors for 3 texts"),
                             ("ab", "it has 1 vector for 2 texts")):
            with self.assertRaises(Refused) as caught:
                InC(self).text_embedding(list(texts))
            self.assertEqual(str(caught.exception).strip(),
                             f"worker_error: the reply does not keep to the contract: {wrong}")


def table():
    lines = ["| capability | " + " | ".join(way.name for way in WAYS) + " |",
             "|---|" + "---|" * len(WAYS)]
    for name in CAPABILITIES:
        cells = (Table.cells.get((name, way.name), "no") for way in WAYS)
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def is_documented():
    """What is not built is no reason to change the page."""
    with open(os.path.join(ROOT, "docs", "workers.md"), encoding="utf-8") as file:
        return table() in file.read() or "not built" in Table.cells.values()


if __name__ == "__main__":
    program = unittest.main(exit=False)
    print("\n" + table())
    if not is_documented():
        print("docs/workers.md has another table")
    sys.exit(not (program.result.wasSuccessful() and is_documented()))
