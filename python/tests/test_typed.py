"""Calls of the typed capabilities, with workers in Python behind a real node."""

import asyncio
import inspect
import json
import os
import sys
import unittest
from pathlib import PurePath

import kit
from kit import LONG, NodeCase

import msgpack
import troupe
from troupe.aio import AsyncClient
from troupe.contracts import CONTRACTS, Correction, Turn, VisionRequest, VisionWord

WORKER = os.path.join(kit.HERE, "typed.py")


def served(name, *words, as_name=None):
    return {"capability": as_name or name, "isolation": "process",
            "workers": {"min": 0, "max": 2},
            "worker": {"command": [sys.executable, WORKER, name, *words]}}


class Typed(NodeCase):
    def setUp(self):
        self.served = self.node(*(served(name) for name in CONTRACTS),
                                served("vision", as_name="eyes"),
                                served("vision", "--wrong", as_name="wrong"),
                                served("text_embedding", "--few", as_name="few"))
        self.client = troupe.Client(self.served.ipc, timeout=LONG)
        self.addCleanup(self.client.close)

    def test_vision(self):
        reply = self.client.vision(b"PNG", layout="line", details=True)
        self.assertEqual((reply.text, reply.words),
                         ("b'PNG'\nline None\n", (VisionWord("word", 0.5, 1, 2, 3, 4),)))
        self.assertEqual(reply.model, "stream False")  # nobody takes parts
        self.assertEqual(self.client.vision(PurePath("a/b.png"), language="deu").text,
                         "PurePosixPath('a/b.png')\nauto deu\n")
        with self.client.vision.stream(b"PNG") as parts:
            self.assertEqual(list(parts), ["b'PNG'\n", "auto None\n"])
            self.assertEqual(parts.result().model, "stream True")

    def test_text_to_image(self):
        reply = self.client.text_to_image("a boat", format="svg", width=300)
        self.assertEqual((reply.image, reply.format, reply.width), (b"a boat", "svg", 300))
        with self.client.text_to_image.stream("a boat") as parts:
            self.assertEqual(list(parts), [0, 0.25, 0.5, 0.75])
            self.assertEqual(parts.result().format, "png")

    def test_embeddings(self):
        self.assertEqual(list(self.client.text_embedding("one", task="query").vector), [3, 0.5])
        reply = self.client.text_embedding(["one", "three", ""])
        self.assertEqual([list(one) for one in reply.vectors], [[3, 0.5], [5, 0.5], [0, 0.5]])
        self.assertEqual((reply.dimension, reply.model), (2, "embed_batch similarity"))
        self.assertEqual(len(self.client.image_embedding([b"x", PurePath("y")]).vectors), 2)
        self.assertEqual(len(self.client.image_embedding([b"x"]).vector), 1)
        with self.client.text_embedding.stream("one") as parts:
            self.assertEqual(list(parts), [])
            self.assertEqual(len(parts.result().vector), 2)

    def test_text_to_text(self):
        reply = self.client.text_to_text("teh \u00e4", words=["teh"])
        self.assertEqual((reply.text, reply.finish), ("TEH \u00c4", "length"))
        self.assertEqual(reply.corrections, (Correction("teh", 4, "the", ("the",)),))
        text = "\u00e4\u20ac\U0001f600 and so on, " * 20
        with self.client.text_to_text.stream(text) as parts:
            pieces = list(parts)
            self.assertEqual("".join(pieces), parts.result().text)
            self.assertGreater(len(pieces), 100)
        # In the worker: what has turns asks for each of them, as a client would.
        self.assertEqual(self.client.text_to_text(turns=[Turn("system", "one"), Turn("user", "two")])
                         .text, "ONE|TWO")

    def test_calls_under_way(self):
        calls = [self.client.text_to_text.start(f"number {n}") for n in range(20)]
        self.assertEqual([call.result().text for call in calls],
                         [f"NUMBER {n}" for n in range(20)])
        self.assertTrue(calls[0].done())
        call = self.client.text_to_text.start("x")
        call.cancel()
        try:
            call.result()
        except troupe.Cancelled:
            pass  # unless it was done first

    def test_options_of_calls(self):
        eyes = self.client.vision.using(capability="eyes", timeout=LONG)
        self.assertEqual(eyes(b"x").text, "b'x'\nauto None\n")
        self.assertEqual(eyes.using(priority="high")(b"x").text, "b'x'\nauto None\n")
        with eyes.using(window=1).stream(b"x") as parts:
            self.assertEqual(len(list(parts)), 2)
        with self.assertRaises(troupe.NoCapability):
            self.client.vision.using(capability="none")(b"x")
        with self.assertRaises(TypeError):
            self.client.vision.using(hurry=True)(b"x")

    def test_what_keeps_to_no_contract_is_not_sent(self):
        for asking in (self.client.vision, self.client.vision.start, self.client.vision.stream):
            with self.assertRaises(ValueError) as caught:
                asking(b"x", layout="blok")
            self.assertIn("layout must be auto", str(caught.exception))
        with self.assertRaises(TypeError):
            self.client.vision(b"x", lay_out="line")

    def test_a_worker_refuses_what_others_send(self):
        for payload, code, words in (
                ([b"x", b'{"layout": "blok"}'], "bad_request", "layout must be auto"),
                ([b"x", b" " * (1024 * 1024 + 1)], "too_large", "the details have 1048577 bytes")):
            with self.assertRaises(troupe.TroupeError) as caught:
                self.client.call("vision", payload)
            self.assertEqual(caught.exception.code, code)
            self.assertIn(words, caught.exception.text)

    def test_who_asks_in_json_is_answered_in_json(self):
        text, details = self.client.call("vision", [b"x", b'{"details": true}'])
        self.assertEqual((text, json.loads(details)["words"][0]["left"]), (b"b'x'\nauto None\n", 1))
        text, details = self.client.call("vision", b"x")
        self.assertEqual(msgpack.unpackb(details)["model"], "stream True")

    def test_a_reply_that_is_none(self):
        wrong = self.client.vision.using(capability="wrong")
        with self.assertRaises(troupe.WorkerError) as caught:
            wrong(b"x")
        self.assertIn("does not keep to the contract: a reply of vision has two frames, not 3",
                      caught.exception.text)

    def test_a_reply_that_lacks_a_vector(self):
        few = self.client.text_embedding.using(capability="few")
        for texts, wrong in ((["a", "b", "c"], "it has 2 vectors for 3 texts"),
                             (["a", "b"], "it has 1 vector for 2 texts")):
            with self.assertRaises(troupe.WorkerError) as caught:
                few(texts)
            self.assertEqual(caught.exception.text,
                             f"the reply does not keep to the contract: {wrong}")

    def test_they_can_be_looked_up(self):
        self.assertEqual(inspect.signature(self.client.vision), inspect.signature(VisionRequest))
        self.assertIn("``layout``", self.client.vision.__doc__)
        self.assertIn("``layout``", troupe.Client.vision.__doc__)

    def test_asyncio(self):
        async def ask():
            async with AsyncClient(self.served.ipc, timeout=LONG) as client:
                one, other = await asyncio.gather(client.vision(b"x", layout="word"),
                                                  client.text_embedding("one"))
                self.assertEqual((one.text, list(other.vector)), ("b'x'\nword None\n", [3, 0.5]))
                async with client.text_to_text.stream("x" * 30) as parts:
                    self.assertEqual("".join([part async for part in parts]), "X" * 30)
                    self.assertEqual((await parts.result()).finish, "length")
                eyes = client.vision.using(capability="eyes")
                self.assertEqual((await eyes(b"y")).text, "b'y'\nauto None\n")
                with self.assertRaises(ValueError):
                    await client.vision(b"")
                with self.assertRaises(troupe.WorkerError):
                    await eyes.using(capability="wrong")(b"x")
                async with client.text_to_image.stream("x") as parts:
                    async for part in parts:
                        break
                self.assertEqual(part, 0)

        asyncio.run(ask())


if __name__ == "__main__":
    unittest.main()
