"""By CURVE, with a real node: who has a key comes in, and may do what stands beside it."""

import asyncio
import json
import os
import unittest

from kit import ECHO, LONG, NodeCase, Program, until

import troupe
from troupe.aio import AsyncClient


class Keys(NodeCase):
    def setUp(self):
        self.served = self.node(
            ECHO, {"capability": "py", "workers": {"remote": True}}, start=False)
        self.files, self.public = {}, {}
        for name in ("node", "alice", "worker", "stranger"):
            self.make_key(name)
        self.endpoint = self.served.tcp
        self.served.config.update(
            listen=[self.served.ipc, {"endpoint": self.endpoint, "security": "curve"}],
            security={"key": self.files["node"], "peers": [
                {"name": "alice", "key": self.public["alice"], "call": ["echo", "py"]},
                {"name": "worker", "key": self.public["worker"], "call": [], "offer": ["py"]}]})
        # A text from the environment begins with a dollar there, and a key may have one.
        self.served.write()
        with open(self.served.file, encoding="utf-8") as file:
            text = file.read()
        with open(self.served.file, "w", encoding="utf-8") as file:
            file.write(text.replace("$", "$$"))
        self.served.start()

    def make_key(self, name):
        from node_kit import run_troupe
        self.files[name] = os.path.join(self.served.folder, name + ".key")
        made = run_troupe("keygen", name, "-o", self.files[name], "--json")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.public[name] = json.loads(made.stdout)["public_key"]

    def client(self, name, **options):
        client = troupe.Client(self.endpoint, key=self.files[name],
                               server_key=self.public["node"], timeout=LONG, **options)
        self.addCleanup(client.close)
        return client

    def test_who_is_known_may_what_stands_beside_the_key(self):
        client = self.client("alice")
        self.assertEqual(client.call("echo", "secret", method="echo"), b"secret")
        with self.assertRaises(troupe.Forbidden):
            client.tree()

    def test_who_is_not_known_does_not_come_in(self):
        for client in (self.client("stranger"),
                       troupe.Client(self.endpoint, server_key=self.public["node"], timeout=LONG)):
            with client, self.assertRaises(troupe.Forbidden):
                client.call("echo", "let me in", method="echo")

    def test_who_comes_without_curve_is_told(self):
        # Which side hangs up first is chance, and whether the other then learns why.
        with troupe.Client(self.endpoint, timeout=2) as client:
            with self.assertRaises((troupe.Forbidden, troupe.Timeout)) as caught:
                client.call("echo", "let me in", method="echo")
        self.assertIn("CURVE", caught.exception.text)

    def test_a_worker_with_a_key_and_who_asks_it(self):
        program = Program(self, "--endpoint", self.endpoint, "--key", self.files["worker"],
                          "--server-key", self.public["node"], "py")
        until(lambda: any(one["state"] in ("ready", "idle")
                          for one in self.served.capability("py")["workers"]))
        self.assertEqual(self.client("alice").call("py", method="peer"), b"alice")
        program.process.terminate()
        self.assertEqual(program.wait(), 0)

    def test_a_worker_that_may_not_offer(self):
        program = Program(self, "--endpoint", self.endpoint, "--key", self.files["alice"],
                          "--server-key", self.public["node"], "py")
        self.assertEqual(program.wait(), 1)
        self.assertIn("troupe.outcomes.Forbidden", program.lines[-1])

    def test_with_asyncio(self):
        async def calls(name):
            async with AsyncClient(self.endpoint, key=self.files[name],
                                   server_key=self.public["node"], timeout=LONG) as client:
                return await client.call("echo", "secret", method="echo")

        self.assertEqual(asyncio.run(calls("alice")), b"secret")
        with self.assertRaises(troupe.Forbidden):
            asyncio.run(calls("stranger"))


if __name__ == "__main__":
    unittest.main()
