#!/usr/bin/env python3
"""A check that finds nothing is only worth something if it can find: here are seeded faults."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import events_documented  # noqa: E402

SOURCE = '''
#define TR_EVENTS_SHED "events_shed"
#define tr_event(events, level, name, ...) \\
    tr_events_tell((events), "not_one")
/* tr_event(x, TR_LOG_INFO, "in_a_comment", TR_TEXT("no", no)); */
void tr_trace(const char *worker, const char *event)
{
    tr_event(events, TR_LOG_INFO, event, TR_TEXT("trace", id), TR_NUMBER("ms", ms));
}

static void tell_line(int level, const char *event, const char *key, const char *text)
{
    tr_event(events, level, event, TR_TEXT(key, text));
}

static void tell_lines(int level, const char *event, const char *key, const char *text)
{
    tell_line(level, event, key, text);
}

static void end(bool is_early)
{
    tr_event(self->events, is_early ? TR_LOG_INFO : TR_LOG_WARNING,
             is_early ? "did_not_start" : "ended", TR_TEXT("child", name(child)),
             TR_TEXT("reason", reason));
    tr_trace(NULL, "request_finished");
    tell_lines(self, TR_LOG_INFO, "changed", "line", text);
}
'''
PAGE = '''
| event | fields | |
|---|---|---|
| `did_not_start` | `child`, `reason` | |
| `ended` | `child`, `reason` | |
| `request_finished` | `trace` | |
| `events_shed` | `count` | |
| `changed` | `line` | |
'''


class Events(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "node").mkdir()

    def faults(self, page=PAGE, source=SOURCE):
        (self.root / "node" / "one.c").write_text(source)
        return "; ".join(events_documented.faults_in(self.root, page))

    def test_all_is_there(self):
        self.assertEqual(self.faults(), "")

    def test_nothing_is_told(self):
        self.assertIn("no event is told", self.faults(source=""))

    def test_not_described(self):
        self.assertEqual(self.faults(PAGE.replace("| `ended` | `child`, `reason` | |\n", "")),
                         "'ended' is told, and not described")

    def test_not_told(self):
        self.assertEqual(self.faults(PAGE + "| `gone` | | |\n"),
                         "'gone' is described, and nobody tells it")

    def test_twice(self):
        self.assertEqual(self.faults(PAGE + "| `ended` | `child`, `reason` | |\n"),
                         "'ended' is described twice")

    def test_a_field_is_missing(self):
        self.assertIn("'ended' has a field 'reason', which is not described",
                      self.faults(PAGE.replace("`ended` | `child`, `reason`", "`ended` | `child`")))

    def test_a_field_too_many(self):
        self.assertIn("'request_finished' is said to have a field 'worker', and has not",
                      self.faults(PAGE.replace("`trace` |", "`trace`, `worker` |")))

    def test_a_key_that_is_given(self):
        self.assertIn("'changed' has a field 'line', which is not described",
                      self.faults(PAGE.replace("`line`", "")))

    def test_a_field_that_all_have(self):
        self.assertIn("'ended' is told with a field 'time'",
                      self.faults(source=SOURCE.replace('"reason"', '"time"')))


if __name__ == "__main__":
    unittest.main()
