"""Replaying what was routed: the same policy gives the same routing, another policy's differences are counted."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import islice

import orjson
import pytest

from countersign_router.api.models.matrix import AuditedError
from countersign_router.domain.controls import ANY, Controls, RaisedBands
from countersign_router.domain.policy import TIERS
from countersign_router.language.loading import LoadedPolicy
from countersign_router.replaying.estimates import estimate, interval
from countersign_router.replaying.evaluation import Replayer
from countersign_router.replaying.history import ControlHistory, PastControl
from countersign_router.replaying.rederivation import form, stored_form
from countersign_router.replaying.summing_up import sum_up
from countersign_router.replaying.tally import Judged
from countersign_router.replaying.telling import share, told
from countersign_router.showing.matrix_picture import errors_in_full, errors_told
from countersign_router.wire import policy_speech, routed_body
from tests.unit.router.cases import NOW, bent, decision_types, scored, shipped
from tests.unit.router.replays import KEY, circumstances, question, stored, varied

FRESH = [{"id": "fresh-policy", "when": "policy.age < duration('168h')", "level_at_least": 3}]
SILENT_PEAK = [
    {"id": "busy", "when": "controls.peak", "bands": {"high": -0.05, "medium": -0.05}},
    {"id": "wide", "when": "has(case.owner_occupied) && !case.owner_occupied", "bands": {"high": 0.03}},
]


@pytest.fixture(
    params=[{}, {"automation": {"certificate": "required"}}, {"adjust": SILENT_PEAK}, {"adjust": FRESH}],
    ids=["shipped", "certified", "silent peak", "fresh"],
)
def policy(request: pytest.FixtureRequest) -> LoadedPolicy:
    return bent(**request.param)


def test_replaying_the_policy_that_routed_gives_the_whole_routing_back(policy: LoadedPolicy) -> None:
    speech = policy_speech(policy, decision_types()["loan_application"])
    replayer = Replayer(question(policy, policy))
    levels = set()
    for number, (body, controls) in enumerate(zip(varied(220), circumstances(policy), strict=False)):
        now = NOW + timedelta(seconds=number, microseconds=number * 7)
        case, live = stored(body, policy, controls, now)
        event = orjson.loads(case.body)
        again = replayer.routing(event, now)
        assert again == live
        # The event that it would publish is the stored one, byte for byte.
        assert routed_body(body, orjson.dumps(body), again, speech, KEY) == case.body
        levels.add(live.level)
    assert levels >= {3, 4, 5}
    assert levels & {1, 2}


def test_every_stored_routing_is_made_again_as_a_check(policy: LoadedPolicy) -> None:
    cases = [
        stored(body, policy, controls)[0] for body, controls in zip(varied(100), circumstances(policy), strict=False)
    ]
    draft = bent(version=2, bands={"high": 0.93, "medium": 0.7})
    tally = Replayer(question(draft, policy, draft=True)).replay(cases)
    assert (tally.cases, tally.rederived, tally.unexplained) == (100, 100, 0)


def test_a_routing_that_cannot_be_made_again_is_named() -> None:
    case, _ = stored(scored("odd"), shipped(), Controls())
    event = {**orjson.loads(case.body), "level": 4}
    tally = Replayer(question(shipped(), shipped())).replay([case._replace(body=orjson.dumps(event))])
    assert (tally.rederived, tally.unexplained, tally.unexplained_cases) == (0, 1, [("default", "odd")])


def test_forms_differ_when_anything_decided_differs() -> None:
    case, live = stored(scored("one"), shipped(), Controls())
    event = orjson.loads(case.body)
    assert form(live) == stored_form(event)
    for change in (
        {"queue": "elsewhere"}, {"band": "low"}, {"priority": 5}, {"certificate": {"status": "live"}}, {"reasons": []},
        {"thresholds": {**event["thresholds"], "bands": {"high": 0.91, "medium": 0.7}}},
        {"handling": {**event["handling"], "withhold": "always"}}, {"would_automate": False},
        {"sampling": {**event["sampling"], "blind": {"probability": 0.5, "selected": False}}},
        {"sampling": {**event["sampling"], "seed": {"probability": 0.1, "selected": True}}},
    ):  # fmt: skip
        assert form(live) != stored_form({**event, **change}), change


def test_raised_bands_are_read_from_the_event_where_history_does_not_know_them() -> None:
    raises = (RaisedBands("bands.tightened", 0.08, 0.1, "drift", "1", "loan", "platt-1"),)
    held = Controls(raised_bands={("default", "loan_application", ANY): raises})
    case, live = stored(scored("held"), shipped(), held)
    assert (live.level, live.band) == (2, "medium")
    tally = Replayer(question(shipped(), shipped())).replay([case])
    assert (tally.rederived, tally.unexplained) == (1, 0)


def test_a_stricter_band_sends_cases_up_and_a_looser_one_down() -> None:
    cases = [stored(scored(f"c-{number}", confidence=(90 + number) / 100), shipped(), Controls())[0]
             for number in range(1, 10)]  # fmt: skip
    strict = bent(version=2, bands={"high": 0.95, "medium": 0.7})
    report = _report(strict, cases)
    assert (report.raised, report.lowered, report.changed) == (5, 0, 5)
    assert [(one.before, one.after, one.cases) for one in report.levels] == [(1, 1, 4), (1, 2, 5)]
    cells = {(one.tier, one.band): one for one in report.cells}
    assert (cells["negligible", "high"].cases_before, cells["negligible", "high"].cases_after) == (9, 4)
    assert (cells["negligible", "medium"].cases_after, cells["negligible", "high"].raised) == (5, 5)


def test_what_becomes_automatic_is_listed_least_sure_first() -> None:
    people = {tier: {"high": 3, "medium": 4, "low": 4} for tier in TIERS}
    careful = bent(matrix=people, automation={"certificate": "not_required"}, sampling={})
    cases = [stored(scored(f"c-{number}", confidence=0.99 - number / 100), careful, Controls())[0]
             for number in range(5)]  # fmt: skip
    report = sum_up(
        Replayer(question(shipped(), careful, draft=True)).replay(cases), shipped().policy, draft=True,
        asked="last:5", originals={careful.policy.sha256: careful.policy},
    )  # fmt: skip
    becoming = report.becoming_automatic
    assert (becoming.cases, [one.case_id for one in becoming.listed]) == (
        5,
        [f"c-{number}" for number in (4, 3, 2, 1, 0)],
    )
    assert all(one.automatic_after and one.level_before == 3 for one in becoming.listed)
    assert (report.automation.before, report.automation.after, report.leaving_automatic.cases) == (0, 5, 0)
    assert report.audited.unsampled == 5


def test_cases_that_only_lacked_a_certificate_are_no_less_unknown() -> None:
    """With one they would have been automatic, and nobody was drawn to judge them: a draft without must say so."""
    waits = bent(automation={"certificate": "required"}, sampling={})
    cases = [stored(scored(f"c-{number}"), waits, Controls())[0] for number in range(5)]
    report = sum_up(
        Replayer(question(shipped(), waits, draft=True)).replay(cases), shipped().policy, draft=True, asked="last:5",
        originals={waits.policy.sha256: waits.policy},
    )  # fmt: skip
    assert (report.automation.before, report.automation.would_before, report.automation.after) == (0, 5, 5)
    assert (report.becoming_automatic.cases, report.audited.unsampled) == (5, 5)
    assert any("of their errors nothing can be known" in note for note in report.notes)


def _report(policy: LoadedPolicy, cases, **more):
    asked = question(policy, shipped(), draft=True, **more)
    return sum_up(Replayer(asked).replay(cases), policy.policy, draft=True, asked="last:9", originals=asked.originals)


def test_parts_add_up_to_the_whole() -> None:
    cases = [stored(body, shipped(), controls)[0]
             for body, controls in zip(varied(120), circumstances(shipped()), strict=False)]  # fmt: skip
    draft = bent(version=2, bands={"high": 0.8, "medium": 0.7}, never_automate="false")
    labels = {("default", f"loan-{number:06}"): number % 9 == 0 for number in range(120)}
    replayer = Replayer(question(draft, shipped(), draft=True, labels=labels))
    whole, sums = replayer.replay(cases), replayer.replay([])
    for start in range(0, 120, 50):
        sums.add(replayer.replay(islice(cases, start, start + 50)))
    first, second = (sum_up(one, draft.policy, draft=True, asked="all", originals={}) for one in (whole, sums))
    assert first == second
    assert first.lowered > 0


def _stop(active: bool, changed_at: datetime) -> PastControl:
    state = {"active": active, "reason": "wrong rates" if active else None, "expires_at": None}
    body = {"kind": "stop", "tenant": "*", "decision_type": "*", "tier": "*", "state": state}
    return PastControl(changed_at, ("stop", "*", "*", "*"), orjson.dumps(body))


def test_a_stop_holds_back_what_only_the_draft_would_automate() -> None:
    # The stored event says nothing of the stop: the policy of that time asked for a person anyway.
    people = {tier: {"high": 3, "medium": 4, "low": 4} for tier in TIERS}
    careful = bent(matrix=people, sampling={}, automation={"certificate": "not_required"})
    bold = bent(version=2, sampling={})
    minute = timedelta(minutes=1)
    history = ControlHistory([_stop(True, NOW + minute), _stop(False, NOW + 3 * minute)])
    replayer = Replayer(question(bold, careful, draft=True, history=history))
    levels = []
    for number in range(5):
        now = NOW + number * minute
        case, _ = stored(scored(f"c-{number}"), careful, history.at(now), now)
        levels.append(replayer.routing(orjson.loads(case.body), now).level)
    assert levels == [1, 3, 3, 1, 1]


def test_a_published_policy_has_its_own_age_once_it_is_there_and_a_settled_one_before() -> None:
    fresh = bent(version=2, adjust=FRESH, sampling={})
    asked = question(fresh, shipped())
    replayer = Replayer(asked)
    levels = {}
    for days in (-10, 1, 30):
        now = fresh.policy.published_at + timedelta(days=days)
        case, _ = stored(scored("one"), shipped(), Controls(), now)
        levels[days] = replayer.routing(orjson.loads(case.body), now).level
    assert levels == {-10: 1, 1: 3, 30: 1}


def test_only_labels_that_chance_asked_for_count_and_each_for_as_many_as_it_stands_for() -> None:
    policy = bent(sampling={"audit": {"level1": 0.2, "level2": 0.5, "floor": 0.0}, "blind": 0.0, "human_only": 0.0})
    cases = [stored(scored(f"c-{number}", confidence=0.97 if number % 2 else 0.85), policy, Controls())[0]
             for number in range(400)]  # fmt: skip
    events = [orjson.loads(case.body) for case in cases]
    labels = {("default", event["case_id"]): event["level"] == 1 for event in events}
    drawn = Counter(event["level"] for event in events if event["sampling"]["audit"]["selected"])
    tally = Replayer(question(policy, policy, labels=labels)).replay(cases)
    assert tally.judged.total() == drawn.total()
    found = estimate(tally.judged.items())
    # Every level-1 case is wrong: half of the cases, though fewer than half of the judged ones.
    assert (found.judged, found.errors, found.upper) == (drawn.total(), drawn[1], None)
    assert found.rate == pytest.approx(drawn[1] * 5 / (drawn[1] * 5 + drawn[2] * 2))
    assert abs(found.rate - 0.5) < 0.15
    assert found.errors / found.judged < 0.4


@pytest.mark.parametrize(
    ("k", "n", "lower", "upper"),
    # binom.test(k, n)$conf.int in R
    [(0, 59, 0.0, 0.06061), (3, 100, 0.00623, 0.08518), (50, 100, 0.39832, 0.60168), (30, 30, 0.88430, 1.0)],
)
def test_the_interval_is_the_exact_one(k: int, n: int, lower: float, upper: float) -> None:
    assert interval(k, n) == (pytest.approx(lower, abs=1e-5), pytest.approx(upper, abs=1e-5))
    judged = Judged(True, True, True, True, error=True, chance=0.1)
    found = estimate([(judged, k), (judged._replace(error=False), n - k)])
    assert (found.lower, found.upper) == interval(k, n)
    assert estimate([(judged, 29)]).rate is None


def test_little_is_not_told_as_nothing() -> None:
    """None wrong of 10,000 leaves up to 0.04 % possible, and three of 100,000 are some."""
    judged = Judged(True, True, True, True, error=False, chance=0.1)
    assert told(estimate([(judged, 10_000)])) == "0 % [0, 0.04] (0 of 10,000 judged)"
    assert [share(part, 100_000) for part in (0, 3, 99_999, 100_000)] == ["0 %", "under 0.01 %", "over 99.9 %", "100 %"]
    lower, upper = interval(0, 10_000)
    audited = AuditedError(judged=10_000, errors=0, kept=10_000, rate=0.0, lower=lower, upper=upper, kept_errors=0)
    assert errors_told(audited) == "error: 0 % [0, 0.04] %, 0 of 10,000 wrong"


def test_an_interval_says_how_many_it_rests_on_where_they_are_not_all() -> None:
    """Audits drawn with differing chances are thinned for it; the share beside it is weighted over all."""
    lower, upper = interval(2, 40)
    thinned = AuditedError(judged=200, errors=20, kept=40, kept_errors=2, rate=0.04, lower=lower, upper=upper)
    assert errors_in_full(thinned) == "error: 4.0 % [0.6, 16.9] %, 20 of 200 wrong; interval of 2 of 40 drawn evenly"
