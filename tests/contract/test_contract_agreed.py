"""What two places say because neither may know the other: they say the same."""

from __future__ import annotations

from countersign_audit.facts.values import MAX_LIST
from countersign_review.domain.binding import MOST_VIEWS
from countersign_shared.contracts.events.fields import CASE_ID_PATTERN, TENANT_PATTERN
from countersign_shared.ids import CASE_ID, TENANT


def test_every_view_that_a_decision_quotes_is_committed_to() -> None:
    assert MOST_VIEWS <= MAX_LIST


def test_what_is_an_id_to_a_service_is_one_to_the_contracts() -> None:
    assert (f"^{CASE_ID.pattern}$", f"^{TENANT.pattern}$") == (CASE_ID_PATTERN, TENANT_PATTERN)
