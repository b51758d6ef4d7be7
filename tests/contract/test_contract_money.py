"""Money: whole minor units in, words for people out, and no binary fraction in between."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_shared.contracts.money import decimal_places, format_money, minor_units


@pytest.mark.parametrize(
    ("value", "currency", "units", "text"),
    [
        ("125000.00", "USD", 12_500_000, "$125,000"),
        ("0", "USD", 0, "$0"),
        ("89.90", "EUR", 8_990, "€89.90"),
        ("-12.5", "CHF", -1_250, "-CHF 12.50"),
        ("1200", "JPY", 1_200, "¥1,200"),
        ("1.234", "KWD", 1_234, "KWD 1.234"),
        ("1.2345", "CLF", 12_345, "CLF 1.2345"),
        ("999999999999999.99", "GBP", 99_999_999_999_999_999, "£999,999,999,999,999.99"),
    ],
)
def test_amounts(value: str, currency: str, units: int, text: str) -> None:
    assert minor_units(value, currency) == units
    assert format_money(value, currency) == text


def test_smallest_units_are_those_of_iso_4217() -> None:
    differ = {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND", 4: "CLF UYW", 2: "USD EUR GBP CHF MRU MGA HUF TWD COP IDR",
    }  # fmt: skip
    for places, currencies in differ.items():
        assert {decimal_places(one) for one in currencies.split()} == {places}


@given(st.integers(-(10**14), 10**14), st.sampled_from(["USD", "JPY", "KWD", "CLF"]))
def test_minor_units_are_exact(units: int, currency: str) -> None:
    value = str(Decimal(units).scaleb(-decimal_places(currency)))
    assert minor_units(value, currency) == units


@pytest.mark.parametrize(
    ("value", "currency"),
    [("12.345", "USD"), ("0.5", "JPY"), (12, "USD"), (1.5, "USD"), ("1e5", "USD"), ("NaN", "USD"), ("٣", "USD"),
     ("1\n", "USD"), (None, "USD"), ("1", "usd"), ("1", None), ("1", "USD\n"), ("01", "USD")],
)  # fmt: skip
def test_what_is_no_amount_is_refused(value: object, currency: object) -> None:
    with pytest.raises(ValueError, match=r"amount|currency|finer"):
        minor_units(value, currency)


def test_a_fraction_finer_than_the_currency_is_still_shown() -> None:
    assert format_money("12.3456", "USD") == "$12.3456"
