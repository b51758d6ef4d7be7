"""How bad a wrong decision would be, and how sure the machine is: the two axes of the matrix."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from countersign_router.domain.controls import RaisedBands
from countersign_router.domain.policy import BANDS, FACTORS, TIERS, Adjustment, Policy, Results

WORST = 4
MOST_WEIGHT = 1e6
"""Far above any sane weight of an audit; infinity is none."""
LIMIT_DECIMALS = 9
"""Limits are sums of decimal fractions written by people: 0.90 + 0.05 must be 0.95, not 0.9500000000000001."""

_SAID = {
    "financial": "money",
    "customer": "the customer",
    "compliance": "compliance",
    "reputation": "reputation",
    "reversibility": "hard to undo",
}


class Consequence(NamedTuple):
    """The five factors, each 0..4, and the tier they make."""

    tier: str
    factors: tuple[int, ...]


class Thresholds(NamedTuple):
    """The limits in force, and the adjustments that made them."""

    high: float
    medium: float
    adjustments: tuple[Mapping[str, Any], ...] = ()
    certified: float | None = None
    rules: tuple[Adjustment, ...] = ()


def consequence(policy: Policy, results: Results) -> Consequence:
    """Combine the factors by their maximum; a factor that could not be evaluated counts as the worst."""
    values = results.values
    factors = tuple([_factor(values[expression.slot]) for expression in policy.factors])
    return Consequence(TIERS[max(factors)], factors)


def _factor(result: object) -> int:
    return result if isinstance(result, int) and 0 <= result <= WORST else WORST


@lru_cache(maxsize=4096)
def consequence_text(found: Consequence) -> str:
    """Say a consequence in words, with the factors that make it."""
    worst = max(found.factors)
    making = [_SAID[name] for name, weight in zip(FACTORS, found.factors, strict=True) if weight == worst]
    listed = f" ({', '.join(making)})" if worst else ""
    return f"{found.tier.capitalize()} consequence if wrong{listed}."


def thresholds(policy: Policy, results: Results, tier: str, certified: float | None = None) -> Thresholds:
    """Apply the dynamic adjustments that hold for this case to the policy's limits.

    ``certified`` is the confidence from which a live certificate holds: what loosens a limit stops there.
    """
    rules = _holding(policy.adjustments, results.values, tier)
    if not rules:
        return Thresholds(policy.high, policy.medium, (), certified)
    high = policy.high + sum(rule.high for rule in rules)
    if certified is not None and high < policy.high:
        high = max(high, min(certified, policy.high))
    high = min(max(round(high, LIMIT_DECIMALS), 0.0), 1.0)
    medium = min(max(round(policy.medium + sum(rule.medium for rule in rules), LIMIT_DECIMALS), 0.0), high)
    return Thresholds(high, medium, tuple([rule.named for rule in rules]), certified, rules)


def raised(limits: Thresholds, raises: Iterable[RaisedBands]) -> Thresholds:
    """Return the limits that controls have raised: never lower ones. Of several the highest counts.

    A case that is of a lower band under any of them alone is of that band under all.
    """
    named = []
    high, medium = limits.high, limits.medium
    for one in raises:
        reached = min(round(limits.high + one.high, LIMIT_DECIMALS), 1.0)
        high = max(high, reached)
        medium = max(medium, min(round(limits.medium + one.medium, LIMIT_DECIMALS), reached))
        named.append({"id": one.by, "bands": {"high": one.high, "medium": one.medium}, "level_at_least": None})
    return limits._replace(high=high, medium=medium, adjustments=(*limits.adjustments, *named))


def _holding(adjustments: tuple[Adjustment, ...], values: Sequence[object], tier: str) -> tuple[Adjustment, ...]:
    if not adjustments:
        return ()
    # Their results stand side by side, as those of the exceptions do.
    first = adjustments[0].when.slot
    matched = values[first : first + len(adjustments)]
    if True not in matched:
        return ()
    return tuple([
        rule for rule, match in zip(adjustments, matched, strict=True)
        if match is True and (rule.only_tiers is None or tier in rule.only_tiers)
    ])  # fmt: skip


def band(confidence: float, limits: Thresholds) -> str:
    """Cut a confidence: above ``high`` is high, from ``medium`` up to it is medium, below is low."""
    if confidence > limits.high:
        return "high"
    return "medium" if confidence >= limits.medium else "low"


def lower_band(one: str, other: str) -> str:
    """Return the lower of two bands."""
    return max(one, other, key=BANDS.index)


def failures(policy: Policy, results: Results) -> list[tuple[int, str]]:
    """Return (slot, message) of every expression that gave no usable value."""
    values = results.values
    found = [(slot, str(values[slot])) for slot in results.failed]
    for expression in policy.factors:
        value = values[expression.slot]
        if value.__class__ is int and not 0 <= value <= WORST:
            found.append((expression.slot, f"gave {value}; a factor is 0 to {WORST}"))
    by = policy.sampling.audit_by
    if by is not None:
        value = values[by.slot]
        # Not a number would compare false with everything, so the question is asked the other way round.
        if isinstance(value, float) and not 0.0 <= value <= MOST_WEIGHT:
            found.append((by.slot, f"gave {value}; a weight is a number from 0 to {MOST_WEIGHT:g}"))
    return found
