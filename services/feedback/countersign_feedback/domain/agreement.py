"""Do people who judge the same case say the same? Two coefficients, corrected for agreement by chance.

1 is full agreement, 0 what chance alone would give. None where chance alone would always agree: nothing varied.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def cohen_kappa(pairs: Iterable[tuple[Hashable, Hashable]]) -> float | None:
    """Return kappa of two fixed judges, from one pair of answers per case.

    (p_o - p_e) / (1 - p_e) with p_e from each judge's own frequencies: J. Cohen, "A coefficient of agreement for
    nominal scales", Educational and Psychological Measurement 20 (1960) 37-46, equation (1).
    """
    counted = Counter(pairs)
    n = counted.total()
    if not n:
        return None
    first, second = Counter[Hashable](), Counter[Hashable]()
    for (one, other), times in counted.items():
        first[one] += times
        second[other] += times
    agreed = sum(times for (one, other), times in counted.items() if one == other) / n
    chance = sum(times * second[answer] for answer, times in first.items()) / n**2
    return (agreed - chance) / (1.0 - chance) if chance < 1.0 else None


def krippendorff_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Return alpha of any judges, any number per case, for answers without order.

    1 - (N - 1) sum_u sum_{c != k} n_uc n_uk / (m_u - 1) / sum_{c != k} n_c n_k, over cases with at least two answers:
    K. Krippendorff, *Content Analysis*, 3rd ed., 2013, chapter 12 (nominal data, any number of observers).
    """
    totals = Counter[Hashable]()
    observed = 0.0
    for unit in units:
        if len(unit) < 2:  # noqa: PLR2004 - one answer agrees with nobody
            continue
        answers = Counter(unit)
        totals.update(answers)
        observed += _unlike(answers) / (len(unit) - 1)
    expected = _unlike(totals)
    return 1.0 - (totals.total() - 1) * observed / expected if expected else None


def _unlike(answers: Counter[Hashable]) -> int:
    """Return how many ordered pairs of answers differ."""
    return answers.total() ** 2 - sum(times**2 for times in answers.values())
