"""Who comes in, and what he may do there: keys, rights, refusals, and what of it others see.

The peers are pyzmq's, with their own CURVE, and the command, with the library's.
"""

import grp
import json
import os
import pwd
import re
import socket
import stat
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

try:
    import msgpack  # noqa: F401  the kit needs it
    import zmq
    import zmq.auth
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, TROUPE, Node, Peer, free_port, run_troupe

if not zmq.has("curve"):
    print("skipped: no CURVE in this libzmq")
    sys.exit(77)

ECHO = {"capability": "echo", "worker": {"module": "echo"}}
OTHER = {"capability": "other", "worker": {"module": "echo"}}
AFAR = {"capability": "afar", "worker": {"module": "echo"}, "isolation": "process"}
ROOM = {"actor": "room", "worker": {"module": "talking"}}


class Secured(unittest.TestCase):
    """A node with CURVE on tcp; `keygen` makes the keys of all."""

    def setUp(self):
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.waiting = self.context.socket(zmq.PAIR)
        self.node = Node({"children": [ECHO, OTHER, AFAR, ROOM]})
        self.addCleanup(self.node.end)
        self.http = free_port()
        self.public = {name: self.keygen(name) for name in ("node", "alice", "bert", "eve")}
        self.node.config.update({
            "http": f"127.0.0.1:{self.http}",
            "listen": [self.node.ipc, {"endpoint": self.node.tcp, "security": "curve"}],
            "security": {"key": self.file("node"), "peers": [self.entry("alice")]},
        })
        self.node.write()

    def file(self, name):
        return os.path.join(self.node.folder, name + ".key")

    def keygen(self, name):
        result = run_troupe("keygen", name, "-o", self.file(name), "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)["public_key"]

    def entry(self, name, key=None, **more):
        return {"name": name, "key": self.public[key or name].replace("$", "$$"), **more}

    def set_peers(self, *entries):
        self.node.config["security"]["peers"] = list(entries)
        self.node.write()

    def curve(self, name, node_key=None):
        public, secret = zmq.auth.load_certificate(self.file(name))

        def prepare(sock):
            sock.curve_publickey, sock.curve_secretkey = public, secret
            sock.curve_serverkey = (node_key or self.public["node"]).encode()
        return prepare

    def peer(self, name=None, node_key=None, endpoint=None, routing_id=None, **options):
        def prepare(sock):
            if name:
                self.curve(name, node_key)(sock)
            if routing_id:
                sock.routing_id = routing_id
        peer = Peer(self.context, endpoint or self.node.tcp, prepare=prepare, **options)
        self.addCleanup(peer.close)
        return peer

    def newcomer(self, name=None, **options):
        """One that comes again until it is let in: what a reload brings the doorkeeper hears a
        moment later, and libzmq takes a routing id when it knows that whoever had it has gone."""
        until = time.monotonic() + LONG
        while time.monotonic() < until:
            peer = self.peer(name, greets=False, **options)
            peer.send("hello", 0, {"heartbeat": 0})
            if peer.socket.poll(500):
                peer.take("hello")
                return peer
            peer.close()
        raise AssertionError(f"{name} is not let in:\n{self.node.text()}")

    def stranger(self, name=None, node_key=None):
        """One that is not let in; it goes on trying."""
        peer = self.peer(name, node_key, greets=False)
        peer.send("hello")
        return peer

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=LONG) as page:
            text = page.read().decode()
        found = re.search(rf"^{re.escape(name)} (\d+)$", text, re.M)
        return int(found[1]) if found else 0

    def told(self, pattern):
        return [line for line in self.node.lines if re.search(pattern, line)]

    def reload(self, *lines):
        """`troupe reload` prints these lines."""
        result = self.node.run("reload")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout.splitlines(), list(lines))

    def troupe(self, *words, key="alice", node_key="", **environment):
        given = ["--key", self.file(key), "--server-key", node_key or self.public["node"]]
        return subprocess.run([TROUPE, *words, "-e", self.node.tcp, *(given if key else [])],
                              capture_output=True, text=True, timeout=LONG,
                              stdin=subprocess.DEVNULL, env={**os.environ, **environment})


