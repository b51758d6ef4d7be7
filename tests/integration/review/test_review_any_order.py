"""Whatever people, upstream and the clock do, in whatever order: each case is decided once, by who held it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.integration.review.anyorder import CASES, PEOPLE, World, check, first_record, refused
from tests.integration.review.harness import content, decision, record, updated
from tests.integration.review.test_review_erasure import request

pytestmark = pytest.mark.postgres

STEPS = 50
SHARE, MOST = 3, 60
"""An example is a world of its own with many steps: a third as many as elsewhere, and no more than a test's time."""
ERASED_FROM = 20
"""Steps after which cases are erased: before, there is little to erase."""
WRONG = ["as it was", "outcome", "terms", "version", "digest"]
EDITED = {"term_months": 240}
LONGEST = 20 * 3_600
"""Within a day: the keys of the people last so long."""

people = st.sampled_from(PEOPLE)
cases = st.sampled_from(sorted(CASES))
outcomes = st.sampled_from(["approve", "decline"])
places = st.sampled_from([1, 1, 2, 3])
upstream = st.sampled_from(["withdrawn", "information_provided", "deadline_changed", "contested"])
steps = st.one_of(
    *(st.tuples(st.just(name), *values) for name, *values in (
        ("takes_the_best", people),
        ("takes_the_best", people),
        ("takes_one", people, cases),
        ("decides_well", places, outcomes, st.booleans()),
        ("decides_well", places, outcomes, st.booleans()),
        ("decides_on_what_may_be_old_or_wrong", places, outcomes, st.sampled_from(WRONG)),
        ("decides_on_what_may_be_old_or_wrong", places, outcomes, st.sampled_from(WRONG)),
        ("asks_again", places, st.booleans()),
        ("takes_back", places),
        ("holds_on_or_lets_go", places, st.sampled_from(["opened", "heartbeat", "release", "skip"])),
        ("hands_on", places, st.sampled_from(["recuse", "escalate", "information", "block"])),
        ("lead_steps_in", cases, st.sampled_from(["recall", "unblock"])),
        ("lead_opens_again", cases),
        ("upstream_says", places, upstream),
        ("upstream_says", cases, upstream),
        ("arrives", cases),
        ("automation_has_decided",),
        ("time_passes", st.sampled_from([5, 5, 61, 700, 9 * 3_600])),
        ("everything_catches_up",),
        ("is_erased", cases),
    ))
)  # fmt: skip


