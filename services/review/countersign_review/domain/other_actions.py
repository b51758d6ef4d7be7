"""What the holder of a claim can do beside choosing an outcome, and in words why not."""

from collections.abc import Mapping
from typing import Any

LEADS_ONLY = "Only a lead can."
HAS_OUTCOMES = "This case has outcomes to choose from."

Other = tuple[str, str | None]
"""An action and why it cannot be done, None when it can."""

_EVERYBODYS = ("release", "skip", "recuse", "escalate", "delegate", "information", "comment")


def other_actions(handling: Mapping[str, Any], *, lead: bool) -> list[Other]:
    """Return every action beside the outcomes; what is asked for, and why, makes no difference to them."""
    everybodys: list[Other] = [(name, None) for name in _EVERYBODYS]
    why_not_return = HAS_OUTCOMES if handling["allowed_outcomes"] else None if lead else LEADS_ONLY
    return [*everybodys, ("block", None if lead else LEADS_ONLY), ("return", why_not_return)]
