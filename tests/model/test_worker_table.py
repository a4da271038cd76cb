#!/usr/bin/env python3
"""What the reader of the table does not understand, it must not pass over."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
from worker_table import as_promela, read_table  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = "#define TR_WORKER_STATE_MAP(X) \\\n    X(BORN, born) \\\n    X(DEAD, dead)\n\n"


def source(rows):
    return f"static const unsigned successors[TR_N_WORKER_STATES] = {{\n{rows}\n}};\n"


class WorkerTable(unittest.TestCase):
    def test_the_real_table_is_read(self):
        table = dict(read_table((ROOT / "actors/worker/worker_state.h").read_text(),
                                (ROOT / "actors/worker/worker_state.c").read_text()))
        self.assertEqual(table["DEAD"], set())
        self.assertEqual(table["SPAWNING"], {"LOADING", "EVICTING", "FAILED"})

    def test_the_page_shows_the_real_table(self):
        table = read_table((ROOT / "actors/worker/worker_state.h").read_text(),
                           (ROOT / "actors/worker/worker_state.c").read_text())
        page = (ROOT / "docs/architecture.md").read_text()
        rows = page.split("| from | may become |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
        shown = {}
        for row in rows:
            name, followers = [cell.strip() for cell in row.strip("|").split("|")]
            shown[name.upper()] = {word.strip().upper() for word in followers.split(",")} - {""}
        self.assertEqual(shown, dict(table))

    def test_a_row_becomes_a_mask(self):
        rows = "    [TR_WORKER_BORN] = BIT(BORN) |\n        BIT(DEAD),\n    [TR_WORKER_DEAD] = 0,"
        text = as_promela(read_table(HEADER, source(rows)))
        self.assertIn("#define DEAD 1\n", text)
        self.assertIn("(from_state == BORN -> 3 : 0)", text)

    def test_what_is_strange_is_refused(self):
        for rows in ["    [TR_WORKER_BORN] = BIT(DEAD),",
                     "    [TR_WORKER_BORN] = BIT(DEAD) | 4,\n    [TR_WORKER_DEAD] = 0,",
                     "    [TR_WORKER_BORN] = BIT(GONE),\n    [TR_WORKER_DEAD] = 0,",
                     "    [TR_WORKER_BORN] = ANY,\n    [TR_WORKER_DEAD] = 0,"]:
            with self.subTest(rows), self.assertRaises(ValueError):
                read_table(HEADER, source(rows))


if __name__ == "__main__":
    unittest.main()
