"""Money as whole minor units, and as people read it. No binary fractions anywhere."""

import re
from decimal import Decimal

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
_VALUE = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?")
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
    amount = _decimal(value, currency)
    scaled = amount.scaleb(decimal_places(str(currency)))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} is finer than the smallest unit of {currency}")
    return int(scaled)


def format_money(value: object, currency: object) -> str:
    """An amount for people: `$125,000`, `CHF 12.50`; the decimals are left out when they are all zero."""
    amount = _decimal(value, currency)
    whole = amount == amount.to_integral_value()
    places = 0 if whole else max(decimal_places(str(currency)), -int(amount.as_tuple().exponent))
    symbol = _SYMBOLS.get(str(currency), f"{currency} ")
    return f"{'-' if amount < 0 else ''}{symbol}{abs(amount):,.{places}f}"


def _decimal(value: object, currency: object) -> Decimal:
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ValueError("an amount is a decimal number written as text")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise ValueError("a currency is three capital letters")
    return Decimal(value)
