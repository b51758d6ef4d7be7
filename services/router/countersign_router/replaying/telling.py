"""The report in sentences: what changes, and what a reader must not take it for."""

from collections.abc import Iterator

from countersign_router.domain.policy import Policy
from countersign_router.replaying.report import ErrorEstimate, ReplayReport
from countersign_router.replaying.tally import Tally
from countersign_shared.shares import between, percent


def share(part: int, whole: int) -> str:
    """Write a share of a whole as per cent."""
    return "-" if not whole else percent(part / whole)


def summary(report: ReplayReport) -> tuple[str, ...]:
    """Say what changes, most important first."""
    cases = report.against.cases
    if not cases:
        return ("No stored case fits: nothing was replayed.",)
    return tuple(_summary(report, cases))


def _summary(report: ReplayReport, cases: int) -> Iterator[str]:
    if report.changed == 0:
        yield f"All {cases:,} cases are routed exactly as they were."
    else:
        yield (
            f"{report.raised + report.lowered:,} of {cases:,} cases change their level "
            f"({share(report.raised + report.lowered, cases)}): {report.raised:,} go to a higher one, "
            f"{report.lowered:,} to a lower."
        )
    automation = report.automation
    yield (
        f"Automatic: {share(automation.before, cases)} before, {share(automation.after, cases)} after. "
        f"With every certificate live: {share(automation.would_before, cases)} before, "
        f"{share(automation.would_after, cases)} after."
    )
    people = sum(one.reviews_before for one in report.queues), sum(one.reviews_after for one in report.queues)
    yield f"Answers asked of people: {people[0]:,} before, {people[1]:,} after."
    yield _errors(report)


def _errors(report: ReplayReport) -> str:
    audited = report.audited
    if not audited.labels:
        return "Audited error: unknown, none of the cases was drawn and judged."
    return f"Audited error among automatic cases: {told(audited.before)} before, {told(audited.after)} after."


def counted(cases: int) -> str:
    """Say a number of cases."""
    return f"{cases:,} case{'' if cases == 1 else 's'}"


def told(found: ErrorEstimate) -> str:
    """Say an estimate with what it rests on."""
    if found.rate is None:
        return f"too few judged ({found.judged:,}, {found.errors:,} wrong)"
    ends = "" if found.upper is None else f" {between(found.lower or 0.0, found.upper)}"
    return f"{percent(found.rate)}{ends} ({found.errors:,} of {found.judged:,} judged)"


def notes(report: ReplayReport, tally: Tally, policy: Policy) -> tuple[str, ...]:
    """Say on what the figures rest and what is not known."""
    return (*_on_what_was(report, tally), *_on_what_would_be(report, tally, policy))


def _on_what_was(report: ReplayReport, tally: Tally) -> Iterator[str]:
    found = report.fidelity
    if found.same and not found.differing:
        yield (
            f"Made again under the policies that had routed them, all {found.same:,} stored routings came out the same."
        )
    if found.differing:
        yield (
            f"{found.differing:,} stored routings do not come out the same when made again under the policy that "
            "routed them: another release, or another decision type, was at work then. Trust their before and after "
            "less."
        )
    if found.without_policy:
        yield (f"Routed without a policy, or under one that cannot be read any more: {counted(found.without_policy)}.")
    if found.other_key:
        yield f"Drawn with a key that is not here, and drawn anew: samples of {counted(found.other_key)}."
    if tally.held_back:
        yield (
            f"{counted(tally.held_back)} came while automation was stopped or their tier was held back; that holds "
            "in the replay as it did then."
        )


def _on_what_would_be(report: ReplayReport, tally: Tally, policy: Policy) -> Iterator[str]:
    if any("policy.age" in expression.reads for expression in policy.expressions):
        yield "Rules about a fresh policy rest: where it was not in force yet, the policy counts as settled."
    voided = report.draft and policy.automation.certificate_required
    if voided and report.automation.after < report.automation.would_after:
        yield (
            "A changed policy has no certificate yet. Until one is signed, what would be automatic goes to people; the "
            "list of cases becoming automatic counts them."
        )
    if report.audited.unsampled:
        yield (
            f"{counted(report.audited.unsampled)} would become automatic out of places where nobody is drawn to judge "
            "blind: of their errors nothing can be known. Raise sampling.blind there first."
        )
    if tally.too_many:
        yield f"Too many values to segment by: {', '.join(sorted(tally.too_many))}."
