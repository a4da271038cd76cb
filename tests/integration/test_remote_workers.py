"""Workers that dial in: what they offer, get and say, how they leave, and what becomes of their
requests when they are lost. Some are driven step by step from here; others are processes of
their own, run from this file, which come again when their connection is lost."""

import json
import os
import signal
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

MAGIC = "TRP1"


def work(endpoint, capabilities, heartbeat_ms):
    """A worker that upper-cases, tells its pid for `pid`, and is busy for ever for `busy`. It opens
    a new socket when it hears nothing for three heartbeats, or `bye`."""
    context = zmq.Context()
    pause = 0.02
    while True:
        socket = context.socket(zmq.DEALER)
        socket.linger = 200
        socket.connect(endpoint)

        def say(command, number=0, headers=None, *frames):
            socket.send_multipart([msgpack.packb([MAGIC, command, number, headers or {}]), *frames])

        say("hello", 0, {"heartbeat": heartbeat_ms})
        say("ready", 0, {"capabilities": capabilities, "concurrency": 2})
        quiet_beats = 0
        while quiet_beats < 3:
            if not socket.poll(heartbeat_ms):
                quiet_beats += 1
                say("pong", 0, {"state": "ready"})
                continue
            quiet_beats = 0
            header, *frames = socket.recv_multipart()
            _, command, number, headers = msgpack.unpackb(header)
            if command == "ping":
                say("pong", number)
            elif command == "request" and headers.get("method") == "pid":
                say("reply", number, {}, str(os.getpid()).encode())
            elif command == "request" and headers.get("method") != "busy":
                say("reply", number, {}, frames[0].upper())
            elif command == "stop":
                say("bye")
                socket.close()
                return
            elif command == "bye":
                break
        socket.close(0)
        time.sleep(pause)
        pause = min(1, pause * 2)


if sys.argv[1:2] == ["work"]:
    work(sys.argv[2], sys.argv[3].split(","), int(sys.argv[4]))
    sys.exit(0)

from node_kit import LONG, Node, Peer, free_port, run_troupe  # noqa: E402

HOUR = {"interval": "1h"}  # no pings: what is driven from here answers when it is looked at


def remote(name, health=None, **more):
    workers = {"remote": True, **more.pop("workers", {})}
    return {"capability": name, "workers": workers, "health": health or HOUR, **more}


class Remote(unittest.TestCase):
    def setUp(self):
        self.peers = []

    def begin(self, *children, **top):
        self.port = free_port()
        self.node = Node({"children": list(children)}, http=f"127.0.0.1:{self.port}", **top)
        self.addCleanup(self.node.end)
        self.node.start()
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.client = Peer(self.context, self.node.ipc)

    def worker(self, *capabilities, endpoint=None, wait=True, **headers):
        peer = Peer(self.context, endpoint or self.node.tcp)
        self.peers.append(peer)  # one that nobody holds is closed
        n = self.node.text().count("event=remote_worker_joined")
        peer.send("ready", 0, {"capabilities": list(capabilities), **headers})
        if wait:
            self.node.wait_line("event=remote_worker_joined", n + len(capabilities))
            for name in capabilities:
                self.wait_for(lambda: self.members(name))
        return peer

    def process(self, *capabilities, heartbeat_ms=1000):
        n = self.node.text().count("event=remote_worker_joined")
        process = subprocess.Popen([sys.executable, __file__, "work", self.node.ipc,
                                    ",".join(capabilities), str(heartbeat_ms)],
                                   stdin=subprocess.DEVNULL)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait(LONG)

        self.addCleanup(end)
        self.node.wait_line("event=remote_worker_joined", n + len(capabilities))
        return process

    def members(self, name):
        return [one for one in self.node.capability(name)["workers"] if one["state"] in
                ("ready", "idle", "processing", "draining")]

    def wait_for(self, is_so):
        until = time.monotonic() + LONG
        while not is_so():
            self.assertLess(time.monotonic(), until, self.node.text())

    def page(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=LONG) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def troupe(self, *words):
        return run_troupe(*words, "-e", self.node.ipc)

    def assert_over(self, worker, capability):
        """It is told that this is over, and has left the pool."""
        self.assertEqual(worker.take("stop")[2], {"capability": capability})
        self.wait_for(lambda: self.node.capability(capability)["workers"] == [])


