"""An event of our own that cannot be read ends the service, with its place and without what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from countersign_feedback.handlers import Handler as FeedbackHandler
from countersign_review.handlers import Handler as ReviewHandler
from countersign_router.activities import REVIEW, ActivityIntake
from countersign_shared.errors import FatalError
from countersign_shared.messaging.records import Record
from countersign_shared.observability import Metrics
from tests.unit.audit.records import TIME, example, record

SECRET = "Zaubernuss"
Handle = Callable[[Sequence[Record]], Awaitable[Any]]
NOWHERE = cast("Any", None)
"""What is kept where: a record that cannot be read never gets there."""


def decided(time: str = TIME, **changes: Any) -> Record:
    body = example("decision.made/loan_application.automatic.json") | changes
    return record("decision.made", body, event_id="d", offset=7, time=time)


def judged(sampling: dict[str, Any]) -> Record:
    body = example("activity.recorded/audit.judged.json")
    body["body"]["routing"]["sampling"] = sampling
    sent = record("activity.recorded", body, event_id="a", offset=7)
    return sent._replace(
        headers=(("ce_source", REVIEW.encode()), *(one for one in sent.headers if one[0] != "ce_source"))
    )


@pytest.mark.parametrize(("handle", "unreadable"), [
    (ReviewHandler(NOWHERE, {}, Metrics("review")), decided(decided_at=SECRET)),
    (FeedbackHandler(NOWHERE), decided(time=SECRET)),
    (ActivityIntake(NOWHERE, NOWHERE, NOWHERE), judged({"audit": {"selected": True, "probability": SECRET}})),
], ids=["review", "feedback", "router"])  # fmt: skip
async def test_the_place_of_an_event_that_cannot_be_read_is_told_and_no_value(
    handle: Handle, unreadable: Record
) -> None:
    with pytest.raises(FatalError) as raised:
        await handle([unreadable])
    said = str(raised.value)
    assert SECRET not in said
    assert f"{unreadable.topic}[{unreadable.partition}]" in said
    assert "7" in said


async def test_a_field_that_an_event_lacks_is_named() -> None:
    with pytest.raises(FatalError, match="KeyError: 'audit'"):
        await ActivityIntake(NOWHERE, NOWHERE, NOWHERE)([judged({})])
