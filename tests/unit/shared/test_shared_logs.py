"""Logs: a client library that repeats itself does not drown what the service says."""

import logging
import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("level", ["debug", "info"])
def test_addresses_that_requests_go_to_are_not_repeated(level: str) -> None:
    program = """if True:
        import httpx, sys
        from countersign_shared.observability.logs import configure_logging

        configure_logging(sys.argv[1])
        transport = httpx.MockTransport(lambda request: httpx.Response(200))
        httpx.Client(transport=transport).get("http://audit/api/audit/v1/subjects?subject_ref=Zaubernuss")
    """
    done = subprocess.run([sys.executable, "-c", program, level], capture_output=True, text=True, check=True)
    assert done.stderr == ""
