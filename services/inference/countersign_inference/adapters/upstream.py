"""Bring your own model: the proposal came with the event."""

from collections.abc import Mapping, Sequence
from typing import Any

from countersign_inference.domain.scoring import Abstained, Answer, Question, Scored
from countersign_shared.contracts.decision_types import Outcome

CLAIMED = "upstream states it; no calibrator has been fitted to it"


class UpstreamScorer:
    """Takes over the proposal that the event brought, when its outcomes exist."""

    kind = "upstream"
    off_loop = False
    model = None
    reads: tuple[str, ...] = ()

    def __init__(self, outcomes: Mapping[str, Outcome]) -> None:
        self._outcomes = outcomes

    def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Validate each proposal; the envelope's schema has already seen to its types and ranges."""
        return [self._answer(question) for question in batch]

    def _answer(self, question: Question) -> Answer:
        brought = question.upstream
        if brought is None:
            return Abstained("no_proposal", "the event brought no proposal, and no model is registered")
        alternatives = brought.get("alternatives") or []
        named = [brought["outcome"], *(alternative["outcome"] for alternative in alternatives)]
        if unknown := [outcome for outcome in named if outcome not in self._outcomes]:
            return Abstained("invalid_proposal", f"unknown outcome {unknown[0]!r}"[:500])
        if wrong := self._outcomes[brought["outcome"]].check_params(brought.get("outcome_params") or {}):
            return Abstained("invalid_proposal", f"outcome_params{wrong[0].pointer}: {wrong[0].detail}"[:500])
        confidence = brought["confidence"]
        runner_up = max((alternative["confidence"] for alternative in alternatives), default=0.0)
        if runner_up > confidence:
            return Abstained("invalid_proposal", "an alternative is more confident than the proposal")
        return Scored(
            proposal=self._proposal(brought, alternatives),
            probability={"value": confidence, "detail": {"margin": round(confidence - runner_up, 6), "note": CLAIMED}},
            similarity={"value": None, "reason": "there is no reference sample for an upstream model"},
            brought=True,
        )

    def _proposal(self, brought: Mapping[str, Any], alternatives: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        said = brought.get("explanation")
        label = self._outcomes[brought["outcome"]].label
        return {
            "outcome": brought["outcome"],
            "outcome_params": brought.get("outcome_params") or {},
            "confidence": brought["confidence"],
            "raw_score": brought["confidence"],
            "alternatives": [{key: one[key] for key in ("outcome", "confidence")} for one in alternatives],
            "explanation": {"summary": said or f"Upstream proposes {label} and gives no reason.", "factors": []},
        }
