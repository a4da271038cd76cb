#!/usr/bin/env python3
"""Peers that do what they should not: a library for tests, and a program.

    hostile.py ENDPOINT [--kinds a,b] [--count N] [--seconds S] [--seed X] [--clients N]

Each kind is a function (endpoint, limits) that misbehaves so often, for so long, and by that
dice; whatever the node does about it is fine. What it has sent is returned, as a number.
Nothing here looks at what it gets, but for what must be read to go on.
"""

import argparse
import os
import random
import socket
import struct
import sys
import time

import msgpack
import zmq

MAGIC = "TRP1"
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + bytes(32)
GONE = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError, socket.timeout,
        ConnectionRefusedError, EOFError, BlockingIOError)


class Bounds:
    """How often and how long at most, and the dice."""

    def __init__(self, count=100, seconds=5.0, seed=0, capability="echo"):
        self.count = count
        self.until = time.monotonic() + seconds
        self.dice = random.Random(seed)
        self.capability = capability

    def left(self):
        return max(0.0, self.until - time.monotonic())

    def times(self):
        n = 0
        while n < self.count and self.left() > 0:
            yield n
            n += 1


class Zmtp:
    """A connection that speaks ZMTP 3.0 by hand, so that it may stop anywhere."""

    def __init__(self, endpoint, greets=True, receive_bytes=0, name=b""):
        scheme, _, where = endpoint.partition("://")
        family = socket.AF_UNIX if scheme == "ipc" else socket.AF_INET
        self.stream = socket.socket(family, socket.SOCK_STREAM)
        if receive_bytes:
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.stream.settimeout(5)
        host, _, port = where.rpartition(":")
        self.stream.connect(where if scheme == "ipc" else (host, int(port)))
        if greets:
            self.greet(name)

    def greet(self, name):
        self.stream.sendall(GREETING)
        self.read(64)
        said = {b"Socket-Type": b"DEALER", **({b"Identity": name} if name else {})}
        ready = b"\x05READY" + b"".join(bytes([len(key)]) + key + struct.pack(">I", len(value)) + value
                                        for key, value in said.items())
        self.stream.sendall(b"\x04" + bytes([len(ready)]) + ready)
        flags, size = self.read(2)
        self.read(size)

    def read(self, size):
        data = b""
        while len(data) < size:
            piece = self.stream.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    @staticmethod
    def head(size, more=False):
        if size < 256:
            return bytes([1 if more else 0, size])
        return bytes([3 if more else 2]) + struct.pack(">Q", size)

    def frame(self, data, more=False):
        self.stream.sendall(self.head(len(data), more) + data)

    def is_closed(self, seconds):
        """Whether the other side ends it in time; what comes is dropped."""
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                self.stream.settimeout(max(0.01, until - time.monotonic()))
                if not self.stream.recv(65536):
                    return True
        except socket.timeout:
            return False
        except OSError:
            return True
        return False

    def close(self):
        self.stream.close()


def command(name, number=0, **headers):
    return msgpack.packb([MAGIC, name, number, headers])


def dealer(context, endpoint):
    peer = context.socket(zmq.DEALER)
    peer.linger = 0
    peer.sndhwm = 1000
    peer.connect(endpoint)
    return peer


class Dealing:
    """A DEALER of its own, which drops what it gets from time to time."""

    def __init__(self, endpoint, bounds):
        self.context = zmq.Context()
        self.peer = dealer(self.context, endpoint)
        self.bounds = bounds
        self.n = 0

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.drop()
        self.context.destroy(0)

    def drop(self):
        try:
            while True:
                self.peer.recv_multipart(zmq.DONTWAIT)
        except zmq.Again:
            pass

    def send(self, *frames):
        """False: the node takes no more in time."""
        if self.n % 64 == 63:
            self.drop()
        left_ms = int(min(self.bounds.left(), 1.0) * 1000)
        if not self.peer.poll(left_ms, zmq.POLLOUT):
            return False
        self.peer.send_multipart(frames)
        self.n += 1
        return True


def holding(endpoint, bounds, **options):
    """A connection that is there, or None."""
    try:
        return Zmtp(endpoint, **options)
    except OSError:
        return None
    except EOFError:
        return None


# ---- the kinds ----

def silent(endpoint, bounds):
    """Connects and says nothing; every other one greets first. Held until the end of time."""
    held = [holding(endpoint, bounds, greets=n % 2 == 1) for n in bounds.times()]
    time.sleep(bounds.left())
    for one in held:
        if one:
            one.close()
    return len(held)


