"""How a person's outcome stands to the stored proposal, seen or not."""

from collections.abc import Mapping
from typing import Any, Literal

Relation = Literal["agreed", "modified", "overrode", "no_proposal"]


def relation(proposal: Mapping[str, Any] | None, outcome: str, outcome_params: Mapping[str, Any]) -> Relation:
    """Compare an outcome and its terms with the proposal's; other terms of the same outcome are ``modified``."""
    if proposal is None:
        return "no_proposal"
    if proposal["outcome"] != outcome:
        return "overrode"
    return "agreed" if same_json(proposal.get("outcome_params") or {}, outcome_params) else "modified"


def same_json(left: object, right: object) -> bool:
    """Tell whether two JSON values are equal; unlike Python, JSON holds ``true`` and ``1`` apart."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same_json(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same_json(*pair) for pair in zip(left, right, strict=True))
    return left == right
