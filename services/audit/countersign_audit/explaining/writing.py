"""Numbers, amounts and dates as a language writes them, from the English way they come in."""

import re
from collections.abc import Mapping
from datetime import date

from countersign_audit.domain.explanation import Told

Texts = Mapping[str, str]

_NUMBER = re.compile(r"-?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?")
_AMOUNT = re.compile(r"(?P<sign>-?)(?P<currency>[$€£¥]|[A-Z]{3} )(?P<amount>[0-9,]+(?:\.[0-9]+)?)")


def written(told: Told, texts: Texts) -> str:
    """Write one value; what does not have the form of its kind is written as it is."""
    if told.value is None:
        return texts["not_given"]
    if isinstance(told.value, bool):
        return texts["is_so" if told.value else "is_not_so"]
    if told.kind == "date":
        return day(told.value, texts)
    if told.kind == "money":
        return _amount(told.value, texts)
    if told.kind in {"number", "percent"} and (found := _NUMBER.match(told.value)):
        return _number(found[0], texts) + told.value[found.end() :]
    return told.value


def day(moment: str, texts: Texts) -> str:
    """Write the day of an RFC 3339 date or time."""
    try:
        found = date.fromisoformat(moment[:10])
    except ValueError:
        return moment
    return texts["date"].format(day=found.day, month=texts["months"].split()[found.month - 1], year=found.year)


def _amount(text: str, texts: Texts) -> str:
    found = _AMOUNT.fullmatch(text)
    if found is None or texts["decimal"] == ".":
        return text
    amount = found["sign"] + _number(found["amount"], texts)
    # The two belong together: no line ends between them.
    return texts["money"].format(currency=found["currency"].strip(), amount=amount)


def _number(text: str, texts: Texts) -> str:
    whole, point, fraction = text.partition(".")
    return whole.replace(",", texts["group"]) + (texts["decimal"] + fraction if point else "")
