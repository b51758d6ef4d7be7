"""Certificates, plans and calibration over HTTP, from events through a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request
from jsonschema import Draft202012Validator
from typer.testing import Result

from countersign_feedback.api import build_app, build_openapi
from countersign_feedback.app import MIGRATIONS
from countersign_feedback.domain.certify import Certificate, NoCertificate
from countersign_feedback.domain.planning import NoPlan, Plan
from countersign_feedback.evidence_report import read_assessments, read_plan
from countersign_feedback.handlers import Handler
from countersign_feedback.store import SCHEMA, Store
from countersign_local.cli import feedback
from countersign_shared.http import Principal
from countersign_shared.messaging.records import Record
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import migrate, open_pool
from countersign_shared.runtime import serving
from tests.fixtures.commands import Runner
from tests.integration.feedback.test_feedback_store import record
from tests.unit.feedback.events import decided, judged, routed, sampling

Command = Callable[..., Awaitable[Result]]
NOW = datetime(2026, 6, 1, tzinfo=UTC)


async def authenticate(request: Request) -> Principal:
    return Principal(
        subject="p-1", username="u", roles=frozenset({"analyst"}),
        tenants=frozenset(request.headers.get("x-tenants", "*").split(",")),
    )  # fmt: skip


def lives(count: int, *, sha: str, model: str, start: datetime, judges: int | None = None) -> list[Record]:
    """Cases that were automated, one in two audited; the least sure tenth of the audited ones were wrong."""
    found = []
    for n in range(count):
        case_id, time = f"{model}-{sha[0]}-{n}", (start + timedelta(hours=n)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        placed: dict[str, Any] = routed(case_id, tier="low", level=2)
        placed["proposal"]["confidence"] = 0.9 + 0.0995 * n / count
        placed["sampling"] = sampling(0.5, selected=bool(n % 2))
        placed["model"]["version"], placed["policy"]["automation_sha256"] = model, sha
        found += [record("case.routed", placed, time=time), record("decision.made", decided(case_id), time=time)]
        if n % 2 and n < (judges or count):
            audit = judged(case_id, error=n < count / 10, probability=0.5)
            found.append(record("activity.recorded", audit, time=time))
    return found


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with open_pool(database_url, schema=SCHEMA) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        store = Store(pool)
        handle = Handler(store)
        old, new = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
        await handle(lives(1_200, sha="a" * 64, model="3", start=old))
        await handle(lives(100, sha="b" * 64, model="3", start=new, judges=90))
        reviewed = []
        for day in range(40):
            moment = f"2026-01-{day + 1:02}" if day < 31 else f"2026-02-{day - 30:02}"
            for n in range(30):
                case_id, over = f"r-{day}-{n}", n < (3 if day < 32 else 18)
                made = decided(case_id, mode="human_with_ai", relation="overrode" if over else "agreed")
                reviewed += [
                    record("case.routed", routed(case_id, level=3, band="medium"), time=f"{moment}T00:00:00.000000Z"),
                    record("decision.made", made, time=f"{moment}T01:00:00.000000Z"),
                ]
        await handle(reviewed)
        app = build_app(
            store=store, health=Health(), metrics=Metrics("feedback"), authenticate=authenticate, clock=lambda: NOW
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://feedback/api/feedback/v1/") as client:
            yield client


async def answer(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    found = await client.get(path, params=params)
    assert found.status_code == 200, found.text
    return found.json()


async def test_preview_of_every_population_the_newest_first(client: httpx.AsyncClient) -> None:
    told = await answer(client, "certificates/preview", decision_type="loan_application", alpha=0.05)
    new, old = read_assessments(told)
    assert new.population.automation_sha256 == "b" * 64
    assert isinstance(new.outcome, NoCertificate)
    assert new.outcome.code == "too_few_labels"
    assert (new.labels, new.unjudged, old.unjudged) == (45, 5, 0)
    assert isinstance(old.outcome, Certificate)
    assert (old.cases, old.labels, old.kept, old.floor) == (1_200, 600, 600, 0.5)
    # 60 of 600 labels are wrong, all below 0.91; above that none is.
    assert old.outcome.threshold == pytest.approx(0.9116, abs=0.015)
    assert old.estimate.share == pytest.approx(0.1)
    assert old.watch is None


async def test_as_many_cases_are_told_as_there_are_and_not_as_many_as_were_looked_at(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which confidences occur is read from a sample: of ten million cases it holds twenty thousand."""
    monkeypatch.setattr("countersign_feedback.store.labels.TRAFFIC_SAMPLE", 300)
    asked = {"decision_type": "loan_application", "alpha": 0.05}
    _, old = read_assessments(await answer(client, "certificates/preview", **asked))
    assert (old.cases, old.labels) == (1_200, 600)
    assert "100 cases of this population" in (await client.get("certificates/preview.svg", params=asked)).text


async def test_a_live_promise_is_watched(client: httpx.AsyncClient) -> None:
    told = await answer(client, "certificates/preview", decision_type="loan_application", alpha=0.02, watch=0.9)
    watched = read_assessments(told)[1].watch
    assert watched is not None
    assert (watched.k, watched.n, watched.tripped) == (60, 600, True)


