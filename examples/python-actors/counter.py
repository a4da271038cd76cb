#!/usr/bin/env python3
"""An actor in Python: it counts the words of the texts that it is sent, and publishes the headline
whenever that has changed. A node starts it, as newsroom.yaml says.

A text that is no UTF-8 makes it fail. Its supervisor starts it again then: what it had counted is
lost, and what waits for it is not.
"""

import collections
import logging
import re

import troupe

SECONDS = 0.1  # between two looks at whether there is something new

worker = troupe.Worker()
counted = collections.Counter()
published = None


def headline():
    """The word that came most often, longer ones first."""
    return max(counted, key=lambda word: (counted[word], len(word), word), default="nothing")


def publish_what_is_new():
    global published
    if headline() != published:
        published = headline()
        worker.publish("headlines", published)


@worker.on_start
def start():
    worker.every(SECONDS, publish_what_is_new)


@worker.receive
def receive(message):
    if message.kind == "ask":
        message.answer(str(counted[message.payload.decode()]))
    else:
        counted.update(re.findall(r"\w+", message.payload.decode().lower()))


@worker.state
def state():
    """What `troupe inspect counter` shows."""
    return dict(counted.most_common(10))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    worker.run()
