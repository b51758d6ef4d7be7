"""The body of `case.scored`, put together from what was found out about a case."""

from collections.abc import Mapping
from typing import Any

from countersign_inference.domain.arrivals import Arrival
from countersign_inference.domain.completeness import Completeness
from countersign_inference.domain.entities import fitting
from countersign_inference.domain.scoring import Abstained, Answer

NO_CONSENSUS = {"value": None, "reason": "only one method proposes"}
NO_RULES = {"value": None, "reason": "no rules are registered"}


def scored_body(
    arrival: Arrival, *, case: Any, payload_sha256: str, answer: Answer, completeness: Completeness,
    model: Mapping[str, Any] | None, latency_ms: float,
) -> dict[str, Any]:  # fmt: skip
    """Return the body; `case` is the case.created body in whatever form the encoder passes through unchanged.

    It always fits the 768 KiB of an event of ours: the case has at most 192 KiB, an upstream proposal is part of it,
    entities are cut to a hundred, and everything else is bounded by the number of fields the decision type declares.
    """
    tenant, case_id = arrival.key
    body: dict[str, Any] = {"tenant": tenant, "case_id": case_id, "decision_type": arrival.decision_type}
    subject = arrival.body.get("subject_ref")
    if subject is not None:
        body["subject_ref"] = subject
    body["sequence"] = 1
    body["case"] = case
    body["payload_sha256"] = payload_sha256
    body["proposal"] = None
    body["signals"] = signals = {}
    body["missing_fields"] = completeness.missing
    body["invalid_fields"] = completeness.invalid
    body["entities"] = answer.entities
    body["model"] = model
    body["latency_ms"] = latency_ms
    if isinstance(answer, Abstained):
        unknown: dict[str, Any] = {"value": None, "reason": f"abstained: {answer.reason}"}
        signals["probability"] = signals["similarity"] = signals["consensus"] = unknown
        body["abstained"] = {"reason": answer.reason, "detail": answer.detail}
    else:
        signals["probability"], signals["similarity"] = answer.probability, answer.similarity
        signals["consensus"] = answer.consensus or NO_CONSENSUS
        body["proposal"] = answer.proposal
        if answer.brought:
            body["model"] = None
        elif answer.calibrator is not None:
            body["model"] = {**(model or {}), "calibrator_version": answer.calibrator}
    signals["rule_clarity"] = answer.rule_clarity or NO_RULES
    signals["completeness"] = completeness.signal
    if answer.entities:
        body["entities"], cut = fitting(answer.entities)
        if cut:
            body["entities_truncated"] = True
    return body
