"""What a person's case says is in the tables, on the topics and sealed in the log: never in what the services say of
themselves, whatever goes well or wrong. No erasure reaches their logs.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from countersign_local.client import Client, Refused, open_client
from countersign_local.demo.access import Access, open_access
from countersign_local.parts.postgres import PostgresServer, postgres
from countersign_shared.clock import system_clock
from countersign_shared.messaging.topics import ensure_topics
from tests.e2e.bad_input import Input, Taken
from tests.e2e.bad_input_story import Upstream
from tests.fixtures.memory import server_directory
from tests.fixtures.places import places
from tests.fixtures.stack import SERVICES, Stack
from tests.unit.inference.loans import body_of

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]

SECRET = "Zaubernuss"
UPDATED = {"ce_type": b"dev.countersign.case.updated.v1"}
SETTLE_SECONDS = 120.0
REVIEW, AUDIT = "/api/review/v1", "/api/audit/v1"
REFUSES = {
    "inference": ("cases", "case_id"), "router": ("routings", "case_id"), "review": ("cases", "case_id"),
    "feedback": ("cases", "case_id"),
}  # fmt: skip
"""A table of each service that is made to refuse one case, as a constraint of an operator's, or a defect, would."""
KEPT = {"review.saved_views", "review.users"}
"""Where the name is left after an erasure: in a search that somebody saved for words, and as that of a colleague."""


@dataclass
class Told:
    """A running system, and what must not be found in what it says."""

    stack: Stack
    server: PostgresServer
    access: Access
    upstream: Upstream
    database: asyncpg.Connection
    secrets: dict[str, str] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)

    async def until(self, sql: str, *arguments: Any) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while not await self.database.fetchval(sql, *arguments):
            assert time.monotonic() < deadline, (sql, self.words())
            await asyncio.sleep(0.1)

    def words(self) -> dict[str, str]:
        return {service: self.stack.last_words(service)[-600:] for service in SERVICES}

    async def look(self, moment: str) -> None:
        """Keep what anybody may ask a service for: its figures and its health."""
        async with httpx.AsyncClient(timeout=10) as http:
            for service in self.stack.processes:
                for path in ("/metrics", "/livez", "/readyz"):
                    answer = await http.get(self.stack.url(service, path))
                    self.answers[f"{service}{path} {moment}"] = answer.content


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with server_directory() as directory, postgres(Path(directory), environ=os.environ) as running:
        yield running


@pytest.fixture
async def told(server: PostgresServer, kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Told]:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=4)
    with Stack(tmp_path, server.url, kafka_bootstrap, topic_prefix, {"LOG_LEVEL": "debug"}) as stack:
        await asyncio.to_thread(stack.start)
        database = await asyncpg.connect(server.url)
        async with open_access(server.url, stack.url("review"), tmp_path, system_clock) as access:
            yield Told(stack, server, access, Upstream(kafka_bootstrap, topic_prefix), database)
        await database.close()


def secret_case(case_id: str, **changes: Any) -> dict[str, Any]:
    """An application of somebody whose name is in every field that may hold one."""
    body = body_of(3, case_id=case_id, subject_ref=f"{SECRET}-subject", title=f"Mrs {SECRET} title")
    payload = {**body["payload"], "remarks": f"{SECRET} remarks", "applicant": {"name": f"{SECRET} nested"}}
    return {**body, "payload": payload, **changes}


def sent_first() -> list[Input]:
    """Good cases, each twice, and one under the same id with other content."""
    good = [Input(f"z-{number}", orjson.dumps(secret_case(f"z-{number}")), Taken()) for number in range(8)]
    changed = Input("z-0", orjson.dumps(secret_case("z-0", title=f"{SECRET} changed")), Taken())
    wrong = {**body_of(3)["payload"], "loan_amount": f"{SECRET} amount", "term_months": f"{SECRET} term"}
    invalid = [Input(name, orjson.dumps(secret_case(name, payload=wrong)), Taken()) for name in ("z-odd", "z-odder")]
    return [*good, *good, changed, *invalid]


