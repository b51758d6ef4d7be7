"""The answer of a replay: what the API sends, the command line prints and the picture shows."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """What every part of the report has in common."""

    model_config = ConfigDict(frozen=True)


class PolicyName(Part):
    """One version of a policy; ``cases`` is how many of the replayed cases it routed."""

    id: str
    version: int
    sha256: str
    cases: int


class Against(Part):
    """Which cases were replayed. Test cases are left out and counted apart."""

    asked: str
    cases: int
    test_cases: int
    since: str | None
    until: str | None
    policies: tuple[PolicyName, ...]


class Fidelity(Part):
    """How many stored routings came out the same when made again under the policy that had made them.

    ``differing`` came out otherwise (some are named), ``without_policy`` were routed without one, and the draws of
    ``other_key`` cases were made with a key that is not here any more.
    """

    same: int
    differing: int
    without_policy: int
    other_key: int
    named: tuple[tuple[str, str], ...]


class LevelChange(Part):
    """How many cases go from one level to another; cases that stay are listed too."""

    before: int
    after: int
    cases: int


class Cell(Part):
    """One cell of the matrix: cases in it before and after, and what becomes of those in it before.

    ``level_before`` is None when the cases were routed under several policies that disagree, or without one.
    """

    tier: str
    band: str
    level_before: int | None
    level_after: int
    cases_before: int
    cases_after: int
    raised: int
    lowered: int
    automatic_before: int
    automatic_after: int


class QueueLoad(Part):
    """Cases that people find in one queue, and how many answers those cases ask for."""

    queue: str
    before: int
    after: int
    reviews_before: int
    reviews_after: int


class Automation(Part):
    """Cases decided by the machine, and those that would be were a certificate live."""

    cases: int
    before: int
    after: int
    would_before: int
    would_after: int


class ErrorEstimate(Part):
    """Errors among judged cases of one population.

    ``rate`` weighs each judged case by 1 / chance of being judged (Horvitz-Thompson in the ratio form of Hajek);
    ``lower`` and ``upper`` are the exact 95 % interval, given only while all weights are equal. Below 30 judged
    cases no rate is named.
    """

    judged: int
    errors: int
    rate: float | None
    lower: float | None
    upper: float | None


class Audited(Part):
    """Audited error before and after. ``labels`` 0: none was drawn and judged, nothing is known of errors.

    ``unsampled`` cases would become automatic out of places where nobody was ever drawn to be judged blind.
    """

    labels: int
    before: ErrorEstimate
    after: ErrorEstimate
    would_before: ErrorEstimate
    would_after: ErrorEstimate
    unsampled: int


class ChangedCase(Part):
    """A case that changes sides."""

    tenant: str
    case_id: str
    routed_at: str
    outcome: str | None
    confidence: float | None
    tier_before: str | None
    band_before: str | None
    level_before: int
    tier_after: str | None
    band_after: str | None
    level_after: int
    automatic_after: bool


class ChangedCases(Part):
    """All of one kind counted, the first listed: what weighs most, there the least sure."""

    cases: int
    listed: tuple[ChangedCase, ...]


class SegmentValue(Part):
    """The cases of one value of a field."""

    value: str
    cases: int
    automatic_before: int
    automatic_after: int
    would_before: int
    would_after: int
    raised: int
    lowered: int


class Segment(Part):
    """The cases by the values of one field. Fewer than ``hidden_below`` cases of a protected field are not shown."""

    field: str
    values: tuple[SegmentValue, ...]
    hidden_below: int = 0


class ReplayReport(Part):
    """What a policy would have made of the cases that came, beside what was decided."""

    format: Literal["countersign.replay.v1"] = "countersign.replay.v1"
    policy: PolicyName
    draft: bool
    against: Against
    fidelity: Fidelity
    changed: int
    raised: int
    lowered: int
    levels: tuple[LevelChange, ...]
    cells: tuple[Cell, ...]
    outside_before: int
    outside_after: int
    queues: tuple[QueueLoad, ...]
    automation: Automation
    audited: Audited
    becoming_automatic: ChangedCases
    leaving_automatic: ChangedCases
    segments: tuple[Segment, ...]
    summary: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float | None = None
