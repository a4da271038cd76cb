#!/usr/bin/env python3
"""Make files of word vectors: by the program, and by the script that has fastText train them first.

Files are read here by their format as workers/text_embedding/word_vectors.h tells it, and not by our own code.
"""
import math
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

MAKE = os.environ["TROUPE_MAKE_WORD_VECTORS"]
TRAIN = pathlib.Path(__file__).resolve().parents[2] / "tools" / "train-text-embedding.sh"

VECTORS = """4 2
</s> 0.5 0.5
boat 1.0 0.0
ship 0.0 -2.0
the 0.25 0.5
"""

CORPUS = "The boat\nThe SHIP, the boat!\n\n"

# The begin of data.noun, and a line as each of the others has.
WORDNET = {
    "noun": "  1 This software and database is being provided to you\n"
            "00001740 03 n 01 entity 0 001 ~ 00001930 n 0000 | that which is known or inferred  \n"
            "00002684 03 n 02 object 0 physical_object 0 000 | a tangible entity; \"it was full of"
            " rackets\"  \n",
    "verb": "00001740 29 v 04 breathe 0 take_a_breath 0 respire 0 suspire 3 000 01 + 02 00 | draw air\n",
    "adj": "00003356 00 s 0b a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 parturient(a) 2 000 | giving birth\n",
    "adv": "00001740 02 r 01 a_cappella 0 000 | without accompaniment\n",
}

# Leaves what it was given beside itself, and writes a vector for each word.
FAKE_FASTTEXT = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in -input) input=$2 ;; -output) output=$2 ;; esac
    shift
done
cp "$input" "${0%/*}/given"
tr ' ' '\\n' <"$input" | sort -u | awk 'NF { words[++n] = $1 }
    END { print n, 2; for (i = 1; i <= n; i++) print words[i], i, 1 }' >"$output.vec"
"""


class Reading:
    """A file, taken apart."""

    def __init__(self, path):
        data = path.read_bytes()
        self.data = data
        magic, self.checksum, self.dimension, n, n_slots, text_size = struct.unpack_from(
            "<8sQ4I", data)
        assert magic == b"TRPWORD\x01"
        self.at = 32
        self.common = self.take("f", self.dimension)
        self.weights = self.take("f", n)
        self.rarities = self.take("f", n)
        scales = self.take("f", n)
        slots = self.take("I", n_slots)
        offsets = self.take("I", n + 1)
        values = self.take("b", n * self.dimension)
        text = data[self.at:].decode()
        assert len(data) - self.at == text_size
        assert sorted(slot for slot in slots if slot) == list(range(1, n + 1))
        self.words = [text[a:b] for a, b in zip(offsets, offsets[1:])]
        d = self.dimension
        self.vectors = [[scales[i] * v for v in values[i * d:(i + 1) * d]] for i in range(n)]

    def take(self, kind, n):
        taken = struct.unpack_from(f"<{n}{kind}", self.data, self.at)
        self.at += struct.calcsize(f"<{n}{kind}")
        return taken


class Making(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-words-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def put(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def make(self, vectors, corpus):
        out = self.folder / "out.vectors"
        done = subprocess.run([MAKE, vectors, corpus, out], capture_output=True, text=True)
        return out, done.returncode, done.stderr

    def almost(self, got, expected):
        self.assertEqual(len(got), len(expected))
        for one, other in zip(got, expected):
            self.assertAlmostEqual(one, other, places=5)

    def test_the_file_has_what_it_is_made_of(self):
        out, status, said = self.make(self.put("v", VECTORS), self.put("c", CORPUS))
        self.assertEqual((status, said), (0, ""))
        reading = Reading(out)
        self.assertEqual(reading.words, ["boat", "ship", "the"])
        for got, expected in zip(reading.vectors, [[1, 0], [0, -2], [0.25, 0.5]]):
            for one, other in zip(got, expected):
                self.assertAlmostEqual(one, other, delta=2 / 250)

        shares = [2 / 6, 1 / 6, 3 / 6]
        weights = [1e-4 / (1e-4 + share) for share in shares]
        self.almost(reading.weights, weights)
        self.almost(reading.rarities, [math.log(share + 1e-7) / math.log(1e-7) for share in shares])

        def direction(boats, ships, thes):
            x = weights[0] * boats + weights[2] * thes * 0.25
            y = weights[1] * ships * -2 + weights[2] * thes * 0.5
            return x / math.hypot(x, y), y / math.hypot(x, y)

        texts = [direction(1, 0, 1), direction(1, 1, 2)]  # and one without words
        self.almost(reading.common, [sum(text[k] for text in texts) / 3 for k in (0, 1)])

    def test_what_is_wrong_is_told(self):
        corpus = self.put("c", CORPUS)
        missing = self.folder / "missing"
        for vectors, text, complaint in (
                (missing, corpus, "cannot read"),
                (self.put("a", VECTORS), missing, "cannot read"),
                (self.put("b", ""), corpus, "no file of fastText"),
                (self.put("d", "no numbers\n"), corpus, "no file of fastText"),
                (self.put("e", "1 100000\n"), corpus, "no file of fastText"),
                (self.put("f", VECTORS[:-5]), corpus, "has no vector"),
                (self.put("g", VECTORS.replace("-2.0", "nan")), corpus, "has no vector"),
                (self.put("h", VECTORS), self.put("i", "Nothing of that\n".replace("that", "x")),
                 "none of the words")):
            out, status, said = self.make(vectors, text)
            self.assertEqual(status, 1, said)
            self.assertIn(complaint, said)
            self.assertFalse(out.exists())

    def train(self, *options, file="out.vectors"):
        done = subprocess.run(["sh", TRAIN, "--make", MAKE, *options, self.folder / file],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return self.folder / file

    def test_each_meaning_of_wordnet_is_a_line(self):
        for part, text in WORDNET.items():
            self.put("data." + part, text)
        fake = self.put("fasttext", FAKE_FASTTEXT)
        fake.chmod(0o755)
        reading = Reading(self.train("--wordnet", self.folder, "--fasttext", fake))
        lines = [line.strip() for line in (self.folder / "given").read_text().splitlines()]
        self.assertEqual(lines, [
            "entity that which is known or inferred",
            "object physical object a tangible entity it was full of rackets",
            "breathe take a breath respire suspire draw air",
            "a b c d e f g h i j parturient giving birth",
            "a cappella without accompaniment",
        ])
        self.assertIn("rackets", reading.words)
        self.assertEqual(len(reading.words), len(set(" ".join(lines).split())))

    def test_what_was_there_stays_when_training_fails(self):
        old = self.put("out.vectors", "as it was")
        done = subprocess.run(["sh", TRAIN, "--make", MAKE, "--fasttext", "false", "--corpus",
                               self.put("c", CORPUS), old], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(old.read_text(), "as it was")

    @unittest.skipUnless(shutil.which("fasttext"), "fastText is not there")
    def test_the_same_text_gives_the_same_file(self):
        corpus = self.put("c", "a boat sails on the sea\nthe ship sails on the water\n" * 200)
        one = self.train("--corpus", corpus, file="one")
        other = self.train("--corpus", corpus, file="other")
        self.assertEqual(one.read_bytes(), other.read_bytes())
        self.assertEqual(Reading(one).dimension, 64)
        self.assertIn("ship", Reading(one).words)


if __name__ == "__main__":
    unittest.main()