def unreadable() -> list[Input]:
    sound = secret_case("z-bad")
    bodies: dict[str, bytes] = {
        "cut": orjson.dumps(sound)[:-1],
        **{f"field-{name}": orjson.dumps({**sound, name: f"{SECRET} {name}"})
           for name in ("case_id", "tenant", "decision_type", "payload", "occurred_at", "amount", "sequence",
                        "deadline_at", "test", "attachments")},
        "unknown": orjson.dumps({**sound, f"{SECRET} field": 1, "case_id": None}),
        "nested": orjson.dumps({**sound, "amount": {"value": SECRET, "currency": SECRET}}),
        "twice": orjson.dumps(sound)[:-1] + f',"title":"{SECRET} again"}}'.encode(),
    }  # fmt: skip
    found = [Input(f"b-{name}", body, Taken()) for name, body in bodies.items()]
    headers = {"ce_id": b"\xff", "ce_time": b"\xff", "ce_specversion": SECRET.encode(), "content-type": SECRET.encode()}
    return found + [
        Input(f"h-{name}", orjson.dumps(sound), Taken(), {name: value, "ce_subject": SECRET.encode()})
        for name, value in headers.items()
    ]


def update(kind: str, body: dict[str, Any], case_id: str = "z-1") -> Input:
    whole = {
        "case_id": case_id, "decision_type": "loan_application", "occurred_at": "2026-01-02T03:04:05Z", "kind": kind,
        "subject_ref": f"{SECRET}-subject", "body": body,
    }  # fmt: skip
    return Input(f"u-{len(str(body))}", orjson.dumps(whole), Taken(), UPDATED)


def updates() -> list[Input]:
    return [
        update("outcome_reported", {"kind": f"{SECRET} default", "severity": f"{SECRET} severity", "date": SECRET}),
        update("outcome_reported", {"kind": f"{SECRET} default", "severity": 3, "date": "2027-01-15", "source": "s"}),
        update(f"{SECRET} kind", {"reason": f"{SECRET} reason"}),
        update("contested", {"decision_id": f"{SECRET} decision", "grounds": f"{SECRET} grounds"}),
        update("information_provided", {"question_id": f"{SECRET} asked", "data": {"note": f"{SECRET} answer"}}),
        update("deadline_changed", {"deadline_at": f"{SECRET} deadline"}),
    ]


async def test_nothing_that_a_case_says_is_in_what_the_services_say_of_themselves(told: Told, tmp_path: Path) -> None:
    await asyncio.to_thread(told.upstream.send, [*sent_first(), *unreadable()])
    await told.until("SELECT count(*) = 10 FROM review.cases WHERE case_id LIKE 'z-%'")
    await asyncio.to_thread(told.upstream.send, updates(), topic="case.updated")
    await over_http(told)
    await at_the_desk(told)
    await told.look("in use")
    await faults(told)
    await erased(told)
    await told.look("erased")
    await asyncio.to_thread(told.stack.stop)
    check(told)


