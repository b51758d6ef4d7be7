"""Rules in plain words: what a reviewer reads when one of them applies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from countersign_shared.contracts.money import decimal_places, format_money

NOT_GIVEN = "not given"
MOST_VALUES = 6
"""More make no sentence; all of them stand in ``values_read``."""
MOST_LETTERS = 60
"""Of a text that came with the case, which may be a letter."""
LEAST_DECIMALS, MOST_DECIMALS = 3, 17
_NAMES = {
    "confidence": "confidence",
    "proposal.confidence": "confidence",
    "proposal.outcome": "proposed outcome",
    "policy.age": "age of the policy",
    "policy.version": "version of the policy",
    "controls.peak": "peak",
    "now": "now",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said of a rule that applies: ``text``, and after it ``values`` as (variable, its words, its currency)."""

    text: str
    values: tuple[tuple[str, str, str | None], ...] = ()

    def said(self, variables: Mapping[str, object]) -> str:
        """Return the sentence for one case."""
        if not self.values:
            return self.text
        listed = [f"{words}: {plain(variables.get(name), currency)}" for name, words, currency in self.values]
        return f"{self.text} ({', '.join(listed)})."


def wording(
    text: str | None, *, opening: str, reads: Iterable[str], labels: Mapping[str, str], currencies: Mapping[str, str]
) -> Wording:
    """Take the author's own words for a rule, or failing those ``opening`` and the values that the rule reads.

    ``labels`` gives what people call a variable, ``currencies`` the currency of each that holds money.
    """
    if text is not None:
        return Wording(text)
    values = tuple((name, labels.get(name) or in_words(name), currencies.get(name)) for name in reads)[:MOST_VALUES]
    return Wording(opening, values) if values else Wording(f"{opening}.")


def in_words(variable: str) -> str:
    """Write the name of a variable as words: ``case.loan_to_value`` becomes ``loan to value``."""
    if variable in _NAMES:
        return _NAMES[variable]
    group, _, name = variable.partition(".")
    words = name.replace("_", " ")
    return f"{words} signal" if group == "signals" else words


def plain(value: object, currency: str | None = None) -> str:
    """Write a value as people do. Money comes in minor units of ``currency``."""
    if currency is not None and isinstance(value, int):
        return format_money(str(Decimal(value).scaleb(-decimal_places(currency))), currency)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return plain(", ".join(str(one) for one in value)) if value else "none"
    if isinstance(value, timedelta | datetime):
        return _of_time(value)
    if isinstance(value, str):
        return _short("".join(letter for letter in value.replace("_", " ") if letter.isprintable()))
    return NOT_GIVEN if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def beside(share: float, *limits: float) -> str:
    """Write a share with three decimals, or with as many more as keep it on its own side of each limit, and of 1."""
    for decimals in range(LEAST_DECIMALS, MOST_DECIMALS):
        text = f"{share:.{decimals}f}"
        shown = float(text)
        if shown == share or all(
            (shown > one, shown < one) == (share > one, share < one) for one in (*limits, 0.0, 1.0)
        ):
            return text
    return repr(share)


def _of_time(value: timedelta | datetime) -> str:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return f"{moment:%-d %B %Y}" if moment.time() == time() else f"{moment:%-d %B %Y %H:%M} UTC"
    for unit, length in (("days", timedelta(days=1)), ("hours", timedelta(hours=1))):
        if abs(value) >= 2 * length:
            return f"{int(value / length)} {unit}"
    minutes = int(value / timedelta(minutes=1))
    return f"{minutes} minute" if abs(minutes) == 1 else f"{minutes} minutes"


def _short(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
