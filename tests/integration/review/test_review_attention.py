"""How long a case was attended to: from the answer through review.timed to what feedback counts of a person."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import TypeAdapter

from countersign_feedback.domain.facts import Gathered
from countersign_feedback.wire import gather
from countersign_shared.contracts.events import EVENTS
from tests.integration.review.harness import START, Client, Desk, content, record, routed

pytestmark = pytest.mark.postgres


async def timed(desk: Desk, ana: Client, **given: object) -> tuple[dict[str, object], tuple[int, int]]:
    """Answer a claim after two minutes; return the times on the record, and feedback's (timed, too fast)."""
    claim = await ana.claimed()
    assert (await ana.post(f"/claims/{claim['claim_id']}/opened")).status_code == 200
    desk.clock.forward(seconds=120)
    version = (await ana.read(claim))["version"]
    decided = await ana.decide(claim, "approve", key=str(claim["claim_id"]), version=version, **given)
    assert decided.status_code == 200, decided.text
    (said,) = [one for one in await desk.relay_once() if content(one).get("kind") == "review.timed"]
    TypeAdapter(EVENTS["activity.recorded"]).validate_python(content(said))
    gathered = Gathered()
    gather(gathered, "activity.recorded", said.value, datetime.fromisoformat(content(said)["occurred_at"]), "e-1")
    counted = [(one.timed, one.too_fast) for one in gathered.answers.values()]
    return content(said)["body"]["times"], counted[0] if counted else (0, 0)


async def test_what_the_console_measured_reaches_the_signs_of_rubber_stamping(desk: Desk) -> None:
    ana = await desk.client("ana")
    await desk.take_in(*(record("case.routed", routed(f"loan-{n}")) for n in range(4)))
    hasty, counted = await timed(desk, ana, attention={"active_seconds": 1.5, "first_action_seconds": 1.24})
    assert counted == (1, 1)
    words = hasty["words_shown"]
    assert isinstance(words, int)
    assert words > 1.5 * 5, "at 300 words a minute"
    assert (hasty["active_seconds"], hasty["idle_seconds"]) == (1.5, 118.5)
    opened = datetime.fromisoformat(str(hasty["opened_at"]))
    assert opened == START
    assert datetime.fromisoformat(str(hasty["first_action_at"])) - opened == timedelta(seconds=1.24)
    read, counted = await timed(desk, ana, attention={"active_seconds": 100.0})
    assert (counted, "first_action_at" in read) == ((1, 0), False)
    # A clock that ran away in the browser is held within what the server saw.
    bounded, _ = await timed(desk, ana, attention={"active_seconds": 90_000.0, "first_action_seconds": 500.0})
    assert (bounded["active_seconds"], bounded["idle_seconds"]) == (120.0, 0.0)
    assert bounded["first_action_at"] == bounded["decided_at"]
    unknown, counted = await timed(desk, ana)
    assert (sorted(unknown), counted) == (["decided_at", "opened_at"], (0, 0))


async def test_a_rehearsal_is_not_timed_and_a_retry_is_the_same_answer(desk: Desk) -> None:
    ana = await desk.client("ana")
    case = routed("loan-1")
    await desk.take_in(record("case.routed", {**case, "case": {**case["case"], "test": True}}))
    claim = await ana.claimed()
    first = await ana.decide(claim, attention={"active_seconds": 3.0})
    again = await ana.decide(claim, attention={"active_seconds": 9.0})
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["decision_id"] == first.json()["decision_id"]
    for wrong in ({"active_seconds": -1.0}, {"active_seconds": 1e9}, {}, {"active_seconds": 1.0, "mouse": []}):
        assert (await ana.decide(claim, key="other", attention=wrong)).status_code == 422
    (said,) = [one for one in await desk.relay_once() if content(one).get("kind") == "review.timed"]
    assert "active_seconds" not in content(said)["body"]["times"]
