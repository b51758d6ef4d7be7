"""Many cases at once, as they flow: the four events of a case lie apart, as they do when every service is busy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from countersign_shared.messaging import Record
from tests.unit.audit.records import one_case

CASES_AT_ONCE = 250
BLOCKS_APART = 5
MARK = "case-000000000"
STEPS = one_case(MARK)
BEGAN = datetime(2026, 1, 2, tzinfo=UTC)


def case_id(number: int) -> str:
    return f"case-{number:09d}"


def happened(number: int) -> datetime:
    """Return when the events of a case happened: ten cases a second, one after the other."""
    return BEGAN + timedelta(milliseconds=100 * number)


def complete_cases(entries: int) -> int:
    """Return how many cases have all their events among the first so many."""
    return entries // len(STEPS) - 2 * BLOCKS_APART * CASES_AT_ONCE


def renamed(template: Record, number: int) -> Record:
    name = case_id(number).encode()
    own = {"ce_time": happened(number).isoformat().encode()}
    headers = tuple(
        (key, own.get(key) or (b"%s-%09d" % (value, number) if key == "ce_id" else value.replace(MARK.encode(), name)))
        for key, value in template.headers
    )
    return Record(
        template.topic, number % 12, number, template.timestamp_ms, name,
        (template.value or b"").replace(MARK.encode(), name), headers,
    )  # fmt: skip


def batches(records: int) -> Iterator[list[Record]]:
    """Batches of the four steps of different cases, until there are so many records."""
    block, made = 0, 0
    while made < records:
        batch = [
            renamed(template, (block - BLOCKS_APART * step) * CASES_AT_ONCE + at)
            for step, template in enumerate(STEPS)
            for at in range(CASES_AT_ONCE)
            if block >= BLOCKS_APART * step
        ][: records - made]
        block, made = block + 1, made + len(batch)
        yield batch
