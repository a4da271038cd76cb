"""Frames: the vectors, random commands there and back, and what hostile peers may send."""

import json
import os
import random
import unittest

import kit

import msgpack

from troupe import wire
from troupe.wire import Command, WireError, decode, encode

with open(os.path.join(kit.ROOT, "docs", "vectors.json"), encoding="utf-8") as file:
    VECTORS = json.load(file)


def plain(value):
    """A value of a vector as Python has it."""
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return [plain(one) for one in value] if isinstance(value, list) else value


def without_defaults(name, headers):
    """Headers without those that say what holds anyway."""
    return {key: value for key, value in headers.items()
            if not (value is False and (key, name) != ("retryable", "error"))
            and (key, value) != ("on-disconnect", "cancel")}


class Vectors(unittest.TestCase):
    def test_what_is_read_is_what_they_say(self):
        for vector in VECTORS["trp1"]:
            frame = bytes.fromhex(vector["hex"])
            with self.subTest(vector["meaning"]):
                if vector["kind"] == "malformed":
                    with self.assertRaises(WireError) as caught:
                        decode(frame)
                    self.assertEqual(caught.exception.id, vector["id"])
                    continue
                name, about, headers, _ = decode(frame)
                if vector["command"] == "unknown":
                    self.assertNotIn(name, wire.COMMANDS)
                else:
                    self.assertEqual(name, vector["command"])
                self.assertEqual(about, vector["id"])
                self.assertEqual(without_defaults(name, headers),
                                 {key: plain(one) for key, one in vector["headers"].items()})

    def test_what_is_written_is_just_that(self):
        for vector in VECTORS["trp1"]:
            if vector["kind"] == "canonical":
                with self.subTest(vector["meaning"]):
                    headers = {key: plain(one) for key, one in vector["headers"].items()}
                    self.assertEqual(encode(vector["command"], vector["id"], headers).hex(),
                                     vector["hex"])

    def test_bundles(self):
        for vector in VECTORS["bundle"]:
            with self.subTest(vector["meaning"]):
                found = [[frame.hex() for frame in one]
                         for one in wire.unpack_bundle(bytes.fromhex(vector["hex"]))]
                self.assertEqual(found, vector["commands"])

    def test_bundles_are_written_likewise(self):
        for vector in VECTORS["bundle"]:
            if vector["kind"] == "canonical" and len(vector["commands"]) > 1:
                with self.subTest(vector["meaning"]):
                    messages = [[bytes.fromhex(frame) for frame in one]
                                for one in vector["commands"]]
                    packed = list(wire.pack_bundles(messages, 65536))
                    self.assertEqual([frame.hex() for frame in packed[0]],
                                     [encode("bundle").hex(), vector["hex"]])
                    self.assertEqual(len(packed), 1)

    def test_every_cut_is_malformed(self):
        for vector in VECTORS["trp1"]:
            if vector["kind"] == "canonical":
                frame = bytes.fromhex(vector["hex"])
                for size in range(len(frame)):
                    with self.assertRaises(WireError):
                        decode(frame[:size])


