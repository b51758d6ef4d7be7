"""Which cases can be put before people with a proposal that is known to be wrong."""

from collections.abc import Mapping
from typing import Any


def may_carry(routed: Mapping[str, Any]) -> bool:
    """Tell whether a case can be a seed: it has a proposal, one that people may see, and is no rehearsal."""
    shown = routed.get("proposal") is not None and routed["handling"]["withhold"] != "always"
    return shown and not routed["case"].get("test", False)
