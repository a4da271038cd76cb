"""Three models share the room of two: what the stream of events tells of charges and of who gave
way, beside what a client saw. The long form: TROUPE_BUDGET_SECONDS=60."""

import os
import random
import sys
import threading
import time
import unittest

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import Node, Peer

SECONDS = float(os.environ.get("TROUPE_BUDGET_SECONDS", "3"))
MIB = 1 << 20
BUDGET = 700 * MIB
MODELS = {"speech": 400, "vision": 300, "words": 300}
N_CROWD = 4


def model(name, mib):
    return {"capability": name, "worker": {"module": "echo"}, "isolation": "process",
            "memory": f"{mib}MiB", "workers": {"min": 0, "max": 1}}


class Events(threading.Thread):
    """All that is told of memory, in order, by a peer on a thread of its own."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.all = []
        self.context = zmq.Context()
        self.peer = Peer(self.context, endpoint)
        self.must_end = threading.Event()
        self.peer.send("request", 1, {"capability": "troupe.admin", "method": "events",
                                      "credit": 1000000},
                       b"granted charge_released evicting evicted started memory events_shed")
        self.peer.last = 1
        self.peer.call("troupe.admin", "help")  # what was sent before has been read

    def run(self):
        while not self.must_end.is_set():
            one = self.peer.receive(0.05)
            if one and one[0] == "part":
                self.all.append(msgpack.unpackb(one[3][0]))

    def finish(self):
        """What was told until nothing more comes."""
        self.must_end.set()
        self.join()
        self.peer.cancel(1)
        while (one := self.peer.receive()) and one[0] == "part":
            self.all.append(msgpack.unpackb(one[3][0]))
        self.context.destroy(0)
        return self.all


class Budget(unittest.TestCase):
    def setUp(self):
        self.node = Node({"children": [model(*one) for one in MODELS.items()]},
                         memory={"budget": "700MiB", "residency": "20ms"}).start()
        self.addCleanup(self.node.end)
        self.events = Events(self.node.ipc)
        self.events.start()
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)

    def call_at_random(self, seed, outcomes):
        peer = Peer(self.context, self.node.ipc)
        dice = random.Random(seed)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            name = dice.choice(list(MODELS))
            outcomes.append(peer.call(name, "echo", b"x")[0])
        peer.close()

    def sums_are_within_budget(self, events):
        self.assertNotIn("events_shed", [one["event"] for one in events])
        self.assertNotIn("memory_over_budget", [one["event"] for one in events])
        sums = [one["charged"] for one in events if "charged" in one]
        self.assertGreater(len(sums), 0)
        self.assertLessEqual(max(sums), BUDGET)
        charged = 0
        for one in events:
            if one["event"] in ("granted", "charge_released"):
                charged += one["bytes"] if one["event"] == "granted" else -one["bytes"]
                self.assertEqual(one["charged"], charged, one)

    def test_everybody_is_served_within_the_budget(self):
        outcomes = []
        crowd = [threading.Thread(target=self.call_at_random, args=(seed, outcomes))
                 for seed in range(N_CROWD)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        events = self.events.finish()
        self.assertEqual(set(outcomes), {"ok"})
        self.sums_are_within_budget(events)
        for name in MODELS:
            self.assertIn(name, {one["capability"] for one in events
                                 if one["event"] == "evicting" and one["cause"] == "room"})
        print(f"{len(outcomes)} requests ok; "
              f"{sum(one['event'] == 'granted' for one in events)} loads; "
              f"{sum(one['event'] == 'evicted' for one in events)} evicted; at most "
              f"{max(one['charged'] for one in events if 'charged' in one) // MIB} MiB charged")

    def test_the_least_recently_used_gives_way(self):
        """One caller: so it is known at each moment who was used last. Each is kept at work for
        longer than it took to be loaded, so that nobody is spared for being new. Whoever was idle
        for long goes under pressure too, and is loaded again: so the events tell what was loaded
        and who gave way for it, and the caller which of the two others that ought to be."""
        peer = Peer(self.context, self.node.ipc)
        dice = random.Random(7)
        order = list(MODELS)  # the last one was used last
        calls = []  # (name, who of the others was not used for longest, when it was answered)
        end = time.monotonic() + SECONDS
        n_returned = 0  # of those who had given way, if nobody went under pressure
        while time.monotonic() < end or n_returned < 10:
            name = dice.choice(list(MODELS))
            n_returned += name == order[0]
            others = [each for each in order if each != name]
            begin = time.monotonic()
            self.assertEqual(peer.call(name, "sleep", b"3")[0], "ok")  # times are in ms
            calls.append((name, others[0], time.time() * 1000))
            took_ms = int((time.monotonic() - begin) * 1000)
            self.assertEqual(peer.call(name, "sleep", b"%d" % (took_ms + 25))[0], "ok")
            order = [*others, name]
        peer.close()
        events = self.events.finish()
        self.sums_are_within_budget(events)
        gone = [one for one in events if one["event"] == "evicting" and one["cause"] == "room"]
        self.assertGreater(len(gone), 3)
        for one in gone:
            oldest = next(oldest for name, oldest, answered_ms in calls
                          if one["for"].startswith(name) and one["time"] <= answered_ms)
            self.assertEqual(one["capability"], oldest, one)
        print(f"{len(calls)} calls; {len(gone)} gave way, each the least recently used")


if __name__ == "__main__":
    unittest.main(verbosity=2)
