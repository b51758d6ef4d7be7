"""The command line against a running demo: what a newcomer tries next, and what goes wrong with it."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from countersign_local.client import Refused, open_client
from countersign_local.demo.arrivals import demo_cases
from countersign_local.errors import NOT_PERMITTED
from countersign_local.state import OURS
from countersign_shared.clock import system_clock
from tests.e2e.demo_process import DemoProcess, count
from tests.fixtures.memory import server_directory
from tests.fixtures.places import places

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SERVICES = ("inference", "router", "review", "feedback")


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoProcess]:
    with server_directory() as name:
        process = DemoProcess(Path(name))
        process.start("--cases", "6", "--rate", "20")
        process.running()
        yield process
        assert process.end(signal.SIGTERM) == 0
        assert not process.left_over()


def _case(number, **changes):
    """An application that no demo of this size sends itself."""
    case = next(iter(demo_cases(number, system_clock)))
    return {**json.loads(case.message.value), **changes}


@contextmanager
def _client(demo):
    """Call the system as the commands do: what only prepares a test needs no process of its own."""
    running = demo.running()
    key = {"authorization": f"Bearer {running.api_key}"}
    with httpx.Client(base_url=running.url, headers=key, timeout=60) as client:
        yield client


def _prepare(demo, case, *kinds):
    """Bring a case in and wait until events of these kinds about it are on record; return its timeline."""
    path = f"/api/audit/v1/cases/{case['case_id']}/timeline"
    with _client(demo) as client:
        accepted = client.post("/api/inference/v1/cases", json=case)
        assert accepted.status_code == 202, accepted.text

        def recorded():
            answer = client.get(path)
            entries = answer.json()["entries"] if answer.status_code == 200 else []
            return entries if {*kinds} <= {entry["kind"] for entry in entries} else None

        return demo.wait_for(recorded)


def _an_automatic_case(demo):
    """Bring applications in until one is decided by the machine."""
    for number in range(100, 140):
        application = _case(number)
        timeline = _prepare(demo, application, "case.routed")
        routed = next(entry["words"] for entry in timeline if entry["kind"] == "case.routed")
        if "level 1" in routed or "level 2" in routed:
            return application
    raise AssertionError("no application was decided automatically")


def test_a_case_of_ones_own_is_decided_and_on_record(demo):
    application = _an_automatic_case(demo)
    # The same again changes nothing.
    (decided,) = demo.json("submit", "-", "--wait", given=json.dumps(application))
    assert (decided["outcome"], decided["mode"]) == ("approve", "automatic")
    # Once each; the log's order is that of arrival, and topics may overtake each other.
    steps = ["case.created", "case.routed", "case.scored", "decision.made"]
    _prepare(demo, application, *steps)
    told = demo.json("audit", "timeline", application["case_id"])["entries"]
    assert sorted(entry["kind"] for entry in told if entry["kind"] != "audit.read") == steps


def test_the_log_verifies_while_it_grows(demo):
    report = demo.json("audit", "verify")
    assert report["verified"]
    assert report["payloads_opened"] == report["entries"] - 1


def test_a_case_that_is_none_names_every_field(demo):
    done = demo.run("submit", "-", given='{"case_id": "x"}')
    assert done.returncode == 1
    assert "/decision_type" in done.stderr
    assert "/payload" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_case_with_another_body_is_refused(demo):
    _prepare(demo, _case(200, case_id="twice"), "case.routed")
    done = demo.run("submit", "-", given=json.dumps(_case(200, case_id="twice", title="Another")))
    assert done.returncode == 1
    assert "exists with another body" in done.stderr


def test_people_are_added_listed_and_disabled(demo):
    made = demo.json("users", "add", "grace", "--role", "reviewer", "--max-tier", "high")
    assert made["password"]
    assert "grace" in {user["username"] for user in demo.json("users", "list")}
    assert demo.json("users", "disable", "grace")["disabled_at"]


def test_figures_as_table_and_picture(demo, tmp_path):
    picture = tmp_path / "figures.svg"
    summary = demo.json("feedback", "report", "--picture", str(picture))
    assert summary["decision_types"][0]["decision_type"] == "loan_application"
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    assert "loan_application" in demo.run("feedback", "report").stdout


def test_the_affected_person_reads_why_once_and_what_is_held_about_them(demo, tmp_path):
    application = {**_case(330), "subject_ref": "applicant-of-330"}
    case_id = application["case_id"]
    _prepare(demo, application, "case.routed")
    told = demo.json("audit", "explain", case_id, "--purpose", "they asked")
    # The address of the console, no key, no session.
    with httpx.Client(base_url=demo.running().url, timeout=60) as anybody:
        assert told["url"] == demo.running().url.rstrip("/") + told["path"]
        # Looking at the link, as mail programs do, uses nothing up.
        for _ in range(2):
            looked = anybody.get(told["path"])
            assert (looked.status_code, looked.text.count("<form")) == (200, 1)
        opened = anybody.post(told["path"])
        assert opened.status_code == 200
        assert "application/pdf" in opened.text
        assert opened.headers["content-security-policy"].startswith("default-src 'none'")
        assert anybody.post(told["path"]).status_code == 410 == anybody.get(told["path"]).status_code
        assert anybody.get(f"/api/audit/v1/cases/{case_id}/timeline").status_code == 401
    held = tmp_path / "held.json"
    said = demo.json("audit", "subject", "applicant-of-330", "--output", str(held))
    assert (said["cases"], said["entries"] >= 3, held.stat().st_mode & 0o777) == (1, True, 0o600)
    (case,) = json.loads(held.read_text(encoding="utf-8"))["cases"]
    assert case["case_id"] == case_id
    assert "audit.read" in {entry["kind"] for entry in demo.json("audit", "timeline", case_id)["entries"]}


def test_a_leads_key_lets_whoever_runs_the_demo_declare_a_busy_period(demo, monkeypatch):
    peak = ("controls", "peak", "--for", "1h", "--decision-type", "refund", "--reason", "sale")
    refused = demo.run(*peak)
    assert (refused.returncode, "lead" in refused.stderr) == (NOT_PERMITTED, True), refused.stderr
    with _client(demo) as office:
        asked = {"username": "demo", "name": "my terminal", "roles": ["lead"]}
        key = office.post("/api/review/v1/api-keys", json=asked, headers={"Idempotency-Key": "a-leads-key"})
    assert key.status_code == 201, key.text
    monkeypatch.setitem(demo.environment, "COUNTERSIGN_API_KEY", key.json()["api_key"])
    declared = demo.run(*peak)
    assert declared.returncode == 0, declared.stderr
    assert demo.run("controls", "end-peak", "--decision-type", "refund", "--reason", "over").returncode == 0


def test_audit_runs_as_a_role_that_can_change_nothing(demo):
    running = demo.running()
    who = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'countersign-audit'"
    assert count(running, who) > 0 == count(running, f"{who} AND usename <> 'countersign_audit'")
    may = " OR ".join(f"has_table_privilege('countersign_audit', oid, '{right}')" for right in ("UPDATE", "DELETE"))
    ours = "SELECT count(*) FROM pg_class WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p')"
    assert count(running, f"{ours} AND ({may})") == 1 == count(running, f"{ours} AND ({may}) AND relname = 'outbox'")
    assert demo.json("audit", "epochs")["epochs"][0]["data_keys"] > 0
    assert demo.json("audit", "check-copies")["differing"] == []


def _places(running, text):
    return asyncio.run(places(running.database_url, text))


def test_a_person_is_erased_from_every_service_and_the_proofs_stand(demo, tmp_path):
    running, secret = demo.running(), "Unforgettable"
    cases = [_case(number, subject_ref=f"ref-{secret}", title=f"Mrs {secret}") for number in (400, 401)]
    for case in cases:
        _prepare(demo, case, "case.routed")
    gone = cases[0]["case_id"]
    before = {"inference.cases", "router.routings", "review.cases"}
    demo.wait_for(lambda: before <= _places(running, secret))
    demo.json("audit", "export", str(tmp_path / "before"))
    old = tmp_path / "before" / "checkpoint"

    erased = demo.json("audit", "erase", "--subject", f"ref-{secret}", "--basis", "GDPR 17(1)(a)", "--yes")
    assert sorted(case["case_id"] for case in erased["cases"]) == sorted(case["case_id"] for case in cases)
    assert all(case["confirmed_by"] == ["feedback", "inference", "review", "router"] for case in erased["cases"])

    assert _places(running, secret) == set()
    left = {
        "inference.cases",
        "feedback.cases",
        "feedback.labels",
        "review.live",
        "audit.erasures",
        *(f"{name}.erasures" for name in SERVICES),
    }
    assert _places(running, gone) <= left
    keys = "SELECT count(*) FROM audit.data_keys AS k JOIN audit.erased AS e USING (scope)"
    # The log's own word that it is complete has a key of its own.
    demo.wait_for(lambda: count(running, keys) == len(cases))
    for name in ("before", "after"):
        if name == "after":
            demo.json("audit", "export", str(tmp_path / name))
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert not [path for path in files if secret.encode() in path.read_bytes()]
    vkey = demo.json("audit", "key")["verifier_key"]
    assert demo.json("audit", "verify", str(tmp_path / "after"), "--vkey", vkey, "--old", str(old))["verified"]
    report = demo.json("audit", "verify")
    assert report["verified"]
    assert report["payloads_erased"] >= 2 * len(cases)

    timeline = demo.json("audit", "timeline", gone)
    kinds = {entry["kind"]: entry["payload"] for entry in timeline["entries"]}
    assert kinds["case.created"] == kinds["case.routed"] == "erased"
    assert all(entry["proof"] for entry in timeline["entries"] if entry["included"])
    # The case sent again is refused, and comes back nowhere.
    again = demo.run("submit", "-", given=json.dumps(cases[0]))
    assert again.returncode == 1
    assert _places(running, secret) == set()


def test_no_dead_letters_and_no_such_letter(demo):
    assert demo.json("dead-letters", "list") == []
    done = demo.run("dead-letters", "show", "abc")
    assert done.returncode == 1
    assert "There is no dead letter 'abc'" in done.stderr


def test_the_embedded_broker_needs_no_topics(demo):
    done = demo.run("topics", "ensure")
    assert done.returncode == 2
    assert "embedded broker" in done.stderr


def test_migrations_are_applied_already(demo):
    assert set(map(tuple, demo.json("migrate").values())) == {()}


async def test_a_key_opens_only_what_its_roles_allow(demo):
    running = demo.running()
    async with open_client(running.url, api_key=running.api_key) as client:
        with pytest.raises(Refused, match="403"):
            await client.get("/api/review/v1/queues")
    async with open_client(running.url, api_key="cs_local_none_none") as client:
        with pytest.raises(Refused, match="401"):
            await client.get("/api/feedback/v1/summary")


def test_zz_one_person_stops_automation_and_cannot_restart_it_alone(demo):
    stopped = demo.json("stop", "on", "--yes", "--reason", "a test of the switch")
    assert stopped["control"]["state"]["active"]
    request = demo.json("stop", "off", "--reason", "the test is over")["request_id"]
    done = demo.run("stop", "off", "--confirm", request)
    assert done.returncode == 1
    assert "two different people" in done.stderr
    assert "decision.made" not in {entry["kind"] for entry in _prepare(demo, _case(300), "case.routed")}


def test_without_a_system_every_command_says_what_to_start(tmp_path):
    nowhere = DemoProcess(tmp_path)
    for command in (["users", "list"], ["dead-letters", "list"], ["migrate"], ["watch"], ["audit", "verify"]):
        done = nowhere.run(*command)
        assert done.returncode == 69
        assert "countersign demo" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_fresh_start_knows_everything_that_an_earlier_one_left(demo):
    assert {path.name for path in demo.directory.iterdir()} - {"lock"} <= OURS


def test_the_key_of_a_running_system_is_for_its_owner_alone(demo):
    assert (demo.directory / "running.json").stat().st_mode & 0o077 == 0
    assert (demo.directory / "api-key").stat().st_mode & 0o077 == 0