def half_frame(endpoint, bounds):
    """Goes in the middle of a frame."""
    n = 0
    for n in bounds.times():
        try:
            one = Zmtp(endpoint)
            size = bounds.dice.choice((10, 300, 100000, 1 << 20))
            one.stream.sendall(one.head(size) + bytes(bounds.dice.randrange(size)))
            one.close()
        except GONE:
            pass
    return n


def half_message(endpoint, bounds):
    """Goes between two frames of a message."""
    n = 0
    for n in bounds.times():
        try:
            one = Zmtp(endpoint)
            one.frame(command("request", 1, capability=bounds.capability, method="echo"), True)
            for _ in range(bounds.dice.randrange(4)):
                one.frame(b"part", True)
            one.close()
        except GONE:
            pass
    return n


def endless(endpoint, bounds):
    """A message that does not end: frames of 64 KiB."""
    n = 0
    try:
        one = Zmtp(endpoint)
        one.frame(command("request", 1, capability=bounds.capability, method="echo"), True)
        for n in bounds.times():
            one.frame(bytes(65536), True)
        one.close()
    except GONE:
        pass
    return n


def garbage(endpoint, bounds):
    """Bytes that are no ZMTP, and messages of random bytes."""
    n = 0
    for _ in range(5):
        one = holding(endpoint, bounds, greets=False)
        try:
            one.stream.sendall(bounds.dice.randbytes(bounds.dice.choice((1, 63, 100, 5000))))
            one.close()
        except (AttributeError, OSError):
            pass
    with Dealing(endpoint, bounds) as dealing:
        for n in bounds.times():
            frames = [bounds.dice.randbytes(bounds.dice.randrange(100))
                      for _ in range(bounds.dice.randrange(1, 4))]
            if not dealing.send(*frames):
                break
    return n


def wrong(endpoint, bounds):
    """Commands that no client sends, and those of workers that it is not."""
    words = ["hullo", "part", "reply", "error", "status", "progress", "probe", "ready", "stop",
             "drain", "message", "goaway", "", "x" * 300]
    n = 0
    with Dealing(endpoint, bounds) as dealing:
        for n in bounds.times():
            if not dealing.send(command(bounds.dice.choice(words), bounds.dice.randrange(3)),
                                b"payload"):
                break
    return n


def deep(endpoint, bounds):
    """msgpack that is nested deep, or says that it is longer than it is."""
    n = 0
    kinds = [b"\x94\xa4TRP1\xa7request\x01" + b"\x81\xa1a" * 1000,
             b"\x94\xa4TRP1\xa7request\x01" + b"\x91" * 4000,
             b"\xdd\xff\xff\xff\xff", b"\x94\xa4TRP1\xa7request\x01\xdf\xff\xff\xff\xff",
             b"\x94\xc6\xff\xff\xff\xffTRP1", b"\x94" * 4096]
    with Dealing(endpoint, bounds) as dealing:
        for n in bounds.times():
            if not dealing.send(bounds.dice.choice(kinds)):
                break
    return n


