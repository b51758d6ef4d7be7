"""Records as they lie on the topics, made from the committed examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.handlers import topics
from countersign_audit.writing.batch import Batch
from countersign_audit.writing.intake import Intake
from countersign_audit.writing.scopes import Scopes
from countersign_audit.writing.sealing import KeyWrap
from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging import Record, dead_letter, write_event

EXAMPLES = contracts_dir() / "examples"
NAMES = Pseudonyms(b"n" * 32)
TIME = "2026-01-02T03:04:05.123456Z"
DEAD_LETTERS = "countersign.dead-letter"


def example(path: str) -> dict[str, Any]:
    return orjson.loads((EXAMPLES / path).read_bytes())


def all_examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(EXAMPLES.rglob("*/*.json")):
        if file.parent.name in topics() and file.parent.name != DEAD_LETTERS:
            yield str(file.relative_to(EXAMPLES)), orjson.loads(file.read_bytes())


def record(
    topic: str, body: dict[str, Any] | bytes, *, event_id: str, offset: int = 0, partition: int = 3, time: str = TIME,
    traceparent: bytes | None = None,
) -> Record:  # fmt: skip
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    case_id = body.get("case_id") if isinstance(body, dict) else None
    message = write_event(
        topic, event_id=event_id, source="/countersign/test", case_id=str(case_id or "none"), time=time, body=data,
        partition=partition, traceparent=traceparent,
    )  # fmt: skip
    return Record(topic, partition, offset, 1_767_323_045_123, message.key, message.value, message.headers)


def from_example(path: str, offset: int = 0) -> Record:
    return record(
        path.split("/", maxsplit=1)[0], example(path), event_id=f"id-of-{Path(path).stem}-{offset}", offset=offset
    )


def letter(of: Record) -> Record:
    message = dead_letter(of, service="inference", reason="malformed_json", detail="unexpected end")
    return Record(DEAD_LETTERS, 0, 9, 1_767_323_045_200, message.key, message.value, message.headers)


def one_case(
    case_id: str = "loan-7", *, tenant: str = "default", number: int = 0, subject: str | None = None
) -> list[Record]:
    """Return a case's four events, as the services publish them."""
    said = {"tenant": tenant, "case_id": case_id, "subject_ref": subject or f"applicant-{case_id}"}
    paths = (
        "case.created/loan_application.json", "case.scored/loan_application.json",
        "case.routed/loan_application.level2.json", "decision.made/loan_application.automatic.json",
    )  # fmt: skip
    return [
        record(
            path.split("/", maxsplit=1)[0],
            example(path) | said,
            event_id=derived_event_id(tenant, case_id, path),
            offset=number * 4 + step,
        )
        for step, path in enumerate(paths)
    ]


def zeros(size: int) -> bytes:
    return bytes(size)


def leaves(*records: Record, random: Any = zeros) -> list[bytes]:
    """Return the leaves that an empty log would get from these records."""
    intake, wrap = Intake(NAMES), KeyWrap({1: b"e" * 32})
    drafts = [intake.draft(one) for one in records]
    scopes = Scopes(wrap)
    scopes.learn({draft.scope for draft in drafts if draft.has_case}, ())
    batch = Batch(0, scopes, wrap, NAMES, random)
    for draft in drafts:
        batch.add(draft)
    return [row[1] for row in batch.entries]
