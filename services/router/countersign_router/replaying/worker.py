"""A worker process: reads a brief and then parts from standard input, writes a tally for each to standard output.

Run as ``python -m countersign_router.replaying`` by the service, and by nobody else: what it reads it believes.
"""

import logging
import os
import pickle
import struct
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import IO

from countersign_router.replaying.brief import Brief, question
from countersign_router.replaying.evaluation import Replayer, StoredCase
from countersign_router.replaying.tally import Tally
from countersign_shared.observability.logs import configure_logging
from countersign_shared.postgres.bodies import bodies

log = logging.getLogger(__name__)
Row = tuple[datetime, bytes]
"""When a case was routed, and its packed body."""
LENGTH = struct.Struct("!I")
"""Each message is its length in four bytes and a pickle of that length."""
NICENESS = 10
"""Cases that come now go first."""


def main() -> None:
    """Work until there is nothing more to read; what ends it is said in the log, without what a case says."""
    os.nice(NICENESS)
    answers = sys.stdout.buffer
    # Whatever prints by accident must not get between the answers.
    sys.stdout = sys.stderr
    configure_logging("warning")
    try:
        _work(received(sys.stdin.buffer), answers)
    except Exception:
        log.critical("a process that was replaying ends", exc_info=True)
        sys.exit(os.EX_SOFTWARE)


def _work(messages: Iterator[object], answers: IO[bytes]) -> None:
    brief = next(messages, None)
    if not isinstance(brief, Brief):
        sys.exit("python -m countersign_router.replaying is started by the router, and told what to do by it")
    replayer = Replayer(question(brief))
    for rows in messages:
        answers.write(packed(evaluate(replayer, rows)))  # type: ignore[arg-type]
        answers.flush()


def evaluate(replayer: Replayer, rows: list[Row]) -> Tally:
    """Count over some rows."""
    unpack = bodies().unpack
    return replayer.replay(StoredCase(routed_at, unpack(body)) for routed_at, body in rows)


def packed(message: object) -> bytes:
    """Return a message as it goes through the pipe."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(body)) + body


def received(stream: IO[bytes]) -> Iterator[object]:
    """Give every message until the stream ends."""
    while len(head := stream.read(LENGTH.size)) == LENGTH.size:
        yield pickle.loads(stream.read(*LENGTH.unpack(head)))  # noqa: S301 - from the process that started this one