def ids(endpoint, bounds):
    """Lies about numbers: open ones, those of others, 0, and the largest there is."""
    numbers = [0, 1, 1, 2, 7, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
    n = 0
    with Dealing(endpoint, bounds) as dealing:
        for n in bounds.times():
            number = bounds.dice.choice(numbers)
            word = bounds.dice.choice(("request", "request", "cancel", "credit", "pong", "bye"))
            headers = {"request": {"capability": bounds.capability, "method": "echo"},
                       "credit": {"credit": bounds.dice.choice((0, 1, 2**62, 2**63 - 1))}}
            if not dealing.send(command(word, number, **headers.get(word, {})), b"x"):
                break
    return n


def replay(endpoint, bounds):
    """The same few messages, over and over, byte by byte."""
    tape = [[command("hello", 0, heartbeat=0, bundle=65536)],
            [command("request", 5, capability=bounds.capability, method="echo"), b"again"],
            [command("cancel", 5)], [command("credit", 5, credit=3)], [command("ping")]]
    n = 0
    with Dealing(endpoint, bounds) as dealing:
        for n in bounds.times():
            if not dealing.send(*tape[n % len(tape)]):
                break
    return n


def tiny(endpoint, bounds):
    """Messages of one frame of a byte, as fast as they go: by hand, many to a packet."""
    n = 0
    packet = (b"\x00\x01x") * 1000
    try:
        one = Zmtp(endpoint)
        while n < bounds.count and bounds.left() > 0:
            one.stream.sendall(packet)
            n += 1000
        one.close()
    except GONE:
        pass
    return n


def oversize(endpoint, bounds):
    """Frames above every bound, too many frames, a bundle that is too large."""
    n = 0
    request = command("request", 1, capability=bounds.capability, method="echo")
    for n in bounds.times():
        kind = n % 3
        try:
            one = Zmtp(endpoint)
            if kind == 0:
                one.frame(request, True)
                one.stream.sendall(one.head(1 << 62) + bytes(100))
                one.is_closed(1)
            elif kind == 1:
                one.frame(request, True)
                for _ in range(200):
                    one.frame(b"", True)
                one.frame(b"")
            else:
                one.frame(command("bundle"), True)
                one.frame(bytes(200000))
            one.close()
        except GONE:
            pass
    return n


def deaf(endpoint, bounds):
    """Asks for much, and never reads an answer."""
    n = 0
    data = bytes(20000)
    try:
        one = Zmtp(endpoint, receive_bytes=4096)
        for n in bounds.times():
            one.frame(command("request", n + 1, capability=bounds.capability, method="echo"), True)
            one.frame(data)
        time.sleep(bounds.left())
        one.close()
    except GONE:
        pass
    return n


def restless(endpoint, bounds):
    """Comes, asks, goes at once, and comes again."""
    n = 0
    for n in bounds.times():
        try:
            one = Zmtp(endpoint)
            one.frame(command("request", 1, capability=bounds.capability, method="echo"), True)
            one.frame(b"x")
            one.close()
        except GONE:
            pass
    return n


def returning(endpoint, bounds):
    """Is cut off for what it says, and comes again at once to say it again. What is returned is
    how often it was cut off."""
    said = command("request", 1)  # of no capability
    packet = (Zmtp.head(len(said)) + said) * 100
    n = 0
    for _ in bounds.times():
        try:
            one = Zmtp(endpoint)
        except GONE:
            continue
        try:
            one.stream.sendall(packet)
            n += one.is_closed(bounds.left())
        except GONE:
            n += 1
        one.close()
    return n


def twins(endpoint, bounds):
    """Takes the routing id of somebody who is there, says more than is taken ahead, and goes."""
    said = command("request", 1, capability=bounds.capability, method="echo")
    packet = Zmtp.head(len(said), True) + said + Zmtp.head(1) + b"x"
    n = 0
    first = holding(endpoint, bounds, name=b"the same")
    for n in bounds.times():
        try:
            one = Zmtp(endpoint, name=b"the same")
            one.stream.sendall(packet * 20)
            one.close()
        except GONE:
            pass
    if first:
        first.close()
    return n


def flood(endpoint, bounds):
    """Valid requests, as fast as they go; answers are read."""
    n = 0
    with Dealing(endpoint, bounds) as dealing:
        for n in bounds.times():
            if not dealing.send(command("request", n + 1, capability=bounds.capability,
                                        method="echo"), b"x"):
                break
    return n


def bundles(endpoint, bounds):
    """Bundles as large as they may be, full of small requests."""
    n = 0
    number = 0
    with Dealing(endpoint, bounds) as dealing:
        dealing.send(command("hello", 0, heartbeat=0, bundle=65536))
        for n in bounds.times():
            body = b""
            while len(body) < 65000:
                number += 1
                body += msgpack.packb(command("request", number, capability=bounds.capability,
                                              method="echo")) + msgpack.packb([b"x"])
            if not dealing.send(command("bundle"), body):
                break
    return n


KINDS = {one.__name__: one for one in (
    silent, half_frame, half_message, endless, garbage, wrong, deep, ids, replay, tiny, oversize,
    deaf, restless, returning, twins, flood, bundles)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("endpoint")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--count", type=int, default=1000, help="of each kind at most")
    parser.add_argument("--seconds", type=float, default=5, help="for each kind at most")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--clients", type=int, default=1, help="processes at once")
    parser.add_argument("--capability", default="echo")
    words = parser.parse_args()
    children = []
    for number in range(words.clients - 1):
        child = os.fork()
        if child == 0:
            words.seed += number + 1
            children = []
            break
        children.append(child)
    print(f"seed {words.seed}", flush=True)
    for name in words.kinds.split(","):
        bounds = Bounds(words.count, words.seconds, f"{words.seed} {name}", words.capability)
        print(f"{name}: {KINDS[name](words.endpoint, bounds)}", flush=True)
    for child in children:
        os.waitpid(child, 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
