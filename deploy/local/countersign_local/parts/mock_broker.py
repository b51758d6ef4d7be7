"""The embedded broker: librdkafka's mock cluster in a process of its own.

In memory and for development only. It speaks Kafka's protocol, groups and idempotent producers included, but keeps
5 MB per partition and drops the oldest records silently: whoever produces must keep the unread part small. It knows no
static membership, no compaction and no topic administration, and it forgets everything when it ends.
"""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from countersign_local.errors import PartError

OUTSTANDING_LIMIT = 5_000
"""Records of one topic that any group may have unread; far below where the 5 MB of a partition begin to drop."""

_READY_SECONDS = 15.0
_STOP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class MockBroker:
    """A running mock cluster."""

    bootstrap: str
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def mock_broker(topics: Mapping[str, int]) -> Iterator[MockBroker]:
    """Run a mock cluster with these topics (name to partition count) until the end of the block."""
    command = [sys.executable, "-m", "countersign_local.parts.mock_broker_process", json.dumps(dict(topics))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield MockBroker(bootstrap=_announced(process), process=process)
    finally:
        _close(process)


def _announced(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for as a pipe
    readable, _, _ = select.select([process.stdout], [], [], _READY_SECONDS)
    line = process.stdout.readline() if readable else b""
    if not line:
        raise PartError("The embedded broker did not start; its message is above. Set KAFKA_BOOTSTRAP_SERVERS instead.")
    bootstrap: str = json.loads(line)["bootstrap"]
    return bootstrap


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
