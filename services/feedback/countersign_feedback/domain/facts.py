"""What feedback keeps of an event: at most four facts per case, each of them said once.

A case can be *placed* (its routing says which cell it belongs to), *concluded* (the first decision), *reversed* (a
later decision that supersedes it) and *judged* (an audit, a control). Facts of one case come in any order and any
number of times; ``seen`` tells which ones a row holds, so that each is counted once.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

WEIGHT_SCALE = 1_000_000
"""An audit drawn with probability q stands for 1 / q decisions; kept to six decimals, as a whole number."""
UNKNOWN = "unknown"
"""Stands where no policy or no model spoke, so that cells compare without nulls."""


PLACED, CONCLUDED, REVERSED, AUDITED, CONTROLLED = 1, 2, 4, 8, 16
"""Which facts a row holds, as bits. The numbers are in the database: never change one."""


class Conclusion(StrEnum):
    """How a case ended: by whom, and how that compares with the stored proposal."""

    AUTOMATIC = "automatic"
    ASSISTED_AGREED = "assisted_agreed"
    ASSISTED_MODIFIED = "assisted_modified"
    ASSISTED_OVERRODE = "assisted_overrode"
    BLIND_AGREED = "blind_agreed"
    BLIND_MODIFIED = "blind_modified"
    BLIND_OVERRODE = "blind_overrode"
    NO_PROPOSAL = "no_proposal"
    CLOSED = "closed"


class Cell(NamedTuple):
    """What cases are grouped by, in the order of the columns of table ``cells``.

    Model, calibrator and ``automation_sha256`` belong to it because a figure about one of them says nothing about the
    next: certificates are about one cell's population and no other.
    """

    tenant: str
    decision_type: str
    tier: str
    band: str
    level: int
    would_automate: bool
    reasons: tuple[str, ...]
    model_name: str
    model_version: str
    calibrator_version: str
    automation_sha256: str
    test: bool


@dataclass(slots=True)
class CaseFacts:
    """What one batch says about one case."""

    tenant: str
    case_id: str
    seen: int = 0
    cell: Cell | None = None
    day: date | None = None
    confidence: float | None = None
    conclusion: Conclusion | None = None
    audit_error: bool | None = None
    audit_weight: int | None = None
    control_error: bool | None = None


@dataclass(slots=True)
class Gathered:
    """The facts of a batch, one entry per case however many records it has."""

    cases: dict[tuple[str, str], CaseFacts] = field(default_factory=dict)

    def of(self, body: dict[str, Any]) -> CaseFacts:
        """Return the entry of the case that this event is about."""
        key = (body["tenant"], body["case_id"])
        facts = self.cases.get(key)
        if facts is None:
            facts = self.cases[key] = CaseFacts(*key)
        return facts

    def routed(self, body: dict[str, Any], day: date) -> None:
        """Note where a case was routed; ``day`` is the UTC date of the event's own time."""
        facts = self.of(body)
        if facts.seen & PLACED:
            return
        proposal = body["proposal"]
        facts.cell = _cell(body)
        facts.day = day
        facts.confidence = proposal["confidence"] if proposal else None
        facts.seen |= PLACED

    def decided(self, body: dict[str, Any]) -> None:
        """Note a decision: the case's own, or a later one that reverses it."""
        facts = self.of(body)
        if body.get("supersedes"):
            facts.seen |= REVERSED
        elif not facts.seen & CONCLUDED:
            facts.conclusion = _conclusion(body)
            facts.seen |= CONCLUDED

    def recorded(self, body: dict[str, Any]) -> None:
        """Note a judgement; activities of any other kind say nothing that is counted here."""
        kind = body["kind"]
        if kind == "audit.judged":
            self._audited(body)
        elif kind == "control.judged":
            facts = self.of(body)
            if not facts.seen & CONTROLLED:
                facts.control_error = body["body"]["error"]
                facts.seen |= CONTROLLED

    def _audited(self, body: dict[str, Any]) -> None:
        judgement = body["body"]
        draw = judgement["routing"]["sampling"]["audit"]
        # A check for cause was not drawn by chance: it says nothing about the decisions nobody looked at.
        if not draw["selected"] or draw["probability"] <= 0.0:
            return
        facts = self.of(body)
        if facts.seen & AUDITED:
            return
        facts.audit_error = judgement["error"]
        facts.audit_weight = round(WEIGHT_SCALE / draw["probability"])
        facts.seen |= AUDITED


def _cell(body: dict[str, Any]) -> Cell:
    consequence, model, policy = body["consequence"], body.get("model"), body["policy"]
    return Cell(
        tenant=body["tenant"],
        decision_type=body["decision_type"],
        tier=consequence["tier"] if consequence else UNKNOWN,
        band=body["band"] or UNKNOWN,
        level=body["level"],
        would_automate=body["would_automate"],
        reasons=tuple(sorted({reason["code"] for reason in body["reasons"]})),
        model_name=model["name"] if model else UNKNOWN,
        model_version=model["version"] if model else UNKNOWN,
        calibrator_version=(model.get("calibrator_version") if model else None) or UNKNOWN,
        automation_sha256=policy["automation_sha256"] if policy else UNKNOWN,
        test=bool(body["case"].get("test")),
    )


def _conclusion(body: dict[str, Any]) -> Conclusion:
    if body["closed_as"] != "decided":
        return Conclusion.CLOSED
    if body["mode"] == "automatic":
        return Conclusion.AUTOMATIC
    relation = body["relation"]
    if relation == "no_proposal":
        return Conclusion.NO_PROPOSAL
    seen = body["mode"] == "human_with_ai" and not any(decider["blind"] for decider in body["deciders"])
    return Conclusion(f"{'assisted' if seen else 'blind'}_{relation}")
