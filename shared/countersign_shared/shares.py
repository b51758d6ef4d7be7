"""Shares as people read them: nothing is rounded onto 0 % or 100 %, which say that there is none, or nothing else."""

from decimal import ROUND_HALF_UP, Decimal


def percent(share: float) -> str:
    """Write a share as a percentage: one decimal, two below 0.1 %, none at the ends, to which nothing is rounded."""
    value = 100 * share
    if value in {0, 100}:
        return f"{value:.0f} %"
    if value < 0.005 or value >= 99.95:  # noqa: PLR2004 - what the decimals below cannot hold
        return "under 0.01 %" if value < 1 else "over 99.9 %"
    places = "0.01" if value < 0.1 else "0.1"  # noqa: PLR2004 - as the docstring says
    # Halves go up, as everywhere but in Python: 1 of 16 is 6.3 %.
    return f"{Decimal(value).quantize(Decimal(places), ROUND_HALF_UP)} %"


def between(lower: float, upper: float) -> str:
    """Write an interval of shares without the unit: ``[0, 0.04]``."""
    first, last = (percent(end).removesuffix(" %") for end in (lower, upper))
    return f"[{first}, {last}]"
