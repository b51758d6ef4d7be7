"""Kafka in: what the router, this service itself and upstream say about cases."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from countersign_review.domain.intake import new_review, review_kind
from countersign_review.domain.review import Kind
from countersign_review.domain.titles import case_title
from countersign_review.store.events import SOURCE
from countersign_review.store.intake import Batch, Intake
from countersign_review.wire import PARSERS, Decided, Routed, work
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.contracts.events import CaseUpdated
from countersign_shared.contracts.wording import in_words
from countersign_shared.errors import FatalError
from countersign_shared.ids import DEFAULT_TENANT, derived_event_id
from countersign_shared.messaging import Event, Message, Record, Unreadable, dead_letter, read_event
from countersign_shared.observability import Metrics
from countersign_shared.observability.faults import named

SERVICE = "review"
TOPICS = ("case.routed", "decision.made", "case.updated")
FALLBACK_QUEUE = "unrouted"
_UPDATE: TypeAdapter[Any] = TypeAdapter(CaseUpdated)


class Handler:
    """Batch in, stored; out come dead letters and, when a case is repeated, what was said about it before.

    A record of the router or of this service that cannot be read raises ``FatalError``: skipping it would lose a case.
    ``case.updated`` is written by strangers, so a bad one is a dead letter.
    """

    def __init__(self, intake: Intake, types: Mapping[str, DecisionType], metrics: Metrics) -> None:
        self._intake = intake
        self._types = types
        self._dead = metrics.counter("dead_letters_total")
        self._readers: dict[str, Callable[[Event, Batch], None]] = {
            "case.routed": self._routed, "decision.made": self._decided, "case.updated": self._updated,
        }  # fmt: skip

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Handle one batch."""
        batch, refused = Batch(), []
        for record in records:
            try:
                self._readers[record.topic](read_event(record, PARSERS[record.topic]), batch)
            except Unreadable as error:
                if record.topic != "case.updated":
                    raise _alarm(record, error) from error
                refused.append(self._refuse(record, error))
            except (KeyError, TypeError, ValueError, ArithmeticError) as error:
                raise _alarm(record, error) from error
        return [*await self._intake.absorb(batch), *refused]

    def _routed(self, event: Event, batch: Batch) -> None:
        head: Routed = cast("Routed", event.body)
        partition, routed_at = event.record.partition, datetime.fromisoformat(event.time)
        kind, title = review_kind(head.level, audit=head.sampling.audit.selected), head.case.title
        if kind is not None:
            body, known = work(event.data), self._types.get(head.decision_type)
            title = case_title(self._types, body)
            review = new_review(
                body, kind, review_id=derived_event_id(head.tenant, head.case_id, "review"), title=title,
                fallback_queue=known.default_queue if known else FALLBACK_QUEUE, routed_at=routed_at,
            )  # fmt: skip
            batch.reviews.append((review, partition))
            if kind is Kind.DECISION and head.sampling.seed is not None and head.sampling.seed.selected:
                batch.seeds.append((head.tenant, head.case_id, head.decision_type, review.queue, routed_at))
        batch.cases.append((
            head.tenant, head.case_id, head.decision_type, head.subject_ref, title or None, head.level, partition,
            event.id, routed_at, event.data,
        ))  # fmt: skip

    def _decided(self, event: Event, batch: Batch) -> None:
        body: Decided = cast("Decided", event.body)
        own = event.source == SOURCE
        (batch.echoes if own else batch.decisions).append((
            body.tenant, body.case_id, body.decision_id, body.supersedes, body.outcome, bytes(body.outcome_params),
            body.closed_as, body.mode, body.relation, datetime.fromisoformat(body.decided_at),
        ))  # fmt: skip

    def _updated(self, event: Event, batch: Batch) -> None:
        try:
            _UPDATE.validate_python(event.body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            # The first step names the kind's model, which is no part of the body; without one the kind itself is wrong.
            pointer = "".join(f"/{step}" for step in first["loc"][1:]) or "/kind"
            raise Unreadable(_reason(first["type"]), pointer, in_words(first)) from error
        body = event.body
        batch.updates.append((
            body.get("tenant", DEFAULT_TENANT), body["case_id"], event.source, event.id, body["kind"], event.data,
        ))  # fmt: skip

    def _refuse(self, record: Record, error: Unreadable) -> Message:
        self._dead.labels(service=SERVICE, reason=error.reason).inc()
        return dead_letter(record, service=SERVICE, reason=error.reason, pointer=error.pointer, detail=error.detail)


def _reason(kind: str) -> str:
    """Name the reason as inference names it for a case."""
    if kind in {"missing", "union_tag_not_found"}:
        return "missing_field"
    return "wrong_type" if kind.endswith("_type") else "invalid_value"


def _alarm(record: Record, error: Exception) -> FatalError:
    return FatalError(
        f"cannot read {record.topic}[{record.partition}] at offset {record.offset}: {named(error)}; "
        "this service stops rather than lose it, see docs/runbooks/unreadable-event.md"
    )