class Entry(Secured):
    def test_who_has_a_known_key_comes_in_by_his_name(self):
        self.node.start()
        alice = self.peer("alice")
        self.assertEqual(alice.call("echo", data=b"hello"), ("ok", {}, [b"hello"]))
        self.assertEqual(alice.call("echo", "peer"), ("ok", {}, [b"alice"]))
        self.assertEqual(alice.call("afar", "peer"), ("ok", {}, [b"alice"]))
        self.node.wait_line(r"level=info event=peer_came peer=\d+ name=alice address=127.0.0.1 "
                            rf"endpoint={self.node.tcp} dialect=trp1")
        near = self.peer(endpoint=self.node.ipc)
        self.assertEqual(near.call("echo", "peer"), ("ok", {}, [b""]))
        self.assertEqual(self.metric('troupe_gateway_refused_total{why="key"}'), 0)

    def assert_refused(self, why, line, *who):
        """Counted each time, and told once. Some give up at the first word of the node, before it
        can say what is wrong with them: then others come."""
        metric = f'troupe_gateway_refused_total{{why="{why}"}}'
        until = time.monotonic() + LONG
        while self.metric(metric) < 3:
            self.assertLess(time.monotonic(), until, self.node.text())
            for _ in range(3):
                self.stranger(*who)
            self.waiting.poll(100)
        self.node.wait_line(f"level=warning event=peer_refused why={why} address=127.0.0.1 "
                            f"endpoint={self.node.tcp} {line}")
        self.assertEqual(len(self.told(f"event=peer_refused why={why} address=127")), 1)

    def test_an_unknown_key(self):
        self.node.start()
        eves = [self.stranger("eve") for _ in range(3)]
        self.assert_refused("key", 'key=.*' + re.escape(self.public["eve"][:6]), "eve")
        self.assertFalse(any(eve.socket.poll(0) for eve in eves))
        self.assertFalse(self.told("event=peer_came"))

    def test_another_key_of_the_node(self):
        self.node.start()
        self.assert_refused("server_key", "", "alice", self.public["eve"])
        self.assertFalse(self.told("event=peer_came"))

    def test_a_plain_peer(self):
        self.node.start()
        self.assert_refused("mechanism", "")
        self.assertFalse(self.told("event=peer_came"))

    def test_others_come_in_while_many_are_refused(self):
        self.node.start()
        for _ in range(20):
            self.stranger("eve")
            self.stranger()
        self.assertEqual(self.peer("alice").call("echo", data=b"x")[0], "ok")

    def test_a_chosen_routing_id_is_no_name(self):
        self.set_peers(self.entry("alice"), self.entry("bert"))
        self.node.start()
        alice = self.peer("alice", routing_id=b"same")
        self.assertEqual(alice.call("echo", "peer")[2], [b"alice"])
        alice.request("echo", "sleep", b"60000")
        self.assertTrue(alice.is_quiet())
        alice.close()
        bert = self.newcomer("bert", routing_id=b"same")
        self.assertEqual(bert.call("echo", "peer")[2], [b"bert"])
        self.node.wait_line("event=peer_came .*name=bert")

    def test_what_is_said_is_not_read_on_the_way(self):
        plain = free_port()
        self.node.config["listen"].append(f"tcp://127.0.0.1:{plain}")
        self.node.write()
        self.node.start()
        secret = b"the combination of the safe"
        for port, name, is_seen in (plain, None, True), (self.node.port, "alice", False):
            with Wiretap(port) as tap:
                peer = self.peer(name, endpoint=f"tcp://127.0.0.1:{tap.port}")
                self.assertEqual(peer.call("echo", data=secret)[2], [secret])
                peer.close()
            self.assertEqual(secret in tap.heard(), is_seen)
            self.assertGreater(len(tap.heard()), 2 * len(secret))


class Wiretap:
    """Passes one connection on to a port of this host, and keeps all that goes by."""

    def __init__(self, port):
        self.target = port
        self.records = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(LONG)
        self.listener.close()

    def _serve(self):
        near, _ = self.listener.accept()
        far = socket.create_connection(("127.0.0.1", self.target))
        back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
        back.start()
        self._pass(near, far)
        back.join(LONG)
        near.close()
        far.close()

    def _pass(self, source, sink):
        while data := self._read(source):
            self.records.append(data)
            sink.sendall(data)
        for end in source, sink:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other thread was first

    @staticmethod
    def _read(source):
        try:
            return source.recv(65536)
        except OSError:
            return b""

    def heard(self):
        return b"".join(self.records)


