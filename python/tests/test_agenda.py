"""What the thread of an actor takes, and in which order: no socket, and a clock that the story
moves."""

import threading
import unittest

import kit  # noqa: F401

from troupe.agenda import Agenda


class Mail:
    """Something to be received."""

    def __init__(self, name):
        self.name = name


class Story(unittest.TestCase):
    def setUp(self):
        self.agenda = Agenda()
        self.now = 0.0

    def put(self, *names, is_urgent=False):
        for name in names:
            self.assertTrue(self.agenda.put(Mail(name), is_urgent))

    def take(self):
        """The name of what is next; None: nothing."""
        item = self.agenda.take_now(self.now)
        return item.name if isinstance(item, Mail) else item() if item is not None else None

    def taken(self):
        """All that is to be taken now, each of it done at once."""
        found = []
        while (name := self.take()) is not None:
            found.append(name)
            self.agenda.done()
        return found

    def timer(self, name, delay, period=0.0):
        return self.agenda.start_timer(self.now, delay, period, lambda timer: Mail(name))

    def test_one_after_another_and_urgent_ones_first(self):
        self.put("a", "b")
        self.put("U", "V", is_urgent=True)
        self.agenda.put(lambda: "called")
        self.assertEqual(self.taken(), ["U", "V", "a", "b", "called"])

    def test_what_is_aside_comes_before_what_waits(self):
        self.put("a", "b", "c")
        for name in ("a", "b"):
            self.assertEqual(self.take(), name)
            self.agenda.done(Mail(name))
        self.assertEqual(self.agenda.n_aside, 2)
        self.put("U", is_urgent=True)
        self.agenda.unstash()
        self.assertEqual(self.agenda.n_aside, 0)
        self.assertEqual(self.taken(), ["a", "b", "U", "c"])

    def test_what_unstashes_and_is_put_aside_itself_stays_aside(self):
        self.put("a", "b")
        self.take()
        self.agenda.done(Mail("a"))
        self.take()
        self.agenda.unstash()
        self.assertEqual(self.agenda.n_aside, 1)  # it is not done yet
        self.agenda.done(Mail("b"))
        self.assertEqual(self.taken(), ["a"])
        self.assertEqual(self.agenda.n_aside, 1)

    def test_a_tick_waits_for_its_time_and_for_one_message_at_most(self):
        self.timer("tick", 1.0)
        self.timer("tock", 0.5)
        self.put("a", "b", "c")
        self.assertEqual(self.take(), "a")
        self.agenda.done()
        self.now = 1.0
        self.assertEqual(self.taken(), ["tock", "b", "tick", "c"])
        self.assertEqual(self.agenda.n_timers, 0)

    def test_ticks_that_take_long_starve_nobody(self):
        self.timer("tick", 1.0, period=1.0)
        self.put("a", "b")
        found = []
        for _ in range(4):
            self.now += 5.0
            found.append(self.take())
            self.agenda.done()
        self.assertEqual(found, ["tick", "a", "tick", "b"])

    def test_periods_do_not_drift_and_missed_ones_are_left_out(self):
        self.timer("tick", 1.0, period=1.0)
        ticks = []
        for at in (0.9, 1.2, 1.9, 2.0, 5.7, 5.9, 6.0):
            self.now = at
            ticks.append(len(self.taken()))
        self.assertEqual(ticks, [0, 1, 0, 1, 1, 0, 1])

    def test_no_tick_comes_of_a_timer_that_was_cancelled(self):
        once, often = self.timer("once", 1.0), self.timer("often", 1.0, period=1.0)
        self.assertTrue(once.cancel())
        self.assertFalse(once.cancel())
        self.now = 1.0
        self.assertEqual(self.taken(), ["often"])
        self.assertTrue(often.cancel())
        self.now = 9.0
        self.assertEqual(self.taken(), [])

    def test_one_that_has_ticked_is_over(self):
        once = self.timer("once", 0)
        self.assertEqual(self.taken(), ["once"])
        self.assertFalse(once.cancel())

    def test_a_timer_may_be_cancelled_by_its_own_tick(self):
        often = self.timer("often", 1.0, period=1.0)
        self.now = 1.0
        self.assertEqual(self.take(), "often")
        self.assertTrue(often.cancel())
        self.agenda.done()
        self.now = 2.0
        self.assertEqual(self.taken(), [])
        self.assertEqual(self.agenda.n_timers, 0)

    def test_timers_that_were_cancelled_do_not_pile_up(self):
        self.timer("kept", 5.0)
        for _ in range(5000):
            self.timer("x", 100.0).cancel()
        self.assertLess(len(self.agenda._timers), 200)
        self.assertEqual(self.agenda.n_timers, 1)
        self.now = 5.0
        self.assertEqual(self.taken(), ["kept"])

    def test_suspended_it_takes_looks_only(self):
        self.put("a")
        self.timer("tick", 0)
        self.agenda.suspend(True)
        self.assertEqual(self.taken(), [])
        self.agenda.put_look(lambda: "look")
        self.assertEqual(self.taken(), ["look"])
        self.agenda.suspend(False)
        self.assertEqual(self.taken(), ["tick", "a"])

    def test_it_is_busy_until_it_is_done(self):
        self.assertFalse(self.agenda.is_busy)
        self.put("a")
        self.take()
        self.assertTrue(self.agenda.is_busy)
        self.agenda.done()
        self.assertFalse(self.agenda.is_busy)

    def test_closed_it_gives_back_what_was_not_begun(self):
        self.put("aside", "in hand", "a", "b")
        self.take()
        self.agenda.done(Mail("aside"))
        self.take()
        self.agenda.put(lambda: "called")
        self.put("U", is_urgent=True)
        self.timer("tick", 0)
        self.agenda.end()
        self.assertFalse(self.agenda.put(Mail("late")))
        self.assertFalse(self.agenda.put_look(lambda: "late"))
        self.agenda.unstash()
        self.assertEqual([one.name for one in self.agenda.close()], ["U", "a", "b"])
        self.agenda.done()
        self.assertEqual(self.taken(), [])
        self.assertEqual(self.agenda.close(), [])


class Waiting(unittest.TestCase):
    """Whoever takes waits until there is something."""

    def setUp(self):
        self.agenda = Agenda()
        self.found = []
        self.thread = threading.Thread(target=self.take_all, daemon=True)
        self.thread.start()

    def take_all(self):
        while (item := self.agenda.take()) is not None:
            self.found.append(item.name)
            self.agenda.done()

    def test_wakes(self):
        wakers = (lambda: self.agenda.put(Mail("put")),
                  lambda: self.agenda.start_timer(0.0, 0.0, 0.0, lambda _: Mail("tick")))
        for count, wake in enumerate(wakers, 1):
            wake()
            kit.until(lambda: len(self.found) == count)
        self.agenda.suspend(True)
        self.agenda.put(Mail("held"))
        self.agenda.suspend(False)
        kit.until(lambda: self.found == ["put", "tick", "held"])
        self.agenda.end()
        self.thread.join(kit.LONG)
        self.assertFalse(self.thread.is_alive())


if __name__ == "__main__":
    unittest.main()
