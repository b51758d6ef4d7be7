"""Money as whole minor units, and as people read it. No binary fractions anywhere."""

import re
from functools import lru_cache

# ISO 4217 gives most currencies two decimal places; these differ.
_NO_MINOR_UNIT = frozenset(
    {
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    }
)
_THREE_PLACES = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_FOUR_PLACES = frozenset({"CLF", "UYW"})
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_VALUE = re.compile(r"(?P<sign>-?)(?P<whole>0|[1-9][0-9]{0,14})(?:\.(?P<fraction>[0-9]{1,4}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")


def decimal_places(currency: str) -> int:
    """How many decimal places a currency's smallest unit has."""
    if currency in _NO_MINOR_UNIT:
        return 0
    if currency in _THREE_PLACES:
        return 3
    return 4 if currency in _FOUR_PLACES else 2


def minor_units(value: object, currency: object) -> int:
    """The amount in the currency's smallest unit; `ValueError` when it is no amount or finer than that unit."""
    sign, whole, fraction = _parts(value, currency)
    places = decimal_places(str(currency))
    digits = fraction.rstrip("0")
    if len(digits) > places:
        raise ValueError(f"{value} is finer than the smallest unit of {currency}")
    return int(f"{sign}{whole}{digits.ljust(places, '0')}")


def format_money(value: object, currency: object) -> str:
    """An amount for people: `$125,000`, `CHF 12.50`; the decimals are left out when they are all zero."""
    sign, whole, fraction = _parts(value, currency)
    symbol = _SYMBOLS.get(str(currency)) or f"{currency} "
    digits = fraction.rstrip("0")
    if not digits:
        return f"{sign}{symbol}{int(whole):,}"
    return f"{sign}{symbol}{int(whole):,}.{digits.ljust(decimal_places(str(currency)), '0')}"


def _parts(value: object, currency: object) -> tuple[str, str, str]:
    amount = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if amount is None:
        raise ValueError("an amount is a decimal number written as text")
    if not isinstance(currency, str) or not _is_currency(currency):
        raise ValueError("a currency is three capital letters")
    sign, whole, fraction = amount.groups("")
    return sign, whole, fraction


@lru_cache(maxsize=256)
def _is_currency(text: str) -> bool:
    return _CURRENCY.fullmatch(text) is not None
