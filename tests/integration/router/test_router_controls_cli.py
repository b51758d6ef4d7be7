"""`countersign controls`, `policy explain` and `policy matrix`, against a router over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from countersign_local.cli.ending import exit_code
from countersign_router.activities import ActivityIntake
from countersign_router.controls.intake import ControlIntake
from countersign_router.store import Store
from countersign_shared.errors import CountersignError
from countersign_shared.runtime import serving
from tests.fixtures.commands import Runner, whole
from tests.integration.router.controls import CERTIFIED, as_record, calibrator, certificate, trip
from tests.integration.router.desk import Replica
from tests.integration.router.door import door
from tests.integration.router.test_router_controls_api import who
from tests.integration.router.test_router_judgements import judged
from tests.unit.router.cases import DRAWS, PAYLOAD, bent, scored, shipped_bytes

pytestmark = pytest.mark.postgres


class Said(NamedTuple):
    code: int
    out: str


Run = Callable[..., Awaitable[Said]]


@pytest.fixture
async def run(replica: Replica, store: Store) -> AsyncIterator[Run]:
    """The command line as one of the people of ``test_router_controls_api``, by their name in place of a key."""
    async with serving(door(store, who), "127.0.0.1", 0) as port:

        async def said(name: str, *words: str | Path, given: str | None = None) -> Said:
            environment = {"COUNTERSIGN_URL": f"http://127.0.0.1:{port}", "COUNTERSIGN_API_KEY": name}

            def call() -> Said:
                done = Runner().invoke(whole(), [*map(str, words)], env=environment, input=given)
                if isinstance(done.exception, CountersignError):
                    return Said(exit_code(done.exception), str(done.exception))
                if done.exception is not None and not isinstance(done.exception, SystemExit):
                    raise done.exception
                return Said(done.exit_code, done.output)

            return await asyncio.to_thread(call)

        yield said


async def take(replica: Replica, *messages: object) -> None:
    await ControlIntake(replica.store, replica.metrics)([as_record(one) for one in messages])  # type: ignore[arg-type]


async def test_a_peak_is_declared_listed_and_ended(run: Run) -> None:
    declared = await run(
        "lars", "controls", "peak", "--for", "3h", "--reason", "spring sale", "--decision-type", "refund"
    )
    assert (declared.code, declared.out.startswith("Peak of refund until ")) == (0, True)
    held = json.loads((await run("anna", "controls", "list", "--json")).out)
    (peak,) = [one for one in held if one["kind"] == "peak"]
    assert (peak["decision_type"], peak["state"]["reason"]) == ("refund", "spring sale")
    listed = (await run("anna", "controls", "list")).out
    assert "spring sale, until" in listed
    assert [line.split()[0] for line in listed.splitlines()] == ["control", "peak", "policy", "policy"]
    ended = await run("lars", "controls", "end-peak", "--decision-type", "refund", "--reason", "it is over")
    assert ended == (0, "The peak of refund is over.\n")
    assert "peak" not in (await run("anna", "controls", "list")).out
    assert "off: it is over" in (await run("anna", "controls", "list", "--all")).out
    states = json.loads((await run("anna", "controls", "history", "peak", "--decision-type", "refund", "--json")).out)
    assert [(one["revision"], one["state"]["active"]) for one in states] == [(2, False), (1, True)]
    again = await run("lars", "controls", "end-peak", "--decision-type", "refund", "--reason", "it is over")
    assert (again.code, "no-peak" in again.out) == (1, True)


async def test_a_history_without_a_scope_is_that_of_every_control_of_the_kind(run: Run) -> None:
    for scope in ((), ("--decision-type", "refund")):
        words = ("controls", "peak", "--for", "3h", "--reason", f"sale {len(scope)}")
        assert (await run("lars", *words, *scope)).code == 0
    told = (await run("anna", "controls", "history", "peak")).out.splitlines()
    assert told[0].split()[:2] == ["of", "revision"]
    assert [line.split()[0] for line in told[1:]] == ["refund", "everything"]
    alone = (await run("anna", "controls", "history", "peak", "--decision-type", "refund")).out
    assert ("sale 2" in alone, "sale 0" in alone) == (True, False)
    newest = json.loads((await run("anna", "controls", "history", "peak", "--limit", "1", "--json")).out)
    assert [one["decision_type"] for one in newest] == ["refund"]


async def test_raised_bands_are_told_until_two_people_lower_them(run: Run) -> None:
    words = (
        "controls",
        "raise-bands",
        "--high",
        "0.03",
        "--decision-type",
        "refund",
        "--tier",
        "low",
        "--reason",
        "new",
    )
    assert (await run("olga", *words)).out.splitlines()[0] == (
        "Raised, of refund, low consequence: high +0.03, medium +0."
    )
    listed = (await run("anna", "controls", "list")).out
    assert "high +0.03, medium +0: new" in listed
    (waiting,) = json.loads((await run("anna", "controls", "proposals", "--json")).out)
    told = (await run("anna", "controls", "proposals")).out
    assert "lets the policy's own bands hold again, now: high +0.03, medium +0 (new)" in told
    for name in ("lars", "paul"):
        await run(name, "controls", "sign", waiting["sha256"], "--reason", "it went well")
    assert "bands" not in (await run("anna", "controls", "list")).out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("raise-bands", "--reason", "careful"), 2, "--high 0.03, --medium 0.05, or both"),
        (("peak", "--reason", "sale"), 2, "--for 3h, or --until TIME"),
        (("peak", "--reason", "sale", "--for", "3x"), 2, "a number of at most five digits and one of s, m, h, d, w"),
        (("peak", "--reason", "sale", "--until", "tomorrow"), 2, "is no time"),
        (("peak", "--reason", "sale", "--until", "2027-01-01T00:00"), 2, "no time zone"),
        (("peak", "--reason", "sale", "--for", "9w"), 1, "peak-too-long"),
        (
            ("peak", "--reason", "sale", "--for", "3h", "--decision-type", "refnud"),
            1,
            "no decision type refnud",
        ),
        (("history", "stopp"), 2, "no controls of the kind stopp"),
        (("history", "stop"), 1, "There never was a control stop of tenant *, decision type *, tier *"),
        (("history", "policy", "--decision-type", "refund"), 1, "* stands for all, also where nothing is named"),
        (("sign", "abcdef12", "--reason", "looked"), 1, "0 proposals begin with abcdef12"),
    ],
)
async def test_what_cannot_be_done_says_why_and_ends_so(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    done = await run("lars", "controls", *words)
    assert (done.code, said in done.out) == (code, True), done.out


async def test_two_people_sign_at_the_command_line(run: Run, replica: Replica) -> None:
    assert (await run("anna", "controls", "proposals")).out == "Nothing waits for signatures.\n"
    await replica.publish(CERTIFIED)
    await take(replica, certificate(automation_sha256="0" * 64), trip(tier="low"))
    shown = (await run("anna", "controls", "proposals")).out
    assert "certificate.active of loan_application, tenant default, negligible consequence, because there" in shown
    assert "from a confidence of 0.93 on at most 2 % are wrong, 95 % sure (1 of 262 were; model loan 1" in shown
    assert "! it is about another policy: version 2" in shown
    assert "lifts the trip trip-1: 9 of 120 audited automatic decisions were wrong." in shown
    await take(replica, certificate("cert-2", revision=2))
    waiting = json.loads((await run("anna", "controls", "proposals", "--json")).out)
    sha256 = next(one["sha256"] for one in waiting if one["becomes"] == "certificate.active")
    assert f"countersign controls sign {sha256}" in (await run("anna", "controls", "proposals")).out
    refused = await run("olga", "controls", "sign", sha256, "--reason", "looked")
    assert (refused.code, "forbidden" in refused.out) == (77, True)
    first = await run("lars", "controls", "sign", sha256[:12], "--reason", "the figures hold")
    assert first == (0, "Signed. 1 more signature, by somebody else within a day, brings it into force.\n")
    assert (await run("lars", "controls", "sign", sha256, "--reason", "again")).code == 1
    assert "signed by p-lars (lead): the figures hold" in (await run("anna", "controls", "proposals")).out
    second = await run("paul", "controls", "sign", sha256, "--reason", "I agree")
    assert second.out.startswith("Signed: certificate.active of loan_application, tenant default, negligible")
    held = (await run("anna", "controls", "list")).out
    assert ("certificate.active" in held, "trip " in held) == (True, True)
    signed = (await run("anna", "controls", "history", "certificate.active", "--tenant", "default", "--decision-type",
                        "loan_application", "--tier", "negligible")).out  # fmt: skip
    assert "p-lars (lead), p-paul (policy_approver)" in signed
    await take(replica, calibrator())
    waiting = json.loads((await run("anna", "controls", "proposals", "--json")).out)
    sha256 = next(one["sha256"] for one in waiting if one["becomes"] == "calibrator.active")
    assert "! voids the certificate cert-2 of default, negligible" in (await run("anna", "controls", "proposals")).out
    refused = await run("paul", "controls", "refuse", sha256, "--reason", "not while it is certified")
    assert refused == (0, "Refused, and on the record; the signatures before are void.\n")


async def test_a_case_is_explained_with_every_reason(run: Run, tmp_path: Path) -> None:
    case = {"case_id": "loan-7", "decision_type": "loan_application", "payload": PAYLOAD, "submitted_by": "los"}
    file = tmp_path / "case.json"
    file.write_text(json.dumps(case), encoding="utf-8")
    sure = ("--outcome", "approve", "--confidence", "0.97")
    said = await run("anna", "policy", "explain", file, *sure)
    assert said.code == 0
    assert said.out.splitlines()[0] == "Level 1, full automation; by version 1 of default/loan_application."
    assert "  ▸ L1  matrix: Negligible consequence at high confidence (0.970; high above 0.9" in said.out
    alone = (await run("anna", "policy", "explain", file)).out
    assert ("As if the AI had nothing to propose" in alone, "▸ L4  abstained: " in alone) == (True, True)
    event = {**scored(outcome="decline"), "level": 3}
    for known in (event, {"topic": "case.routed", "body": event}):
        routed = await run("anna", "policy", "explain", "-", "--json", given=json.dumps(known))
        assert [one["code"] for one in json.loads(routed.out)["reasons"]][-1] == "outcome_needs_person"
    traced = (await run("anna", "policy", "explain", file, *sure, "--trace")).out
    assert "consequence.factors.financial" in traced
    stricter = tmp_path / "policy.yaml"
    stricter.write_bytes(bent(version=2, never_automate="true").data)
    tried = (await run("anna", "policy", "explain", file, *sure, "--policy", stricter)).out
    assert tried.startswith("Level 3, automation with review, in the queue underwriting; by version 2 of")
    assert "[never_automate]" in tried
    stricter.write_bytes(shipped_bytes().replace(b"case.loan_amount >", b"case.loan_amont >", 1))
    wrong = await run("anna", "policy", "explain", file, *sure, "--policy", stricter)
    assert (wrong.code, "did you mean case.loan_amount?" in wrong.out, "^^^" in wrong.out) == (1, True, True)
    for text, words in (
        ("{", "case.json: Expecting property name"),
        ("[]", "expected JSON objects"),
        ("{}", "`decision_type` and `payload`"),
    ):
        file.write_text(text, encoding="utf-8")
        refused = await run("anna", "policy", "explain", file)
        assert (refused.code, words in refused.out) == (1, True), refused.out
    file.write_text(json.dumps({**case, "decision_type": "parole"}), encoding="utf-8")
    assert (await run("anna", "policy", "explain", file, *sure)).code == 1


async def test_the_matrix_is_a_table_and_a_picture(run: Run, replica: Replica, store: Store, tmp_path: Path) -> None:
    await replica.route(*(scored(f"case-{number}") for number in range(40)))
    said = (await run("anna", "policy", "matrix", "loan_application")).out
    assert "L1: 40 cases, 40 automatic" in said
    assert "Wrong automatic decisions: nothing judged yet, so nothing is known." in said
    await ActivityIntake(store, DRAWS, replica.handler)([judged(f"case-{n}", error=n < 2) for n in range(32)])
    picture = tmp_path / "matrix.svg"
    said = (await run("anna", "policy", "matrix", "loan_application", "--picture", picture)).out
    assert "6.3 % [0.8, 20.8] %, 2 of 32 wrong" in said
    drawn = picture.read_text(encoding="utf-8")
    assert ("2 of 32 wrong" in drawn, drawn.count("L5"), "interval" in drawn) == (True, 3, True)
    view = json.loads((await run("anna", "policy", "matrix", "loan_application", "--json", "--hours", "1")).out)
    assert sum(one["cases"] for one in view["cells"]) == 40
    empty = (await run("anna", "policy", "matrix", "content_moderation")).out
    assert empty == "No policy of content_moderation is in force: every case goes to a person.\n"
    assert (await run("anna", "policy", "matrix", "parole")).code == 1
