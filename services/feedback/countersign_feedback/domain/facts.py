"""What feedback keeps of an event: at most five facts per case, each of them counted once.

A case can be *placed* (its routing says which cell it belongs to), *concluded* (the first decision), *reversed* (a
later decision that supersedes it), *audited* and *control judged*. Facts of one case come in any order and any
number of times; ``seen`` tells which ones a row holds, so that each is counted once.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

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
    """The facts of a batch, one entry per case however many records it has. The first word on each fact stands."""

    cases: dict[tuple[str, str], CaseFacts] = field(default_factory=dict)

    def of(self, tenant: str, case_id: str) -> CaseFacts:
        """Return the entry of a case, made at its first mention."""
        key = (tenant, case_id)
        facts = self.cases.get(key)
        if facts is None:
            facts = self.cases[key] = CaseFacts(tenant, case_id)
        return facts

    def place(self, case_id: str, cell: Cell, day: date, confidence: float | None) -> None:
        """Note where a case was routed; ``day`` is the UTC date of the routing's own time."""
        facts = self.of(cell.tenant, case_id)
        if not facts.seen & PLACED:
            facts.cell, facts.day, facts.confidence = cell, day, confidence
            facts.seen |= PLACED

    def conclude(self, tenant: str, case_id: str, conclusion: Conclusion) -> None:
        """Note the case's own decision."""
        facts = self.of(tenant, case_id)
        if not facts.seen & CONCLUDED:
            facts.conclusion = conclusion
            facts.seen |= CONCLUDED

    def reverse(self, tenant: str, case_id: str) -> None:
        """Note that a later decision superseded the case's own."""
        self.of(tenant, case_id).seen |= REVERSED

    def audit(self, tenant: str, case_id: str, *, error: bool, selected: bool, probability: float) -> None:
        """Note what an audit found, and with what probability this decision had been drawn for it.

        A check for cause was not drawn by chance. It says nothing about the decisions nobody looked at, so it is
        passed over.
        """
        if not selected or probability <= 0.0:
            return
        facts = self.of(tenant, case_id)
        if not facts.seen & AUDITED:
            facts.audit_error = error
            facts.audit_weight = round(WEIGHT_SCALE / probability)
            facts.seen |= AUDITED

    def control(self, tenant: str, case_id: str, *, error: bool) -> None:
        """Note what the judgement of a control sample found."""
        facts = self.of(tenant, case_id)
        if not facts.seen & CONTROLLED:
            facts.control_error = error
            facts.seen |= CONTROLLED


def conclusion(*, closed_as: str, mode: str, relation: str, blind: bool) -> Conclusion:
    """Return how a case ended, from the words of its decision; ``blind``: somebody answered before seeing the proposal.

    Words that the contract does not have are a ``ValueError``.
    """
    if closed_as != "decided":
        return Conclusion.CLOSED
    if mode == "automatic":
        return Conclusion.AUTOMATIC
    if relation == "no_proposal":
        return Conclusion.NO_PROPOSAL
    assisted = mode == "human_with_ai" and not blind
    return Conclusion(f"{'assisted' if assisted else 'blind'}_{relation}")
