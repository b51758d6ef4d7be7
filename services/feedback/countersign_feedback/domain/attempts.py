"""From drawn cases to a certificate: when to try, on which cases, and what an attempt says while answers still come.

An attempt is about the first so many drawn cases in the order in which they were routed, which no answer can change.
Looking at a fixed set of cases again while answers come in is one test, not many, if a case without an answer counts
as an error: what passes then passes with the answers, too. So nothing waits for the slowest reviewer, and errors, which
take longer because people must agree on them first, cannot be missed by deciding early.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from countersign_feedback.domain.assessment import reachable, uncompared, unlike
from countersign_feedback.domain.certify import (
    Certificate,
    NoCertificate,
    certify,
    expected_counts,
    least_labels,
    spent,
)
from countersign_feedback.domain.drawn import DrawnCase, as_judged, of_one_chance
from countersign_feedback.domain.judged import Population, unfit

FIRST = 2
"""Labels of the first attempt, in multiples of those that would do without one error."""
GROWTH = 1.5
"""How many times more labels each further attempt rests on: each costs a part of delta, so a few must do."""
MOST_ATTEMPTS = 40


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a certificate, frozen when it was opened.

    It is about the cases up to ``last`` (routing time and case id) that thinning to ``floor`` keeps, ``size`` of them
    when it was opened. ``expected`` says where its walk begins (``certify``), from the traffic of that time.
    """

    number: int
    size: int
    floor: float
    last: tuple[datetime, str]
    expected: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What an attempt says now: ``outcome``, from ``labels`` answers; ``unjudged`` of its cases have none yet.

    ``traffic`` is how many confidences of all cases were known.
    """

    attempt: Attempt
    level: float
    labels: int
    unjudged: int
    outcome: Certificate | NoCertificate
    cases: tuple[DrawnCase, ...]
    traffic: int

    @property
    def not_compared(self) -> str | None:
        """Why nothing tells whether its cases were drawn as logged; None where that was looked at."""
        return uncompared(self.traffic)

    @property
    def ended(self) -> bool:
        """Tell whether nothing can change any more."""
        return self.unjudged == 0


def sizes(alpha: float, delta: float) -> Iterator[int]:
    """Yield on how many labels the attempts rest: fixed before any label is seen."""
    size = 0
    for number in range(1, MOST_ATTEMPTS + 1):
        size = max(math.ceil(GROWTH * size), FIRST * least_labels(alpha, spent(delta, number)))
        yield size


def due(
    drawn: Sequence[DrawnCase], made: Sequence[Attempt], *, alpha: float, delta: float, traffic: Sequence[float] = ()
) -> list[Attempt]:
    """Return the attempts that may be opened now; ``drawn`` is in the order of routing, ``made`` in that of numbers."""
    cases = of_one_chance(drawn)
    if not cases:
        return []
    floor = min(case.probability for case in cases)
    kept = [case for case in cases if case.kept(floor)]
    opened = []
    for number, size in enumerate(sizes(alpha, delta), 1):
        if size > len(kept):
            break
        if number > len(made):
            last = kept[size - 1]
            attempt = Attempt(number, size, floor, (last.routed_at, last.case_id))
            opened.append(replace(attempt, expected=_expected(kept[:size], traffic)))
    return opened


def next_size(made: int, *, alpha: float, delta: float) -> int | None:
    """Return on how many labels the next attempt will rest; None when there is no further one."""
    return next((size for number, size in enumerate(sizes(alpha, delta), 1) if number > made), None)


def judge(
    attempt: Attempt,
    drawn: Sequence[DrawnCase],
    *,
    population: Population,
    alpha: float,
    delta: float,
    now: datetime,
    traffic: Sequence[float] = (),
) -> Judged:
    """Return what an attempt says of the answers so far; what nobody has judged counts as wrong."""
    # Of what lay there then: a sample that began later takes nothing away from it.
    cases = of_one_chance(case for case in drawn if (case.routed_at, case.case_id) <= attempt.last)
    kept = tuple(case for case in cases if case.kept(attempt.floor))
    unjudged = sum(case.error is None for case in kept)
    level = spent(delta, attempt.number)
    labelled = as_judged(kept, population)
    problem = unfit(labelled, population=population, now=now) or _unusable(kept)
    scores = [case.confidence or 0.0 for case in kept]
    if problem is None and uncompared(len(traffic)) is None:
        problem = unlike(scores, reachable(traffic, scores))
    wrong = [case.error is not False for case in kept]
    outcome = problem or certify(scores, wrong, alpha=alpha, delta=level, n_expected=attempt.expected)
    return Judged(attempt, level, len(kept) - unjudged, unjudged, outcome, kept, len(traffic))


def _expected(kept: Sequence[DrawnCase], traffic: Sequence[float]) -> tuple[float, ...] | None:
    if uncompared(len(traffic)) is not None:
        return None
    reach = reachable(traffic, [case.confidence or 0.0 for case in kept])
    return expected_counts(reach, len(kept)) if len(reach) else None


def _unusable(kept: Sequence[DrawnCase]) -> NoCertificate | None:
    bad = sum(case.confidence is None or not 0.0 <= case.confidence <= 1.0 for case in kept)
    text = f"{bad:,} of {len(kept):,} drawn cases have no confidence between 0 and 1; see why first."
    return NoCertificate("bad_scores", text) if bad else None
