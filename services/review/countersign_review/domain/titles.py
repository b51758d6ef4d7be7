"""One neutral line for a case."""

from collections.abc import Mapping
from typing import Any

from countersign_shared.contracts.decision_types import DecisionType


def case_title(types: Mapping[str, DecisionType], routed: Mapping[str, Any]) -> str:
    """Return the title upstream gave, or one made from the payload as the decision type says."""
    case = routed["case"]
    if title := case.get("title"):
        return str(title)
    known = types.get(routed["decision_type"])
    return known.title(case["payload"]) if known else f"{routed['decision_type']} {routed['case_id']}"
