"""Majordomo clients and workers, written from RFC 7 and RFC 18, and as the Python package majortomo frames
its messages. What they are told is checked to the last frame."""

import time

import zmq

from node_kit import LONG

ERROR = b"troupe.error"


class Client:
    """`kind` is the dialect. One of 0.1 uses a REQ socket, which adds and takes off the empty
    frame, unless it is to be a DEALER."""

    def __init__(self, context, endpoint, kind, is_dealer=True):
        self.kind = kind
        self.is_dealer = is_dealer or kind != "mdp0.1"
        self.socket = context.socket(zmq.DEALER if self.is_dealer else zmq.REQ)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        self.service = None

    def close(self):
        self.socket.close(0)

    def request(self, service, *body):
        self.service = service
        head = {"mdp0.1": [b"MDPC01", service], "mdp0.2": [b"MDPC02", b"\1", service],
                "majortomo": [b"", b"MDPC02", b"\2", service]}[self.kind]
        if self.kind == "mdp0.1" and self.is_dealer:
            head.insert(0, b"")
        self.socket.send_multipart(head + list(body))

    def receive(self):
        """("partial" or "final", frames of the body)"""
        if not self.socket.poll(LONG * 1000):
            raise AssertionError("no answer")
        frames = self.socket.recv_multipart()
        if self.kind == "mdp0.1":
            head = ([b""] if self.is_dealer else []) + [b"MDPC01", self.service]
            assert frames[:len(head)] == head, frames
            what, body = "final", frames[len(head):]
        elif self.kind == "mdp0.2":
            assert frames[0] == b"MDPC02" and frames[2] == self.service, frames
            what, body = {b"\2": "partial", b"\3": "final"}[frames[1]], frames[3:]
        else:
            assert frames[:2] == [b"", b"MDPC02"], frames
            what, body = {b"\3": "partial", b"\4": "final"}[frames[2]], frames[3:]
        assert body, "a reply has a body"
        return what, body

    def final(self):
        """(the bodies of all partials, the body of the final)"""
        partials = []
        while True:
            what, body = self.receive()
            if what == "final":
                return partials, body
            partials.append(body)

    def call(self, service, *body):
        self.request(service, *body)
        return self.final()[1]


class Worker:
    """It does only what it is told to, on the caller's thread. `beat` is its own interval, in
    seconds: while it waits for something it says each interval that it lives; None: it does
    not."""

    COMMANDS = {"mdp0.1": {"request": b"\2", "final": b"\3", "heartbeat": b"\4",
                           "disconnect": b"\5", "ready": b"\1"},
                "mdp0.2": {"request": b"\2", "partial": b"\3", "final": b"\4",
                           "heartbeat": b"\5", "disconnect": b"\6", "ready": b"\1"}}
    COMMANDS["majortomo"] = COMMANDS["mdp0.2"]

    def __init__(self, context, endpoint, kind, service=None, beat=None):
        self.head = {"mdp0.1": [b"", b"MDPW01"], "mdp0.2": [b"MDPW02"],
                     "majortomo": [b"", b"MDPW02"]}[kind]
        self.kind = kind
        self.commands = self.COMMANDS[kind]
        self.names = {code: name for name, code in self.commands.items()}
        self.beat = beat
        self.beaten = time.monotonic()
        self.heard = []  # when heartbeats came
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        if service is not None:
            self.say("ready", service)

    def close(self):
        self.socket.close(0)

    def say(self, command, *frames):
        self.socket.send_multipart(self.head + [self.commands[command], *frames])
        self.beaten = time.monotonic()

    def take(self, seconds=LONG):
        """(command, frames behind it) of the next message that is no heartbeat; None in time."""
        until = time.monotonic() + seconds
        while True:
            wake = until if not self.beat else min(until, self.beaten + self.beat)
            if self.socket.poll(max(0, int((wake - time.monotonic()) * 1000))):
                frames = self.socket.recv_multipart()
                assert frames[:len(self.head)] == self.head, frames
                command = self.names[frames[len(self.head)]]
                if command != "heartbeat":
                    return command, frames[len(self.head) + 1:]
                assert len(frames) == len(self.head) + 1, frames
                self.heard.append(time.monotonic())
            elif time.monotonic() >= until:
                return None
            if self.beat and time.monotonic() >= self.beaten + self.beat:
                self.say("heartbeat")

    def request(self, seconds=LONG):
        """(address, frames of the body)"""
        command, frames = self.take(seconds)
        assert command == "request", (command, frames)
        assert len(frames) >= 3 and frames[0] != b"" and frames[1] == b"", frames
        return frames[0], frames[2:]

    def answer(self, address, *body, how="final"):
        self.say(how, address, b"", *body)

    def assert_sent_away(self):
        command, frames = self.take()
        assert (command, frames) == ("disconnect", []), (command, frames)
