"""The client that blocks, and a real node."""

import concurrent.futures
import os
import signal
import threading
import unittest

import kit
from kit import ECHO, LONG, NodeCase, until

import troupe
import zmq


class Calls(NodeCase):
    def setUp(self):
        self.served = self.node(
            {**ECHO, "workers": {"min": 2, "max": 2}},
            {"capability": "risky", "worker": {"module": "echo"}, "isolation": "process",
             "workers": {"min": 1, "max": 1}, "health": {"stall": "1s"}})
        self.client = troupe.Client(self.served.ipc, timeout=LONG)
        self.addCleanup(self.client.close)

    def test_replies(self):
        self.assertEqual(self.client.call("echo", "a text", method="echo"), b"a text")
        self.assertEqual(self.client.call("echo", [b"two", "frames"], method="echo"),
                         [b"two", b"frames"])
        self.assertEqual(self.client.call("echo", method="echo"), b"")
        call = self.client.start("echo", ["a", "b"], method="echo")
        self.assertEqual(call.frames(), [b"a", b"b"])
        self.assertTrue(call.done())

    def test_many_at_a_time(self):
        calls = [self.client.start("echo", str(n), method="echo") for n in range(900)]
        self.assertEqual([call.result() for call in calls],
                         [str(n).encode() for n in range(900)])

    def test_large_payloads(self):
        payload = os.urandom(5 * 1024 * 1024)
        self.assertEqual(self.client.call("echo", payload, method="echo"), payload)

    def test_over_tcp(self):
        with troupe.Client(self.served.tcp, timeout=LONG) as client:
            self.assertEqual(client.call("echo", "far", method="echo"), b"far")
            with self.assertRaises(troupe.Forbidden):
                client.tree()

    def test_all_options(self):
        self.assertEqual(self.client.call(
            "echo", "x", method="echo", timeout=LONG, priority="high", sticky=b"\x00me",
            dedup="job 9", on_disconnect="finish",
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), b"x")

    def test_what_no_node_takes_is_told_at_once(self):
        for options in ({"priority": "urgent"}, {"method": "x" * 129}, {"sticky": b"x" * 257},
                        {"on_disconnect": "stay"}):
            with self.assertRaises(ValueError):
                self.client.call("echo", "x", **options)
        with self.assertRaises(ValueError):
            self.client.call("")
        with self.assertRaises(TypeError):
            self.client.call("echo", 5)
        with self.assertRaises(ValueError):
            self.client.stream("echo", window=0)

    def test_a_timeout(self):
        with self.assertRaises(troupe.Timeout) as caught:
            self.client.call("echo", "60000", method="sleep", timeout=0.05)
        self.assertIsInstance(caught.exception, TimeoutError)
        self.assertTrue(caught.exception.retryable)

    def test_to_wait_for_less_is_not_to_end_it(self):
        call = self.client.start("echo", "60000", method="sleep")
        with self.assertRaises(Exception) as caught:
            call.result(0.01)
        self.assertNotIsInstance(caught.exception, troupe.TroupeError)
        self.assertFalse(call.done())
        call.cancel()
        with self.assertRaises(troupe.Cancelled):
            call.result()

    def test_how_a_call_stands(self):
        told = []
        self.client.call("echo", "x", method="echo", on_status=told.append)
        self.assertEqual(told, [troupe.Status("running", 0)])
        busy = [self.client.start("risky", "60000", method="sleep") for _ in range(2)]
        until(lambda: self.client.tree()["capabilities"][1]["queue"] == 1)
        told.clear()
        call = self.client.start("risky", "x", method="echo", on_status=told.append)
        until(lambda: told)
        for one in busy:
            one.cancel()
        self.assertEqual(call.result(LONG), b"x")
        self.assertEqual(told, [troupe.Status("queued", 2), troupe.Status("running", 0)])

    def test_callbacks(self):
        heard = threading.Event()
        call = self.client.start("echo", "x", method="echo")
        call.add_done_callback(lambda one: one is call and heard.set())
        self.assertTrue(heard.wait(LONG))

    def test_the_handlers_failure(self):
        with self.assertRaises(troupe.WorkerError) as caught:
            self.client.call("echo", "not today", method="fail")
        self.assertEqual((caught.exception.text, caught.exception.retryable, caught.exception.code),
                         ("not today", False, "worker_error"))
        self.assertEqual(str(caught.exception), "worker_error: not today")

    def test_a_worker_that_crashes(self):
        with self.assertRaises(troupe.WorkerLost):
            self.client.call("risky", method="crash")
        self.assertEqual(self.client.call("risky", "again", method="echo"), b"again")

    def test_a_capability_that_is_none(self):
        with self.assertRaises(troupe.NoCapability):
            self.client.call("nothing")

    def test_too_many_frames(self):
        with self.assertRaises(troupe.TooLarge):
            self.client.call("echo", [b"x"] * 65, method="echo")

    def test_streams(self):
        with self.client.stream("echo", "100 10", method="parts") as stream:
            parts = list(stream)
            self.assertEqual([len(part) for part in parts], [10] * 100)
            self.assertIsInstance(stream.result(), bytes)

    def test_the_error_of_a_stream_comes_behind_its_parts(self):
        stream = self.client.stream("nothing")
        with self.assertRaises(troupe.NoCapability):
            next(stream)
        self.assertEqual(list(stream), [])

    def test_a_slow_reader_holds_nothing_but_its_window(self):
        stream = self.client.stream("echo", "1000000 100", method="parts", window=4)
        next(stream)
        self.client.call("echo", "others go on", method="echo")
        self.assertLessEqual(stream._parts.qsize(), 4)
        stream.close()
        with self.assertRaises(troupe.Cancelled):
            stream.result()

    def test_many_threads(self):
        failures = []

        def work(number):
            try:
                for turn in range(50):
                    text = f"{number} {turn}".encode()
                    assert self.client.call("echo", text, method="echo") == text
                    if turn % 10 == 0:
                        with self.client.stream("echo", "20 5", method="parts") as stream:
                            assert len(list(stream)) == 20
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        self.assertEqual(failures, [])

    def test_the_node_itself(self):
        self.assertEqual(self.client.tree()["node"], "tested")
        self.assertIn("troupe_requests_total",
                      [one["name"] for one in self.client.stats()["metrics"]])
        self.assertIn(b"tree", self.client.admin("help"))
        events = self.client.events(past=256)
        self.assertEqual(next(one for one in events if one["event"] == "node_ready")["level"],
                         "info")
        events.close()
        with self.assertRaises(troupe.BadRequest):
            self.client.admin("dance")

    def test_a_client_that_is_closed(self):
        call = self.client.start("echo", "60000", method="sleep")
        until(lambda: self.client.tree()["capabilities"][0]["pending"] == 1)
        self.client.close()
        self.client.close()
        with self.assertRaises(troupe.Cancelled):
            call.result()
        call.cancel()  # which is late, and fine
        with self.assertRaises(RuntimeError):
            self.client.call("echo")
        self.assertIsNone(self.client.next_message())
        with troupe.Client(self.served.ipc) as other:  # it has said good-bye
            until(lambda: other.tree()["capabilities"][0]["pending"] == 0)


