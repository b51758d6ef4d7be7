"""What a policy asks to be promised of a tier, what a certificate promises, and whether both speak of the same.

Everything here reads and writes the states of ``control.changed`` (``contracts.events.control``); nothing is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from countersign_feedback.domain.attempts import Judged
from countersign_feedback.domain.certify import GRID, Certificate, Step
from countersign_feedback.domain.drawn import DrawnCase
from countersign_feedback.domain.evidence import Watched
from countersign_feedback.domain.facts import UNKNOWN
from countersign_feedback.domain.intervals import clopper_pearson_upper
from countersign_feedback.domain.judged import Population
from countersign_shared.clock import rfc3339

RECIPE = "countersign.certificate.1"
"""Names the way in which a certificate's counts are computed; another way gets another name."""
State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the policy in force asks of one tier.

    ``delta`` is the tier's own share: the policy's is split evenly over the tiers that name an alpha. A certificate may
    err by the whole of ``policy_delta``, though: a tier that is added lessens the shares, and voids nothing.
    ``audit_probability`` is the least chance that an automatic decision is audited with.
    """

    alpha: float
    delta: float
    policy_delta: float
    audit_probability: float
    required: bool
    automation_sha256: str
    policy_version: int


def terms_of(policy: State, tier: str) -> Terms | None:
    """Read the state of a ``policy`` control; None where it asks for no promise in this tier."""
    automation = policy.get("automation")
    asked = None if automation is None else automation["tiers"].get(tier)
    if automation is None or asked is None:
        return None
    return Terms(
        alpha=asked["alpha"], delta=automation["delta"] / len(automation["tiers"]),
        policy_delta=automation["delta"], audit_probability=asked["audit_probability"],
        required=automation["certificate"] == "required",
        automation_sha256=policy["automation_sha256"], policy_version=policy["version"],
    )  # fmt: skip


def binds(certificate: State, population: Population) -> bool:
    """Tell whether a certificate (its state) speaks of a population, as the router asks it."""
    model = certificate["model"]
    theirs = (model.get("version"), certificate.get("calibrator_version"), certificate["automation_sha256"])
    ours = (population.model_version, _known(population.calibrator_version), population.automation_sha256)
    return theirs == ours and model.get("name") in {None, population.model_name}


def certified(certificate: State, tenant: str, decision_type: str, tier: str) -> Population:
    """Return the population that a tier's certificate (its state) speaks of."""
    model = certificate["model"]
    return Population(
        tenant, decision_type, tier, model.get("name") or UNKNOWN, model.get("version") or UNKNOWN,
        certificate.get("calibrator_version") or UNKNOWN, certificate["automation_sha256"],
    )  # fmt: skip


def keeps(certificate: State, terms: Terms) -> bool:
    """Tell whether a certificate promises at least what the policy asks for now, as the router asks it."""
    promised = certificate["alpha"] <= terms.alpha and certificate["delta"] <= terms.policy_delta
    return bool(promised and certificate["automation_sha256"] == terms.automation_sha256)


def expired(certificate: State, now: datetime) -> bool:
    """Tell whether a certificate has ended by itself."""
    ends = certificate.get("expires_at")
    return ends is not None and now >= datetime.fromisoformat(ends)


def certified_at(outcome: Certificate, live: State | None) -> Step:
    """Return the step to certify: the loosest that passed, for a renewal none looser than the live threshold.

    Everything that passed is proven together, so a stricter threshold is as good.
    """
    steps = [step for step in outcome.steps if step.passed]
    if live is not None:
        steps = [step for step in steps if step.threshold >= live["threshold"]]
    loosest = min(steps, key=lambda step: step.threshold)
    # Among thresholds with the same labels the strictest: where nobody was judged, silence proves nothing.
    return next(step for step in outcome.steps if step.passed and step.n == loosest.n)


def reaches(outcome: Certificate, live: State) -> bool:
    """Tell whether what passed holds at the live threshold or above it."""
    return any(step.passed and step.threshold >= live["threshold"] for step in outcome.steps)


