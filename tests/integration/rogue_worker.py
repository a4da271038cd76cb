"""A program that a node starts as a worker and that does not keep to the protocol, or keeps to
only as much of it as it was told to by its first argument."""

import os
import signal
import sys

import msgpack
import zmq

HOW = sys.argv[1]
CONNECTIONS = []


def connect():
    CONNECTIONS.append(zmq.Context.instance().socket(zmq.DEALER))
    CONNECTIONS[-1].connect(os.environ["TROUPE_WORKER_ENDPOINT"])
    return CONNECTIONS[-1]


def send(node, command, about=0, headers=None, *frames):
    node.send_multipart([msgpack.packb(["TRP1", command, about, headers or {}]), *frames])


def greet(node, token=os.environ["TROUPE_WORKER_TOKEN"]):
    send(node, "hello", 0, {"version-min": 1, "version-max": 1, "state": "loading",
                            "token": token})


def wait():
    while True:
        signal.pause()


def serve(node, is_deaf=False, before_first=None):
    """One thread, and it replies with what it was asked."""
    send(node, "ready")
    while True:
        head, *frames = node.recv_multipart()
        if before_first:  # the node has spoken, so it knows this connection
            before_first = before_first()
        _, command, about, headers = msgpack.unpackb(head)
        if command == "ping":
            send(node, "pong", about)
        elif command == "request":
            send(node, "reply", about, {}, *frames)
        elif command == "stop" and not is_deaf:
            sys.exit(0)


def connect_again():
    second = connect()
    greet(second)
    send(second, "error", 0, {"code": "worker_error", "text": "from the second connection"})
    second.send(b"what is no msgpack")


def four_at_a_time(node):
    """Four requests are kept until all of them are there, and answered from the last."""
    send(node, "ready", 0, {"concurrency": 4})
    kept = []
    while True:
        head, *frames = node.recv_multipart()
        _, command, about, headers = msgpack.unpackb(head)
        if command == "ping":
            send(node, "pong", about)
        elif command == "stop":
            sys.exit(0)
        elif command == "cancel":
            kept = [one for one in kept if one[0] != about]
            send(node, "error", about, {"code": "cancelled", "text": "seen by the handler"})
        elif command == "request":
            kept.append((about, frames))
            if len(kept) == 4:
                for number, payload in reversed(kept):
                    send(node, "part", number, {"sequence": 0}, b"of four")
                    send(node, "reply", number, {}, *payload)
                kept = []


if HOW == "exits":
    print("I have no mind to work", file=sys.stderr)
    sys.exit(3)
elif HOW == "silent":
    wait()
elif HOW == "nonsense":
    connection = connect()
    greet(connection)
    connection.send(b"what is no msgpack")
    wait()
elif HOW == "nonsense before hello":
    connect().send_multipart([b"\xff\xff", b"what is no msgpack"])
    wait()
elif HOW == "no zmtp":
    import socket
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(os.environ["TROUPE_WORKER_ENDPOINT"].removeprefix("ipc://"))
    stream.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
    wait()
elif HOW == "wrong token":
    connection = connect()
    greet(connection, "0" * 32)
    send(connection, "ready")
    wait()
elif HOW == "dies before ready":
    connection = connect()
    greet(connection)
    zmq.Context.instance().destroy(linger=1000)
    os.kill(os.getpid(), signal.SIGKILL)
elif HOW == "says why":
    connection = connect()
    greet(connection)
    send(connection, "error", 0, {"code": "worker_error", "text": "no lamp is there"})
    zmq.Context.instance().destroy(linger=1000)
    sys.exit(1)
elif HOW == "twice":
    connection = connect()
    greet(connection)
    serve(connection, before_first=connect_again)
elif HOW == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection = connect()
    greet(connection)
    serve(connection, is_deaf=True)
elif HOW == "four":
    connection = connect()
    greet(connection)
    four_at_a_time(connection)
else:
    sys.exit(f"nobody knows how to be {HOW!r}")
