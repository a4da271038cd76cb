"""An actor that does to those who send to it what they say: frame 0 of a message is the verb, the
others are its words. What it learns besides it says on stdout.

    acted.py [--capability NAME] [--load WHAT]

With --capability it serves that as well, and does for requests what their methods say.
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
parser.add_argument("--capability")
parser.add_argument("--load", default="")
args = parser.parse_args()

worker = troupe.Worker()
heard = []
remembered = {}  # references, timers, monitors and questions, by names
is_closed = False


def say(text):
    os.write(1, (text + "\n").encode())  # in one piece, whatever other threads say


def text_of(frames):
    return b" ".join(frames).decode()


def wait_for_file(path):
    """Until there is a file of that name, or the test that makes it must have failed."""
    say(f"waits for {os.path.basename(path)}")
    for _ in range(60000):
        if os.path.exists(path):
            break
        worker.progress()
        time.sleep(0.001)


def tell_outcome(message, ask):
    """Answer with what came of a question."""
    try:
        message.answer(ask())
    except troupe.TroupeError as error:
        message.refuse(f"{error.code} | {error.text}")


class Verbs:
    """What is done for whom; `words` are the frames behind the verb."""

    def echo(self, message, words):
        if message.kind == "ask":
            message.answer(words)
        else:
            worker.send(message.sender, words)

    def note(self, message, words):
        heard.append(text_of(words))

    def heard(self, message, words):
        message.answer(",".join(heard))

    def pid(self, message, words):
        message.answer(str(os.getpid()))

    def told(self, message, words):
        message.answer(repr((message.kind, message.sender is not None, message.urgent,
                             message.time_left is not None and message.time_left > 0, len(words),
                             threading.current_thread().name)))

    def number(self, message, words):
        message.answer(str(message.sender._number))

    def n_known(self, message, words):
        message.answer(str(len(worker._service.mail._refs)))

    def refuse(self, message, words):
        message.refuse(text_of(words))

    def silent(self, message, words):
        pass

    def fail(self, message, words):
        raise KeyError(text_of(words))

    def broken(self, message, words):
        raise troupe.Broken(text_of(words))

    def leave(self, message, words):
        sys.exit(3)

    def exit(self, message, words):
        os._exit(int(words[0]))

    def stop(self, message, words):
        worker.stop()
        message.answer("bye")

    def wait(self, message, words):
        wait_for_file(words[0].decode())

    def hang(self, message, words):
        say("hangs")
        time.sleep(600)

    # ---- others ----

    def send(self, message, words):
        worker.send(words[0].decode(), words[1:])

    def urgent(self, message, words):
        worker.send(words[0].decode(), words[1:], urgent=True)

    def send_many(self, message, words):
        for number in range(int(words[1])):
            worker.send(words[0].decode(), ["note", str(number)])

    def confirm(self, message, words):
        tell_outcome(message, lambda: worker.send(words[0].decode(), "x", confirm=True))

    def ask(self, message, words):
        tell_outcome(message, lambda: worker.ask(words[0].decode(), words[1:], timeout=30))

    def ask_briefly(self, message, words):
        tell_outcome(message, lambda: worker.ask(words[0].decode(), words[1:], timeout=0.05))

    def ask_then(self, message, words):
        """The answer comes between two messages."""
        message.keep()
        worker.start_ask(words[0].decode(), words[1:], then=lambda call: tell_outcome(
            message, call.result))

    def ask_and_cancel(self, message, words):
        call = worker.start_ask(words[0].decode(), words[1:], timeout=None)
        call.cancel()
        tell_outcome(message, call.result)

    def fail_then(self, message, words):
        worker.start_ask(words[0].decode(), words[1:], then=lambda call: 1 / 0)

    def call(self, message, words):
        tell_outcome(message, lambda: worker.call(words[0].decode(), words[2:],
                                                  method=words[1].decode()))

    def forward(self, message, words):
        if os.environ["TROUPE_WORKER_NAME"] == words[0].decode():
            message.answer("from afar")
            return
        message.forward(words[0].decode())
        assert not message.answer("too late")
        for more in (message.stash, lambda: message.forward("nobody")):
            try:
                more()
                say("went on twice")
            except RuntimeError as error:
                say(str(error))

    def keep(self, message, words):
        remembered[words[0]] = message.keep()

    def answer_kept(self, message, words):
        remembered.pop(words[0]).answer(words[1:])

    def answer_from_a_thread(self, message, words):
        message.keep()
        threading.Thread(target=lambda: message.answer(words)).start()

    def forget(self, message, words):
        remembered.pop(words[0], None)

    def remember(self, message, words):
        remembered[words[0]] = message.sender

    def remind(self, message, words):
        worker.send(remembered[words[0]], words[1:])

    # ---- what is aside ----

    def close(self, message, words):
        global is_closed
        is_closed = True

    def open(self, message, words):
        global is_closed
        is_closed = False
        worker.unstash()

    # ---- timers ----

    def after(self, message, words):
        remembered[words[0]] = worker.after(float(words[1]), words[2:])

    def every(self, message, words):
        remembered[words[0]] = worker.every(float(words[1]), words[2:])

    def call_after(self, message, words):
        message.keep()
        worker.after(float(words[0]), lambda: message.answer(threading.current_thread().name))

    def cancel(self, message, words):
        message.answer(str(remembered.pop(words[0]).cancel()))

    # ---- monitors, links, groups ----

    def monitor(self, message, words):
        remembered[words[0]] = worker.monitor(words[1].decode())

    def monitor_sender_and_answer(self, message, words):
        remembered[words[0]] = worker.monitor(message.sender)
        message.answer()

    def link(self, message, words):
        worker.link(words[0].decode())

    def unlink(self, message, words):
        worker.unlink(words[0].decode())

    def join(self, message, words):
        worker.join(words[0].decode())

    def depart(self, message, words):
        worker.leave(words[0].decode())

    def publish(self, message, words):
        worker.publish(words[0].decode(), words[1:])


verbs = Verbs()


@worker.receive
def receive(message):
    if message.kind == "tick":
        if message.payload == b"unstash":
            worker.unstash()
        heard.append("tick " + text_of(message.frames))
    elif message.kind == "down":
        heard.append(f"down {message.sender.name} {message.down}")
    elif not message.frames:
        heard.append("nothing")
    elif is_closed and message.frames[0] in (b"note", b"echo"):
        message.stash()
    else:
        verb, *words = message.frames
        method = getattr(verbs, verb.decode(errors="replace"), None)
        if method is None:
            heard.append("nonsense")
        else:
            method(message, words)


@worker.state
def state():
    if heard and heard[-1] == "unshowable":
        return object()
    if heard and heard[-1] == "too much":
        return "x" * 2000000
    return {"heard": len(heard), "closed": is_closed}


@worker.on_start
def load():
    if args.load == "speaks":
        worker.send("py", ["note", "I load"])
        heard.append(worker.ask("py", ["echo", "while it loads"]).decode())
        worker.after(0, "tock")
    if args.load == "fails":
        raise RuntimeError("no")


if args.capability:
    @worker.capability(args.capability)
    def serve(request):
        if request.method == "ask":
            return request.ask(request.frames[0].decode(), request.frames[1:])
        if request.method == "send":
            request.send(request.frames[0].decode(), request.frames[1:])
            return "sent"
        if request.method == "worker ask":
            return worker.ask(request.frames[0].decode(), request.frames[1:])
        if request.method == "remind":
            request.send(remembered[request.frames[0]], request.frames[1:])
            return request.ask(remembered[request.frames[0]], ["heard"])
        return str(os.getpid())


logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
worker.run()
