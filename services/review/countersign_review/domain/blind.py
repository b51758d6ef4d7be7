"""What may be told to somebody who must answer without seeing the proposal."""

from collections.abc import Mapping
from typing import Any

from countersign_review.domain.review import Kind

OWN_JUDGEMENT = "Your own judgement is asked for"
NEEDS_PERSON = "A person has to decide this"
ALWAYS_PERSON = "Always for a person"

_TELLING_CODES = frozenset({
    # Each of these speaks of the proposal, of its confidence, or of how the case was drawn.
    "matrix", "consequence", "abstained", "unknown_outcome", "invalid_confidence", "outcome_needs_person",
    "no_principal_reason", "audit_sample", "human_only_sample", "uncertified", "no_certificate",
    "no_model_version",
    "automation_not_enabled", "tripped", "stopped", "evaluation_error",
    "bands_tightened", "bands_raised",
})  # fmt: skip
_INCOMPLETE = frozenset({"missing_input", "invalid_input", "missing_fields", "invalid_fields"})
_SAFE_READS = ("case.", "policy.", "controls.", "now", "missing_fields", "invalid_fields")


def is_withheld(kind: Kind, handling: Mapping[str, Any]) -> bool:
    """Tell whether the answer must be given without the proposal; a judgement always is."""
    return kind is Kind.AUDIT or handling["withhold"] != "never"


def tells_nothing(reason: Mapping[str, Any]) -> bool:
    """Tell whether a routing reason rests on the case's own facts alone, so that even a blind reviewer may read it."""
    code = reason["code"]
    if code in _TELLING_CODES or code.endswith("_cap"):
        return False
    return all(name.startswith(_SAFE_READS) for name in reason.get("values_read") or {})


def row_reason(routed: Mapping[str, Any], *, withheld: bool) -> str:
    """Return the one line under a queue row: why a person is asked, never what the AI said.

    All withheld work reads alike, so that a judgement cannot be told from a blind decision.
    """
    if withheld:
        return OWN_JUDGEMENT
    for reason in routed["reasons"]:
        # An adjustment without a level has moved a limit and asked for nobody.
        asks = reason["code"] != "adjustment" or reason.get("level") is not None
        if asks and reason.get("rule_id") and tells_nothing(reason):
            return plain(reason)
    for reason in routed["reasons"]:
        if reason["code"] in _INCOMPLETE:
            return str(reason["text"])
    consequence = routed.get("consequence")
    return f"{consequence['tier'].capitalize()} consequence" if consequence else NEEDS_PERSON


def plain(reason: Mapping[str, Any]) -> str:
    """Return a rule's name as words: ``new-customer`` is readable, its expression is not."""
    if reason["code"] == "never_automate":
        return ALWAYS_PERSON
    name = str(reason["rule_id"] if reason["code"] in {"exception", "adjustment"} else reason["code"])
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]
