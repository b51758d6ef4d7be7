"""A decision quotes no more views than the log commits to."""

from __future__ import annotations

from countersign_audit.facts.values import MAX_LIST
from countersign_review.domain.binding import MOST_VIEWS


def test_every_view_that_a_decision_quotes_is_committed_to() -> None:
    assert MOST_VIEWS <= MAX_LIST
