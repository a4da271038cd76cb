#!/usr/bin/env python3
"""Write the seeds of the corpora: small inputs made from what the tests know.

    tests/fuzz/seeds.py

Inputs that were found later lie beside them and stay. A seed is called by a hash of its
content, so writing twice makes nothing new.
"""
import hashlib
import pathlib

import msgpack

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent


def write(target, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


def vectors(name):
    for line in (TESTS / "vectors" / name).read_text().splitlines():
        if line and not line.startswith("#"):
            yield bytes.fromhex(line.split("|")[1].strip().replace(" ", ""))


def frame_0(command, id_=0, **headers):
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    return msgpack.packb(["TRP1", command, id_, headers])


def bundle(*commands):
    """Of (frame 0, [payload frames])."""
    return b"".join(msgpack.packb(head, use_bin_type=True) + msgpack.packb(frames)
                    for head, frames in commands)


def trp1():
    for content in vectors("trp1.txt"):
        write("trp1", content)
    for content in vectors("bundle.txt"):
        write("bundle", content)
    write("bundle", bundle((frame_0("ping"), []), (frame_0("cancel", 7), [])))
    write("bundle", bundle((frame_0("request", 1, capability="echo"), [b""] * 70)))


def config():
    """The good files, and of the bad ones those that are small."""
    for folder, most in (("good", 8000), ("bad", 400)):
        for path in sorted((TESTS / "config" / folder).glob("*.yaml")):
            if path.stat().st_size <= most:
                write("config", path.read_bytes())
    write("config", b"capability: vision\nworker: {module: vision, args: {a: 1}}\n")
    write("config", b"actor: clock\nworker: {command: [clock, -x]}\nspawns: 3\n")
    write("config", b"troupe: 1\nsupervisor: {children: [{capability: c, workers: {remote: true}, "
          b"batch: {}}]}\n")
    write("config", b"supervisor: deep\nstrategy: one_for_all\nchildren: []\n")


DOCUMENTS = [
    {},
    {"name": "studio", "children": [{"name": "a", "n": 1, "up": True, "f": 1.5, "x": None}]},
    {"bytes": b"\x00\xff", "text": "a\n\u2028\U0001f600\x7f", "negative": -5},
    {1: 2, None: 3, True: 4, 1.25: 5, b"\xff": 6},
    {"ext": msgpack.ExtType(5, b"abc"), "nan": float("nan"), "big": 2**64 - 1},
    [[[[]]], {}],
    "only text",
]


def documents():
    for value in DOCUMENTS:
        write("document", msgpack.packb(value, use_bin_type=True))
    write("document", b"\x91" * 170 + b"\xc0")
    write("document", b"\xdd\xff\xff\xff\xff")
    write("document", b"\x81\xa1a\xdf\x7f\xff\xff\xff")


WORDS = """0 250ms 5s 1.5s 10m 1h 2d 50us 1ms 512B 512KiB 4GiB 1.5MiB 10kB 80% 0.5% 0-3,8 0,2
42 9223372036854775807 18446744073709551615B 106751991167d 0.000001TiB vision text_to_text a.b-c
/ /metrics /readyz/vision /v2/models/vision/ready /v2/health/live /state 127.0.0.1:8670
localhost:80 [::1]:80 [::1] studio:8670 192.168.0.1 ipc:///run/x.sock tcp://127.0.0.1:5670
tcp://*:5670 tcp://[::1]:5 4 1..4 1.. ..4 restart evict scale trace drain off ${HOME} ${X:-y}
$$ a$b ${ ${A} strategy""".split()


def words():
    for word in WORDS:
        write("words", word.encode())
    write("words", b"strategy stratgey")
    write("words", b"a\x00b")


def field(text, kind=0):
    return bytes([kind, len(text)]) + text


def lines():
    texts = [b"vision", b"a \"quoted\" \\ word", b"\xff\xfe\xc3", "\u00e4\u2028\U0001f600".encode(),
             b"\n\r\t\x1b[31m\x7f", b"", b"key=value", b"x" * 200]
    for options in (0, 1, 2, 0x80):
        write("lines", bytes([options]) + b"".join(field(text) for text in texts))
        write("lines", bytes([options]) + field(b"", 1) + field(b"hello world"))
    write("lines", bytes([0]) + bytes([2, 250]) + b"\xc2\x85" * 2500)


def mdp(*frames):
    return [frame if isinstance(frame, bytes) else bytes([frame]) for frame in frames]


MAJORDOMO = [
    mdp(b"", b"MDPC01", b"echo", b"one", b"two"),
    mdp(b"", b"MDPC01", b"mmi.service", b"echo"),
    mdp(b"", b"MDPC01", b"troupe.node", b"tree"),
    mdp(b"MDPC02", 1, b"echo", b"one"),
    mdp(b"MDPC02", 2, b"echo", b"one"),
    mdp(b"", b"MDPC02", 2, b"echo", b"one"),
    mdp(b"", b"MDPC02", 4, b"one"),
    mdp(b"", b"MDPW01", 1, b"echo"),
    mdp(b"", b"MDPW01", 3, b"client", b"", b"answer"),
    mdp(b"", b"MDPW01", 4),
    mdp(b"", b"MDPW01", 5),
    mdp(b"MDPW02", 1, b"echo"),
    mdp(b"MDPW02", 3, b"client", b"", b"part"),
    mdp(b"MDPW02", 4, b"client", b"", b"answer"),
    mdp(b"MDPW02", 5),
    mdp(b"MDPW02", 6),
    mdp(b"", b"MDPW02", 1, b"echo"),
    mdp(b"", b"MDPW02", 4, b"client", b"", b"answer"),
    mdp(b"MDPC01", b"echo", b"one"),
    mdp(b"MDPC03", b"x"),
    mdp(b"", b"\x94\xa4TRP1"),
    mdp(1),
    mdp(b""),
]


def list_of(*frames):
    return b"".join(bytes([len(frame)]) + frame for frame in frames)


def majordomo():
    for frames in MAJORDOMO:
        write("majordomo", list_of(*frames))
    write("majordomo", bytes([0, 6]) + b"MDPC01" + bytes([128]) + b"s" * 128 + bytes([1, 1]))
    write("majordomo", bytes([0, 6]) + b"MDPC01" + bytes([255, 1, 0]) + b"s" * 256 + bytes([0]))


BOB = bytes.fromhex("bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518")


def zap():
    curve = [b"1.0", b"1", b"troupe tcp://127.0.0.1:5671", b"10.0.0.5", b"", b"CURVE", BOB]
    write("zap", list_of(*curve))
    write("zap", list_of(*curve[:-1], b"x" * 32))
    write("zap", list_of(*curve[:-1], BOB[:31]))
    write("zap", list_of(*curve, b""))
    write("zap", list_of(*curve[:-1]))
    write("zap", list_of(b"2.0", *curve[1:]))
    write("zap", list_of(*curve[:2], b"global", *curve[3:]))
    write("zap", list_of(*curve[:5], b"NULL"))
    write("zap", list_of(*curve[:5], b"PLAIN", b"name", b"word"))
    write("zap", list_of(b"1.0"))
    write("zap", b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7")


def call(method, *frames, time=0):
    return bytes([method, time, len(frames)]) + b"".join(
        bytes([len(frame)]) + frame for frame in frames)


def operations():
    """By the numbers of node/admin/operation_text.h."""
    add, terminate, restart, _, evict, scale, pause, _, drain, suspend, inspect, trace = range(12)
    write("operation", call(add, b"root", b"{capability: c, worker: {module: m}}"))
    write("operation", call(terminate, b"vision") + call(restart, b"vision", b"10m", time=9))
    write("operation", call(scale, b"vision", b"1..4") + call(scale, b"vision", b"4", b"30d"))
    write("operation", call(scale, b"vision", b"..0") + call(scale, b"vision", b"5..2"))
    write("operation", call(drain) + call(drain, b"vision", b"1h") + call(pause))
    write("operation", call(evict, b"vision/3", b"31d") + call(evict, b"a\0b") + call(evict))
    write("operation", call(suspend, b"clock") + call(inspect, b"clock", time=5))
    write("operation", call(trace, b"clock", b"10s") + call(trace, b"clock", b"off"))
    write("operation", call(trace, b"clock", b"25h") + call(trace, b"n" * 100))


# ---- steps of the gateway's stories; tests/fuzz/gateway.c reads them ----

def says(peer, *frames):
    return bytes([0, peer, len(frames)]) + b"".join(
        len(frame).to_bytes(2, "big") + frame for frame in frames)


def router(which, how):
    return bytes([4, which, how])


PART = router(0, 0x82)
FINAL = router(0, 0)
TURN = bytes([6, 60])
ACTOR = bytes([0x80])
ACTOR_ENDS = bytes([73])
LONG = bytes([0x8a, 200])
BLOCKED = bytes([0x83, 0])
FREE = bytes([10, 0])
DRAIN = bytes([10, 255])


def line(which, what, number=0):
    return bytes([9, which, what, number])


UP = line(0, 0)
WORK = line(0, 0, 8)
ENDED = bytes([9, 0, 7])


def gateway():
    hello = says(0, frame_0("hello", version_min=1, version_max=1, bundle=65536, messages=True))
    request = says(0, frame_0("request", 1, capability="echo", credit=8), b"one", b"two")
    ask = says(1, frame_0("request", 3, actor="store", timeout=1000), b"?")
    monitor = says(0, frame_0("monitor", 8, actor="store"))
    send = says(1, frame_0("send", 4, actor="store", confirm=True), b"!")
    ready = says(0, frame_0("ready", 0, capabilities=["echo"], concurrency=2))
    many = says(0, frame_0("bundle"), bundle((frame_0("request", 5, capability="echo"), [b"a"]),
                                             (frame_0("request", 6, capability="nobody"), []),
                                             (frame_0("cancel", 5), [])))
    stories = [
        [hello, request, PART, TURN, FINAL],
        [request, says(0, frame_0("cancel", 1)), FINAL, TURN],
        [request, says(0, frame_0("credit", 1, credit=5)), PART, PART, says(0, frame_0("bye"))],
        [ask, ACTOR, TURN, send, ACTOR, bytes([8, 1, 3]), TURN],
        [ask, LONG, TURN],
        [hello, many, TURN, FINAL],
        [says(2, frame_0("request", 9, capability="echo", on_disconnect="finish")),
         says(2, frame_0("bye")), FINAL],
        [says(3, frame_0("request", 1, capability="troupe.node", method="tree")), FINAL],
        [hello, request, BLOCKED, FINAL, TURN, FREE, TURN],
        [request, DRAIN, says(0, frame_0("request", 2, capability="echo")), TURN],
        [ready, UP, TURN, WORK, TURN, says(0, frame_0("part", 16, sequence=0), b"a"),
         says(0, frame_0("reply", 16), b"b"), TURN, ENDED, TURN],
        [ready, UP, WORK, line(0, 1, 1), line(0, 2, 4), line(0, 3, 9), TURN,
         says(0, frame_0("pong", 144, state="idle")), says(0, frame_0("progress", 16))],
        [ready, UP, WORK, TURN, says(0, frame_0("drain")), line(0, 4), line(0, 5), TURN,
         says(0, frame_0("bye")), ENDED],
        [ready, UP, line(0, 6), TURN, ready, says(0, frame_0("error", 0, code="worker_error"))],
        [says(0, frame_0("reply", 16)), TURN, ready],
        [says(1, frame_0("ready", 0, capabilities=["echo", "nobody"] * 8, concurrency=4)), TURN,
         ENDED, TURN],
        [says(2, b"", b"MDPW01", b"\x01", b"echo"), UP, WORK, TURN,
         says(2, b"", b"MDPW01", b"\x03", b"1", b"", b"answer"), LONG, TURN],
        [says(2, b"MDPW02", b"\x01", b"echo"), UP, WORK, line(0, 1, 1), line(0, 5), TURN, ENDED],
        [says(0, frame_0("request", 1, ref=1)), TURN],
        [monitor, ACTOR_ENDS, TURN, ACTOR_ENDS, TURN, monitor, TURN],
        [monitor, monitor, says(0, frame_0("demonitor", 8)), ACTOR_ENDS, TURN, monitor,
         says(0, frame_0("bye")), ACTOR_ENDS],
        [hello, monitor, BLOCKED, ACTOR_ENDS, TURN, FREE, TURN, monitor, DRAIN, ACTOR_ENDS, TURN],
        [hello, says(0, frame_0("bundle"), bundle(
            *((frame_0("monitor", number, actor="store"), []) for number in range(20)),
            (frame_0("demonitor", 3), []))), ACTOR_ENDS, TURN],
        [says(1, frame_0("monitor", 1, actor="nobody")), says(0, frame_0("monitor", 2, actor="x")),
         says(0, frame_0("monitor", 3)), says(0, frame_0("monitor", 0, actor="store")),
         says(0, frame_0("monitor", 4, ref=1)), says(1, frame_0("monitor", 5, actor="store\0x")),
         says(0, frame_0("down", 6, reason="gone")), says(0, frame_0("cancel", 1)), TURN],
        [monitor, says(0, frame_0("cancel", 8)), says(0, frame_0("credit", 8, credit=1)), ask,
         says(1, frame_0("demonitor", 3)), TURN, ACTOR_ENDS, TURN],
        [says(0, frame_0("request", 1, capability="echo\0x")),
         says(1, frame_0("request", 2, actor="store\0x"))],
        [says(1, b""), says(1), says(2, b"MDPC01"), says(3, *[b"x"] * 69)],
    ]
    for ending in range(4):
        for story in stories:
            write("gateway", bytes([ending]) + b"".join(story))
    for frames in MAJORDOMO:
        write("gateway", b"\x01" + says(0, *frames) + PART + FINAL + TURN + says(0, *frames))
    for content in vectors("trp1.txt"):
        if len(content) < 120:
            write("gateway", b"\x01" + request + says(0, content, b"x") + FINAL)


# ---- and of those of a client's link; tests/fuzz/link.c ----

def hears(*frames):
    return bytes([0, len(frames) - 1]) + b"".join(
        len(frame).to_bytes(2, "big") + frame for frame in frames)


def link():
    hello = hears(frame_0("hello", version_min=1, version_max=1, node="studio", heartbeat=5000,
                          max_frame=1000, max_open=10, bundle=65536))
    run = bytes([3, 50])
    later = bytes([0x83, 20])
    stories = [
        [hello, run, bytes([4, 1, 2]) + b"hi", hears(frame_0("reply", 2), b"hi"), run],
        [hello, bytes([0x84, 1, 2]) + b"hi", bytes([0x84, 2, 0]), bytes([5]), run],
        [hello, hears(frame_0("bundle"), bundle((frame_0("part", 1, sequence=0), [b"x"]),
                                                (frame_0("reply", 1), []))), run],
        [hello, later, later, later],
        [later],
        [hears(frame_0("hello", version_min=2, version_max=2)), run, later],
        [hears(b"nonsense"), run, later, bytes([2, 0]), run, hello],
        [hears(frame_0("error", 0, code="bad_request")), run],
        [hello, bytes([2, 1]), run, later, bytes([2, 0]), run, hello],
        [hello, bytes([6]), hears(frame_0("ping", 3)), hears(frame_0("goaway")),
         hears(frame_0("message", 0, **{"from": "clock"}), b"tick"),
         hears(frame_0("down", 4, reason="crashed", reason_code=9)), hears(frame_0("bye"))],
        [hears(frame_0("hello", heartbeat=2**63 - 1, max_frame=2**63 - 1, max_open=2**63 - 1,
                       bundle=2**63 - 1)), run, later],
        [hello, bytes([0x87]), bytes([4, 1, 0]), hears(frame_0("ping")), bytes([7]), run],
    ]
    for story in stories:
        write("link", b"".join(story))
    for content in vectors("bundle.txt"):
        write("link", hello + hears(frame_0("bundle"), content))


# ---- and of those of a worker's process; tests/fuzz/process.c ----

def tells(head, body=b"", more=None):
    second = b"" if more is None else bytes([len(more)]) + more
    return (bytes([0, len(head)]) + head + bytes([len(body) | (0x80 if second else 0)]) + body
            + second)


def process():
    hello = tells(frame_0("hello", version_min=1, version_max=1, state="loading"))
    ready = tells(frame_0("ready", 0, concurrency=2, messages=True))
    job, shared, timed = bytes([3, 0x40]), bytes([3, 0x41]), bytes([3, 0x44])
    mail, question, urgent = bytes([4, 4]), bytes([4, 7]), bytes([4, 15])
    turn, later = bytes([7, 50]), bytes([0x80, 200])
    answers, takes = bytes([5, 0, 0]), bytes([0x8a])
    blocked, closed, free = bytes([0x83]), bytes([0x6d]), bytes([10])
    stop = bytes([9, 255])
    ends_or_begins = bytes([72])
    look, suspend, wake = bytes([8, 4, 100]), bytes([8, 5]), bytes([8, 6])
    counts = msgpack.packb({"timers": 3, "behaviour": "odd"})
    stories = [
        [hello, ready, job, tells(frame_0("part", 1, sequence=0), b"x"),
         tells(frame_0("reply", 1), b"y"), turn],
        [ready, job, shared, timed, tells(frame_0("error", 2, code="bad_request", text="no")),
         tells(frame_0("pong", 3, running=1, running_for=5, progress_age=1)), later],
        [ready, job, tells(frame_0("request", 1, capability="callee", parent=1, credit=4)),
         answers, turn, tells(frame_0("cancel", 1))],
        [ready, tells(frame_0("request", 2, actor="store", timeout=100)), takes, turn],
        [ready, mail, tells(frame_0("settled", 1)), question, tells(frame_0("answer", 2), b"!"),
         tells(frame_0("settled", 2)), urgent, turn],
        [ready, question, tells(frame_0("settled", 1, state="stashed")),
         tells(frame_0("send", 0, actor="store", forward=1)), tells(frame_0("settled", 1))],
        [ready, mail, tells(frame_0("settled", 1, state="lost")),
         tells(frame_0("send", 0, ref=1), b"back"), tells(frame_0("release", 0, ref=1, count=9))],
        [ready, blocked, job, mail, turn, free, turn],
        [ready, job, closed, shared, turn, later],
        [ready, job, stop, tells(frame_0("reply", 1)), turn, tells(frame_0("bye")), later],
        [ready, tells(frame_0("monitor", 1, actor="store")), mail, ends_or_begins, turn, ends_or_begins,
         tells(frame_0("monitor", 2, ref=1)), tells(frame_0("demonitor", 2)), ends_or_begins],
        [ready, tells(frame_0("monitor", 1, actor="store")), tells(frame_0("monitor", 1, ref=7)), blocked,
         ends_or_begins, turn, tells(frame_0("demonitor", 1)), tells(frame_0("monitor", 1)), free, turn],
        [ready, ends_or_begins, tells(frame_0("monitor", 3, actor="store")), ends_or_begins, ends_or_begins],
        [ready, tells(frame_0("link", 0, actor="store")), mail, ends_or_begins, tells(frame_0("settled", 1)), turn],
        [ready, tells(frame_0("link", 0, actor="store")), tells(frame_0("unlink", 0, actor="store")), ends_or_begins],
        [ready, tells(frame_0("link", 0, actor="nobody")), turn],
        [ready, tells(frame_0("join", 0, group="news")), tells(frame_0("publish", 0, group="news"), b"extra"), takes,
         tells(frame_0("leave", 0, group="news")), tells(frame_0("publish", 0), b"to nobody"), turn],
        [tells(frame_0("error", 0, code="memory_exhausted", text="no room")), later],
        [tells(frame_0("bye", 0, state="ignored")), later],
        [tells(b"no such thing"), turn],
        [ready, look, tells(frame_0("inspected", 1), counts, b"\x93\x01\x02\x03"), look,
         tells(frame_0("inspected", 2, text="shy")), tells(frame_0("inspected", 2), counts)],
        [look, ready, look, tells(frame_0("inspected", 1), b"\xdf\xff\xff\xff\xff"), look, later],
        [ready, look, tells(frame_0("inspected", 1), counts, b"\xc1"), look, stop, turn],
        [ready, mail, mail, suspend, mail, urgent, tells(frame_0("settled", 1)), turn, wake,
         tells(frame_0("settled", 2, state="stashed")), tells(frame_0("settled", 3)), turn],
        [suspend, ready, urgent, blocked, wake, turn, suspend, free, turn, wake, turn],
        [ready, mail, question, mail, suspend, stop, turn,
         tells(frame_0("settled", 1, state="queued")), later],
        [ready, job, bytes([8, 0, 1]), bytes([8, 1, 1]), bytes([8, 2, 0]), bytes([8, 3, 1]), turn],
    ]
    for story in stories:
        write("process", b"".join(story))
    for content in vectors("trp1.txt"):
        if len(content) < 200:
            write("process", ready + job + question + tells(content, b"x") + turn)


def contract():
    """The number of a contract, choices (batch 1, reply 2, JSON 4, with a subject 8), frames."""
    def frames(*all_):
        return b"".join(bytes([len(one)]) + one for one in all_)

    seeds = [
        (0, 0, b"picture", msgpack.packb({"query": "q", "details": True, "layout": "line"})),
        (0, 0, b"", msgpack.packb({"path": "a/b.png", "language": "eng"})),
        (0, 0, b"picture", b'{"stream": false, "query": "\\u00e9"}'),
        (0, 2, b"text\n", msgpack.packb({"confidence": 0.5, "words": [
            {"text": "text", "left": 1, "top": 2, "width": 3, "height": 4, "confidence": 1}]})),
        (0, 4, b'{"image": {"base64": "AAEC"}, "details": true}'),
        (0, 12, b'{"details": true}'),
        (1, 0, b"a boat", msgpack.packb({"format": "svg", "width": 640, "seed": 7})),
        (1, 4, b'{"prompt": "a boat", "color": "#102030", "progress": true}'),
        (1, 2, b"\x89PNG", msgpack.packb({"format": "png", "width": 1, "height": 2})),
        (2, 0, b"a text", msgpack.packb({"task": "query", "dimensions": 3})),
        (2, 1, msgpack.packb(["a", "b"])),
        (2, 3, b"\0\0\x80\x3f" * 4, msgpack.packb({"dimension": 2, "model": "m"})),
        (2, 4, b'{"texts": ["a", "b"]}'),
        (3, 1, msgpack.packb([b"one", {"path": "two.png"}])),
        (3, 4, b'{"images": [{"path": "a"}, {"base64": "AA=="}]}'),
        (4, 0, b"", msgpack.packb({"turns": [{"role": "system", "content": "c"}], "stop": ["x"],
                                   "temperature": 0.5, "words": ["w"]})),
        (4, 2, b"text", msgpack.packb({"finish": "length", "corrections": [
            {"word": "w", "offset": 1, "replacement": "v", "suggestions": ["v", "u"]}]})),
        (4, 4, b'{"turns": [{"content": "c"}], "stop": "x"}'),
    ]
    for number, choices, *rest in seeds:
        write("contract", bytes([number, choices]) + frames(*rest))


if __name__ == "__main__":
    gateway()
    link()
    process()
    majordomo()
    zap()
    contract()
    operations()
    trp1()
    config()
    documents()
    words()
    lines()