async def test_filters_and_tenants(client: httpx.AsyncClient) -> None:
    wanted = {"decision_type": "loan_application", "alpha": 0.05}
    assert (await answer(client, "certificates/preview", **wanted, tier="high"))["assessments"] == []
    assert (await answer(client, "certificates/preview", decision_type="refund", alpha=0.05))["assessments"] == []
    client.headers["x-tenants"] = "other"
    assert (await answer(client, "certificates/preview", **wanted))["assessments"] == []
    assert (await client.get("certificates/preview", params=wanted | {"tenant": "default"})).status_code == 403
    nothing = await client.get("certificates/preview.svg", params=wanted)
    assert nothing.status_code == 404
    assert nothing.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"alpha": 0}, "alpha"),
        ({"alpha": 1}, "alpha"),
        ({"attempt": 0}, "attempt"),
        ({"watch": 2}, "watch"),
        ({"alpha": 5e-324}, "alpha"),
        ({"delta": 5e-324}, "delta"),
        ({"attempt": 10**200}, "attempt"),
    ],
)
async def test_questions_that_are_none(client: httpx.AsyncClient, changes: dict[str, float], field: str) -> None:
    params = {"decision_type": "loan_application", "alpha": 0.05} | changes
    refused = await client.get("certificates/preview", params=params)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == f"/query/{field}"


async def test_the_picture(client: httpx.AsyncClient) -> None:
    found = await client.get("certificates/preview.svg", params={"decision_type": "loan_application", "alpha": 0.05})
    assert found.headers["content-type"].startswith("image/svg+xml")
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert "blind labels so far" in found.text


async def test_plans(client: httpx.AsyncClient) -> None:
    made = read_plan(await answer(client, "plan", alpha=0.02, traffic=200, label_share=0.25))
    assert isinstance(made, Plan)
    assert made.least_labels == 149
    never = read_plan(await answer(client, "plan", alpha=0.0001, traffic=20))
    assert isinstance(never, NoPlan)
    assert "cannot be certified with this traffic" in never.text


async def test_calibration_and_overrides(client: httpx.AsyncClient) -> None:
    told = await answer(client, "calibration", decision_type="loan_application")
    _, old = read_assessments(told)
    assert old.reliability is not None
    assert old.reliability.n == 600
    assert old.refit is not None
    # 10 % overrides for four weeks, 60 % from the 33rd day on.
    assert told["overrides"]["alarm_day"] in {4, 5}
    assert told["overrides"]["baseline"] == pytest.approx(0.12, abs=0.02)


async def test_answers_fit_the_published_description(client: httpx.AsyncClient) -> None:
    document = build_openapi()
    asked = {
        "certificates/preview": {"decision_type": "loan_application", "alpha": 0.05, "watch": 0.9},
        "calibration": {"decision_type": "loan_application"},
        "plan": {"alpha": 0.02, "traffic": 10},
    }
    for path, params in asked.items():
        responses = document["paths"][f"/api/feedback/v1/{path}"]["get"]["responses"]
        schema = responses["200"]["content"]["application/json"]["schema"] | {"components": document["components"]}
        Draft202012Validator(schema).validate(await answer(client, path, **params))


@pytest.fixture
async def command(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Command]:
    """The command line, against the service on a port of its own."""
    assert isinstance(client._transport, httpx.ASGITransport)
    app: Any = client._transport.app
    async with serving(app, "127.0.0.1", 0) as port:
        monkeypatch.setenv("COUNTERSIGN_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("COUNTERSIGN_API_KEY", "cs_test_0_0")

        async def run(*words: str) -> Result:
            # In a thread: a command runs a loop of its own.
            return await asyncio.to_thread(Runner().invoke, feedback.app, words)

        yield run


async def test_the_command_line_tells_what_the_service_has(command: Command, tmp_path: Path) -> None:
    picture = tmp_path / "risk.svg"
    done = await command("certify", "--decision-type", "loan_application", "--alpha", "0.05", "--picture", str(picture))
    assert done.exit_code == 1, "the newest population has too few labels"
    assert "45 blind labels so far" in done.output
    assert "at most 5 % of the cases with a confidence of" in done.output
    assert picture.exists()
    told = await command(
        "certify", "--decision-type", "loan_application", "--alpha", "0.05", "--watch", "0.9", "--json"
    )
    assert json.loads(told.stdout)["assessments"][1]["watch"]["n"] == 600
    none = await command("certify", "--decision-type", "refund", "--alpha", "0.05")
    assert "nothing to certify" in str(none.exception)


async def test_the_command_line_tells_of_calibration_and_overrides(command: Command) -> None:
    done = await command("calibration", "loan_application", "--method", "beta")
    assert done.exit_code == 0, done.exception
    assert "A beta refit" in done.output
    assert "Overrides in assisted review: The rate rose above" in done.output
    refused = await command("calibration", "loan_application", "--method", "guess")
    assert refused.exit_code == 2
    assert "--method" in refused.output
    none = await command("calibration", "refund")
    assert "No model has spoken of a case of refund" in str(none.exception)
