"""Majordomo clients, written from RFC 7 and RFC 18, and as the Python package majortomo frames
its messages. What they are told is checked to the last frame."""

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
