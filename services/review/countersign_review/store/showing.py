"""A review that is about to be shown to somebody."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Showing:
    """A review that somebody is about to see; ``lead``: they are one.

    ``arrival`` is its case's place among all, where the case is to be remembered as one that people took up.
    """

    review: Any
    routed: Mapping[str, Any]
    lead: bool = False
    arrival: int | None = None
