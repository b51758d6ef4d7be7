"""What feedback keeps of an event: at most five facts per case, each of them counted once; and of drawn cases, labels.

A case can be *placed* (its routing says which cell it belongs to), *concluded* (the first decision), *reversed* (a
later decision that supersedes it), *audited* and *control judged*. Facts of one case come in any order and any
number of times; ``seen`` tells which ones a row holds, so that each is counted once. A case that was drawn to be
judged blind is also a ``Label``, with or without the answer; what persons did is counted per reviewer as ``Answer``.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
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


class Purpose(StrEnum):
    """Why a case was drawn to be judged blind, each by a logged chance of its own."""

    AUDIT = "audit"
    """An automatic decision, judged afterwards."""
    BLIND = "blind"
    """A case for a person, who answers before seeing the proposal."""
    HUMAN_ONLY = "human_only"
    """A case that people decide without the AI, to compare with."""


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
    routed_at: datetime | None = None
    confidence: float | None = None
    conclusion: Conclusion | None = None
    audit_error: bool | None = None
    audit_weight: int | None = None
    control_error: bool | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """That a case was drawn to be judged blind, with everything its label depends on.

    ``certificate_id`` is the certificate that it was decided under, None where none was live; ``base`` the confidence
    before any calibrator that came into force after training, ``artifact_sha256`` whose it is.
    """

    purpose: Purpose
    cell: Cell
    routed_at: datetime
    confidence: float | None
    probability: float
    certificate_id: str | None
    policy_sha256: str
    base: float | None = None
    artifact_sha256: str | None = None


@dataclass(slots=True)
class Label:
    """What one batch says about a drawn case: that it was drawn, what people answered, or both."""

    tenant: str
    case_id: str
    decision_type: str
    drawn: Drawn | None = None
    error: bool | None = None
    judged_at: datetime | None = None


class Answer(NamedTuple):
    """One person's part in one case, as counts that are added once; in the order of the columns.

    A person answers a case once ``assisted``, once ``blind`` and once as ``seeded``, whichever events tell of it;
    ``what`` says which, or names the sitting that was timed. Counts as in ``Reviews``.
    """

    tenant: str
    case_id: str
    reviewer: str
    what: str
    decision_type: str
    day: date
    assisted: int = 0
    assisted_agreed: int = 0
    blind: int = 0
    blind_agreed: int = 0
    seeded: int = 0
    caught: int = 0
    timed: int = 0
    too_fast: int = 0
    agreed: bool | None = None
    """Of an assisted answer that somebody else's word may be held against: whether it followed the proposal."""


class Truth(NamedTuple):
    """Whether a case's proposal was wrong, as people found who looked again; in the order of the columns.

    ``wrong`` None: the decision was upheld, and how it stood to the proposal is known from the case.
    """

    tenant: str
    case_id: str
    decision_type: str
    wrong: bool | None
    told_at: datetime
    event_id: str


class Outcome(NamedTuple):
    """What the world said of a decision later, as upstream reported it; in the order of the columns."""

    event_id: str
    tenant: str
    case_id: str
    decision_type: str
    kind: str
    severity: int | None
    happened_on: date
    source: str
    event_source: str


@dataclass(slots=True)
class Gathered:
    """The facts of a batch, one entry per case however many records it has. The first word on each fact stands."""

    cases: dict[tuple[str, str], CaseFacts] = field(default_factory=dict)
    labels: dict[tuple[str, str], Label] = field(default_factory=dict)
    answers: dict[tuple[str, str, str, str], Answer] = field(default_factory=dict)
    outcomes: dict[tuple[str, str, str, str], Outcome] = field(default_factory=dict)
    truths: dict[tuple[str, str], Truth] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.cases or self.labels or self.answers or self.outcomes or self.truths)

    def of(self, tenant: str, case_id: str) -> CaseFacts:
        """Return the entry of a case, made at its first mention."""
        key = (tenant, case_id)
        facts = self.cases.get(key)
        if facts is None:
            facts = self.cases[key] = CaseFacts(tenant, case_id)
        return facts

    def place(self, case_id: str, cell: Cell, routed_at: datetime, confidence: float | None) -> None:
        """Note where a case was routed, and when, by the router's own clock."""
        facts = self.of(cell.tenant, case_id)
        if not facts.seen & PLACED:
            facts.cell, facts.routed_at, facts.confidence = cell, routed_at, confidence
            facts.seen |= PLACED

    def label(self, tenant: str, case_id: str, decision_type: str) -> Label:
        """Return the label of a case, made at its first mention."""
        key = (tenant, case_id)
        label = self.labels.get(key)
        if label is None:
            label = self.labels[key] = Label(tenant, case_id, decision_type)
        return label

    def conclude(self, tenant: str, case_id: str, conclusion: Conclusion) -> None:
        """Note the case's own decision."""
        facts = self.of(tenant, case_id)
        if not facts.seen & CONCLUDED:
            facts.conclusion = conclusion
            facts.seen |= CONCLUDED

    def reverse(self, tenant: str, case_id: str) -> None:
        """Note that a later decision superseded the case's own."""
        self.of(tenant, case_id).seen |= REVERSED

    def answer(self, answer: Answer) -> None:
        """Note one person's part in a case; the first word stands."""
        self.answers.setdefault(answer[:4], answer)

    def report(self, told: Outcome) -> None:
        """Note what became of a decision; an event's id is its source's own, and a case's source its tenant's."""
        self.outcomes.setdefault((told.tenant, told.case_id, told.event_source, told.event_id), told)

    def truth(self, told: Truth) -> None:
        """Note whether a proposal was wrong; the latest word that says so stands."""
        before = self.truths.get(told[:2])
        if before is None or (
            told.wrong is not None
            and (before.wrong is None or (told.told_at, told.event_id) > (before.told_at, before.event_id))
        ):
            self.truths[told[:2]] = told

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