class Rights(Secured):
    def assert_forbidden(self, peer, outcome, right, what, name="alice"):
        self.assertEqual(outcome[0], "forbidden")
        self.node.wait_line(f"event=peer_forbidden peer=.* name={name} address=127.0.0.1 "
                            f"endpoint={self.node.tcp} right={right} what={what}")
        self.assertEqual(len(self.told(f"event=peer_forbidden .* right={right} what={what}")), 1)

    def test_calls(self):
        self.set_peers(self.entry("alice", call=["ech*"]))
        self.node.start()
        alice = self.peer("alice")
        self.assertEqual(alice.call("echo")[0], "ok")
        for _ in range(3):
            self.assert_forbidden(alice, alice.call("other"), "call", "other")
        self.assertEqual(self.metric('troupe_gateway_forbidden_total{right="call"}'), 3)
        self.assert_forbidden(alice, alice.call("nowhere"), "call", "nowhere")

    def test_operations(self):
        self.set_peers(self.entry("alice"), self.entry("bert", admin=True, call=[]))
        self.node.start()
        alice = self.peer("alice")
        self.assert_forbidden(alice, alice.call("troupe.admin", "tree"), "admin", "troupe.admin")
        bert = self.peer("bert")
        self.assertEqual(bert.call("troupe.admin", "tree")[0], "ok")
        self.assertEqual(bert.call("echo")[0], "forbidden")
        self.assertEqual(self.troupe("tree", key="bert").returncode, 0)
        self.assertEqual(self.metric('troupe_gateway_forbidden_total{right="admin"}'), 1)

    def test_actors(self):
        self.set_peers(self.entry("alice"), self.entry("bert", actors=["ro*"]))
        self.node.start()
        alice = self.peer("alice")
        alice.send("send", 7, {"actor": "room", "confirm": True}, b"quiet")
        self.assert_forbidden(alice, alice.final(7), "actor", "room")
        bert = self.peer("bert")
        bert.send("send", 7, {"actor": "room", "confirm": True}, b"quiet")
        self.assertEqual(bert.final(7)[0], "ok")

    def offer(self, peer, capability):
        peer.send("ready", 0, {"capabilities": [capability]})

    def test_offers(self):
        self.node.config["supervisor"]["children"] += [
            {"capability": name, "workers": {"remote": True}} for name in ("far", "far_off", "near")]
        self.set_peers(self.entry("alice", offer=["far*"]), self.entry("bert"))
        self.node.start()
        bert = self.peer("bert")
        self.offer(bert, "near")  # by default nobody who has a key may offer anything
        self.assert_forbidden(bert, ("forbidden",), "offer", "near", name="bert")
        self.assertEqual(bert.take("error", 0)[2]["code"], "forbidden")
        alice = self.peer("alice")
        self.offer(alice, "far_off")
        self.node.wait_line("event=remote_worker_joined worker=far_off/")
        number = bert.request("far_off", "do", b"it")
        _, given, headers, frames = alice.take("request")
        self.assertEqual((headers["peer"], frames), ("bert", [b"it"]))
        alice.send("reply", given, {}, b"done")
        self.assertEqual(bert.final(number)[2], [b"done"])
        self.assertEqual(self.metric('troupe_gateway_forbidden_total{right="offer"}'), 1)
        self.set_peers(self.entry("alice", offer=["far"]), self.entry("bert"))
        self.reload("security: other offer of alice")
        alice.take("bye")
        self.node.wait_line("event=peer_gone why=.it may not offer any more what it serves")

    def test_of_a_door(self):
        """Who has no key has the rights of where he has come in."""
        plain = f"tcp://127.0.0.1:{free_port()}"
        self.node.config["listen"] = [
            {"endpoint": self.node.ipc}, {"endpoint": plain, "call": ["other"], "admin": True},
            {"endpoint": self.node.tcp, "call": []}]
        self.node.write()
        self.node.start()
        peer = self.peer(endpoint=plain)
        self.assertEqual(peer.call("other")[0], "ok")
        self.assertEqual(peer.call("echo")[0], "forbidden")
        self.assertEqual(peer.call("troupe.admin", "tree")[0], "ok")
        peer = self.peer()
        self.assertEqual(peer.call("other")[0], "forbidden")
        self.assertEqual(peer.call("troupe.admin", "tree")[0], "forbidden")

    def test_of_ipc_may_be_less(self):
        self.node.config["listen"][0] = {"endpoint": self.node.ipc, "admin": False}
        self.node.write()
        self.node.start()
        self.assertEqual(self.peer(endpoint=self.node.ipc).call("troupe.admin", "tree")[0],
                         "forbidden")

    def test_shared_runs_are_not_shared_between_names(self):
        self.set_peers(self.entry("alice"), self.entry("bert"))
        self.node.start()
        numbers = {}
        peers = {name: self.peer(name) for name in ("alice", "bert")}
        for name, peer in peers.items():
            numbers[name] = peer.request("afar", "peer", dedup=b"one")
        for name, peer in peers.items():
            self.assertEqual(peer.final(numbers[name])[2], [name.encode()])


