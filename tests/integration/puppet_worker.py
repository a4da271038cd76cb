"""A program that a node starts as an actor, and that says what it is told to: frame 0 of a message
is a command, the others are its payload. What the node says to it, but for messages, it keeps, and
tells who asks. With the words `flood COMMAND COUNT` it says that command so often, about one more
each time."""

import os
import sys

import msgpack
import zmq

node = zmq.Context.instance().socket(zmq.DEALER)
node.sndhwm = 0
node.linger = 1000
node.connect(os.environ["TROUPE_WORKER_ENDPOINT"])
heard = []


def say(command, about=0, headers=None, *frames):
    node.send_multipart([msgpack.packb(["TRP1", command, about, headers or {}]), *frames])


def flood(command, count):
    for number in range(1, count + 1):
        say(command, number if command == "monitor" else 0,
            {"actor": "store", "group": f"group {number}"})


def take(about, headers, frames):
    if headers.get("ask"):
        say("answer", about, {}, msgpack.packb(heard))
    elif frames[0].startswith(b"flood "):
        _, command, count = frames[0].decode().split()
        flood(command, int(count))
    elif frames[0] == b"exit":
        say("settled", about)
        node.close()
        sys.exit(0)
    else:
        node.send_multipart(frames)
    say("settled", about)


say("hello", 0, {"version-min": 1, "version-max": 1, "token": os.environ["TROUPE_WORKER_TOKEN"]})
say("ready", 0, {"messages": True})
while True:
    head, *frames = node.recv_multipart()
    _, command, about, headers = msgpack.unpackb(head)
    if command == "message":
        take(about, headers, frames)
    elif command == "ping":
        say("pong", about)
    elif command == "stop":
        break
    else:
        heard.append([command, about, headers])
