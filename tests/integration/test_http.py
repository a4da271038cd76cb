"""A node as those see it who look over HTTP: scrapers, probes, people; and those who mean no good.

The node is the real command. $TROUPE_BIN names it, $TROUPE_MODULE_PATH where the module `echo`
is. What the metrics say is compared with what a peer counted, to the unit.
"""

import base64
import collections
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import msgpack  # noqa: F401
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, Node, Peer, free_port, run_troupe

REQUESTS = int(os.environ.get("TROUPE_COUNTED_REQUESTS", "100000"))
WINDOW = 500
METRICS_PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs",
                            "metrics.md")
LATER = {"troupe_worker_restarts_total", "troupe_worker_evictions_total"}  # begin with the first


def pool(name="echo", n=2, **more):
    child = {"capability": name, "worker": {"module": "echo"}, "workers": {"min": n, "max": n}}
    child.update(more)
    return child


class Metrics:
    """What a scrape gave: {name: {frozenset of labels: value}}, and the families' types."""

    SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
    LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
        self.samples = collections.defaultdict(dict)
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = self.SAMPLE.match(line).groups()
                key = frozenset(self.LABEL.findall(labels or ""))
                assert key not in self.samples[name], line
                self.samples[name][key] = float(value)

    def value(self, name, **labels):
        return self.samples[name][frozenset(labels.items())]

    def outcomes(self, capability):
        return {dict(key)["outcome"]: int(value)
                for key, value in self.samples["troupe_requests_total"].items()
                if dict(key)["capability"] == capability and value}

    def labels(self, family):
        names = [family, family + "_count"]
        return {frozenset(key for key, _ in labels) for name in names
                for labels in self.samples.get(name, {})}


class HttpTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="troupe-http-")
        self.context = zmq.Context()
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(self.context.destroy, 0)

    def node(self, *children, wait=True, port=None, **top):
        self.port = port or free_port()
        node = Node({"children": list(children)}, folder=tempfile.mkdtemp(dir=self.folder),
                    http=f"127.0.0.1:{self.port}", **top)
        self.addCleanup(node.end)
        return node.start(wait)

    def peer(self, node, **options):
        peer = Peer(self.context, node.tcp, **options)
        self.addCleanup(peer.close)
        return peer

    def get(self, path, method="GET", headers=None):
        """(status, body, headers)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())
        finally:
            connection.close()

    def metrics(self):
        status, text, headers = self.get("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return Metrics(text)

    def until_metric(self, value, name, **labels):
        """A gauge is set at the end of its owner's turn, when others may know already."""
        until = time.monotonic() + LONG
        while self.metrics().value(name, **labels) != value:
            self.assertLess(time.monotonic(), until, (name, labels))

    def assert_says(self, path, status, *lines):
        got = self.get(path)
        self.assertEqual(got[0], status, got[1])
        for line in lines:
            self.assertIn(line, got[1])

    def until(self, path, status):
        """Look until it says so; each look is a call, so nothing spins."""
        until = time.monotonic() + LONG
        while True:
            got = self.get(path)
            if got[0] == status:
                return got[1]
            self.assertLess(time.monotonic(), until, got)

    def until_it_says(self, path, status, text):
        until = time.monotonic() + LONG
        while True:
            said = self.until(path, status)
            if text in said:
                return said
            self.assertLess(time.monotonic(), until, said)

    def ended(self, node, code=0):
        self.assertEqual(node.wait(), code, node.text())


