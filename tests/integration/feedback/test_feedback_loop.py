"""The closed loop on a real broker: from no label to certified decisions, a broken promise, and the way back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from countersign_feedback.api import build_app
from countersign_local.cli import feedback as cli
from countersign_shared.observability import Health, Metrics
from countersign_shared.runtime import serving
from tests.fixtures.commands import Runner
from tests.integration.feedback.desk import LIMIT_SECONDS, SCOPE, Desk, open_desk
from tests.integration.feedback.test_feedback_certificates import authenticate

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(180)]

MOST_AUDITS = 40
"""Nine in ten alarms come sooner when eight in ten are wrong and one in four was promised; see the table of delays."""


async def test_from_no_label_to_certified_decisions_and_back_when_the_promise_breaks(
    kafka_bootstrap: str, topic_prefix: str, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(kafka_bootstrap, topic_prefix, database_url, tmp_path) as desk:
        # Cold start: nothing is certified, so nothing is automated, and blind answers are all there is.
        await desk.send(80)
        assert await desk.decisions() == {}
        assert await desk.answer() >= 22
        proposed = await desk.until("certificate.proposed", 1)
        state = proposed["state"]
        assert (state["alpha"], state["delta"], state["errors"], state["renews"]) == (0.25, 0.1, 0, None)
        assert await desk.decisions() == {}, "a proposal is not a certificate"

        # Two people sign: the first certified automatic decision.
        await desk.sign("certificate.active")
        await desk.until("certificate.active", 1)
        await desk.send(60)
        certified = await desk.decisions()
        routed = await desk.routed()
        assert certified
        assert {routed[case_id]["certificate"]["id"] for case_id in certified} == {state["certificate_id"]}
        assert min(routed[case_id]["proposal"]["confidence"] for case_id in certified) >= state["threshold"]
        await desk.answer()
        before = (await desk.watched(state)).n

        # A known moment from which eight in ten decisions are wrong: audits go on until the alarm.
        broken = desk.sent
        desk.wrong = lambda number: number >= broken and number % 5 != 0
        while not (watched := await desk.watched(state)).tripped:
            await desk.send(5)
            await desk.answer()
            assert watched.n < MOST_AUDITS + before
        trip = await desk.until("trip", 1)
        assert trip["state"]["certificate_id"] == state["certificate_id"]
        assert (trip["state"]["errors"], trip["state"]["labels"]) == (watched.k, watched.n)
        withdrawn = await desk.until("certificate.active", 2)
        assert withdrawn["state"]["active"] is False

        # From its commit on, not one automatic decision of the tier.
        await desk.send(40)
        committed = await desk.trip_committed()
        decisions = await desk.decisions()
        assert max(decisions.values()) <= committed
        assert (await desk.routed())[f"loan-{desk.sent - 1:05}"]["level"] == 3

        # Everything decided since the promise last looked kept is on the list, what was decided meanwhile, too.
        began = datetime.fromisoformat(trip["state"]["look_back_from"])
        wanted = {case_id for case_id, moment in decisions.items() if moment >= began}
        # Labels and decisions come over two topics: the last decision may still be on its way.
        async with asyncio.timeout(LIMIT_SECONDS):
            while not wanted <= set(listed := await desk.look_back()):
                await asyncio.sleep(0.05)
        assert set(listed) == wanted
        assert {f"loan-{number:05}" for number in range(broken, desk.sent)} & decisions.keys() <= set(listed)

        # The way back: the model is mended, new labels carry a new certificate, people lift the trip and sign it.
        desk.wrong = lambda _: False
        await desk.send(80)
        await desk.answer()
        again = await desk.until("certificate.proposed", 3)
        assert again["state"]["renews"] is None
        assert again["state"]["certificate_id"] != state["certificate_id"]
        await desk.sign("certificate.active")
        await desk.send(10)
        assert (await desk.routed())[f"loan-{desk.sent - 1:05}"]["level"] == 3, "the trip still holds"
        await desk.sign("trip.cleared")
        await desk.send(20)
        later = set(await desk.decisions()) - decisions.keys()
        assert {(await desk.routed())[case_id]["certificate"]["id"] for case_id in later} == {
            again["state"]["certificate_id"]
        }
        await _over_http(desk, state["certificate_id"])


async def _over_http(desk: Desk, tripped: str) -> None:
    """What the console asks for, once the whole story has happened."""
    app = build_app(
        store=desk.feedback, health=Health(), metrics=Metrics("feedback"), authenticate=authenticate,
        clock=lambda: datetime.now(UTC),
    )  # fmt: skip
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://feedback/api/feedback/v1/") as client:
        kind = {"decision_type": SCOPE[1]}

        async def told(path: str, **params: str) -> Any:
            answer = await client.get(path, params=params)
            assert answer.status_code == 200, answer.text
            return answer.json()

        (promise,) = (await told("promises", **kind))["promises"]
        assert (promise["stage"], promise["tier"], promise["alpha"]) == ("live", SCOPE[2], 0.25)
        assert promise["trip"]["lifted"]
        assert [one["certificate_id"] for one in (await told("certificates", **kind))["certificates"]][-1] == tripped
        recomputed = await told(f"certificates/{tripped}")
        assert recomputed["certificate"]["ended_at"] is not None
        counts = recomputed["certificate"]["state"]["evidence"]
        assert len(counts["n"]) == len(counts["k"]) == len(counts["thresholds"]) == len(counts["levels"])
        page = await told("look-back", **kind, tier=SCOPE[2], limit="3")
        assert page["next_cursor"] == page["items"][-1]["case_id"]
        slip = await client.get("look-back", params={**kind, "tier": "mediun"})
        assert (slip.status_code, "mediun" in slip.json()["detail"]) == (404, True)
        lines = (await client.get("look-back.csv", params={**kind, "tier": SCOPE[2]})).text.splitlines()
        assert lines[1].split(",")[0] == page["items"][0]["case_id"]
    async with serving(app, "127.0.0.1", 0) as port:
        environment = {"COUNTERSIGN_URL": f"http://127.0.0.1:{port}", "COUNTERSIGN_API_KEY": "cs_test_0_0"}

        async def run(*words: str) -> str:
            done = await asyncio.to_thread(Runner().invoke, cli.app, words, env=environment)
            assert done.exit_code == 0, done.exception
            return done.output

        nobodys = await asyncio.to_thread(Runner().invoke, cli.app, ["calibration", "mortgage"], env=environment)
        assert "mortgage" in str(nobodys.exception)
        assert "mortgage" not in await run("calibration", SCOPE[1])
        told_ = await run("promises", SCOPE[1])
        assert "Decided automatically from a confidence of" in told_
        assert "The evidence against the promise stands at" in told_
        assert f"{len(lines) - 1} decisions." in await run("look-back", SCOPE[1], SCOPE[2]) or len(lines) > 21
