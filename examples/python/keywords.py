#!/usr/bin/env python3
"""A worker in Python: the words that matter in a text.

A node starts it as a process of its own, as examples/python/studio.yaml says; or somebody starts
it, on whatever machine, and it dials in:

    PYTHONPATH=python examples/python/keywords.py tcp://HOST:PORT

The method `top` (or none) sends the words that are used most, a part for each; frame 1, if there
is one, says how many. The reply is the number of all words, which is all that `count` says.
"""

import collections
import logging
import re
import sys

import troupe

worker = troupe.Worker(sys.argv[1] if len(sys.argv) > 1 else None)
dull = set()  # words that say nothing; filled at the start


@worker.on_start
def load():
    """What takes long belongs here: the node sees that the worker is loading."""
    dull.update("a and are as at be but by for in is it not of on or that the to was with".split())


def words_of(text):
    try:
        return re.findall(r"\w+", text.decode().lower())
    except UnicodeDecodeError as error:
        raise troupe.BadRequest(f"the text is no UTF-8: {error.reason}") from error


@worker.capability("keywords")
def keywords(request):
    words = words_of(request.frames[0] if request.frames else b"")
    if request.method == "count":
        return str(len(words))
    if request.method not in ("", "top"):
        request.fail(f"there is no method {request.method}", "bad_request")
    how_many = int(request.frames[1]) if len(request.frames) > 1 else 3
    counted = collections.Counter(word for word in words if word not in dull)
    for word, count in counted.most_common(how_many):
        request.part(f"{word} {count}")  # waits while the reader has no room
    return str(len(words))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    worker.run()