class Endpoints(HttpTest):
    def test_empty_node(self):
        self.node()
        self.assert_says("/healthz", 200, "alive")
        self.assert_says("/v2/health/live", 200, "alive")
        self.assert_says("/readyz", 200, "ready")
        self.assert_says("/readyz?any", 200, "ready")
        self.assert_says("/v2/health/ready", 200, "ready")
        self.assert_says("/readyz/echo", 404, "there is no capability echo")
        self.assert_says("/v2/models/echo/ready", 404)
        self.assert_says("/nothing", 404)
        state = json.loads(self.get("/state")[1])
        self.assertEqual((state["capabilities"], state["reasons"]), ([], []))

    def test_ready_and_resting(self):
        self.node(pool("busy"), pool("resting", workers={"min": 0, "max": 2}))
        for path in ("/readyz", "/readyz/busy", "/readyz/resting", "/v2/models/resting/ready"):
            self.assert_says(path, 200, "ready")

    def test_starting(self):
        """Who looks sees a node whose first workers load, before there is anything to call."""
        node = self.node(pool("first", isolation="process", shutdown="100ms",
                              worker={"module": "echo", "args": {"init-ms": 600000}}),
                         pool("second"), wait=False)
        node.wait_line("event=listening http=")
        why = self.until_it_says("/readyz", 503, "first is loading")
        self.assertEqual(why.splitlines(), ["the node is starting",
                                            "first is loading: no worker is ready yet",
                                            "second is waiting"])
        self.assert_says("/readyz?any", 503, "the node is starting")
        self.assert_says("/readyz/first", 503, "the node is starting")
        self.assert_says("/healthz", 200, "alive")
        self.assertEqual(json.loads(self.get("/state")[1])["state"], "starting")
        self.assertIn("troupe_node_info", self.get("/metrics")[1])
        self.assertNotIn("event=node_ready", node.text())
        node.kill()
        self.ended(node)

    def test_is_seen_to_the_end(self):
        """Behind it are only those who are asked, so it goes after all that it shows."""
        node = self.node(pool(), wait=True)
        node.kill()
        self.ended(node)
        ends = [line for line in node.lines if "event=ended" in line]
        gone = {name: at for at, line in enumerate(ends)
                for name in re.findall(r" child=(troupe\.\S+)", line)}
        order = ["troupe.gateway", "troupe.tree", "troupe.http", "troupe.governor",
                 "troupe.admin"]
        self.assertEqual(sorted(gone, key=gone.get), order, node.text())

    def test_loading(self):
        """A worker that fell twice is away for long: what comes waits, until no more may."""
        node = self.node(pool(n=1, isolation="process", queue={"limit": 1},
                              backoff={"min": "60s", "max": "60s"}))
        peer = self.peer(node)
        for _ in range(2):
            self.assertEqual(peer.call("echo", "exit", b"3")[0], "worker_lost")
        self.assertEqual(node.capability("echo")["state"], "loading")
        self.assert_says("/readyz", 200)
        peer.request("echo", "echo", b"x")
        why = self.until("/readyz/echo", 503)
        self.assertIn("echo is loading, and its queue is full", why)
        self.assertEqual(len(why.splitlines()), 1)

    def test_unavailable(self):
        self.node(pool("good"), pool("bad", n=1, worker={"command": ["false"]},
                                     intensity={"restarts": 0, "period": "10s"},
                                     backoff={"min": "30s", "max": "30s"}))
        why = self.until("/readyz", 503)
        self.assertRegex(why, r"^bad is unavailable: bad/1 exited: status 1[^\n]*\n$")
        self.assert_says("/readyz/bad", 503, "bad is unavailable")
        self.assert_says("/readyz/good", 200)
        self.assert_says("/readyz?any", 200)
        self.assert_says("/v2/models/bad/ready", 503)
        self.assert_says("/healthz", 200)

    def test_breaker(self):
        node = self.node(pool(n=1, breaker={"failures": 2, "cooldown": "60s", "probes": 1}))
        peer = self.peer(node)
        for _ in range(2):
            self.assertEqual(peer.call("echo", "fail", b"no")[0], "worker_error")
        why = self.until("/readyz", 503)
        self.assertIn("echo is unavailable: the circuit breaker is open", why)
        self.until_metric(1, "troupe_circuit_state", capability="echo")

    def test_draining(self):
        node = self.node(pool(n=1))
        peer = self.peer(node)
        peer.request("echo", "sleep", b"60000", **{"timeout": 60000})
        self.wait_pending(node, 1)
        node.kill(signal.SIGTERM)
        self.assertEqual(self.until("/readyz", 503), "the node is draining\n")
        self.assert_says("/readyz/echo", 503, "the node is draining")
        self.assert_says("/readyz?any", 503, "the node is draining")
        self.assert_says("/healthz", 200)
        self.assertEqual(json.loads(self.get("/state")[1])["state"], "draining")
        node.kill(signal.SIGTERM)
        self.ended(node)

    def wait_pending(self, node, count):
        until = time.monotonic() + LONG
        while node.capability("echo")["pending"] != count:
            self.assertLess(time.monotonic(), until)

    def test_state_is_what_the_command_prints(self):
        """A worker that has had nothing to do becomes idle; then nothing changes any more."""
        node = self.node(pool(), pool("resting", workers={"min": 0, "max": 1}),
                         {"supervisor": "inner", "strategy": "rest_for_one", "children": [
                             pool("within", n=1), {"actor": "a", "worker": {"module": "echo"}}]})

        def settled(state):
            for key in ("measured", "charged"):
                state["memory"][key] = type(state["memory"][key]).__name__
            return state

        until = time.monotonic() + LONG
        while True:
            seen = settled(json.loads(self.get("/state")[1]))
            printed = settled(node.tree())
            again = settled(json.loads(self.get("/state")[1]))
            if seen == again:
                break
            self.assertLess(time.monotonic(), until)
        self.assertEqual(seen, printed)
        self.assertEqual(list(seen), list(printed))  # the order of the keys too
        self.assertEqual([one["name"] for one in seen["capabilities"]],
                         ["echo", "resting", "within"])

    def test_deep_tree(self):
        """Deeper than a general reader of msgpack goes."""
        tree = pool("deep", n=1)
        for level in range(25):
            tree = {"supervisor": f"level{level}", "children": [tree]}
        self.node(tree)
        self.assert_says("/readyz/deep", 200)
        state = json.loads(self.get("/state")[1])["tree"]
        for _ in range(26):
            state = state["children"][0]
        self.assertEqual(state["name"], "deep")

    def test_dashboard(self):
        self.node(pool())
        status, page, headers = self.get("/")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Cache-Control"], "no-store")
        policy = headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for element in ("script", "style"):
            body = re.search(rf"<{element}>(.*?)</{element}>", page, re.S).group(1)
            digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
            self.assertIn(f"{element}-src 'sha256-{digest}'", policy)
        self.assertIsNone(re.search(r"https?://|//\w+\.\w+/|\ssrc=|\sstyle=|\son\w+=", page))

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            node = self.node(pool(), wait=False, port=port)
            self.ended(node, 1)
            self.assertRegex(node.text(), r"node\.yaml:\d+:\d+: error: cannot listen on "
                             rf"127\.0\.0\.1:{port}: Address already in use")
        self.assertNotIn("event=started", node.text())


