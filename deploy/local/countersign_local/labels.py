"""Judged cases from a file: CSV with a header, or JSON lines; also `audit.judged` as it is on the record."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from countersign_local.cli.files import read_text
from countersign_local.errors import NOT_RIGHT, CommandError

MOST = 10_000
"""What one request may carry."""
_TRUE, _FALSE = {"true", "1", "yes"}, {"false", "0", "no"}


def read_labels(path: Path) -> list[dict[str, Any]]:
    """Return tenant, case and whether the AI was wrong, for each judged case; a ``CommandError`` names the line."""
    text = read_text(path)
    found = []
    for number, record in _records(text):
        label = _label(record)
        if isinstance(label, str):
            raise CommandError(f"{path}, line {number}: {label}", NOT_RIGHT)
        if label is not None:
            found.append(label)
    if len(found) > MOST:
        raise CommandError(
            f"{path}: {len(found):,} judged cases, at most {MOST:,} are taken; keep the newest.", NOT_RIGHT
        )
    return found


def _records(text: str) -> Iterator[tuple[int, Mapping[str, Any] | None]]:
    if text.lstrip().startswith("{"):
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield number, _json(line)
        return
    yield from enumerate(csv.DictReader(io.StringIO(text)), 2)


def _json(line: str) -> Mapping[str, Any] | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def _label(record: Mapping[str, Any] | None) -> dict[str, Any] | str | None:
    """Read one record: a label, None for an activity of another kind, or what is wrong with it."""
    if record is None:
        return "is not a JSON object"
    kind = record.get("kind")
    if kind is not None and kind != "audit.judged":
        return None
    error = record["body"].get("error") if kind and isinstance(record.get("body"), dict) else record.get("error")
    word = str(error).strip().lower()
    if not record.get("case_id") or word not in _TRUE | _FALSE:
        return "needs `case_id`, and `error` as true or false"
    return {"tenant": record.get("tenant") or "default", "case_id": record["case_id"], "error": word in _TRUE}
