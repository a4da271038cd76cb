"""An actor in a process that speaks the frames themselves, and makes of words what its first
argument says:

    deaf       no word of operators means anything to it
    mumbling   what it shows is no msgpack
    mad        its counts are fine, its state is no msgpack
    deep       its state is 100000 arrays in each other
    eager      shows itself twice each time, and again and again without being asked
    shy        shows counts, and says why there is nothing else

Messages say what it does:

    send NAME, ask NAME      a message, or a question, `hello`
    forward NAME             sends it on
    watch NAME               monitors it
    aside                    puts it aside, for ever
    wait FILE                settles it when there is such a file; and nothing else meanwhile
"""

import os
import sys
import time

import msgpack
import zmq

PATIENCE = 60
MODE = sys.argv[1]
COUNTS = msgpack.packb({"behaviour": "stranger", "timers": 2, "monitors": 3, "asks": 4, "calls": 5,
                        "more": [1, {"a": 2}]})


class Actor:
    def __init__(self):
        self.node = zmq.Context.instance().socket(zmq.DEALER)
        self.node.linger = 1000
        self.node.connect(os.environ["TROUPE_WORKER_ENDPOINT"])
        self.last_id = 0

    def send(self, command, about=0, headers=None, *frames):
        self.node.send_multipart([msgpack.packb(["TRP1", command, about, headers or {}]),
                                  *frames])

    def serve(self):
        self.send("hello", 0, {"version-min": 1, "version-max": 1,
                               "token": os.environ["TROUPE_WORKER_TOKEN"]})
        self.send("ready", 0, {"messages": True})
        while self.take():
            pass

    def take(self):
        head, *frames = self.node.recv_multipart()
        _, command, about, _ = msgpack.unpackb(head)
        if command == "message":
            self.do(about, frames)
        elif command == "ping":
            self.send("pong", about)
        elif command == "inspect" and MODE != "deaf":
            self.show(about)
        return command not in ("stop", "bye")

    def do(self, about, frames):
        what, _, word = frames[0].decode().partition(" ")
        if what == "send":
            self.send("send", 0, {"actor": word}, b"hello")
        elif what == "ask":
            self.last_id += 1
            self.send("request", self.last_id, {"actor": word, "timeout": 1000}, b"hello")
        elif what == "forward":
            self.send("send", 0, {"actor": word, "forward": about}, *frames)
        elif what == "watch":
            self.last_id += 1
            self.send("monitor", self.last_id, {"actor": word})
        elif what == "wait":
            until = time.monotonic() + PATIENCE
            while not os.path.exists(word) and time.monotonic() < until:
                time.sleep(0.005)
        self.send("settled", about, {"state": "stashed"} if what == "aside" else {})

    def show(self, about):
        if MODE == "mumbling":
            self.send("inspected", about, {}, b"\xdf\xff\xff\xff\xff", b"\x80")
        elif MODE == "mad":
            self.send("inspected", about, {}, COUNTS, b"\xc1")
        elif MODE == "deep":
            self.send("inspected", about, {}, COUNTS, b"\x91" * 100000 + b"\x00")
        elif MODE == "shy":
            self.send("inspected", about, {"text": "it is shy"}, COUNTS)
        else:
            for number in (about, about, about + 1, 0, 1 << 62):
                self.send("inspected", number, {}, COUNTS, msgpack.packb({"asked": about}))


Actor().serve()