class Robustness(HttpTest):
    def test_methods(self):
        self.node(pool())
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
            status, _, headers = self.get("/metrics", method)
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"), method)
        status, body, headers = self.get("/metrics", "HEAD")
        self.assertEqual((status, body), (200, ""))
        self.assertGreater(int(headers["Content-Length"]), 1000)

    def test_paths(self):
        self.node(pool())
        for path in ("/..//", "/%00", "/metrics%00", "//metrics", "/./metrics", "/readyz/%65cho",
                     "/readyz/" + "x" * 4000, "/state/", "/%2e%2e/%2e%2e/etc/passwd",
                     "/metrics;a=b", "/METRICS"):
            self.assertEqual(self.get(path)[0], 404, path)
        self.assertEqual(self.get("/healthz?x=%zz&&&=&any")[0], 200)

    def test_hosts(self):
        self.node(pool())
        for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", ""):
            self.assertIn(self.get("/state", headers={"Host": host})[0], (400, 403), host)
        for host in ("localhost", f"localhost:{self.port}", "127.0.0.1", "10.0.0.7:8670",
                     "[::1]:80", socket.gethostname()):
            self.assertEqual(self.get("/state", headers={"Host": host})[0], 200, host)

    def raw(self, text=b"", seconds=LONG):
        link = socket.create_connection(("127.0.0.1", self.port), seconds)
        self.addCleanup(link.close)
        link.sendall(text)
        return link

    def test_garbage(self):
        node = self.node(pool())
        for text in (b"\0" * 5000, b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"\xff" * 100 + b"\r\n\r\n",
                     b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 50000 + b"\r\n",
                     b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: -1\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            try:
                link = self.raw(text)
                link.shutdown(socket.SHUT_WR)
                while link.recv(65536):
                    pass
            except OSError:
                pass  # it hung up on us
            self.assert_says("/healthz", 200)
        self.assertEqual(self.peer(node).call("echo", "echo", b"x")[2], [b"x"])

    def test_too_many_connections(self):
        """Who holds all connections shuts out others who look, and nobody who works."""
        node = self.node(pool())
        links = []
        with self.assertRaises(TimeoutError):  # there is no room in the line of those who wait
            for _ in range(1000):
                links.append(self.raw(b"GET /metr", seconds=1))
        peer = self.peer(node)
        for i in range(100):
            self.assertEqual(peer.call("echo", "echo", b"%d" % i)[2], [b"%d" % i])
        self.assertEqual(node.capability("echo")["finished"], 100)
        self.assertLess(len(os.listdir(f"/proc/{node.process.pid}/fd")), 250)
        for link in links:
            link.close()
        self.assert_says("/healthz", 200)
        self.assertEqual(self.metrics().outcomes("echo"), {"ok": 100})
        node.kill()
        self.ended(node)

    def test_stops_with_clients(self):
        node = self.node(pool())
        links = [self.raw(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(20)]
        links += [self.raw(b"GET /re") for _ in range(20)]
        node.kill()
        for link in links:
            try:
                while link.recv(65536):
                    pass
            except OSError:
                pass
        self.ended(node)


class Counting(HttpTest):
    def described(self):
        """{family: (type, labels)}, as docs/metrics.md has them."""
        with open(METRICS_PAGE, encoding="utf-8") as file:
            rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", file.read(), re.M)
        return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}

    def test_families(self):
        """Everything that is described is there, with the type and the labels that are told."""
        node = self.node(pool(n=1, backoff={"min": "1ms", "max": "1ms"}, isolation="process"),
                         {"actor": "audit", "worker": {"module": "echo"}})
        self.peer(node).call("echo", "exit", b"3")
        described = self.described()
        metrics = self.metrics()
        for family, kind in metrics.types.items():
            self.assertEqual(described[family][0], kind, family)
            self.assertEqual(metrics.labels(family), {frozenset(described[family][1])}, family)
        self.assertEqual(set(described) - set(metrics.types) - LATER, set())
        self.assertEqual(metrics.value("troupe_node_info", version=self.version()), 1)
        start = metrics.value("process_start_time_seconds")
        self.assertLess(abs(metrics.value("troupe_node_start_time_seconds") - start), LONG)
        self.assertEqual(self.metrics().value("process_start_time_seconds"), start)

    def version(self):
        return re.search(r"\d+\.\d+\.\d+", run_troupe("--version").stdout).group()

    def test_a_parser_agrees(self):
        if not shutil.which("promtool"):
            self.assertNotIn("CI", os.environ, "promtool is missing")
            self.skipTest("no promtool")
        node = self.node(pool(), pool("odd.name-1", n=1))
        peer = self.peer(node)
        peer.call("echo", "parts", b"3 10")
        peer.call("echo", "fail", b"\"\\\n")
        check = subprocess.run(["promtool", "check", "metrics"], input=self.metrics().text,
                               text=True, capture_output=True, timeout=LONG)
        self.assertEqual((check.returncode, check.stdout + check.stderr), (0, ""))

    def test_workers_by_state(self):
        node = self.node(pool(n=3), pool("resting", workers={"min": 0, "max": 1}))
        peer = self.peer(node)
        for _ in range(2):
            peer.request("echo", "sleep", b"60000")
        until = time.monotonic() + LONG
        while True:
            metrics = self.metrics()
            workers = {dict(key)["state"]: value for key, value in
                       metrics.samples["troupe_workers"].items() if value}
            if workers == {"processing": 2, "idle": 1}:
                break
            self.assertLess(time.monotonic(), until, workers)
        self.until_metric(2, "troupe_pending", capability="echo")
        self.assertEqual(metrics.value("troupe_workers", capability="resting", state="idle"), 0)

    def test_pings_and_peers(self):
        node = self.node(pool(n=1, health={"interval": "20ms"}))
        self.peer(node)
        until = time.monotonic() + LONG
        while self.metrics().value("troupe_health_pings_total", result="ok") < 5:
            self.assertLess(time.monotonic(), until)
        self.until_metric(1, "troupe_gateway_peers")

    def test_restarts(self):
        node = self.node(pool(n=1, isolation="process", backoff={"min": "1ms", "max": "1ms"}))
        self.peer(node).call("echo", "exit", b"3")
        until = time.monotonic() + LONG
        while self.metrics().samples["troupe_worker_restarts_total"] != {
                frozenset({("capability", "echo"), ("reason", "exited")}): 1}:
            self.assertLess(time.monotonic(), until)

    def answers(self, peer, requests):
        """Ask all of them, some at once; how many ended how."""
        counted = collections.Counter()
        window = collections.deque()
        for words, headers in requests:
            window.append(peer.request(*words, **headers))
            if len(window) == WINDOW:
                counted[peer.final(window.popleft())[0]] += 1
        while window:
            counted[peer.final(window.popleft())[0]] += 1
        return counted

    def test_every_request_is_counted_once(self):
        """Those that run, those that fail, those that expire or are cancelled waiting, those
        that expire or are cancelled running, and those that are refused."""
        few = max(20, REQUESTS // 1000)
        node = self.node(
            pool("echo", n=2, queue={"limit": 2 * WINDOW}),
            pool("runs", n=1, workers={"min": 1, "max": 1, "concurrency": 2 * few},
                 queue={"limit": 10 * few}, health={"overrun": "300s"}),
            pool("waits", n=1, queue={"limit": 10 * few}, health={"overrun": "300s"}),
            pool("full", n=1, queue={"limit": 1}, health={"overrun": "300s"}))
        peer = self.peer(node, bundle=1 << 20)
        expected = {}

        n_fails = REQUESTS // 10
        expected["echo"] = self.answers(peer, (
            (("echo", "fail" if i % 10 == 0 else "echo", b"x"), {"timeout": 600000})
            for i in range(REQUESTS)))
        self.assertEqual(expected["echo"], {"ok": REQUESTS - n_fails, "worker_error": n_fails})

        # The first holds the worker; nobody else is ever given to one.
        blocker = {name: peer.request(name, "sleep", b"600000", timeout=600000)
                   for name in ("waits", "full")}
        self.wait_pending(node, "waits", 1)
        self.wait_pending(node, "full", 1)
        expected["waits"] = self.answers(peer, (
            (("waits", "echo", b"x"), {"timeout": 1}) for _ in range(few)))
        self.assertEqual(expected["waits"], {"timeout": few})
        cancelled = [peer.request("waits", "echo", b"x", timeout=600000) for _ in range(few)]
        for number in cancelled:
            peer.cancel(number)
        expected["waits"] += collections.Counter(peer.final(number)[0] for number in cancelled)

        waiting = peer.request("full", "echo", b"x", timeout=600000)
        expected["full"] = self.answers(peer, (
            (("full", "echo", b"x"), {"timeout": 600000}) for _ in range(few)))
        self.assertEqual(expected["full"], {"overloaded": few})
        for number in (blocker["full"], waiting, blocker["waits"]):
            peer.cancel(number)
        for name, number in (("full", blocker["full"]), ("full", waiting),
                             ("waits", blocker["waits"])):
            expected[name][peer.final(number)[0]] += 1

        # A worker of this one takes all of them at once, though it runs one.
        running = [peer.request("runs", "sleep", b"600000", timeout=600000) for _ in range(few)]
        self.wait_pending(node, "runs", few)
        for number in running:
            peer.cancel(number)
        expected["runs"] = collections.Counter(peer.final(number)[0] for number in running)
        self.assertEqual(expected["runs"], {"cancelled": few})

        metrics = self.metrics()
        self.assertEqual({name: metrics.outcomes(name) for name in expected},
                         {name: dict(counts) for name, counts in expected.items()})
        dispatched = {"echo": REQUESTS, "waits": 1, "full": 1, "runs": few}
        for family in ("troupe_request_duration_seconds", "troupe_queue_duration_seconds"):
            for name, count in dispatched.items():
                self.assertEqual(metrics.value(family + "_count", capability=name), count,
                                 (family, name))
                self.assert_is_histogram(metrics, family, name)
        for name in expected:
            self.until_metric(0, "troupe_queue_depth", capability=name)
            self.assertEqual(metrics.value("troupe_first_part_duration_seconds_count",
                                           capability=name), 0)

    def assert_is_histogram(self, metrics, family, name):
        buckets = sorted(
            (float(dict(key)["le"]), value)
            for key, value in metrics.samples[family + "_bucket"].items()
            if dict(key)["capability"] == name)
        counts = [value for _, value in buckets]
        self.assertEqual(counts, sorted(counts))
        self.assertEqual(buckets[-1], (float("inf"),
                                       metrics.value(family + "_count", capability=name)))
        total = metrics.value(family + "_sum", capability=name)
        low = sum((count - before) * bound for (bound, count), before, in zip(
            [(0, buckets[0][1])] + [(buckets[i][0], buckets[i + 1][1])
                                    for i in range(len(buckets) - 1)],
            [0] + counts[:-1]))
        self.assertGreaterEqual(total, low)

    def wait_pending(self, node, name, count):
        until = time.monotonic() + LONG
        while node.capability(name)["pending"] != count:
            self.assertLess(time.monotonic(), until, name)

    def test_parts_are_timed(self):
        node = self.node(pool())
        peer = self.peer(node)
        for _ in range(3):
            peer.call("echo", "parts", b"2 10")
        peer.call("echo", "echo", b"x")
        metrics = self.metrics()
        self.assertEqual(metrics.value("troupe_first_part_duration_seconds_count",
                                       capability="echo"), 3)
        self.assertEqual(metrics.value("troupe_request_duration_seconds_count",
                                       capability="echo"), 4)


if __name__ == "__main__":
    unittest.main(verbosity=2)
