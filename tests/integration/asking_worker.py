#!/usr/bin/env python3
"""A worker, written from docs/protocol.md alone, that calls others and keeps to credit.

One thread serves all its requests at once and waits for none of them:

    ask      frames CAPABILITY, METHOD, payload: what that answers, parts and all, is the answer
    circle   asks its own capability the same, and so on; ends as that ends
    count    TEXT N: N parts, numbered, as far as the caller has room; then N as the reply
    flood    the same, whatever room the caller has: no worker should
    sent     replies with how many parts of `count` requests it has sent so far
    batch    replies with how many requests of the batch came with it
"""

import os
import sys

import msgpack
import zmq

ENDLESS = 1 << 62
WINDOW = 8  # parts of what it calls that may lie here


class Stream:
    """Parts of a request, of which some may be sent now."""

    def __init__(self, credit):
        self.credit = ENDLESS if credit is None else credit
        self.waiting = []  # the frames of each
        self.final = None  # what comes behind them
        self.n_sent = 0


class Worker:
    def __init__(self):
        self.capability = os.environ.get("TROUPE_WORKER_CAPABILITY", "")
        self.node = zmq.Context.instance().socket(zmq.DEALER)
        self.node.linger = 1000
        self.node.connect(os.environ["TROUPE_WORKER_ENDPOINT"])
        self.streams = {}  # by the node's id
        self.calls = {}  # our id -> the node's id of the request that it is for
        self.last_call = 0
        self.batch = []  # ids that wait for the rest of theirs
        self.n_parts = 0

    def send(self, command, about=0, headers=None, frames=()):
        head = msgpack.packb(["TRP1", command, about, headers or {}])
        self.node.send_multipart([head, *frames])

    def serve(self):
        token = os.environ["TROUPE_WORKER_TOKEN"]
        self.send("hello", 0, {"version-min": 1, "version-max": 1, "token": token})
        self.send("ready")
        while self.take(*self.node.recv_multipart()):
            pass

    def take(self, head, *frames):
        _, command, about, headers = msgpack.unpackb(head)
        if command == "request":
            self.begin(about, headers, frames)
        elif command == "credit" and about in self.streams:
            self.streams[about].credit += headers["credit"]
            self.go_on(about)
        elif command == "cancel" and about in self.streams:
            # Its calls the node has cancelled with it; each still gets its final.
            if about not in self.calls.values():
                self.fail(about, "cancelled", "")
        elif command in ("part", "reply", "error") and about in self.calls:
            self.pass_back(command, about, headers, frames)
        elif command == "ping":
            self.send("pong", about)
        return command not in ("stop", "bye")

    # ---- what the node asks ----

    def begin(self, about, headers, frames):
        self.streams[about] = Stream(headers.get("credit"))
        method = headers.get("method")
        if method == "ask":
            self.ask(about, frames[0].decode(), frames[1].decode(), frames[2:])
        elif method == "circle":
            self.ask(about, self.capability, "circle", ())
        elif method in ("count", "flood"):
            n_parts = int(frames[0])
            if method == "flood":
                self.streams[about].credit = ENDLESS
            self.streams[about].waiting = [[b"%d" % i] for i in range(n_parts)]
            self.finish(about, "reply", {}, [b"%d" % n_parts])
        elif method == "sent":
            self.finish(about, "reply", {}, [b"%d" % self.n_parts])
        elif method == "batch":
            self.gather(about, headers.get("batch", 0))
        else:
            self.fail(about, "bad_request", "no such method")

    def gather(self, about, n_to_follow):
        self.batch.append(about)
        if n_to_follow == 0:
            for one in self.batch:
                self.finish(one, "reply", {}, [b"%d" % len(self.batch)])
            self.batch = []

    def fail(self, about, code, text):
        self.finish(about, "error", {"code": code, "text": text, "retryable": False}, [])

    def finish(self, about, command, headers, frames):
        self.streams[about].final = (command, about, headers, frames)
        if command == "error":
            self.streams[about].waiting.clear()
        self.go_on(about)

    def go_on(self, about):
        stream = self.streams[about]
        while stream.waiting and stream.credit > 0:
            self.send("part", about, {"sequence": stream.n_sent}, stream.waiting.pop(0))
            stream.n_sent += 1
            stream.credit -= 1
            self.n_parts += 1
            self.grant(about)
        if stream.final and not stream.waiting:
            self.send(*stream.final)
            del self.streams[about]

    # ---- what we ask ----

    def ask(self, about, capability, method, frames):
        self.last_call += 1
        self.calls[self.last_call] = about
        headers = {"capability": capability, "method": method, "parent": about}
        self.send("request", self.last_call, {**headers, "credit": WINDOW}, frames)

    def grant(self, about):
        """A part of what was called for this request has been used up."""
        for call, parent in self.calls.items():
            if parent == about:
                self.send("credit", call, {"credit": 1})

    def pass_back(self, command, call, headers, frames):
        about = self.calls[call]
        if command == "part":
            self.streams[about].waiting.append(frames)
            self.go_on(about)
            return
        del self.calls[call]
        if command == "reply":
            self.finish(about, "reply", {}, frames)
        else:
            self.fail(about, "worker_error", f"{headers['code']}: {headers.get('text', '')}")


if __name__ == "__main__":
    if "TROUPE_WORKER_ENDPOINT" not in os.environ:
        sys.exit("asking_worker.py: a node starts this")
    Worker().serve()