class Actors(NodeCase):
    def setUp(self):
        self.served = self.node(ECHO, {"actor": "room", "worker": {"module": "echo"}},
                                listen=None, start=False)
        self.served.config["listen"] = [{"endpoint": self.served.ipc, "actors": ["room", "nobody"]}]
        self.served.write()
        self.served.start()
        self.client = troupe.Client(self.served.ipc, timeout=LONG, messages=True)
        self.addCleanup(self.client.close)

    def test_messages(self):
        self.client.send("room", "no word about it")
        self.client.send("room", "with one", confirm=True, urgent=True)
        with self.assertRaises(troupe.Forbidden):
            self.client.send("secret", "x", confirm=True)
        with self.assertRaises(troupe.TooLarge):
            self.client.send("room", ["x"] * 65)
        with self.assertRaises(ValueError):
            self.client.send("", "x")
        self.assertIsNone(self.client.next_message(0.01))

    def test_monitors(self):
        monitor = self.client.monitor("room")
        ended = threading.Event()
        monitor.add_done_callback(lambda one: ended.set())
        self.client.send("room", "x", confirm=True)
        with self.assertRaises(concurrent.futures.TimeoutError):
            monitor.result(0.01)
        self.assertFalse(monitor.done())
        with troupe.Client(self.served.ipc) as operator:
            operator.admin("restart", "room")
        self.assertEqual(monitor.result(LONG)[:3], ("room", "shutdown", None))
        self.assertTrue(ended.wait(LONG))

    def test_monitors_that_end_otherwise(self):
        with self.assertRaises(troupe.Forbidden):
            self.client.monitor("secret").result(LONG)
        with self.assertRaises(ValueError):
            self.client.monitor("")
        self.assertEqual(self.client.monitor("nobody").result(LONG), ("nobody", "gone", None, ""))
        taken_back = self.client.monitor("room")
        taken_back.cancel()
        with self.assertRaises(troupe.Cancelled):
            taken_back.result(LONG)
        taken_back.cancel()
        closed = self.client.monitor("room")
        self.client.close()
        with self.assertRaises(troupe.Cancelled):
            closed.result(LONG)
        with self.assertRaises(RuntimeError):
            self.client.monitor("room")

    def test_a_monitor_of_a_node_that_is_lost(self):
        monitor = self.client.monitor("room")
        self.client.send("room", "x", confirm=True)
        self.served.kill(signal.SIGKILL)
        self.served.wait()
        with self.assertRaises(troupe.WorkerLost):
            monitor.result(LONG)

    def test_how_an_end_is_shown(self):
        for told, shown in ((("a", "shutdown"), "shutdown"),
                            (("a", "failed", None, "no model"), "failed: no model"),
                            (("a", "crashed", 11), "crashed (11)"),
                            (("a", "exited", 1, "x"), "exited (1): x")):
            self.assertEqual(str(troupe.Down(*told)), shown)

    def test_questions(self):
        with self.assertRaises(troupe.Forbidden):
            self.client.ask("secret", "x")
        with self.assertRaises(troupe.TroupeError):  # echo answers nobody
            self.client.ask("room", "x", timeout=0.2)