def certificate_state(
    judged: Judged, step: Step, *, population: Population, terms: Terms, certificate_id: str, since: datetime,
    renews: str | None, expires_at: datetime | None,
) -> dict[str, Any]:  # fmt: skip
    """Return the state of a proposal, with everything that is needed to redo it."""
    model = {
        "name": population.model_name, "version": population.model_version,
        "calibrator_version": _known(population.calibrator_version),
    }  # fmt: skip
    return {
        "certificate_id": certificate_id, "active": True, "threshold": step.threshold, "alpha": terms.alpha,
        "delta": terms.delta, "errors": step.k, "labels": step.n,
        "upper_bound": clopper_pearson_upper(step.k, step.n, step.level), "grid_sha256": _grid(judged),
        "model": model, "calibrator_version": model["calibrator_version"],
        "automation_sha256": population.automation_sha256, "renews": renews,
        "expires_at": None if expires_at is None else rfc3339(expires_at),
        "evidence": _evidence(judged, terms, since),
    }  # fmt: skip


def _grid(judged: Judged) -> str | None:
    return judged.outcome.grid_sha256 if isinstance(judged.outcome, Certificate) else None


def _evidence(judged: Judged, terms: Terms, since: datetime) -> dict[str, Any]:
    cases, attempt, steps = judged.cases, judged.attempt, judged.outcome.steps
    drawn = [case.purpose.value for case in cases]
    return {
        "recipe": RECIPE, "policy_version": terms.policy_version, "attempt": attempt.number,
        "attempt_delta": judged.level, "labels": judged.labels, "unjudged": judged.unjudged, "floor": attempt.floor,
        "audit_floor": terms.audit_probability, "purposes": {one: drawn.count(one) for one in sorted(set(drawn))},
        "since": rfc3339(since), "first_routed_at": rfc3339(cases[0].routed_at),
        "last_routed_at": rfc3339(attempt.last[0]), "last_case_id": attempt.last[1],
        "expected": None if attempt.expected is None else list(attempt.expected),
        "thresholds": list(GRID), "n": [step.n for step in steps], "k": [step.k for step in steps],
        "levels": [step.level for step in steps], "traffic": judged.traffic, "not_compared": judged.not_compared,
    }  # fmt: skip


def audit_floor(certificate: State, terms: Terms | None) -> float:
    """Return the least chance that decisions under a certificate are audited with: what its audits are thinned to."""
    stated = (certificate.get("evidence") or {}).get("audit_floor")
    floors = [floor for floor in (stated, None if terms is None else terms.audit_probability) if floor]
    return min(floors, default=1.0)


def trip_state(
    watched: Watched, audits: Sequence[DrawnCase], *, certificate: State, trip_id: str, activated_at: datetime
) -> dict[str, Any]:
    """Return the state of a trip: what was found, which promise it breaks, and from when on to look back.

    The list begins after the last decision whose audit still spoke for the promise; where none did, with the
    certificate's own life.
    """
    latest, before = audits[watched.since :], audits[: watched.since]
    wrong = sum(bool(audit.error) for audit in latest)
    last_good = before[-1].routed_at if before else activated_at
    begins = min(last_good, *(audit.routed_at for audit in latest))
    rate = 100 * watched.alpha
    return {
        "trip_id": trip_id, "errors": watched.k, "labels": watched.n, "alpha": watched.alpha, "delta": watched.delta,
        "log_e_value": watched.log_alarm,
        "reason": (
            f"{watched.k:,} of {watched.n:,} audited automatic decisions were wrong, and "
            f"{wrong:,} of the last {len(latest):,}. "
            f"At most {rate:.4g} % was promised. {watched.text}"
        ),
        "model": dict(certificate["model"]), "certificate_id": certificate["certificate_id"],
        "look_back_from": rfc3339(begins),
    }  # fmt: skip


def lifted(trip: State, revision: int, cleared: State | None) -> bool:
    """Tell whether people have lifted a trip (its state and revision); a trip that says more afterwards holds again."""
    if cleared is None or cleared["trip_id"] != trip["trip_id"]:
        return False
    seen = (cleared.get("evidence") or {}).get("trip_revision")
    return seen is None or revision <= seen


def _known(name: str) -> str | None:
    return None if name == UNKNOWN else name
