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
GRACE_MS = 100  # an event is told a moment after what it tells of


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

    def call_at_random(self, seed, outcomes, used):
        peer = Peer(self.context, self.node.ipc)
        dice = random.Random(seed)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            name = dice.choice(list(MODELS))
            outcomes.append(peer.call(name, "echo", b"x")[0])
            used.append((int(time.time() * 1000), name))
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
        outcomes, used = [], []
        crowd = [threading.Thread(target=self.call_at_random, args=(seed, outcomes, used))
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
        """One caller: so at each moment it is known who was used last."""
        outcomes, used = [], []
        self.call_at_random(7, outcomes, used)
        events = self.events.finish()
        self.assertEqual(set(outcomes), {"ok"})
        self.sums_are_within_budget(events)
        asked, up = {}, {}  # when its worker was granted its memory, and since when it is up
        n_checked = 0
        for one in events:
            name = one.get("capability") or one.get("child", "").split("/")[0]
            if one["event"] == "granted":
                asked[name] = one["time"]
            elif one["event"] == "started" and one.get("kind") == "worker":
                up[name] = one["time"]
            elif one["event"] == "evicting":
                other = next((each for each in up if each != name), None)
                victim = up.pop(name)
                if other and self.was_used_before(used, other, name, one["time"]):
                    residency = max(20, up[other] - asked[other])
                    self.assertLessEqual(one["time"] - up[other], residency + GRACE_MS,
                                         f"{other} should have gone, not {name}, up {victim}")
                n_checked += other is not None
        self.assertGreater(n_checked, 3)

    @staticmethod
    def was_used_before(used, one, other, until):
        """Whether `one` was last used before `other` was, and clearly so, as of then."""
        last = {name: max((at for at, each in used if each == name and at <= until), default=0)
                for name in (one, other)}
        return last[one] + GRACE_MS < last[other]


if __name__ == "__main__":
    unittest.main(verbosity=2)