class Restarts(NodeCase):
    """The node goes, and comes back."""

    def test_what_was_under_way_is_lost_and_new_calls_work(self):
        served = self.node(ECHO)
        with troupe.Client(served.ipc, timeout=LONG) as client:
            call = client.start("echo", "60000", method="sleep")
            until(lambda: client.tree()["capabilities"][0]["pending"] == 1)
            served.kill(signal.SIGKILL)
            served.wait()
            with self.assertRaises(troupe.WorkerLost):
                call.result(LONG)
            waiting = client.start("echo", "I can wait", method="echo")
            served.start()
            self.assertEqual(waiting.result(LONG), b"I can wait")
            self.assertEqual(client.call("echo", "again", method="echo"), b"again")

    def test_a_client_may_be_there_first(self):
        served = self.node(ECHO, start=False)
        with troupe.Client(served.tcp, timeout=LONG) as client:
            call = client.start("echo", "early", method="echo")
            served.start()
            self.assertEqual(call.result(LONG), b"early")

    def test_without_a_node_a_call_ends_at_its_deadline(self):
        served = self.node(ECHO, start=False)
        for endpoint in (served.ipc, served.tcp):
            with troupe.Client(endpoint) as client:
                with self.assertRaises(troupe.Timeout):
                    client.call("echo", timeout=0.2)

    def test_a_node_that_drains(self):
        served = self.node(ECHO)
        with troupe.Client(served.ipc, timeout=LONG) as client:
            call = client.start("echo", "500", method="sleep")
            until(lambda: client.tree()["capabilities"][0]["pending"] == 1)
            served.kill()
            served.wait_line("event=node_draining")
            until(lambda: client._calls.is_draining or call.done())
            call.result(LONG)  # what had been taken is finished
            served.wait()

    def test_a_node_that_hangs_is_given_up(self):
        served = self.node(ECHO)
        with troupe.Client(served.ipc, timeout=LONG, heartbeat=0.3) as client:
            client.call("echo", "x", method="echo")
            served.kill(signal.SIGSTOP)
            try:
                with self.assertRaises(troupe.WorkerLost):
                    client.call("echo", "60000", method="sleep")
            finally:
                served.kill(signal.SIGCONT)
            self.assertEqual(client.call("echo", "x", method="echo"), b"x")

    def test_a_client_that_is_silent_keeps_its_connection(self):
        served = self.node(ECHO)
        with troupe.Client(served.ipc, timeout=LONG, heartbeat=0.3) as client:
            call = client.start("echo", "3000", method="sleep")
            call.result()  # ten intervals long


