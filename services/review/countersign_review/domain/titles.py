"""One neutral line for a case."""

from collections.abc import Mapping
from typing import Any

from countersign_shared.contracts.decision_types import DecisionType


def case_title(types: Mapping[str, DecisionType], routed: Mapping[str, Any]) -> str:
    """Return the title upstream gave, or one made as the decision type says; else what kind it is, and its id."""
    case = routed["case"]
    if title := case.get("title"):
        return str(title)
    known = types.get(routed["decision_type"])
    made = known.title(case["payload"]) if known else None
    return made or f"{known.label if known else routed['decision_type']} {routed['case_id']}"