class Reload(Secured):
    def test_a_key_that_is_new(self):
        self.node.start()
        bert = self.stranger("bert")
        self.node.wait_line("event=peer_refused why=key")
        self.set_peers(self.entry("alice"), self.entry("bert"))
        self.reload("security: from now on bert")
        bert.close()
        self.assertEqual(self.newcomer("bert").call("echo", "peer")[2], [b"bert"])

    def test_a_key_that_is_gone(self):
        self.set_peers(self.entry("alice"), self.entry("bert"))
        self.node.start()
        alice, bert = self.peer("alice"), self.peer("bert")
        number = alice.request("echo", "sleep", b"60000")
        self.assertTrue(alice.is_quiet())
        self.set_peers(self.entry("bert"))
        self.reload("security: no more alice")
        alice.take("bye")
        self.node.wait_line("event=peer_gone why=.its key is not known any more. .*name=alice")
        self.assertEqual(bert.call("echo", data=b"x")[0], "ok")
        self.node.wait_line("event=peer_refused why=key .*name=alice")  # it has come again
        self.assertFalse([one for one in alice.kept if one[1] > number], alice.kept)

    def test_another_key_for_the_same_name(self):
        self.node.start()
        alice = self.peer("alice")
        self.set_peers(self.entry("alice", key="bert"))
        self.reload("security: other key of alice")
        alice.take("bye")
        self.assertEqual(self.newcomer("bert").call("echo", "peer")[2], [b"alice"])
        self.node.wait_line("event=peer_refused why=key .*name=alice")

    def test_other_rights(self):
        self.node.start()
        alice = self.peer("alice")
        self.assertEqual(alice.call("echo")[0], "ok")
        self.set_peers(self.entry("alice", call=["other"], admin=True))
        self.reload("security: other call of alice, other admin of alice")
        self.assertEqual(alice.call("echo")[0], "forbidden")
        self.assertEqual(alice.call("other")[0], "ok")
        self.assertEqual(alice.call("troupe.admin", "tree")[0], "ok")

    def test_rights_and_mode_of_a_door(self):
        self.node.start()
        peer = self.peer(endpoint=self.node.ipc)
        self.node.config["listen"][0] = {"endpoint": self.node.ipc, "mode": "0640",
                                         "call": ["other"]}
        self.node.write()
        self.reload(f"listen: other mode at {self.node.ipc}, other call at {self.node.ipc}")
        self.assertEqual(peer.call("echo")[0], "forbidden")
        self.assertEqual(peer.call("other")[0], "ok")
        self.assertEqual(stat.S_IMODE(os.stat(self.node.ipc[6:]).st_mode), 0o640)

    def test_other_security(self):
        self.node.start()
        alice = self.peer("alice")
        self.assertEqual(alice.call("echo")[0], "ok")
        self.node.config["listen"][1] = self.node.tcp
        self.node.write()
        self.reload(f"listen: security curve -> none at {self.node.tcp}, which is opened anew")
        self.assertEqual(self.newcomer().call("echo", "peer")[2], [b""])
        self.node.config["listen"][1] = {"endpoint": self.node.tcp, "security": "curve"}
        self.node.write()
        self.reload(f"listen: security none -> curve at {self.node.tcp}, which is opened anew")
        self.assertEqual(self.newcomer("alice").call("echo", "peer")[2], [b"alice"])

    def test_another_key_of_the_node(self):
        self.node.start()
        self.assertEqual(self.peer("alice").call("echo")[0], "ok")
        self.node.config["security"]["key"] = self.file("eve")
        self.node.write()
        self.reload(f'security: key "{self.file("node")}" -> "{self.file("eve")}"')
        self.assertEqual(
            self.newcomer("alice", node_key=self.public["eve"]).call("echo", "peer")[2],
            [b"alice"])

    def test_another_key_in_the_same_file(self):
        self.node.start()
        self.reload("nothing has changed")
        self.assertEqual(self.peer("alice").call("echo")[0], "ok")
        os.replace(self.file("eve"), self.file("node"))
        self.reload(f'security: another key in "{self.file("node")}"')
        self.assertEqual(
            self.newcomer("alice", node_key=self.public["eve"]).call("echo", "peer")[2],
            [b"alice"])
        self.reload("nothing has changed")

    def test_a_key_that_cannot_be_read_changes_nothing(self):
        self.node.start()
        alice = self.peer("alice")
        self.node.config["security"]["key"] = self.file("eve")
        os.chmod(self.file("eve"), 0o640)
        self.node.write()
        result = self.node.run("reload")
        self.assertEqual(result.returncode, 1)
        self.assertIn("is open to others than its owner", result.stderr)
        self.assertEqual(alice.call("echo")[0], "ok")


