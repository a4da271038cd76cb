#!/usr/bin/env python3
"""How much better the worker text_to_text makes a text, and what it makes worse.

    bench/spelling.py [--build FOLDER] [--words N] [--likely TEXT] TEXT...

Of each TEXT, a file of clean English, words are spoilt in three ways, from a fixed seed: as they
are mistyped, as they are misread, and really, by drawing pages, spoiling the pictures, and having
the worker vision read them. A node corrects what comes of it. Printed is a table, in Markdown:
words that are wrong, of a hundred that the text has, before and after; for the clean text, those
that are wrong only after. Punctuation around a word does not count: a speller leaves it alone."""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import time

SEED = 1
RATE = 0.05  # of the words with two letters or more
WORDS_OF_A_PAGE = 250
LETTERS = {"size": 10, "dpi": 150, "width": 1240, "margin": 60}  # as a page of A4 has them
PAGES = {"a poor scan": (0.62, 1, 12), "a bad one": (0.58, 1, 18)}  # see spoil_page.c

MISREAD = [("m", "rn"), ("rn", "m"), ("d", "cl"), ("cl", "d"), ("w", "vv"), ("l", "1"), ("l", "I"),
           ("i", "l"), ("I", "l"), ("o", "0"), ("O", "0"), ("h", "b"), ("e", "c"), ("c", "e"),
           ("li", "h"), ("s", "5"), ("fi", "\ufb01"), ("fl", "\ufb02"), ("t", "f"), ("u", "ii"),
           ("n", "ri"), ("i", "1"), ("g", "9"), ("a", "o")]
KEYS = ["qwertyuiop", "asdfghjkl", "zxcvbnm"]
WORD = re.compile(r"[A-Za-z]{2,}")


def beside(letter):
    """A key beside that of a letter."""
    for row in KEYS:
        at = row.find(letter.lower())
        if at >= 0:
            return [row[i] for i in (at - 1, at + 1) if 0 <= i < len(row)]
    return ["e"]


def mistyped(word, dice):
    at = dice.randrange(len(word))
    key = dice.choice(beside(word[at]))
    last = dice.randrange(len(word) - 1)
    return dice.choice([
        word[:last] + word[last + 1] + word[last] + word[last + 2:],
        word[:at] + word[at + 1:],
        word[:at] + word[at] + word[at:],
        word[:at] + key + word[at + 1:],
        word[:at] + key + word[at:],
    ])


def misread(word, dice):
    pairs = [pair for pair in MISREAD if pair[0] in word]
    if not pairs:
        return word
    seen, instead = dice.choice(pairs)
    at = dice.choice([found.start() for found in re.finditer(seen, word)])
    return word[:at] + instead + word[at + len(seen):]


def spoilt(text, how, dice):
    return WORD.sub(lambda found: how(found.group(), dice) if dice.random() < RATE
                    else found.group(), text)


def distance(meant, got):
    """Words that must be changed, left out or put in."""
    before = list(range(len(got) + 1))
    for i, one in enumerate(meant, 1):
        row = [i]
        for j, other in enumerate(got, 1):
            row.append(min(before[j - 1] + (one != other), before[j] + 1, row[-1] + 1))
        before = row
    return before[-1]


def bare(text):
    """The words of a text, without what is around them."""
    words = (re.sub(r"^\W+|\W+$", "", word.replace("\u2019", "'")) for word in text.split())
    return [word for word in words if word]


def pages_of(words):
    return [words[at:at + WORDS_OF_A_PAGE] for at in range(0, len(words), WORDS_OF_A_PAGE)]


class Node:
    def __init__(self, build, likely):
        self.build = os.path.abspath(build)
        self.folder = tempfile.mkdtemp(prefix="troupe-spelling-")
        self.endpoint = f"ipc://{self.folder}/n.sock"
        args = {"likely": os.path.abspath(likely)} if likely else {}
        children = [{"capability": name, "worker": {"module": name, "args": own},
                     "timeout": "1h", "isolation": "process"}
                    for name, own in (("text_to_image", {}), ("vision", {}), ("text_to_text", args))]
        path = os.path.join(self.folder, "node.yaml")
        with open(path, "w") as file:
            json.dump({"troupe": 1, "listen": [self.endpoint], "supervisor": {"children": children}}, file)
        os.environ["TROUPE_MODULE_PATH"] = os.path.join(self.build, "workers")
        os.environ["TROUPE_HOST"] = os.path.join(self.build, "cli", "troupe-host")
        self.troupe = os.path.join(self.build, "cli", "troupe")
        self.process = subprocess.Popen([self.troupe, "run", path], stderr=subprocess.DEVNULL)
        while not os.path.exists(f"{self.folder}/n.sock") and self.process.poll() is None:
            time.sleep(0.05)

    def call(self, capability, frame, **details):
        path = os.path.join(self.folder, "frame")
        with open(path, "wb") as file:
            file.write(frame)
        result = subprocess.run([self.troupe, "call", capability, "-e", self.endpoint, "-f", path,
                                 "-r", json.dumps(details), "-o", path + ".out"],
                                capture_output=True, text=True)
        if result.returncode != 0:
            raise SystemExit(result.stderr)
        with open(path + ".out", "rb") as file:
            return file.read()

    def corrected(self, text):
        return self.call("text_to_text", text.encode(), stream=False).decode()

    def read(self, text, scale, blur, noise):
        """What vision reads on a page with the text, spoilt."""
        page = self.call("text_to_image", text.encode(), markup="no", **LETTERS)
        page = subprocess.run([os.path.join(self.build, "bench", "spoil_page"), str(scale), str(blur),
                               str(noise), str(SEED)], input=page, capture_output=True, check=True).stdout
        return self.call("vision", page, stream=False, layout="block").decode()

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def measure(node, name, text):
    lines = [" ".join(page) for page in pages_of(text.split())]
    n_words = sum(len(bare(line)) for line in lines)

    def wrong(got):
        got = got.split("\f")
        assert len(got) == len(lines)
        return 100 * sum(distance(bare(one), bare(other)) for one, other in zip(lines, got)) / n_words

    dice = random.Random(SEED)
    ways = {"clean": lambda line: line,
            "mistyped": lambda line: spoilt(line, mistyped, dice),
            "misread": lambda line: spoilt(line, misread, dice)}
    for what, page in PAGES.items():
        ways[what] = lambda line, page=page: " ".join(node.read(line, *page).split())
    for what, way in ways.items():
        spoilt_lines = [way(line) for line in lines]
        begin = time.monotonic()
        corrected = node.corrected("\n\f\n".join(spoilt_lines))
        seconds = time.monotonic() - begin
        print(f"| {name} | {n_words} | {what} | {wrong(chr(12).join(spoilt_lines)):.2f} % | "
              f"{wrong(corrected):.2f} % | {seconds:.1f} s |", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--build", default="build-bench", help="with workers and benches")
    options.add_argument("--words", type=int, default=5000, help="of each text")
    options.add_argument("--likely", help="a text whose words are likely ones")
    options.add_argument("texts", nargs="+")
    options = options.parse_args()
    node = Node(options.build, options.likely)
    try:
        print("| text | words | spoilt | wrong before | after | took |\n| --- | --: | --- | --: | --: | --: |")
        for path in options.texts:
            with open(path, encoding="utf-8") as file:
                words = file.read().split()[:options.words]
            measure(node, os.path.basename(path), " ".join(words))
    finally:
        node.end()


if __name__ == "__main__":
    main()
