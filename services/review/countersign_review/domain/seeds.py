"""Which cases can be put before people with a proposal that is known to be wrong, and how they look there."""

from collections.abc import Mapping
from typing import Any

from countersign_review.domain.blind import tells_nothing
from countersign_shared.contracts.events import LEVEL_NAMES

FIRST_FOR_PEOPLE = 3
"""The lowest level at which a person is asked, with the proposal in view."""


def may_carry(routed: Mapping[str, Any]) -> bool:
    """Tell whether a case can be a seed: it has a proposal, one that people may see, and is no rehearsal."""
    shown = routed.get("proposal") is not None and routed["handling"]["withhold"] != "always"
    return shown and not routed["case"].get("test", False)


def as_for_people(routed: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a case as it would look had a person been asked from the start.

    One that was decided without people says so by its level and by the reasons for it; nothing that comes to the desk
    otherwise does.
    """
    if routed["level"] >= FIRST_FOR_PEOPLE:
        return routed
    reasons = [reason for reason in routed["reasons"] if tells_nothing(reason)]
    return {**routed, "level": FIRST_FOR_PEOPLE, "level_name": LEVEL_NAMES[FIRST_FOR_PEOPLE], "reasons": reasons}
