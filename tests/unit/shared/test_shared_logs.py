"""Logs: a client library that repeats itself does not drown what the service says."""

import logging

from countersign_shared.observability.logs import Seldom


def record(logger: str, message: str) -> logging.LogRecord:
    return logging.LogRecord(logger, logging.ERROR, __file__, 1, message, (), None)


def test_a_library_that_repeats_itself_is_heard_once_in_a_while() -> None:
    now = 0.0
    seldom = Seldom("aiokafka", seconds=10.0, monotonic=lambda: now)
    again = record("aiokafka", "Unable to update metadata from %s")

    assert [seldom.filter(again) for _ in range(3)] == [True, False, False]
    assert seldom.filter(record("aiokafka.conn", "Connection lost"))
    assert all(seldom.filter(record("countersign_router", "the same")) for _ in range(3))
    now = 10.0
    assert seldom.filter(again)