def random_text(dice, limit):
    letters = (65, 0x7f, 0xe9, 0x20ac, 0x1f600)
    text = "".join(chr(dice.choice(letters)) for _ in range(limit // 4))
    return text[:dice.randint(1, len(text))]


def random_value(dice, name, kind, limit):
    if kind == "number":
        return dice.choice((0, 1, 127, 128, 65535, 2**32, wire.MAX_NUMBER, dice.getrandbits(40)))
    if kind == "flag":
        return dice.random() < 0.5
    if kind == "key":
        return dice.randbytes(dice.randint(1, limit))
    if kind == "priority":
        return dice.choice(wire.PRIORITIES)
    if kind == "on-disconnect":
        return dice.choice(("cancel", "finish"))
    if kind == "texts":
        return [random_text(dice, limit) for _ in range(dice.randint(1, 3))]
    return random_text(dice, limit)


class RandomCommands(unittest.TestCase):
    def test_there_and_back(self):
        dice = random.Random(20170401)
        kinds = [one for one in wire._KINDS.items() if one[0] not in ("actor", "ref")]
        for _ in range(3000):
            name = dice.choice(sorted(wire.COMMANDS - {"request", "error"}))
            headers = {key: random_value(dice, key, *kind)
                       for key, kind in dice.sample(kinds, dice.randint(0, 8))}
            about = dice.choice((0, 1, 300, wire.MAX_NUMBER))
            frame = encode(name, about, headers)
            self.assertEqual(decode(frame), Command(name, about, headers, ()))

    def test_bundles_there_and_back(self):
        dice = random.Random(7)
        for _ in range(300):
            messages = [[encode("reply", about + 1),
                         *(dice.randbytes(dice.choice((0, 1, 40, 2000))) for _ in range(
                             dice.randint(0, 3)))] for about in range(dice.randint(0, 40))]
            largest = dice.choice((0, 1, 30, 500, 65536))
            found = []
            for message in wire.pack_bundles(messages, largest):
                if decode(message[0]).name == "bundle":
                    self.assertEqual(len(message), 2)
                    self.assertLessEqual(len(message[1]), largest)
                    found.extend(wire.unpack_bundle(message[1]))
                else:
                    found.append(message)
            self.assertEqual(found, messages)


class Hostile(unittest.TestCase):
    def test_flipped_bits_do_no_harm(self):
        dice = random.Random(3)
        for vector in VECTORS["trp1"]:
            frame = bytes.fromhex(vector["hex"])
            for _ in range(100 if frame else 0):
                bad = bytearray(frame)
                for _ in range(dice.randint(1, 4)):
                    bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
                try:
                    self.assertLessEqual(decode(bytes(bad)).id, wire.MAX_NUMBER)
                except WireError as error:
                    self.assertLessEqual(error.id, wire.MAX_NUMBER)

    def test_random_bytes_do_no_harm(self):
        dice = random.Random(5)
        for _ in range(5000):
            noise = dice.randbytes(dice.randint(0, 60))
            list(wire.unpack_bundle(noise))
            try:
                decode(b"\x94\xa4TRP1\xa4ping\x01" + noise)
            except WireError:
                pass

    def test_a_frame_that_is_too_large_tells_its_id(self):
        frame = msgpack.packb(["TRP1", "reply", 9, {"x": b"x" * 5000}])
        with self.assertRaises(WireError) as caught:
            decode(frame)
        self.assertEqual(caught.exception.id, 9)

    def test_deep_nesting_is_refused(self):
        for depth, is_fine in ((30, True), (31, False), (900, False), (1200, False)):
            inside = b"\x91" * depth + b"\xc0"
            frame = b"\x94\xa4TRP1\xa5reply\x05\x81\xa1x" + inside
            if is_fine:
                self.assertEqual(decode(frame).id, 5)
            else:
                with self.assertRaises(WireError):
                    decode(frame)

    def test_a_map_as_key_of_a_map(self):
        frame = b"\x94\xa4TRP1\xa5reply\x05\x81\x81\xa1a\x01\x02"
        self.assertEqual(decode(frame), Command("reply", 5, {}, ()))

    def test_an_empty_message(self):
        with self.assertRaises(WireError):
            wire.decode_message([])


class Limits(unittest.TestCase):
    def test_what_breaks_a_limit_is_not_written(self):
        for headers in ({"capability": "x" * 129}, {"method": "\u20ac" * 43}, {"sticky": b"x" * 257},
                        {"node": "x" * 65}, {"timeout": -1}, {"timeout": 2**63}, {"timeout": True},
                        {"timeout": 1.5}, {"urgent": 1}, {"priority": "urgent"},
                        {"on-disconnect": "stay"}, {"method": b"bytes"},
                        {"capabilities": "upper"}, {"capabilities": ["x"] * 17},
                        {"capabilities": [""]}):
            with self.subTest(headers), self.assertRaises(WireError):
                encode("request", 1, headers)
        for about in (-1, 2**63):
            with self.assertRaises(WireError):
                encode("cancel", about)
        with self.assertRaises(WireError):
            encode("reply", 1, {"unknown": "x" * 5000})

    def test_a_line_for_a_person_is_cut_where_a_character_ends(self):
        text = decode(encode("error", 1, {"text": "x" * 1022 + "\u20ac"})).headers["text"]
        self.assertEqual(text, "x" * 1022)
        self.assertEqual(decode(encode("error", 1, {"text": "\ud800!"})).headers["text"], "?!")

    def test_payloads(self):
        self.assertEqual(wire.frames_of(None), [])
        self.assertEqual(wire.frames_of("\u20ac"), [b"\xe2\x82\xac"])
        self.assertEqual(wire.frames_of(bytearray(b"ab")), [b"ab"])
        self.assertEqual(wire.frames_of(["a", b"b", memoryview(b"c")]), [b"a", b"b", b"c"])
        for wrong in (5, {"a": 1}, [5], object()):
            with self.assertRaises(TypeError):
                wire.frames_of(wrong)


if __name__ == "__main__":
    unittest.main()
