"""What upstream reported of an erased case goes with it, and does not come back; what is counted of it stays."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import pytest

from countersign_feedback.app import MIGRATIONS
from countersign_feedback.handlers import Handler
from countersign_feedback.store import Store
from countersign_shared.erasure import Erasing, eraser
from countersign_shared.messaging.records import Record
from tests.fixtures.places import places
from tests.integration.feedback.test_feedback_store import counted
from tests.integration.feedback.test_feedback_store import record as sent
from tests.integration.router.test_router_erasure import asked
from tests.unit.audit.records import example, record
from tests.unit.feedback.events import routed

pytestmark = pytest.mark.postgres
SECRET = "Zaubernuss"


def reported(case_id: str, *, event_id: str = "o-1") -> Record:
    body: dict[str, Any] = example("case.updated/outcome_reported.json") | {"case_id": case_id}
    body["body"] |= {"kind": f"{SECRET} went bankrupt", "source": f"{SECRET}'s brother"}
    return record("case.updated", body, event_id=event_id)


async def test_upstreams_words_go_with_the_case_and_do_not_come_back(pool: asyncpg.Pool, database_url: str) -> None:
    store = Store(pool)
    erasing = Erasing(
        Handler(store), pool, eraser(MIGRATIONS.with_name("erasure.sql")), service="feedback",
        clock=lambda: datetime.now(UTC), guards=False, activities=True,
    )  # fmt: skip
    await erasing([sent("case.routed", routed("gone")), reported("gone"), reported("stays")])
    assert await places(database_url, SECRET) == {"feedback.outcomes"}
    before = await counted(store)
    assert before
    confirmed = await erasing([asked("gone")])
    assert orjson.loads(confirmed[0].value)["body"]["rows_blanked"] == 1
    # Delivered again, and told late.
    await erasing([reported("gone"), reported("gone", event_id="o-2")])
    assert await pool.fetch("SELECT DISTINCT case_id FROM outcomes") == [("stays",)]
    assert await counted(store) == before