async def over_http(told: Told) -> None:
    """What strangers and programs send, good and bad, with words in addresses."""
    told.secrets["the wrong password"] = f"{SECRET}-password-1"
    told.secrets["the API key"] = told.access.api_key
    intake = "/api/inference/v1/cases"
    async with httpx.AsyncClient(base_url=told.stack.url("review"), timeout=30) as http:
        key = {"authorization": f"Bearer {told.access.api_key}"}
        for one in (*sent_first()[:1], *unreadable()):
            await http.post(intake, content=one.value, headers={**key, "content-type": "application/json"})
        for _ in range(2):
            given = {"username": f"{SECRET}".lower(), "password": told.secrets["the wrong password"]}
            assert (await http.post(f"{REVIEW}/session", json=given)).status_code == 401
        await http.get(intake, headers={"authorization": f"Bearer {SECRET}-as-a-key"})
        for path, given in (
            (f"{REVIEW}/cases", {"q": f"{SECRET} words"}), (f"{REVIEW}/cases", {"subject": f"{SECRET}-subject"}),
            (f"{REVIEW}/cases", {"since": f"{SECRET} since", "limit": SECRET}),
            (f"{REVIEW}/cases/{SECRET}/{SECRET}", {}),
            (f"{AUDIT}/subjects", {"subject_ref": f"{SECRET}-subject", "purpose": f"{SECRET} purpose"}),
            (f"{AUDIT}/entries", {"subject_ref": f"{SECRET}-subject", "purpose": f"{SECRET} purpose"}),
            (f"{AUDIT}/cases/{SECRET}/timeline", {"purpose": SECRET}), (f"/api/router/v1/{SECRET}", {"x": SECRET}),
        ):  # fmt: skip
            told.answers[f"{path} unauthenticated"] = (await http.get(path)).content
            await http.get(path, params=given, headers=key)


async def at_the_desk(told: Told) -> None:
    """A person signs in by a link, writes everywhere, and hands out an explanation that opens once."""
    await told.access.link("pat", display_name=f"{SECRET} Reviewer", roles=("reviewer", "lead"))
    told.secrets["the link to sign in"] = token = await told.access.token("pat")
    url, api_key = told.access.url, told.access.api_key
    async with open_client(url) as client, open_client(url, api_key=api_key) as office:
        me = await client.sign_in(token)
        told.secrets["the CSRF token"] = me["csrf_token"]
        case = f"{REVIEW}/cases/default/z-1"
        said = {"comments": {"comment": f"{SECRET} comment"}, "tags": {"add": [f"{SECRET} tag"]}}
        for place, body in (*said.items(), *said.items()):
            await client.post(f"{case}/{place}", body, **{"Idempotency-Key": f"its-{place}"})
        await client.call("PUT", f"{REVIEW}/saved-views/{SECRET}", body={"filters": {"q": f"{SECRET} view"}})
        await _refused(client.post(f"{case}/comments", {"comment": {"text": f"{SECRET} comment"}}))
        await at_the_case(client)
        await explained(told, office)


async def at_the_case(client: Client) -> None:
    claim = await _claim(client)
    path = f"{REVIEW}/claims/{claim['claim_id']}"
    await client.call("PUT", f"{path}/draft", body={"draft": {"note": f"{SECRET} draft"}})
    await client.post(f"{path}/opened")
    decision = {
        "outcome": f"{SECRET} outcome", "reason": {"note": f"{SECRET} note", "other_text": f"{SECRET} other"},
        "principal_reasons": [f"{SECRET} principal"],
        "binding": dict.fromkeys(("payload_sha256", "shown_sha256", "execute_sha256"), "0" * 64),
    }  # fmt: skip
    await _refused(client.post(f"{path}/decision", decision, **{"If-Match": str(claim["version"])}))
    await _refused(client.post(f"{path}/delegate", {"to": f"{SECRET}", "reason": f"{SECRET} why"}))
    key = {"Idempotency-Key": f"asked-{claim['claim_id']}", "If-Match": str(claim["version"])}
    await client.post(f"{path}/information", {"question": f"{SECRET} question"}, **key)
    claim = await _claim(client)
    path, key = f"{REVIEW}/claims/{claim['claim_id']}", {"If-Match": str(claim["version"])}
    await client.post(f"{path}/escalate", {"reason": f"{SECRET} escalation"}, **key)


async def _claim(client: Client) -> dict[str, Any]:
    for queue in (await client.get(f"{REVIEW}/queues"))["items"]:
        if claim := await client.post(f"{REVIEW}/queues/{queue['queue']}/claims", {}):
            return dict(claim)
    pytest.fail("no queue has a case")


