"""A page is drawn, read and corrected, by workers in processes of their own; and what strangers
may send to the one that corrects."""

import json
import os
import random
import string
import sys
import unittest

try:
    import msgpack  # noqa: F401 node_kit needs them
    import zmq  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import Node

DRAWN = ("Tbe w0rld has seen rnodern machines that recieve messsages.\n"
         "They are definately patient, and never loose ofthe thread.\n")
CORRECTED = ("The world has seen modern machines that receive messages.\n"
             "They are definitely patient, and never loose ofthe thread.")
MIB = 1 << 20


def capability(name):
    return {"capability": name, "worker": {"module": name}, "isolation": "process",
            "workers": {"min": 0, "max": 1}, "timeout": "60s"}


class Spelling(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node({"children": [capability(name) for name in
                                      ("text_to_image", "vision", "text_to_text")]}).start()

    @classmethod
    def tearDownClass(cls):
        cls.node.end()

    def file(self, name, text=None):
        path = os.path.join(self.node.folder, name)
        if text is not None:
            with open(path, "w") as file:
                file.write(text)
        return path

    def call(self, name, *words):
        result = self.node.run("call", name, *words)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def correct(self, text, **details):
        return json.loads(self.call("text_to_text", "-f", self.file("text", text), "-r",
                                    json.dumps({"stream": False, **details})))

    def process(self):
        return self.node.capability("text_to_text")["workers"][0]["pid"]

    def test_what_was_read_wrong_is_repaired(self):
        page, read = self.file("page.png"), self.file("read.txt")
        self.call("text_to_image", "-d", DRAWN, "-o", page)
        self.call("vision", "-f", page, "-o", read)
        with open(read) as file:
            text = file.read()
        self.assertIn("recieve messsages", text)
        self.assertEqual(self.call("text_to_text", "-f", read).rstrip("\n"), CORRECTED)

    def test_words_are_streamed(self):
        lines = self.call("text_to_text", "-d", "We recieve it, at last.", "--json")
        *parts, end = map(json.loads, lines.splitlines())
        self.assertEqual([part["frames"][0] for part in parts],
                         ["We ", "receive ", "it, ", "at ", "last."])
        self.assertEqual(end["frames"][0], "We receive it, at last.")

    def test_corrections_are_told(self):
        reply = self.correct("we recieve a frobnicator", words=["frobnicator"])
        self.assertEqual(reply["text"], "we receive a frobnicator")
        self.assertEqual(reply["model"], "hunspell en_US")
        self.assertEqual((reply["finish"], reply["prompt_tokens"]), ("stop", 4))
        (one,) = reply["corrections"]
        self.assertEqual((one["word"], one["offset"], one["replacement"]),
                         ("recieve", 3, "receive"))
        reply = self.correct("we recieve a frobnicator", suggest=True)
        self.assertEqual(reply["text"], "we recieve a frobnicator")
        self.assertEqual([one["word"] for one in reply["corrections"]],
                         ["recieve", "frobnicator"])

    def test_a_language_that_is_not_there_names_its_package(self):
        result = self.node.run("call", "text_to_text", "-r",
                               json.dumps({"prompt": "a", "language": "xx_YY"}))
        self.assertEqual(result.returncode, 1)
        self.assertIn("bad_request", result.stderr)
        self.assertIn("hunspell-xx-yy", result.stderr)

    def test_garbage_ends_with_its_deadline_and_costs_no_process(self):
        some = random.Random(1)
        self.correct("warm")
        before = self.process()
        right = self.file("text")

        def word():
            return "".join(some.choice(string.ascii_lowercase) for _ in range(9))

        # Every other word is right, or it would be taken for another language.
        garbage = " ".join(f"the {word()}" for _ in range(MIB // 14 - 1))
        path = self.file("garbage", garbage)
        result = self.node.run("call", "text_to_text", "-f", path, "-t", "500ms", "-o", right)
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertEqual(self.correct("we recieve")["text"], "we receive")
        self.assertEqual(self.process(), before)

    def test_other_languages_and_one_long_word_stay(self):
        some = random.Random(2)
        words = " ".join("".join(some.choice(string.ascii_lowercase) for _ in range(6))
                         for _ in range(10000))
        for text in (words, "a" * MIB):
            self.assertEqual(self.correct(text)["text"], text)

    def test_what_is_too_large_or_no_text_is_refused(self):
        large = self.file("large", "a" * (MIB + 1))
        for path, outcome in ((large, "too_large"), (self.file("binary"), "bad_request")):
            with open(self.file("binary"), "wb") as file:
                file.write(b"a \xff b")
            result = self.node.run("call", "text_to_text", "-f", path)
            self.assertEqual(result.returncode, 1)
            self.assertIn(outcome, result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
