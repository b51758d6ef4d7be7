"""Logs: one line a fact, plain when a person watches, JSON otherwise."""

import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from countersign_shared.clock import rfc3339


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, error."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line."""
        line = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


class Seldom(logging.Filter):
    """Lets a client library repeat itself once in ``seconds``: without a broker it says so sixty times a second."""

    def __init__(self, logger: str, *, seconds: float = 10.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logger)
        self._seconds = seconds
        self._monotonic = monotonic
        self._until: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is to be written: another logger's, or the first of its kind for a while."""
        if not super().filter(record):
            return True
        now, kind = self._monotonic(), str(record.msg)
        if now < self._until.get(kind, now):
            return False
        self._until[kind] = now + self._seconds
        return True


def configure_logging(level: str) -> None:
    """Send logs to stderr; called by the process's entry point, never by a library."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Seldom("aiokafka"))
    if sys.stderr.isatty():
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    else:
        handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Both repeat at info what our own lines and metrics say.
    for noisy in ("aiokafka", "faststream", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
