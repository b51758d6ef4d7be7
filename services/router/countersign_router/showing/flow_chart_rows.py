"""What stands in the boxes of a policy's flow chart, in words."""

from collections.abc import Iterator
from typing import NamedTuple

from countersign_router.domain.policy import BANDS, FACTORS, SIGNALS, TIERS
from countersign_router.language.document import AdjustSection, PolicyDocument
from countersign_router.language.loading import SLA_CLASSES
from countersign_router.showing.drawing import SHORT_LEVELS


class Row(NamedTuple):
    """One rule: its name, its text (``code``: an expression), what it leads to, and a note below."""

    label: str
    lines: tuple[str, ...]
    code: bool = True
    level: int | None = None
    note: str | None = None


def factors(policy: PolicyDocument) -> list[Row]:
    """Return the five factors."""
    return [Row(name, (_plain(getattr(policy.consequence.factors, name)),)) for name in FACTORS]


def adjustments(policy: PolicyDocument) -> list[Row]:
    """Return what moves the limits, or asks for a least level."""
    return [Row(one.id, (_plain(one.when),), level=one.level_at_least, note=_shift(one)) for one in policy.adjust]


def _shift(one: AdjustSection) -> str:
    moved = []
    if one.bands is not None:
        moved = [
            f"{name} {shift:+g}" for name, shift in (("high", one.bands.high), ("medium", one.bands.medium)) if shift
        ]
    least = [f"level {one.level_at_least} at least"] if one.level_at_least else []
    tiers = f", only {' and '.join(one.only_tiers)} consequence" if one.only_tiers else ""
    return ", ".join([*moved, *least]) + tiers


def caps(policy: PolicyDocument) -> list[Row]:
    """Return how weak signals lower the band."""
    found = []
    for name in SIGNALS:
        cap = getattr(policy.signal_caps, name)
        if cap is not None:
            unknown = " or unknown" if cap.unknown == "cap" else ""
            said = f"below {cap.below:g}{unknown}: {cap.band} at most"
            found.append(Row(name.replace("_", " "), (said,), code=False))
    return found


def exceptions(policy: PolicyDocument) -> list[Row]:
    """Return the exceptions in their order."""
    if not policy.exceptions:
        return [Row("none", ("The matrix alone decides.",), code=False)]
    return [
        Row(f"{place}. {one.id}", (_plain(one.when),), level=one.level,
            note=f"to the queue {one.queue}" if one.queue else None)
        for place, one in enumerate(policy.exceptions, 1)
    ]  # fmt: skip


def guards(policy: PolicyDocument) -> list[Row]:
    """Return what must hold before a machine decides."""
    floor = policy.never_automate
    rows = []
    if floor is not None:
        rows.append(Row("never automatic", (_plain(floor.when),), level=3, note=floor.text))
    held = [name for name, outcome in policy.outcomes.items() if not _automatic(policy, name)]
    if held:
        rows.append(
            Row("outcome", (f"{', '.join(held)}: a person decides, however sure the AI is",), code=False, level=3)
        )
    rows.append(Row("certificate", (_certificate(policy),), code=False, level=3))
    tiers = policy.automation.tiers
    enabled = [one for one in (TIERS if tiers is None else tiers) if _automates(policy, one)]
    said = f"{', '.join(enabled)} consequence may be automated" if enabled else "no tier may be automated"
    rows.append(Row("tiers", (said,), code=False, level=3))
    rows.append(
        Row("stop and trips", ("automation is not stopped, and no evidence holds the tier back",), code=False, level=3)
    )
    return rows


def _automatic(policy: PolicyDocument, name: str) -> bool:
    outcome = policy.outcomes[name]
    return not outcome.adverse if outcome.automatic is None else outcome.automatic


def _automates(policy: PolicyDocument, tier: str) -> bool:
    row = getattr(policy.matrix, tier)
    return any(getattr(row, band) <= 2 for band in BANDS)  # noqa: PLR2004 - levels 1 and 2 are automatic


def _certificate(policy: PolicyDocument) -> str:
    if policy.automation.certificate == "not_required":
        return "not required: automated on the author's word, and marked as uncertified"
    promises = [
        f"{tier} at most {100 * alpha:g} % wrong"
        for tier in TIERS
        if (alpha := getattr(policy.automation.alpha, tier)) is not None
    ]
    return f"live for this policy, model and tier{': ' if promises else ''}{', '.join(promises)}"


def level_lines(policy: PolicyDocument, level: int) -> list[str]:
    """Return what a level means: its name, who finds the case, and how."""
    lines = [SHORT_LEVELS[level]]
    audit = {1: policy.sampling.audit.level1, 2: policy.sampling.audit.level2}
    if level in audit:
        queue = policy.queues.audit or policy.queues.default
        more = " or more" if policy.sampling.audit.by else ""
        rate = max(audit[level], policy.sampling.audit.floor)
        return [*lines, f"{100 * rate:g} %{more} judged again", f"audits in {queue}"]
    lines.append(f"queue {policy.queues.by_level.get(level, policy.queues.default)}")
    lines.append(f"due in {policy.sla.due or SLA_CLASSES[policy.sla.class_]}")
    people = policy.reviewers.required
    lines.append(f"{people} {'person' if people == 1 else 'people'}{', sometimes 2' if _more(policy) else ''}")
    withhold = {3: policy.withhold.level3, 4: policy.withhold.level4, 5: policy.withhold.level5}[level]
    shown = {"never": "proposal shown", "always": "proposal not shown",
             "blind_sample": f"{100 * policy.sampling.blind:g} % answer blind first"}  # fmt: skip
    return [*lines, shown[withhold]]


def _more(policy: PolicyDocument) -> bool:
    return policy.reviewers.four_eyes_when is not None and policy.reviewers.required < 2  # noqa: PLR2004 - four eyes


def shares(policy: PolicyDocument) -> str:
    """Say what is drawn at random and what becomes of a case that cannot be judged."""
    human_only, seed = policy.sampling.human_only, policy.sampling.seed
    drawn = f"{100 * human_only:g} % of all cases are drawn to be decided without the AI. " if human_only else ""
    seeded = f"{100 * seed:g} % of the cases for people bring a known-wrong proposal along. " if seed else ""
    return (
        f"{drawn}{seeded}A case that cannot be judged (an error, a missing or unusable "
        "input, no proposal) goes to L4 with the reason."
    )


def spoken(policy: PolicyDocument) -> str:
    """Say the whole chart for somebody who does not see it."""
    return " ".join(_spoken(policy))


def _spoken(policy: PolicyDocument) -> Iterator[str]:
    yield f"Reads {', '.join(policy.inputs) or 'no inputs'}."
    yield "Consequence, the highest of: " + "; ".join(f"{row.label}: {row.lines[0]}" for row in factors(policy)) + "."
    yield f"Confidence above {policy.bands.high:g} is high, from {policy.bands.medium:g} medium, below low."
    for row in adjustments(policy):
        yield f"{row.label}: when {row.lines[0]}, {row.note}."
    for tier in TIERS:
        levels = ", ".join(f"{band} {getattr(getattr(policy.matrix, tier), band)}" for band in BANDS)
        yield f"{tier.capitalize()} consequence by confidence: {levels}."
    for rule in policy.exceptions:
        yield f"Exception {rule.id}: when {_plain(rule.when)}, level {rule.level}."
    for row in guards(policy):
        yield f"{row.label}: {row.lines[0]}."
    yield shares(policy)


def _plain(expression: str) -> str:
    return " ".join(expression.split())