class Endpoints(unittest.TestCase):
    def test_messages_do_not_pile_up(self):
        with troupe.Client("ipc:///tmp/no-such-node.sock") as client:
            with self.assertRaises(troupe.Overloaded):
                for _ in range(1000000):
                    client.send("room", "x")

    def test_one_that_is_none(self):
        with troupe.Client("nonsense") as client:
            with self.assertRaises(troupe.Timeout) as caught:
                client.call("echo", timeout=0.1)
            self.assertIn("nonsense: Invalid argument", caught.exception.text)

    def test_a_key_without_the_nodes(self):
        with self.assertRaises(ValueError):
            troupe.Client("ipc:///tmp/x", key="x" * 40)


class Keys(unittest.TestCase):
    """By CURVE, with a node that is nothing but a socket here."""

    def setUp(self):
        from zmq.auth.thread import ThreadAuthenticator
        self.context = zmq.Context()
        self.guard = ThreadAuthenticator(self.context)
        self.guard.start()
        self.public, self.secret = zmq.curve_keypair()
        self.mine, self.my_secret = zmq.curve_keypair()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.curve_server = True
        self.socket.curve_publickey, self.socket.curve_secretkey = self.public, self.secret
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.addCleanup(self.context.destroy, linger=0)
        self.addCleanup(self.guard.stop)

    def answer(self):
        """Reply to the first request, as a node would."""
        while True:
            if not self.socket.poll(LONG * 1000):
                return
            peer, frame, *payload = self.socket.recv_multipart()
            command = troupe.wire.decode(frame)
            if command.name == "request":
                self.socket.send_multipart([peer, troupe.wire.encode("reply", command.id),
                                            *payload])
                return

    def test_who_has_the_keys_comes_in(self):
        self.guard.configure_curve(location=zmq.auth.CURVE_ALLOW_ANY)
        node = threading.Thread(target=self.answer, daemon=True)
        node.start()
        with troupe.Client(self.endpoint, key=self.my_secret, server_key=self.public.decode(),
                           timeout=LONG) as client:
            self.assertEqual(client.call("echo", "secret"), b"secret")
        node.join(LONG)

    def test_a_key_that_is_not_known_is_forbidden(self):
        class Nobody:
            def callback(self, domain, key):
                return False

        self.guard.configure_curve_callback(credentials_provider=Nobody())
        with troupe.Client(self.endpoint, server_key=self.public, timeout=LONG) as client:
            with self.assertRaises(troupe.Forbidden):
                client.call("echo", "let me in")

    def test_who_comes_without_curve_is_told(self):
        # Which side hangs up first is chance, and whether the other then learns why.
        with troupe.Client(self.endpoint, timeout=2) as client:
            with self.assertRaises((troupe.Forbidden, troupe.Timeout)) as caught:
                client.call("echo", "let me in")
        self.assertIn("CURVE", caught.exception.text)

    def test_keys_from_files(self):
        from troupe import keys
        import tempfile
        import zmq.auth
        with tempfile.TemporaryDirectory() as folder:
            public_file, secret_file = zmq.auth.create_certificates(folder, "alice")
            public, secret = zmq.auth.load_certificate(secret_file)
            self.assertEqual(keys.public_key(public_file), public)
            self.assertEqual(keys.key_pair(secret_file), (public, secret))
            with self.assertRaises(ValueError):
                keys.key_pair(public_file)
        self.assertEqual(len(keys.key_pair(None)[0]), 40)


if __name__ == "__main__":
    unittest.main()
