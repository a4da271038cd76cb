#!/usr/bin/env python3
"""An actor in Python: it shows the latest headline to who asks, and knows how often the counter has
failed, whom it monitors."""

import logging

import troupe

worker = troupe.Worker()
latest = "nothing"
failures = []


@worker.on_start
def start():
    worker.join("headlines")
    worker.monitor("counter")


@worker.receive
def receive(message):
    global latest
    if message.kind == "ask":
        message.answer([latest, *failures])
    elif message.kind == "down":
        failures.append(message.down.reason)
        worker.monitor("counter")  # the next life is another one
    else:
        latest = message.payload


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    worker.run()