class Start(Secured):
    def assert_not_started(self, text):
        self.node.start(wait=False)
        self.assertEqual(self.node.wait(), 1)
        self.assertIn(text, self.node.text())

    def test_a_key_that_is_open_to_others(self):
        os.chmod(self.file("node"), 0o644)
        self.assert_not_started("is open to others than its owner")

    def test_no_key(self):
        os.unlink(self.file("node"))
        self.assert_not_started("No such file")

    def test_half_a_key(self):
        with open(self.file("node"), "w") as file:
            file.write(f'curve\n    public-key = "{self.public["node"]}"\n')
        self.assert_not_started("has no secret key")

    def test_a_network_needs_words(self):
        self.node.config["listen"][1] = f"tcp://0.0.0.0:{self.node.port}"
        self.node.write()
        self.assert_not_started("is open to the network and needs 'security'")

    def test_in_as_many_words(self):
        self.node.config["listen"][1] = {"endpoint": f"tcp://0.0.0.0:{self.node.port}",
                                         "security": "none"}
        self.node.write()
        self.node.start()
        self.node.wait_line("level=warning event=open_to_all endpoint=tcp://0.0.0.0")
        self.assertEqual(self.peer().call("echo")[0], "ok")

    def test_mode_and_owner_of_a_socket_file(self):
        user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
        ids = os.getuid(), os.getgid()
        owner = f"{user}:{group}"
        if os.getuid() == 0:
            owner, ids = "12:34", (12, 34)
        self.node.config["listen"][0] = {"endpoint": self.node.ipc, "mode": "0660",
                                         "owner": owner}
        self.node.write()
        self.node.start()
        info = os.stat(self.node.ipc[6:])
        self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid), (0o660, *ids))
        self.assertEqual(self.peer(endpoint=self.node.ipc).call("echo")[0], "ok")
        self.node.wait_line("event=listening endpoint=ipc")
        self.assertEqual(self.troupe("call", "echo", "-d", "x").returncode, 0)

    def test_an_owner_that_is_not_there(self):
        self.node.config["listen"][0] = {"endpoint": self.node.ipc, "owner": "no-such-one:root"}
        self.node.write()
        self.assert_not_started("there is no user 'no-such-one'")

    def test_a_socket_that_is_served_is_left_alone(self):
        self.node.start()
        other = Node({"children": [ECHO]}, listen=[self.node.ipc])
        self.addCleanup(other.end)
        other.start(wait=False)
        self.assertEqual(other.wait(), 1)
        self.assertIn("another node listens there", other.text())
        self.assertEqual(self.peer(endpoint=self.node.ipc).call("echo")[0], "ok")


