"""Who may see what about reviewers: a tenant's setting, a least number, and a stated purpose for opening a person."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from enum import StrEnum

from countersign_feedback.domain.rubber_stamps import LEAST_REVIEWS, Finding, Reviews, examine

LEAST_PEOPLE = 5
"""Reviewers below which a team's figures would be a person's. So would those of a team in which one does most."""
TEAM = "team"


class ReviewerSignals(StrEnum):
    """A tenant's choice; ``team`` unless it chose. Names are never here: review alone can resolve a pseudonym."""

    OFF = "off"
    TEAM = "team"
    PSEUDONYMOUS = "pseudonymous"
    NAMED = "named"


class NotShownError(Exception):
    """What was asked for may not be shown; the message says why and what would be needed."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What may be shown about a desk of reviewers. ``team`` and ``flagged`` are None where so few are no team."""

    mode: ReviewerSignals
    people: int
    flagged: int | None
    team: Finding | None
    findings: tuple[Finding, ...]
    text: str


def show(desk: Sequence[Reviews], *, mode: ReviewerSignals = ReviewerSignals.TEAM) -> Desk:
    """Return what the tenant's setting lets be shown; single persons only as pseudonyms, and only from n = 30 on."""
    if mode is ReviewerSignals.OFF:
        return Desk(mode, 0, None, None, (), "Reviewer signals are switched off for this tenant.")
    if len(desk) < LEAST_PEOPLE:
        who = "1 reviewer" if len(desk) == 1 else f"{len(desk)} reviewers"
        text = f"{who}: figures of fewer than {LEAST_PEOPLE} people would be figures of a person."
        return Desk(mode, len(desk), None, None, (), text)
    findings = examine(desk)
    together = examine([pooled(desk)])
    team = together[0] if together else None
    if mode is ReviewerSignals.TEAM:
        return _as_a_team(desk, findings, team)
    flagged = sum(finding.flagged for finding in findings)
    return Desk(mode, len(desk), flagged, team, findings, _told(flagged, len(findings)))


def _as_a_team(desk: Sequence[Reviews], findings: Sequence[Finding], team: Finding | None) -> Desk:
    """Return what may be shown of nobody in particular: everybody knows who of a few does most of the work."""
    mode, people = ReviewerSignals.TEAM, len(desk)
    if any(_one_did_most([getattr(one, what) for one in desk]) for what in ("assisted", "blind")):
        text = f"One of {people} reviewers did most of the reviews: figures of all would be figures of a person."
        return Desk(mode, people, None, None, (), text)
    if 0 < len(findings) < LEAST_PEOPLE:
        text = (
            f"Fewer than {LEAST_PEOPLE} reviewers have {LEAST_REVIEWS} assisted and {LEAST_REVIEWS} blind reviews: how "
            "many of so few show signals of waving through would be figures of a person."
        )
        return Desk(mode, people, None, team, (), text)
    flagged = sum(finding.flagged for finding in findings)
    return Desk(mode, people, flagged, team, (), _told(flagged, len(findings)))


def _one_did_most(counts: Sequence[int]) -> bool:
    return 2 * max(counts) > sum(counts)


def _told(flagged: int, known: int) -> str:
    return (
        f"{flagged} of {known} reviewers with at least {LEAST_REVIEWS} assisted and {LEAST_REVIEWS} blind "
        "reviews show two or more signals of waving through. A reason to talk; nothing follows from it by itself."
    )


def open_person(desk: Sequence[Reviews], reviewer: str, *, mode: ReviewerSignals, purpose: str, asker: str) -> Finding:
    """Return what is known about one reviewer; the caller records the opening, with its purpose, in the audit log.

    Reviewers may always open their own page. Anybody else needs a tenant that shows persons, and a purpose. Everything
    else is a ``NotShownError``.
    """
    if asker != reviewer:
        if mode not in {ReviewerSignals.PSEUDONYMOUS, ReviewerSignals.NAMED}:
            raise NotShownError(f"this tenant shows reviewer signals as {mode.value!r}, not about persons")
        if not purpose.strip():
            raise NotShownError("say for what purpose this person's page is opened; it becomes an audit entry")
    found = next((finding for finding in examine(desk) if finding.reviewer == reviewer), None)
    if found is None:
        raise NotShownError(
            f"fewer than {LEAST_REVIEWS} assisted or blind reviews: nothing is said about anybody on so little"
        )
    return found


def pooled(desk: Sequence[Reviews]) -> Reviews:
    """Return all reviewers' counts as one."""
    counts = [sum(column) for column in zip(*(astuple(one)[1:] for one in desk), strict=True)]
    names = [field.name for field in fields(Reviews)][1:]
    return Reviews(reviewer=TEAM, **dict(zip(names, counts, strict=True)))
