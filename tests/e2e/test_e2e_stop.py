"""A machine that is shut down tells everything to stop at once: no service may wait for what is gone already."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from countersign_local.parts.postgres import postgres
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.runtime import EXIT_FATAL, EXIT_OK
from tests.fixtures.memory import server_directory
from tests.fixtures.stack import Stack

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(180)]


def who_comes_first(stack: Stack) -> None:
    """What is automatic stands back for the record and for people."""
    ours = psutil.Process().nice()
    stand_back = {name for name, process in stack.processes.items() if psutil.Process(process.pid).nice() > ours}
    assert stand_back == {"inference", "router", "feedback"}


async def test_services_end_by_themselves_when_the_database_is_told_to_stop_in_the_same_moment(
    kafka_bootstrap, topic_prefix, tmp_path
):
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=3)
    with (
        server_directory() as directory,
        postgres(Path(directory), environ=os.environ) as server,
        Stack(tmp_path, server.url, kafka_bootstrap, topic_prefix) as stack,
    ):
        await asyncio.to_thread(stack.start)
        who_comes_first(stack)
        # Its connections first, as they end one after the other on a machine under load.
        for backend in psutil.Process(server.process.pid).children():
            backend.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGTERM)
        codes = await asyncio.to_thread(stack.stop)
        said = {service: stack.last_words(service) for service in codes}
    # Who saw the loss before the request has already said that it must be started again.
    assert set(codes.values()) <= {EXIT_OK, EXIT_FATAL}, said
    assert not [line for words in said.values() for line in words.splitlines() if line.startswith("Traceback")], said
