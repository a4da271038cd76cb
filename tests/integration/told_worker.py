"""A worker that a node starts, whose every move is told by the first frame of a request; for
callers that cannot name a method:

    echo          replies with all the frames
    parts N SIZE  N parts of two frames, of SIZE bytes each; then the frame `end`
    fail TEXT     the request fails
    wait FILE     replies when there is such a file, with how many requests it has had
"""

import os
import time

import msgpack
import zmq

PATIENCE = 60


class Worker:
    def __init__(self):
        self.node = zmq.Context.instance().socket(zmq.DEALER)
        self.node.linger = 1000
        self.node.connect(os.environ["TROUPE_WORKER_ENDPOINT"])
        self.n_requests = 0
        self.credit = {}
        self.cancelled = False

    def send(self, command, about=0, headers=None, *frames):
        self.node.send_multipart([msgpack.packb(["TRP1", command, about, headers or {}]),
                                  *frames])

    def serve(self):
        self.send("hello", 0, {"version-min": 1, "version-max": 1,
                               "token": os.environ["TROUPE_WORKER_TOKEN"]})
        self.send("ready")
        while self.take():
            pass

    def take(self):
        head, *frames = self.node.recv_multipart()
        _, command, about, headers = msgpack.unpackb(head)
        if command == "request":
            self.n_requests += 1
            self.credit[about] = headers.get("credit", 1 << 62)
            self.cancelled = False
            self.do(about, frames)
            del self.credit[about]
        elif command == "cancel" and about in self.credit:
            self.cancelled = True
        elif command == "credit" and about in self.credit:
            self.credit[about] += headers["credit"]
        elif command == "ping":
            self.send("pong", about)
        return command not in ("stop", "bye")

    def do(self, about, frames):
        what, *words = frames[0].decode().split(" ")
        if what == "parts":
            for number in range(int(words[0])):
                while self.credit[about] == 0 and not self.cancelled:
                    self.take()
                if self.cancelled:
                    self.send("error", about, {"code": "cancelled", "text": ""})
                    return
                self.credit[about] -= 1
                self.send("part", about, {"sequence": number}, b"%d" % number,
                          bytes(int(words[1])))
            self.send("reply", about, {}, b"end")
        elif what == "fail":
            self.send("error", about, {"code": "worker_error", "text": " ".join(words)})
        elif what == "wait":
            until = time.monotonic() + PATIENCE
            while not os.path.exists(words[0]) and time.monotonic() < until:
                time.sleep(0.005)
            self.send("reply", about, {}, b"%d" % self.n_requests)
        else:
            self.send("reply", about, {}, *frames)


Worker().serve()