class Command(Secured):
    def test_keys_that_fit(self):
        self.node.start()
        result = self.troupe("call", "echo", "-m", "peer", "-d", "x")
        self.assertEqual((result.returncode, result.stdout), (0, "alice"), result.stderr)
        result = self.troupe("call", "echo", "-m", "peer", "-d", "x", key="",
                             TROUPE_KEY=self.file("alice"),
                             TROUPE_SERVER_KEY=self.public["node"])
        self.assertEqual((result.returncode, result.stdout), (0, "alice"), result.stderr)

    def assert_told(self, text, **options):
        """At once, not when the time is over."""
        result = self.troupe("call", "echo", "-d", "x", "--connect-timeout", "1h", **options)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, f"^troupe: forbidden: {self.node.tcp} {text}\n$")

    def test_refusals(self):
        self.node.start()
        self.assert_told("does not know our key", key="eve")
        self.assert_told("hangs up: its key is another than we were told, or it does not want CURVE",
                         node_key=self.public["eve"])
        self.assert_told(".*only who has a key", key="")

    def test_a_node_without_curve(self):
        self.node.config["listen"][1] = self.node.tcp
        self.node.write()
        self.node.start()
        result = self.troupe("call", "echo", "-d", "x", "--connect-timeout", "1h")
        self.assertEqual(result.returncode, 1)
        self.assertIn("forbidden: ", result.stderr)

    def test_a_right_that_is_missing(self):
        self.set_peers(self.entry("alice", call=["other"]))
        self.node.start()
        result = self.troupe("call", "echo", "-d", "x")
        self.assertEqual(result.returncode, 1)
        self.assertIn("forbidden: this peer may not call echo", result.stderr)

    def test_wrong_words(self):
        words = ("call", "echo", "-d", "x", "-e", self.node.tcp)
        result = run_troupe(*words, "--key", self.file("alice"))
        self.assertEqual(result.returncode, 2)
        self.assertIn("--key and --server-key go together", result.stderr)
        result = run_troupe(*words, "--key", self.file("alice"), "--server-key", "short")
        self.assertEqual(result.returncode, 1)
        self.assertIn("must have 40 characters", result.stderr)
        os.chmod(self.file("alice"), 0o604)
        result = run_troupe(*words, "--key", self.file("alice"), "--server-key",
                            self.public["node"])
        self.assertEqual(result.returncode, 1)
        self.assertIn("is open to others", result.stderr)

    def test_keygen(self):
        with open(self.file("alice")) as file:
            before = file.read()
        self.assertEqual(stat.S_IMODE(os.stat(self.file("alice")).st_mode), 0o600)
        result = run_troupe("keygen", "alice", "-o", self.file("alice"))
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        with open(self.file("alice")) as file:
            self.assertEqual(file.read(), before)
        result = run_troupe("keygen", "carla", cwd=self.node.folder)
        public, secret = zmq.auth.load_certificate(self.file("carla"))
        self.assertIn(f'    - name: carla\n      key: "{public.decode()}"\n', result.stdout)
        self.assertNotIn(secret.decode(), result.stdout + result.stderr)
        self.assertEqual(run_troupe("keygen", "not a name").returncode, 2)


class Limits(Secured):
    """What holds for a name holds for all its connections together."""

    def limited(self, **limits):
        self.set_peers(self.entry("alice"), self.entry("bert"))
        self.node.config["supervisor"]["children"] = [
            {**ECHO, "workers": {"min": 4, "max": 4}}]
        self.node.config["listen"][1]["limits"] = limits
        self.node.write()
        self.node.start()

    def test_requests_that_are_open(self):
        self.limited(open=2)
        one, two, other = self.peer("alice"), self.peer("alice"), self.peer("bert")
        held = [(peer, peer.request("echo", "sleep", b"60000")) for peer in (one, two)]
        until = time.monotonic() + LONG
        while self.node.capability("echo")["pending"] < 2:
            self.assertLess(time.monotonic(), until)
        self.assertEqual(one.call("echo", "echo", b"x")[0], "overloaded")
        self.assertEqual(two.call("echo", "echo", b"x")[0], "overloaded")
        self.assertEqual(other.call("echo", "echo", b"x")[0], "ok")
        for peer, number in held:
            peer.cancel(number)
            self.assertEqual(peer.final(number)[0], "cancelled")
        self.assertEqual(two.call("echo", "echo", b"x")[0], "ok")

    def test_requests_in_a_time(self):
        self.limited(rate=1, burst=2)
        ends = [self.peer("alice").call("echo", "echo", b"x") for _ in range(4)]
        self.assertEqual([end[0] for end in ends[:2]], ["ok", "ok"])
        self.assertIn("overloaded", [end[0] for end in ends])
        self.assertEqual(self.peer("bert").call("echo", "echo", b"x")[0], "ok")


if __name__ == "__main__":
    unittest.main()