async def _refused(asked: Any) -> None:
    with pytest.raises(Refused):
        await asked


async def explained(told: Told, office: Client) -> None:
    made = await office.call("POST", f"{AUDIT}/cases/z-1/explanation-links", params={"purpose": f"{SECRET} letter"})
    told.secrets["the link to an explanation"] = made["path"].rpartition("/")[2]
    async with httpx.AsyncClient(base_url=told.access.url, timeout=30) as stranger:
        for method in ("GET", "POST"):
            assert (await stranger.request(method, made["path"])).status_code == 200
    found = await office.get(f"{AUDIT}/subjects", subject_ref=f"{SECRET}-subject", purpose=f"{SECRET} asked")
    assert SECRET in str(found)


async def faults(told: Told) -> None:
    """A row is refused by its table in each service in turn: each ends, says why and is started again."""
    comments = "ALTER TABLE review.{} ADD CONSTRAINT refuses CHECK (false) NOT VALID"
    await told.database.execute(comments.format("comments"))
    async with open_client(told.access.url) as client:
        await client.sign_in(await told.access.token("pat"))
        with pytest.raises(Refused) as refusal:
            await client.post(f"{REVIEW}/cases/default/z-2/comments", {"comment": f"{SECRET} refused"})
        assert refusal.value.status == 500
    for service, (table, column) in REFUSES.items():
        await told.database.execute(
            f"ALTER TABLE {service}.{table} ADD CONSTRAINT refuses CHECK ({column} <> 'z-fault') NOT VALID"
        )
    await asyncio.to_thread(told.upstream.send, [Input("z-fault", orjson.dumps(secret_case("z-fault")), Taken())])
    for service, (table, _) in REFUSES.items():
        deadline = time.monotonic() + SETTLE_SECONDS
        while (process := told.stack.processes[service]).poll() is None:
            assert time.monotonic() < deadline, (service, told.words())
            await asyncio.sleep(0.1)
        assert process.returncode == 70, (service, told.words())
        await told.database.execute(f"ALTER TABLE {service}.{table} DROP CONSTRAINT refuses")
        # This one alone: others that have ended by now are refused still.
        await asyncio.to_thread(told.stack.start, service)
    await told.until("SELECT count(*) = 1 FROM review.cases WHERE case_id = 'z-fault'")


async def erased(told: Told) -> None:
    """Everything about the person goes; what the command says is kept, too."""
    command = ["audit", "erase", "--subject", f"{SECRET}-subject", "--basis", "GDPR 17(1)(a)", "--yes", "--json"]
    environment = {
        **os.environ, "COUNTERSIGN_URL": told.access.url, "COUNTERSIGN_API_KEY": told.access.api_key,
        "COUNTERSIGN_STATE_DIR": str(told.stack.directory / "operator"),
    }  # fmt: skip
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "countersign_local", *command], env=environment, capture_output=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told.answers["countersign audit erase"] = done.stdout + done.stderr
    deadline = time.monotonic() + SETTLE_SECONDS
    # What was waiting to leave is gone in seconds.
    while (left := await places(told.server.url, SECRET)) != KEPT:
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.2)


def check(told: Told) -> None:
    said = {f"{service}'s log": (told.stack.directory / f"{service}.log").read_bytes() for service in SERVICES}
    said |= {"PostgreSQL's log": told.server.log.read_bytes(), **told.answers}
    assert b"violates check constraint" in said["PostgreSQL's log"], "what is looked for could have been there"
    told.secrets["what the case says"] = SECRET
    # Of a row that was refused, packed bodies too.
    told.secrets["the row that was refused"] = "Failing row"
    found = [
        (place, what, line[:400])
        for place, text in said.items()
        for line in text.decode(errors="replace").splitlines()
        for what, secret in told.secrets.items()
        if secret.lower() in line.lower()
    ]
    assert not found, "\n".join(map(str, found))