class Anyorder(RuleBasedStateMachine):
    """The steps; each checks its own answer."""

    url = template = ""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.url, self.template)
        self.claims: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[tuple[str, dict[str, Any], dict[str, Any], Any]] = []
        self.decided: list[tuple[str, str]] = []
        self.keys: set[tuple[str, str]] = set()
        self.number = 0

    def teardown(self) -> None:
        try:
            check(self.world, whole=True)
        finally:
            self.world.close()

    def _key(self) -> str:
        self.number += 1
        return f"key-{self.number}"

    def _pick(self, place: int) -> tuple[str, dict[str, Any]]:
        """Return a claim, first of all the newest that holds."""
        held = {row["claim_id"] for row in self.world.rows("SELECT claim_id FROM claims WHERE state = 'held'")}
        order = sorted(self.claims, key=lambda one: one[1]["claim_id"] in held)
        return order[-min(place, len(order))]

    def _case_at_hand(self, place: int) -> str:
        found: str = self._pick(place)[1]["context"]["decision_required"]["case_id"] if self.claims else "c-4"
        return found

    def _holds(self, row: dict[str, Any] | None) -> bool:
        return row is not None and row["state"] == "held" and row["lease_expires_at"] > self.world.desk.clock()

    @initialize(arriving=st.sets(cases, min_size=3))
    def begin(self, arriving: set[str]) -> None:
        for case_id in sorted(arriving):
            self.arrives(case_id)

    def arrives(self, case_id: str) -> None:
        self.world.take_in(record("case.routed", CASES[case_id]))

    def automation_has_decided(self) -> None:
        self.world.take_in(record("decision.made", first_record("c-audit")))

    def takes_the_best(self, name: str) -> None:
        self._takes(name, None)

    def takes_one(self, name: str, case_id: str) -> None:
        rows = self.world.rows("SELECT review_id FROM reviews WHERE case_id = $1 ORDER BY open DESC", case_id)
        self._takes(name, rows[0]["review_id"] if rows else "none")

    def _takes(self, name: str, review_id: str | None) -> None:
        answer = self.world.run(self.world.clients[name].claim(review_id=review_id))
        if refused(answer) is None and answer.status_code == 201:
            self.claims.append((name, answer.json()))
            row = self.world.claim_row(answer.json()["claim_id"])
            assert row is not None
            assert row["reviewer"] == self.world.pseudonyms[name]
            assert name != "low"

    def holds_on_or_lets_go(self, place: int, what: str) -> None:
        if not self.claims:
            return
        name, claim = self._pick(place)
        row = self.world.claim_row(claim["claim_id"])
        path, client = f"/claims/{claim['claim_id']}/{what}", self.world.clients[name]
        answer = self.world.run(client.post(path, **{"If-Match": f'"{claim["version"]}"'}))
        if refused(answer) is None:
            assert self._holds(row)

    def hands_on(self, place: int, what: str) -> None:
        if not self.claims:
            return
        name, claim = self._pick(place)
        row = self.world.claim_row(claim["claim_id"])
        body = {"question": "Which account?"} if what == "information" else {"reason": "For a reason."}
        path = f"/claims/{claim['claim_id']}/{what}"
        if refused(self.world.run(self.world.clients[name].post(path, body))) is None:
            assert self._holds(row)

    def lead_steps_in(self, case_id: str, what: str) -> None:
        for row in self.world.rows("SELECT review_id FROM reviews WHERE case_id = $1 ORDER BY review_id", case_id):
            refused(self.world.run(self.world.clients["dora"].post(f"/reviews/{row['review_id']}/{what}")))

    def decides_well(self, place: int, outcome: str, edited: bool) -> None:
        if not self.claims:
            return
        name, claim = self._pick(place)
        row = self.world.claim_row(claim["claim_id"])
        read = self.world.run(self.world.clients[name].get(f"/claims/{claim['claim_id']}"))
        if refused(read) is None:
            claim = read.json()
            self.claims.append((name, claim))
        terms = EDITED if edited and outcome == "approve" else {}
        answer = self._decides(name, claim, outcome, terms=terms, binding=self._bound(name, claim, outcome, terms))
        code = refused(answer)
        if self._holds(row):
            # Whoever holds a case, has read all of it and answers well is heard, unless it was decided elsewhere.
            assert row is not None
            assert code is None or (row["kind"], code) == ("reversal", "already-decided"), answer.text

    def _bound(self, name: str, claim: dict[str, Any], outcome: str, terms: dict[str, Any]) -> dict[str, Any]:
        binding: dict[str, Any] = decision(claim, outcome)["binding"]
        path = f"/claims/{claim['claim_id']}/preview"
        if terms:
            preview = self.world.run(self.world.clients[name].post(path, {"outcome": outcome, "outcome_params": terms}))
            if refused(preview) is None:
                binding["execute_sha256"] = preview.json()["execute_sha256"]
        return binding

    def decides_on_what_may_be_old_or_wrong(self, place: int, outcome: str, how: str) -> None:
        if not self.claims:
            return
        name, claim = self._pick(place)
        binding = decision(claim, outcome)["binding"]
        if how == "digest":
            binding["payload_sha256"] = "f" * 64
        answer = self._decides(
            name, claim, "perhaps" if how == "outcome" else outcome, binding=binding,
            terms={"term_months": 6_000} if how == "terms" else {},
            version=claim["version"] + (7 if how == "version" else 0),
        )  # fmt: skip
        assert refused(answer) is not None or how == "as it was"

    def _decides(self, name: str, claim: dict[str, Any], outcome: str, *, terms: dict[str, Any], **more: Any) -> Any:
        sent = {"outcome": outcome, "outcome_params": terms, "version": claim["version"], "key": self._key(), **more}
        return self._sends(name, claim, sent)

    def _sends(self, name: str, claim: dict[str, Any], sent: dict[str, Any]) -> Any:
        row = self.world.claim_row(claim["claim_id"])
        known = (name, sent["key"]) in self.keys
        answer = self.world.run(self.world.clients[name].decide(claim, **sent))
        if refused(answer) is None and not known:
            assert self._holds(row), row
            assert row is not None
            assert row["version"] == sent["version"]
            self.keys.add((name, sent["key"]))
            self.decided.append((name, answer.json()["decision_id"]))
        self.asked.append((name, claim, sent, answer))
        return answer

    def asks_again(self, place: int, same_key: bool) -> None:
        if not self.asked:
            return
        name, claim, sent, before = self.asked[-min(place, len(self.asked))]
        answer = self._sends(name, claim, sent if same_key else {**sent, "key": self._key()})
        code = refused(answer)
        if before.status_code == 200 and not same_key:
            assert code is not None
        elif before.status_code == 200:
            # Taken back or erased since, it is nothing that could be told again.
            assert answer.text == before.text or code in {"idempotency-key-reused", "not-found"}

    def takes_back(self, place: int) -> None:
        if not self.decided:
            return
        name, decision_id = self.decided[-min(place, len(self.decided))]
        left = self._left()
        answer = self.world.run(self.world.clients[name].post(f"/decisions/{decision_id}/undo"))
        if refused(answer) is None:
            assert decision_id not in left

    def _left(self) -> list[str]:
        return [content(one)["decision_id"] for one in self.world.desk.sent if one.topic == "decision.made"]

    def upstream_says(self, place: int | str, kind: str) -> None:
        case_id = place if isinstance(place, str) else self._case_at_hand(place)
        rows = self.world.rows("SELECT decision_id FROM decisions WHERE case_id = $1 ORDER BY decided_at", case_id)
        asked = self.world.rows("SELECT question_id FROM questions WHERE case_id = $1", case_id)
        bodies: dict[str, dict[str, Any]] = {
            "withdrawn": {"reason": "Bought elsewhere."},
            "information_provided": {
                "question_id": asked[-1]["question_id"] if asked else "q", "data": {"net_worth": "99000.00"},
            },
            "deadline_changed": {"deadline_at": "2026-03-05T12:00:00Z"},
            "contested": {"decision_id": rows[-1]["decision_id"] if rows else "d", "grounds": "No."},
        }  # fmt: skip
        self.world.take_in(updated(case_id, kind, bodies[kind], event_id=self._key()))

    def lead_opens_again(self, case_id: str) -> None:
        dora = self.world.clients["dora"]
        answer = self.world.run(dora.post(f"/cases/default/{case_id}/reversal", {"reason": "New."}))
        if refused(answer) is None:
            read = self.world.run(dora.get(f"/claims/{answer.json()['claim_id']}"))
            self.claims.append(("dora", read.json()))

    def time_passes(self, seconds: int) -> None:
        clock = self.world.desk.clock
        if (clock.now - type(clock)().now).total_seconds() + seconds < LONGEST:
            clock.forward(seconds=seconds)

    def everything_catches_up(self) -> None:
        self.world.sweep()

    def is_erased(self, case_id: str) -> None:
        if self.world.checks < ERASED_FROM:
            return
        self.world.take_in(request(case_id, f"era-{case_id}"))
        self.world.erased.add(case_id)

    @rule(step=steps)
    def does(self, step: tuple[Any, ...]) -> None:
        # One rule, because of several each example has some switched off: mostly nobody would take a case, or answer.
        what, *how = step
        getattr(self, what)(*how)

    @invariant()
    def holds(self) -> None:
        check(self.world)


def test_review_each_case_is_decided_once_by_who_held_it_in_any_order(
    postgres_url: str, template_database: str
) -> None:
    Anyorder.url, Anyorder.template = postgres_url, template_database
    bounded = settings(
        max_examples=min(settings.default.max_examples // SHARE, MOST), stateful_step_count=STEPS,
        # A shorter example is looked for longer than a test may take; the seed that is printed gives this one again.
        phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(Anyorder, settings=bounded)
