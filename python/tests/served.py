"""A worker that does as its requests say, started by a node or by a test.

    served.py [--endpoint ENDPOINT] [--concurrency N] [--heartbeat S] [--drain S] [--load WHAT]
              [--key FILE --server-key KEY] [CAPABILITY ...]
"""

import argparse
import logging
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import troupe  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("capabilities", nargs="*", default=[])
parser.add_argument("--endpoint")
parser.add_argument("--concurrency", type=int, default=1)
parser.add_argument("--heartbeat", type=float, default=5)
parser.add_argument("--drain", type=float, default=30)
parser.add_argument("--load", default="")
parser.add_argument("--key")
parser.add_argument("--server-key")
args = parser.parse_args()

worker = troupe.Worker(args.endpoint, concurrency=args.concurrency, heartbeat=args.heartbeat,
                       drain_timeout=args.drain, key=args.key, server_key=args.server_key)


def say(text):
    os.write(1, (text + "\n").encode())  # in one piece, whatever other threads say


@worker.on_start
def load():
    if args.load == "fails":
        raise RuntimeError("no such model")
    if args.load == "breaks":
        raise troupe.Broken("the device is gone")
    if args.load == "memory":
        raise MemoryError("a model of 900 GiB")
    if args.load == "needless":
        raise troupe.NotNeeded
    if args.load == "hangs":
        time.sleep(600)
    if args.load == "slow":
        ends_at = time.monotonic() + 4
        while time.monotonic() < ends_at:
            worker.progress()
            time.sleep(0.02)


def sleep(request, seconds):
    """Until the time is over, or nobody waits any more."""
    ends_at = time.monotonic() + seconds
    say(f"began {request.method}")
    while time.monotonic() < ends_at:
        if request.cancelled:
            say("was cancelled")
            return
        request.progress()
        time.sleep(0.005)


def serve(request):
    method, payload = request.method, request.payload
    if method == "sleep":
        sleep(request, float(payload))
        return "slept"
    if method == "doze":  # deaf to a cancel
        say("began doze")
        time.sleep(float(payload))
        return "dozed"
    if method == "fail":
        request.fail(payload.decode())
    if method == "refuse":
        request.fail(payload.decode(), "bad_request")
    if method == "large":
        raise troupe.TooLarge("too much of it")
    if method == "many":
        return [b"x"] * 65
    if method == "raise":
        raise KeyError("a mistake")
    if method == "odd":
        return 42
    if method == "none":
        return None
    if method == "frames":
        return request.frames + [b"and one"]
    if method == "told":
        return repr((request.capability, request.priority, request.traceparent,
                     request.time_left is not None, len(request.frames)))
    if method == "broken":
        raise troupe.Broken(payload.decode())
    if method == "exit":
        os._exit(int(payload))
    if method == "peer":
        return request.peer
    if method == "pid":
        return str(os.getpid())
    if method == "threads":
        return str(threading.active_count())
    if method == "call":
        capability, inner, *rest = request.frames
        return request.call(capability.decode(), rest, method=inner.decode())
    if method == "many calls":
        calls = [request.start("echo", str(n), method="echo") for n in range(int(payload))]
        return b" ".join(call.result() for call in calls)
    if method == "relay":
        with request.stream("echo", payload, method="parts") as parts:
            return str(sum(len(part) for part in parts))
    if method == "part":
        request.part("one")
        request.part(["two", "three"])
        return "done"
    return payload.upper()


def streams(request):
    """A generator: its parts are numbers, or the request's payload over and over."""
    if request.method == "endless":
        try:
            while True:
                yield request.payload
        finally:
            say("endless has ended")
    for number in range(int(request.payload)):
        if request.method == "breaks" and number == 2:
            raise ValueError("no more of it")
        yield str(number)
    return "that was all"


for name in args.capabilities or ["py"]:
    worker.capability(name)(streams if name.startswith("stream") else serve)

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
worker.run()
say("left in good order")
