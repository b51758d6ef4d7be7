"""Logs: one line a fact, plain when a person watches, JSON otherwise; never with what a case says."""

import copy
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from countersign_shared.clock import rfc3339
from countersign_shared.observability.faults import Told, traced

NOISY = ("aiokafka", "faststream", "uvicorn.access", "httpx", "httpcore")
"""Libraries of which warnings are enough. At info they repeat what our own lines and metrics say; httpx every address
that a request is passed on to, in which there may be a person's reference, or a link that opens once."""


class Plain(logging.Formatter):
    """Lines for a person who watches; of faults what `faults` lets through."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line, and the traceback under it."""
        # Another handler's formatter may have left a traceback on the record.
        seen = copy.copy(record)
        seen.args, seen.exc_text = _told(record.args), None
        return super().format(seen)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        """Write a traceback."""
        return traced(ei[1]) if ei[1] is not None else ""


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, error; of faults what `faults` lets through."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line."""
        arguments = _told(record.args)
        message = str(record.msg) % arguments if arguments else str(record.msg)
        line = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = traced(record.exc_info[1])
        return orjson.dumps(line).decode()


def _told(arguments: Any) -> Any:
    """Put what may be kept of it in the place of each fault among the arguments of a line."""
    if not isinstance(arguments, tuple):
        return arguments
    return tuple(Told(one) if isinstance(one, BaseException) else one for one in arguments)


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
        handler.setFormatter(Plain("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    else:
        handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
