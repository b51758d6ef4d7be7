"""Answers over HTTP: preview, decide, undo."""

import hashlib
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header

from countersign_review.api.access import DESK, AtDesk, Version
from countersign_review.api.models.answers import (
    DecisionRecorded,
    DecisionRequest,
    DecisionStatus,
    Preview,
    PreviewRequest,
)
from countersign_review.api.models.text import PathPart
from countersign_review.api.parts import Using
from countersign_review.domain.answer import Answer
from countersign_review.domain.attention import Attended
from countersign_review.domain.binding import Bound
from countersign_review.store.answers import Submission

router = APIRouter(tags=["answers"])
IdempotencyKey = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
]


@router.post("/claims/{claim_id}/preview", dependencies=[DESK])
async def preview(claim_id: PathPart, body: PreviewRequest, caller: AtDesk, parts: Using) -> Preview:
    """Return exactly what an outcome with these terms would carry out, and the digest to quote."""
    execute, digest = await parts.answers.preview(caller, claim_id, body.outcome, body.outcome_params)
    return Preview(execute=execute, execute_sha256=digest)


@router.post("/claims/{claim_id}/decision", dependencies=[DESK])
async def decide(
    claim_id: PathPart,
    body: DecisionRequest,
    caller: AtDesk,
    parts: Using,
    version: Version,
    idempotency_key: IdempotencyKey,
) -> DecisionRecorded:
    """Record your answer. It is durable when this returns, and leaves at `leaves_at` unless undone before.

    Where the proposal is withheld until you have answered, the first answer shows it and the second one decides.
    """
    reason, binding = body.reason, body.binding
    answer = Answer(
        outcome=body.outcome, outcome_params=body.outcome_params, codes=reason.codes, other_text=reason.other_text,
        note=reason.note, category=reason.category, tags=body.tags, principal_reasons=body.principal_reasons,
    )  # fmt: skip
    # Sent again, an answer is the same however long its page stood open meanwhile.
    identity = orjson.dumps([claim_id, body.model_dump(exclude={"attention"})], option=orjson.OPT_SORT_KEYS)
    recorded = await parts.answers.decide(caller, Submission(
        claim_id=claim_id, version=version, answer=answer,
        bound=Bound(binding.payload_sha256, binding.shown_sha256, binding.execute_sha256),
        idempotency_key=idempotency_key, request_sha256=hashlib.sha256(identity).hexdigest(),
        attended=None if body.attention is None else Attended(**body.attention.model_dump()),
    ))  # fmt: skip
    state: Literal["recorded", "revealed"] = "revealed" if recorded.revealed else "recorded"
    return DecisionRecorded(decision_id=recorded.answer_id, state=state, leaves_at=recorded.leaves_at)


@router.get("/decisions/{decision_id}", dependencies=[DESK])
async def read_decision(decision_id: PathPart, caller: AtDesk, parts: Using) -> DecisionStatus:
    """Return where one of your decisions is."""
    return _status(await parts.answers.status(caller, decision_id))


@router.post("/decisions/{decision_id}/undo", dependencies=[DESK])
async def undo(decision_id: PathPart, caller: AtDesk, parts: Using) -> DecisionStatus:
    """Take back a decision that has not left; the case is yours again. Doing it twice does no harm."""
    return _status(await parts.answers.undo(caller, decision_id))


def _status(row: Any) -> DecisionStatus:
    state = "undone" if row["undone_at"] else "sent" if row["sent_at"] else "recorded"
    return DecisionStatus.model_validate({
        "decision_id": row["answer_id"], "state": state, "leaves_at": row["leaves_at"], "sent_at": row["sent_at"],
    })  # fmt: skip