class Service(Remote):
    def test_one_joins_serves_and_is_seen(self):
        self.begin(remote("upper"))
        worker = self.worker("upper", memory=12345678)
        number = self.client.request("upper", "any", b"some text", priority="high", timeout=20000)
        _, given, headers, frames = worker.take("request")
        self.assertEqual((frames, headers["capability"], headers["method"], headers["priority"]),
                         ([b"some text"], "upper", "any", "high"))
        self.assertTrue(0 < headers["timeout"] <= 20000)
        self.assertGreater(headers["credit"], 0)
        self.assertEqual(self.node.capability("upper")["workers"][0]["state"], "processing")
        worker.send("reply", given, {}, b"SOME", b"TEXT")
        self.assertEqual(self.client.final(number), ("ok", {}, [b"SOME", b"TEXT"]))
        one = self.node.capability("upper")["workers"][0]
        self.assertEqual((one["id"], one["isolation"], one["pid"], one["done"], one["memory"]),
                         ("upper/1", "remote", 0, 1, 12345678))
        self.assertRegex(self.troupe("tree").stdout, r"upper/1 +remote +(ready|idle)")
        self.wait_for(lambda: self.page("/readyz")[0] == 200)
        self.assertRegex(self.page("/metrics")[1],
                         r'troupe_workers\{capability="upper",state="(ready|idle)"\} 1')

    def test_errors_reach_the_client(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        for code, outcome in (("worker_error", "worker_error"), ("bad_request", "bad_request"),
                              ("too_large", "too_large"), ("what is that", "worker_error")):
            number = self.client.request("upper")
            given = worker.take("request")[1]
            worker.send("error", given, {"code": code, "text": "no such luck"})
            ended, headers, _ = self.client.final(number)
            self.assertEqual(ended, outcome)
            self.assertIn("no such luck", headers["text"])

    def test_it_gets_as_many_at_once_as_it_takes(self):
        self.begin(remote("upper"))
        worker = self.worker("upper", concurrency=2)
        numbers = [self.client.request("upper", data=bytes([i])) for i in range(5)]
        first, second = worker.take("request"), worker.take("request")
        self.assertTrue(worker.is_quiet())
        worker.send("reply", second[1], {}, b"2")  # in any order
        third = worker.take("request")
        self.assertTrue(worker.is_quiet())
        worker.send("reply", first[1], {}, b"1")
        worker.send("reply", third[1], {}, b"3")
        for _ in range(2):
            worker.send("reply", worker.take("request")[1], {}, b"more")
        self.assertEqual([self.client.final(number)[2] for number in numbers],
                         [[b"1"], [b"2"], [b"3"], [b"more"], [b"more"]])

    def test_the_one_with_the_fewest_gets_the_next(self):
        self.begin(remote("upper"))
        workers = [self.worker("upper", concurrency=4)]
        workers.append(self.worker("upper", concurrency=4, wait=False))
        self.wait_for(lambda: len(self.members("upper")) == 2)
        for _ in range(4):
            self.client.request("upper")
        for worker in workers:
            worker.take("request")
            worker.take("request")
            self.assertTrue(worker.is_quiet())

    def test_a_stream_keeps_to_the_credit(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        number = self.client.request("upper", credit=2)
        _, given, headers, _ = worker.take("request")
        self.assertEqual(headers["credit"], 2)
        worker.send("part", given, {"sequence": 0}, b"0")
        worker.send("part", given, {"sequence": 1}, b"1")
        for i in range(2):
            _, _, headers, frames = self.client.take("part", number)
            self.assertEqual((headers["sequence"], frames), (i, [str(i).encode()]))
        self.client.send("credit", number, {"credit": 3})
        self.assertEqual(worker.take("credit", given)[2], {"credit": 3})
        worker.send("part", given, {"sequence": 2}, b"2")
        worker.send("reply", given, {}, b"end")
        self.assertEqual(self.client.take("part", number)[3], [b"2"])
        self.assertEqual(self.client.final(number)[2], [b"end"])

    def test_parts_without_credit_wait_and_are_not_lost(self):
        self.begin(remote("upper"))
        worker = self.worker("upper", concurrency=2)
        number = self.client.request("upper", credit=1)
        other = self.client.request("upper")
        given, second = worker.take("request")[1], worker.take("request")[1]
        for i in range(100):
            worker.send("part", given, {"sequence": i}, str(i).encode())
        worker.send("reply", given, {}, b"end")
        worker.send("reply", second, {}, b"behind it")
        self.assertEqual(self.client.take("part", number)[3], [b"0"])
        self.assertTrue(self.client.is_quiet())
        self.client.send("credit", number, {"credit": 1000})
        for i in range(1, 100):
            self.assertEqual(self.client.take("part", number)[3], [str(i).encode()])
        self.assertEqual(self.client.final(number)[2], [b"end"])
        self.assertEqual(self.client.final(other)[2], [b"behind it"])

    def test_one_that_floods_the_node_is_dropped(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        number = self.client.request("upper", credit=0)
        given = worker.take("request")[1]
        for i in range(30):
            worker.send("part", given, {"sequence": i}, bytes(4 << 20))
        self.assertEqual(self.client.final(number)[0], "worker_lost")
        worker.take("bye")
        self.node.wait_line("far more than it has credit for")

    def test_large_payloads_go_both_ways(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        data = bytes(range(256)) * (1 << 13)
        number = self.client.request("upper", data=data)
        _, given, _, frames = worker.take("request")
        worker.send("reply", given, {}, frames[0], b"", data)
        self.assertEqual(self.client.final(number)[2], [data, b"", data])

    def test_a_cancel_and_a_deadline_reach_the_worker(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        number = self.client.request("upper")
        given = worker.take("request")[1]
        self.client.cancel(number)
        self.assertEqual(self.client.final(number)[0], "cancelled")
        worker.take("cancel", given)
        late = self.client.request("upper", timeout=100)
        self.assertEqual(self.client.final(late)[0], "no_workers"
                         if not self.members("upper") else "timeout")
        worker.send("error", given, {"code": "cancelled", "text": "so it is"})
        number = self.client.request("upper", timeout=200)
        given = worker.take("request")[1]
        self.assertEqual(self.client.final(number)[0], "timeout")
        worker.take("cancel", given)
        worker.send("reply", given, {}, b"too late")
        number = self.client.request("upper")
        worker.send("reply", worker.take("request")[1], {}, b"well")
        self.assertEqual(self.client.final(number)[2], [b"well"])

    def test_a_client_may_be_a_worker_too(self):
        self.begin(remote("upper"), remote("lower"))
        both = self.worker("upper")
        other = self.worker("lower")
        number = self.client.request("upper", data=b"in")
        given = both.take("request")[1]
        asked = both.request("lower", data=b"what", number=given)  # ids of both are their own
        answered = other.take("request")[1]
        other.send("reply", answered, {}, b"that")
        self.assertEqual(both.final(asked)[2], [b"that"])
        both.send("reply", given, {}, b"out")
        self.assertEqual(self.client.final(number)[2], [b"out"])

    def test_local_and_remote_ones_serve_together(self):
        self.begin({"capability": "echo", "worker": {"module": "echo"}, "health": HOUR,
                    "workers": {"remote": True, "min": 1, "max": 2}, "keep-alive": "100ms"})
        worker = self.worker("echo", concurrency=8)
        busy = self.client.request("echo", "sleep", b"60000")
        given = None
        for _ in range(50):
            number = self.client.request("echo", data=b"x")
            if worker.socket.poll(1000):
                given = worker.take("request")[1]
                break
        worker.send("reply", given, {}, b"from afar")
        self.assertEqual(self.client.final(number)[2], [b"from afar"])
        isolations = {one["isolation"] for one in self.node.capability("echo")["workers"]}
        self.assertEqual(isolations, {"thread", "remote"})
        self.client.cancel(busy)

    def test_batches_are_for_the_nodes_own(self):
        self.begin({"capability": "echo", "worker": {"module": "echo"}, "health": HOUR,
                    "workers": {"remote": True, "min": 0, "max": 1}, "batch": {"max": 8, "window": "1ms"}})
        worker = self.worker("echo", concurrency=2)
        numbers = [self.client.request("echo", data=bytes([i])) for i in range(10)]
        taken = [worker.take("request"), worker.take("request")]
        self.assertTrue(worker.is_quiet())
        for i in range(10):
            _, given, headers, frames = taken.pop(0) if taken else worker.take("request")
            self.assertNotIn("batch", headers)
            worker.send("reply", given, {}, *frames)
        self.assertEqual([self.client.final(number)[2] for number in numbers],
                         [[bytes([i])] for i in range(10)])

    def test_without_any_worker_requests_wait_and_the_node_says_so(self):
        self.begin(remote("upper"))
        self.assertEqual(self.page("/readyz"), (503, "upper is unavailable: waits for workers that dial in\n"))
        capability = self.node.capability("upper")
        self.assertEqual((capability["state"], capability["reason"], capability["min"], capability["max"]),
                         ("unavailable", "waits for workers that dial in", 0, 1000))
        self.assertEqual(self.client.call("upper", timeout=200)[0], "no_workers")
        number = self.client.request("upper")
        worker = self.worker("upper")
        worker.send("reply", worker.take("request")[1], {}, b"at last")
        self.assertEqual(self.client.final(number)[2], [b"at last"])

    def test_many_join_and_leave(self):
        self.begin(remote("upper"))
        workers = [self.worker("upper", wait=False) for _ in range(60)]
        self.wait_for(lambda: len(self.members("upper")) == 60)
        numbers = [self.client.request("upper", data=b"x") for _ in range(60)]
        given = [worker.take("request")[1] for worker in workers]
        for worker, one in zip(workers, given):
            worker.send("reply", one, {}, b"X")
        for number in numbers:
            self.assertEqual(self.client.final(number)[2], [b"X"])
        for worker in workers:
            worker.send("bye")
        self.wait_for(lambda: self.node.capability("upper")["workers"] == [])


class Offers(Remote):
    def refused(self, worker, capability, code):
        _, _, headers, _ = worker.take("error", 0)
        self.assertEqual((headers.get("capability"), headers["code"]), (capability, code))
        return headers

    def test_what_is_not_let_pass_is_told(self):
        self.begin(remote("upper"), {"capability": "own", "worker": {"module": "echo"}},
                   remote("few", workers={"max": 1}))
        worker = self.worker("upper", "nowhere", "own", wait=False)
        told = {headers["capability"]: headers["code"] for _, _, headers, _ in
                (worker.take("error", 0), worker.take("error", 0))}
        self.assertEqual(told, {"nowhere": "no_capability", "own": "no_capability"})
        self.wait_for(lambda: self.members("upper"))
        worker.send("ready", 0, {"capabilities": ["few"]})
        self.refused(worker, None, "bad_request")
        self.worker("few")
        second = self.worker("few", wait=False)
        self.assertTrue(self.refused(second, "few", "overloaded")["retryable"])

    def test_nonsense_is_refused(self):
        self.begin(remote("upper"))
        for headers in ({}, {"capabilities": []}, {"capabilities": ["upper"], "concurrency": 0}):
            worker = Peer(self.context, self.node.tcp)
            worker.send("ready", 0, headers)
            self.refused(worker, None, "bad_request")
        worker = self.worker("upper", "upper", wait=False)
        self.refused(worker, "upper", "bad_request")
        for capabilities in ("upper", 7, ["upper", 7], ["x"] * 17, [""], ["x" * 129]):
            worker = Peer(self.context, self.node.tcp)
            worker.send("ready", 0, {"capabilities": capabilities})
            self.assertTrue(worker.is_quiet())  # it cannot be read, and has no id
        self.wait_for(lambda: len(self.members("upper")) == 1)

    def test_one_needs_the_right(self):
        self.port = free_port()
        self.node = Node({"children": [remote("upper"), remote("lower")]},
                         http=f"127.0.0.1:{self.port}")
        self.addCleanup(self.node.end)
        self.node.config["listen"] = [self.node.ipc,
                                      {"endpoint": self.node.tcp, "offer": ["lower"]}]
        self.node.write()
        self.node.start()
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        worker = self.worker("upper", "lower", wait=False)
        self.refused(worker, "upper", "forbidden")
        self.wait_for(lambda: self.members("lower"))
        self.worker("upper", endpoint=self.node.ipc)

    def test_two_capabilities_on_one_connection(self):
        self.begin(remote("upper"), remote("lower"))
        worker = self.worker("upper", "lower")
        one, other = self.client.request("upper"), self.client.request("lower")
        given = {headers["capability"]: number for _, number, headers, _ in
                 (worker.take("request"), worker.take("request"))}
        self.assertEqual(len(set(given.values())), 2)
        worker.send("reply", given["lower"], {}, b"l")
        worker.send("reply", given["upper"], {}, b"U")
        self.assertEqual((self.client.final(one)[2], self.client.final(other)[2]), ([b"U"], [b"l"]))
        worker.send("drain", 0, {"capability": "lower"})
        self.assert_over(worker, "lower")
        number = self.client.request("upper")
        worker.send("reply", worker.take("request")[1], {}, b"still")
        self.assertEqual(self.client.final(number)[2], [b"still"])

    def test_one_that_keeps_dying_is_kept_out(self):
        self.begin(remote("upper"))
        for _ in range(4):
            worker = self.worker("upper")
            worker.send("error", 0, {"code": "worker_error", "text": "I die"})
            worker.send("bye")
            self.wait_for(lambda: self.node.capability("upper")["workers"] == [])
        self.node.wait_line("event=remote_worker_kept_out")
        headers = self.refused(self.worker("upper", wait=False), "upper", "overloaded")
        self.assertTrue(0 < headers["hint"] <= 1000)

        def comes_in():
            worker = self.worker("upper", wait=False)
            if worker.is_quiet() and self.members("upper"):
                return True
            self.peers.remove(worker)
            worker.close()
            return False

        self.wait_for(comes_in)

    def test_whoever_is_no_worker_here_must_begin_anew(self):
        self.begin(remote("upper"))
        for command, number in (("reply", 16), ("part", 16), ("error", 16), ("progress", 0),
                                ("pong", 16), ("pong", 0), ("drain", 0)):
            stale = Peer(self.context, self.node.tcp)
            stale.send(command, number, {"code": "worker_error", "state": "ready"})
            stale.take("bye")
            stale.close()

    def test_lies_about_ids_do_no_harm(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        number = self.client.request("upper")
        given = worker.take("request")[1]
        for wrong in (given + 1, given + 16, 2**63 - 1, 5):
            worker.send("reply", wrong, {}, b"wrong")
            worker.send("part", wrong, {"sequence": 0}, b"wrong")
            worker.send("error", wrong, {"code": "worker_error"})
            worker.send("pong", wrong, {"running": wrong, "running-for": 5, "progress-age": 5})
        worker.send("reply", given, {}, b"right")
        worker.send("reply", given, {}, b"twice")
        self.assertEqual(self.client.final(number)[2], [b"right"])
        self.assertTrue(self.client.is_quiet())
        number = self.client.request("upper")
        worker.send("reply", worker.take("request")[1], {}, b"well")
        self.assertEqual(self.client.final(number)[2], [b"well"])
        self.node.wait_line("event=unknown_answer")
        self.assertEqual(self.node.text().count("event=unknown_answer"), 1)


class Leaving(Remote):
    def test_it_drains(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        number = self.client.request("upper")
        given = worker.take("request")[1]
        worker.send("drain")
        waiting = self.client.request("upper", data=b"for another")
        self.assertTrue(worker.is_quiet())
        worker.send("reply", given, {}, b"done")
        self.assertEqual(self.client.final(number)[2], [b"done"])
        self.assert_over(worker, "upper")
        worker.send("bye")
        second = self.worker("upper")
        second.send("reply", second.take("request")[1], {}, b"here")
        self.assertEqual(self.client.final(waiting)[2], [b"here"])

    def test_bye_with_nothing_to_do_is_no_failure(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        worker.send("bye")
        self.wait_for(lambda: self.node.capability("upper")["workers"] == [])
        self.node.wait_line("event=ended child=upper/1 kind=worker reason=normal")

    def test_bye_loses_what_it_has(self):
        self.begin(remote("upper"), remote("again", retry=1))
        worker = self.worker("upper", "again")
        lost, kept = self.client.request("upper"), self.client.request("again", data=b"x")
        worker.take("request")
        worker.take("request")
        worker.send("bye")
        self.assertEqual(self.client.final(lost)[0], "worker_lost")
        second = self.worker("again")
        second.send("reply", second.take("request")[1], {}, b"X")
        self.assertEqual(self.client.final(kept)[2], [b"X"])

    def test_an_operator_lets_it_go(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        result = self.troupe("restart", "upper/1")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("only its own side can restart", result.stderr)
        result = self.troupe("evict", "upper/1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_over(worker, "upper")
        worker = self.worker("upper")
        number = self.client.request("upper")
        given = worker.take("request")[1]
        drain = subprocess.Popen([os.environ["TROUPE_BIN"], "drain", "upper/1", "-e", self.node.ipc],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        worker.send("reply", given, {}, b"done")
        self.assertEqual(self.client.final(number)[2], [b"done"])
        self.assert_over(worker, "upper")
        out, err = drain.communicate(timeout=LONG)
        self.assertEqual(drain.returncode, 0, out + err)

    def test_a_scaled_pool_takes_no_more(self):
        self.begin(remote("upper"))
        self.worker("upper")
        self.assertEqual(self.troupe("scale", "upper", "..1").returncode, 0)
        second = self.worker("upper", wait=False)
        self.assertEqual(second.take("error", 0)[2]["code"], "overloaded")

    def test_the_node_stops(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        number = self.client.request("upper")
        given = worker.take("request")[1]
        self.node.kill()
        worker.take("goaway")
        worker.send("reply", given, {}, b"the last")
        self.assertEqual(self.client.final(number)[2], [b"the last"])
        worker.take("bye")
        self.assertEqual(self.node.wait(), 0, self.node.text())

    def test_a_drained_capability_lets_its_workers_go(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        self.assertEqual(self.troupe("drain", "upper").returncode, 0)
        self.assert_over(worker, "upper")
        second = self.worker("upper", wait=False)
        self.assertEqual(second.take("error", 0)[2]["code"], "shutting_down")
        self.assertEqual(self.troupe("resume", "upper").returncode, 0)
        self.worker("upper")

    def reload(self, *children):
        self.node.config["supervisor"] = {"children": list(children)}
        self.node.write()
        result = self.troupe("reload")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_a_reload_takes_the_right_to_join(self):
        own = {"capability": "echo", "worker": {"module": "echo"}, "health": HOUR}
        self.begin({**own, "workers": {"remote": True, "min": 1, "max": 4}})
        worker = self.worker("echo")
        self.reload({**own, "workers": {"min": 1, "max": 4}})
        self.assertEqual(worker.take("stop")[2], {"capability": "echo"})
        self.wait_for(lambda: [one["isolation"] for one in
                               self.node.capability("echo")["workers"]] == ["thread"])
        self.assertEqual(self.client.call("echo", data=b"x")[0], "ok")
        self.reload(remote("echo"))
        self.wait_for(lambda: self.node.capability("echo")["workers"] == [])
        worker = self.worker("echo")
        number = self.client.request("echo")
        worker.send("reply", worker.take("request")[1], {}, b"from afar")
        self.assertEqual(self.client.final(number)[2], [b"from afar"])
        self.reload(own)
        self.assertEqual(worker.take("stop")[2], {"capability": "echo"})
        self.assertEqual(self.client.call("echo", data=b"x")[0], "ok")

    def test_a_reload_that_removes_the_capability(self):
        self.begin(remote("upper"), remote("lower"))
        worker = self.worker("upper", "lower")
        self.reload(remote("lower"))
        self.assertEqual(worker.take("stop")[2], {"capability": "upper"})
        number = self.client.request("lower")
        worker.send("reply", worker.take("request")[1], {}, b"l")
        self.assertEqual(self.client.final(number)[2], [b"l"])


class Losing(Remote):
    def test_killed_in_the_middle(self):
        often = {"interval": "100ms", "misses": 100}  # to say something shows that it is gone
        self.begin(remote("again", retry=1, health=often), remote("once", health=often))
        first = self.process("again", "once")
        kept = self.client.request("again", "busy", b"x")
        lost = self.client.request("once", "busy", b"y")
        self.wait_for(lambda: self.node.capability("again")["pending"] +
                      self.node.capability("once")["pending"] == 2)
        self.process("again")
        self.wait_for(lambda: len(self.members("again")) == 2)
        first.kill()
        self.assertEqual(self.client.final(lost)[0], "worker_lost")
        self.wait_for(lambda: self.node.capability("once")["workers"] == [])
        self.assertEqual(self.node.capability("again")["pending"], 1)
        self.client.cancel(kept)
        self.assertEqual(self.client.final(kept)[0], "cancelled")

    def test_retried_elsewhere(self):
        self.begin(remote("upper", retry=1))
        first = self.worker("upper")
        number = self.client.request("upper", data=b"x")
        first.take("request")
        second = self.worker("upper", wait=False)
        self.wait_for(lambda: len(self.members("upper")) == 2)
        first.send("bye")
        second.send("reply", second.take("request")[1], {}, b"X")
        self.assertEqual(self.client.final(number)[2], [b"X"])

    def test_silent_for_three_heartbeats(self):
        self.begin(remote("upper"))
        process = self.process("upper", heartbeat_ms=500)
        self.assertEqual(self.client.call("upper", data=b"x")[2], [b"X"])
        number = self.client.request("upper", "busy", b"x")
        self.wait_for(lambda: self.node.capability("upper")["pending"] == 1)
        process.send_signal(signal.SIGSTOP)
        try:
            self.assertEqual(self.client.final(number)[0], "worker_lost")
            self.node.wait_line("event=ended child=upper/1 .*reason=\"lost: silent for three heartbeats")
        finally:
            process.send_signal(signal.SIGCONT)
        self.node.wait_line("event=remote_worker_joined", 2)  # it comes again
        self.assertEqual(self.client.call("upper", data=b"x")[2], [b"X"])

    def test_one_that_answers_no_pings_is_dropped(self):
        self.begin(remote("upper", health={"interval": "50ms", "misses": 2}))
        worker = Peer(self.context, self.node.tcp, answers_pings=False)
        worker.send("ready", 0, {"capabilities": ["upper"]})
        worker.take("bye")
        self.node.wait_line("event=ended child=upper/1 .*reason=\"hung")

    def test_one_that_makes_no_progress_is_dropped(self):
        self.begin(remote("upper", health={"interval": "50ms", "stall": "300ms"}))
        worker = self.worker("upper", wait=False)
        number = self.client.request("upper")
        worker.take("request")
        worker.take("bye")
        self.assertEqual(self.client.final(number)[0], "worker_lost")

    def test_progress_keeps_it(self):
        self.begin(remote("upper", health={"interval": "50ms", "misses": 100, "stall": "1500ms"}))
        worker = self.worker("upper", wait=False)
        number = self.client.request("upper")
        given = worker.take("request")[1]
        until = time.monotonic() + 3
        while time.monotonic() < until:
            worker.send("progress", given)
            worker.receive(0.05)
        worker.send("reply", given, {}, b"at last")
        self.assertEqual(self.client.final(number)[2], [b"at last"])

    def test_the_node_is_killed_and_comes_again(self):
        self.begin(remote("upper"))
        self.process("upper", heartbeat_ms=500)
        self.assertEqual(self.client.call("upper", data=b"x")[2], [b"X"])
        self.node.kill(signal.SIGKILL)
        self.node.wait()
        self.node.start()
        self.node.wait_line("event=remote_worker_joined")
        client = Peer(self.context, self.node.ipc)
        self.assertEqual(client.call("upper", data=b"y")[2], [b"Y"])

    def test_an_endpoint_that_goes_takes_its_workers_along(self):
        self.begin(remote("upper"))
        worker = self.worker("upper")
        number = self.client.request("upper")
        given = worker.take("request")[1]
        self.node.config["listen"] = [self.node.ipc]
        self.node.write()
        self.assertEqual(self.troupe("reload").returncode, 0)
        worker.take("goaway")
        self.assertTrue(worker.is_quiet())
        worker.send("reply", given, {}, b"done")
        self.assertEqual(self.client.final(number)[2], [b"done"])
        self.assert_over(worker, "upper")


if __name__ == "__main__":
    unittest.main(verbosity=2)
