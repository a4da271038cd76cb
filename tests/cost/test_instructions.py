#!/usr/bin/env python3
"""What instructions.py makes of a file of callgrind, and of a count."""
import unittest

import instructions

WRITTEN_DOWN = """\
# callgrind format
desc: Trigger: Client Request: {trigger}
positions: line
events: Ir
summary: 1100

ob=/usr/lib/libc.so.6
fl=malloc.c
fn=malloc
30 300
+8 100

ob=/build/metered
fl=post.c
fn=post
12 600
cob=/usr/lib/libc.so.6
cfi=malloc.c
cfn=malloc
calls=100 30
* 400
-1 100
totals: 1100
"""


def case(budget=1000, tolerance_percent=5):
    return {"name": "a request", "work": "requests --window 4 --each 100", "budget": budget,
            "tolerance_percent": tolerance_percent}


class Reading(unittest.TestCase):
    def test_a_round_counts_whole(self):
        text = WRITTEN_DOWN.format(trigger="round")
        self.assertEqual(instructions.instructions_of(text), 1100)

    def test_warming_up_does_not_count(self):
        text = WRITTEN_DOWN.format(trigger="warm-up")
        self.assertIsNone(instructions.instructions_of(text))

    def test_what_a_function_calls_is_not_its_own(self):
        costs = instructions.self_costs(WRITTEN_DOWN.format(trigger="round"))
        self.assertEqual(costs, {("post", "metered"): 700, ("malloc", "libc.so.6"): 400})

    def test_a_round_is_as_large_as_it_was_asked_to_be(self):
        self.assertEqual(instructions.units_of(case()["work"]), 100)


class Judging(unittest.TestCase):
    def judged(self, counted):
        return instructions.is_over(case(), counted), instructions.is_far_under(case(), counted)

    def test_within_the_tolerance_is_fine(self):
        for counted in (950, 1000, 1050):
            self.assertEqual(self.judged(counted), (False, False))

    def test_more_is_over(self):
        self.assertEqual(self.judged(1051), (True, False))
        self.assertIn("TOO MANY", instructions.row(case(), 1051))

    def test_much_less_lets_the_budget_be_lowered(self):
        self.assertEqual(self.judged(949), (False, True))
        self.assertIn("may be lowered", instructions.row(case(), 949))


if __name__ == "__main__":
    unittest.main()
