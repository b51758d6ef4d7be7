"""Who may decide what, and in words why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

TIERS = ("negligible", "low", "medium", "high", "critical")


def tier_rank(tier: str | None) -> int:
    """Return 0 (negligible) to 4 (critical); a consequence nobody has stated is taken for the worst."""
    return TIERS.index(tier) if tier is not None else len(TIERS) - 1


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount and its currency; amounts of different currencies cannot be compared."""

    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A reviewer's authority. ``None`` means no limit; a tenant ``*`` means all."""

    username: str
    pseudonym: str
    roles: frozenset[str]
    tenants: frozenset[str]
    decision_types: frozenset[str] | None
    max_tier: str
    amount_limit: Amount | None
    skills: frozenset[str]
    languages: frozenset[str] | None
    trained_until: date | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """What a review asks of whoever takes it."""

    tenant: str
    decision_type: str
    tier_rank: int
    amount: Amount | None = None
    skills: Sequence[str] = ()
    roles: Sequence[str] = ()
    language: str | None = None
    submitted_by: str = ""
    lead_only: bool = False
    excluded: Sequence[str] = ()
    assigned_to: str | None = None


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing a reviewer lacks for a review: told to them, and in a word for others."""

    code: str
    text: str
    needs: str


def lacks(profile: Profile, demand: Demand, today: date | None = None) -> list[Lack]:
    """Return what the reviewer lacks, empty when eligible. ``sql/migrations`` holds the same rule as ``eligible``.

    With ``today`` (of UTC) their training has to be valid too; queries ask for that beside ``eligible``.
    """
    return [
        *_authority(profile, demand), *_qualification(profile, demand), *_training(profile, today),
        *conflicts(profile, demand),
    ]  # fmt: skip


def _training(profile: Profile, today: date | None) -> list[Lack]:
    until = profile.trained_until
    if until is None or today is None or today <= until:
        return []
    return [Lack("training", f"Your training was valid until {until:%-d %B %Y}; renew it first.", "valid training")]


def _authority(profile: Profile, demand: Demand) -> list[Lack]:
    found = []
    if "*" not in profile.tenants and demand.tenant not in profile.tenants:
        found.append(Lack("tenant", f"You do not work for tenant {demand.tenant}.", f"tenant {demand.tenant}"))
    if profile.decision_types is not None and demand.decision_type not in profile.decision_types:
        found.append(
            Lack(
                "decision_type",
                f"Your authority does not cover {demand.decision_type}.",
                f"authority for {demand.decision_type}",
            )
        )
    if tier_rank(profile.max_tier) < demand.tier_rank:
        needed = TIERS[demand.tier_rank]
        found.append(
            Lack(
                "tier",
                f"This needs authority for {needed} consequence; yours ends at {profile.max_tier}.",
                f"authority for {needed} consequence",
            )
        )
    if not _covers(profile.amount_limit, demand.amount):
        found.append(
            Lack("amount", "The amount is beyond your limit, or in another currency.", "a limit that covers the amount")
        )
    return found


def _qualification(profile: Profile, demand: Demand) -> list[Lack]:
    found = []
    if missing := sorted(set(demand.skills) - profile.skills):
        found.append(Lack("skill", f"This needs the skill {', '.join(missing)}.", f"skill {', '.join(missing)}"))
    if demand.lead_only:
        if "lead" not in profile.roles:
            found.append(
                Lack("lead", "This waits for a lead: it was escalated, or two answers have to be settled.", "a lead")
            )
    elif demand.roles and not set(demand.roles) & profile.roles:
        found.append(
            Lack("role", f"This needs one of the roles {', '.join(demand.roles)}.", f"role {' or '.join(demand.roles)}")
        )
    if demand.language is not None and profile.languages is not None and demand.language not in profile.languages:
        found.append(Lack("language", f"The case is in {demand.language}.", f"language {demand.language}"))
    return found


def conflicts(profile: Profile, demand: Demand) -> list[Lack]:
    """Return what keeps this person from this case, whatever their authority."""
    found = []
    if demand.submitted_by in {profile.username, profile.pseudonym}:
        found.append(Lack("own_submission", "You submitted this case yourself.", "somebody who did not submit it"))
    if profile.pseudonym in demand.excluded:
        found.append(
            Lack(
                "conflict",
                "You have answered on this case, or recused yourself; somebody else must look.",
                "somebody who has not answered and did not recuse themselves",
            )
        )
    if demand.assigned_to not in {None, profile.pseudonym}:
        found.append(Lack("assigned", "This is kept for somebody else at the moment.", "the person it is kept for"))
    return found


def _covers(limit: Amount | None, amount: Amount | None) -> bool:
    if limit is None or amount is None:
        return True
    return limit.currency == amount.currency and amount.value <= limit.value
