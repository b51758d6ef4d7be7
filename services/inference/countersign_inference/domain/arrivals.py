"""A batch of arrivals: which are new cases, and which repeat one of the same batch."""

from collections.abc import Iterable
from typing import Any, NamedTuple

CaseKey = tuple[str, str]
"""(tenant, case_id)"""


class Arrival(NamedTuple):
    """A case.created whose envelope is sound. `body` is the parsed, `data` the exact body."""

    key: CaseKey
    decision_type: str
    digest: bytes
    body: dict[str, Any]
    data: bytes
    partition: int
    traceparent: bytes | None


def firsts(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """Return the first arrival of every case, sorted by key: two batches then lock rows in the same order."""
    found: dict[CaseKey, Arrival] = {}
    for arrival in arrivals:
        found.setdefault(arrival.key, arrival)
    return [found[key] for key in sorted(found)]
