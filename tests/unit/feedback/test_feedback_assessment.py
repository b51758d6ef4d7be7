"""From judged cases to an assessment: one population, labels by chance alone, and no certificate in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from scipy.stats import kstwobign

from countersign_feedback.domain.assessment import UNLIKE, Assessment, Promise, assess, unlike
from countersign_feedback.domain.certify import Certificate, NoCertificate, certify_counts
from countersign_feedback.domain.judged import JudgedCase, Population, by_population
from countersign_feedback.domain.risk_picture import draw
from countersign_feedback.evidence_report import assessment_lines

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WHO = Population("default", "refund", "low", "refund-approve", "3", "2", "a" * 64)
PROMISE = Promise(alpha=0.05, delta=0.05)


def cases(count: int = 600, *, wrong: int = 2, probability: float = 0.5, judged: int = 2) -> list[JudgedCase]:
    """Confidences from 0.80 to 0.9995; one of every ``judged`` is judged; the least confident of them are wrong."""
    found = []
    for n in range(count):
        label, moment = n % judged == 0, NOW - timedelta(hours=count - n)
        found.append(
            JudgedCase(
                WHO, f"c-{n}", 0.8 + 0.1995 * n / count, error=n < wrong * judged if label else None,
                probability=probability if label else None, routed_at=moment,
                judged_at=moment + timedelta(minutes=5) if label else None,
            )
        )  # fmt: skip
    return found


def assessed(given: list[JudgedCase], **changes: object) -> Assessment:
    return assess(given, **({"population": WHO, "promise": PROMISE, "now": NOW} | changes))  # type: ignore[arg-type]


def why_not(given: list[JudgedCase], **changes: object) -> str:
    found = assessed(given, **changes)
    assert isinstance(found.outcome, NoCertificate)
    assert found.outcome.text.endswith((".", "first."))
    return found.outcome.code


def test_enough_good_labels_make_a_certificate() -> None:
    found = assessed(cases())
    assert isinstance(found.outcome, Certificate)
    assert (found.cases, found.labels, found.kept, found.floor) == (600, 300, 300, 0.5)
    assert found.outcome.threshold < 0.9
    assert found.estimate.share == pytest.approx(2 / 300)
    assert found.watch is None
    assert found.drift is None
    assert found.reliability is not None


def test_the_counts_shown_are_enough_to_redo_it() -> None:
    outcome = assessed(cases()).outcome
    assert isinstance(outcome, Certificate)
    starts = [step.level for step in outcome.steps]
    again = certify_counts(
        [step.n for step in outcome.steps], [step.k for step in outcome.steps], labels=outcome.labels_in_all,
        alpha=0.05, delta=0.05, grid=[step.threshold for step in outcome.steps],
        n_expected=[step.n for step in outcome.steps],
    )  # fmt: skip
    assert isinstance(again, Certificate)
    assert again.threshold == outcome.threshold
    assert [step.p_value for step in again.steps] == [step.p_value for step in outcome.steps]
    assert max(starts) <= 0.05


def test_fails_closed() -> None:
    good = cases()
    later = [replace(case, population=replace(WHO, automation_sha256="b" * 64)) for case in good[:1]]
    assert why_not([]) == "no_labels"
    assert why_not([replace(case, error=None) for case in good]) == "no_labels"
    assert why_not([replace(case, probability=None) for case in good]) == "no_labels", "checks for cause are no labels"
    assert why_not(good[:2]) == "too_few_labels"
    assert why_not(cases(wrong=300)) == "not_supported"
    assert why_not([replace(case, confidence=float("nan")) for case in good]) == "bad_scores"
    assert why_not([replace(case, confidence=None) for case in good]) == "bad_scores"
    assert why_not([replace(case, confidence=0.9) for case in good]) == "one_score"
    assert why_not([*good[1:], *later]) == "mixed_population"
    assert why_not([*good, good[0]]) == "repeated_case"
    assert why_not([replace(good[0], judged_at=good[0].routed_at - timedelta(seconds=1)), *good[1:]]) == "clock"  # type: ignore[operator]
    assert why_not(good, now=NOW - timedelta(days=2)) == "clock"
    at_once = [replace(case, judged_at=case.judged_at and case.routed_at) for case in good]
    assert isinstance(assessed(at_once, now=good[-1].routed_at).outcome, Certificate), "no clock has jumped"


def test_answers_that_no_logged_chance_led_to_are_told_apart_from_none() -> None:
    judged = assessed([replace(case, probability=None) for case in cases()]).outcome
    assert judged.text == (
        "Of 300 judged cases none was drawn by a logged chance, so nothing is known about the others. "
        "Labels need their `probability`."
    )
    assert assessed([replace(case, error=None) for case in cases()]).outcome.text.startswith("No case has been judged")


@pytest.mark.parametrize("name", Population.__slots__)
def test_whatever_a_certificate_binds_to_voids_its_labels(name: str) -> None:
    found = assessed([*cases()[1:], replace(cases()[0], population=replace(WHO, **{name: "other"}))])
    assert isinstance(found.outcome, NoCertificate)
    assert f"{name} is 'other'" in found.outcome.text
    assert found.kept == 0


def test_populations_are_told_apart() -> None:
    other = replace(WHO, model_version="4")
    groups = by_population([replace(case, population=other if n % 2 else WHO) for n, case in enumerate(cases(10))])
    assert {who.model_version: len(members) for who, members in groups.items()} == {"3": 5, "4": 5}


def test_labels_that_were_not_drawn_as_they_say() -> None:
    # All of the high confidences are judged and hardly any of the low ones, and the log says one half of each.
    given = [
        replace(case, error=False, probability=0.5) if n > 300 or n % 40 == 0 else replace(case, error=None)
        for n, case in enumerate(cases())
    ]
    assert why_not(given) == "labels_unlike_traffic"
    # Apart where only the labels have a case, and where only traffic has one.
    for labels, traffic in (([0.9] * 20, [0.99] * 20), ([0.8, *[0.99] * 20], [0.9] * 20)):
        assert unlike(labels, np.array(traffic)) is not None
        assert unlike(labels, np.array(labels)) is None
    # One honest draw in 10,000 is taken for a crooked one.
    assert kstwobign.sf(UNLIKE) == pytest.approx(1e-4, rel=1e-3)


@pytest.mark.parametrize(
    ("given", "traffic", "why"),
    [
        (cases(), 0, None),
        (cases(), 200, None),
        (cases(), 199, "199 of 200 confidences known"),
        (cases(150), 0, "150 of 200 confidences known"),
        (cases(judged=1, probability=1.0), 0, "no confidences known but their own"),
        ([], 0, None),
    ],
)
def test_labels_that_were_not_compared_with_traffic_are_told_as_such(
    given: list[JudgedCase], traffic: int, why: str | None
) -> None:
    found = assessed(given, traffic=[0.8 + 0.1995 * n / max(traffic, 1) for n in range(traffic)])
    assert found.not_compared == why
    assert found.cases == (traffic or len(given))
    told = f"Labels were not compared with traffic: {why}. Coverage is theirs, not traffic's."
    assert next(assessment_lines(found)) == " ".join([found.outcome.text, *([told] if why else [])])
    spoken = [element.text for element in ET.fromstring(draw(found)).iter() if element.tag.endswith("desc")]
    assert spoken == [found.text]


@pytest.mark.parametrize(
    ("unjudged", "told"),
    [
        (0, ""),
        (1, " 1 drawn case has no answer yet: it is left out here, and counts as wrong where"),
        (2, " 2 drawn cases have no answer yet: they are left out here, and count as wrong where"),
    ],
)
def test_drawn_cases_that_nobody_has_judged_are_told_of(unjudged: int, told: str) -> None:
    # Errors take longer to settle: answers that happen to be there are too good.
    found = assessed(cases(), unjudged=unjudged)
    assert found.unjudged == unjudged
    assert found.text == found.outcome.text + (f"{told} a certificate is proposed." if told else "")
    assert next(assessment_lines(found)) == found.text


def test_no_threshold_below_the_last_label() -> None:
    # Nothing below 0.95 was ever judged: loosening to there would rest on silence.
    judged = [replace(case, error=False, probability=0.5) for case in cases() if (case.confidence or 0) >= 0.95]
    outcome = assessed(judged, traffic=[case.confidence or 0 for case in cases()]).outcome
    assert isinstance(outcome, Certificate)
    assert outcome.threshold == pytest.approx(0.9474)
    assert outcome.labels == len(judged)


def test_unequal_probabilities_are_thinned_and_weighted() -> None:
    given = [
        replace(case, probability=0.5 if n % 4 else 0.1) if case.label else case for n, case in enumerate(cases(2_000))
    ]
    found = assessed(given)
    assert found.floor == 0.1
    assert found.labels == 1_000
    assert 500 < found.kept < 700
    assert found.estimate.effective_n < 1_000


def test_a_policys_floor_thins_further() -> None:
    thinned = assessed(cases(), floor=0.25, number=5_000)
    assert (thinned.kept < 200, thinned.floor, thinned.cases) == (True, 0.25, 5_000)
    with pytest.raises(ValueError, match="below the floor"):
        assessed(cases(), floor=0.6)


def test_an_attempt_uses_its_part_of_delta() -> None:
    assert Promise(0.05, 0.05).level == 0.05
    assert Promise(0.05, 0.06, attempt=2).level == pytest.approx(0.01)
    found = assessed(cases(), promise=Promise(0.05, 0.05, attempt=3))
    assert max(step.level for step in found.outcome.steps) <= 0.05 / 12 + 1e-12


def test_a_live_promise_is_watched_with_evidence_and_a_drift_alarm() -> None:
    kept = assessed(cases(), watched=0.9)
    assert kept.watch is not None
    assert (kept.watch.k, kept.watch.tripped) == (0, False)
    assert kept.drift is not None
    assert kept.drift.alarm_day is None
    broken = [replace(case, error=True) if case.label and n > 400 else case for n, case in enumerate(cases())]
    found = assessed(broken, watched=0.9)
    assert found.watch is not None
    assert found.watch.tripped
    assert found.drift is not None
    assert found.drift.alarm_day is not None


def test_only_what_was_automated_is_held_to_a_live_promise() -> None:
    given = [replace(case, error=n < 400) if case.label else case for n, case in enumerate(cases())]
    # One at the threshold is automated.
    found = assessed(given, watched=given[400].confidence)
    assert found.watch is not None
    assert (found.watch.k, found.watch.n) == (0, 100)
    assert found.drift is not None
    assert found.drift.alarm_day is None
    broken = [replace(case, error=n >= 500) if case.label else case for n, case in enumerate(given)]
    in_order, mixed = (assessed(each, watched=0.9).drift for each in (broken, broken[::-1]))
    assert in_order is not None
    assert in_order.alarm_day is not None
    assert mixed == in_order
    assert assessed([replace(case, judged_at=None) for case in broken], watched=0.9).drift is None


def test_a_refit_is_tried_on_labels_it_has_not_seen() -> None:
    chance = np.random.default_rng(9)
    given = [
        replace(case, error=bool(chance.random() < 0.4), probability=0.5) for case in cases(1_000, judged=1)
    ]  # said 0.9, was 0.6
    for method in ("platt", "beta"):
        found = assessed(given, method=method)
        assert found.refit is not None
        assert found.refit.better
        assert found.refit.method == method
        assert found.refit.fitted_on + found.refit.after.n == found.kept
        assert found.refit.after.ece < found.refit.before.ece
    assert assessed(given, method="isotonic").refit is None
    assert assessed(cases(100)).refit is None


@pytest.mark.parametrize("given", [cases(), [], cases(wrong=300)])
def test_the_picture_says_it_in_words_too(given: list[JudgedCase]) -> None:
    found = assessed(given)
    picture = draw(found)
    root = ET.fromstring(picture)
    texts = " ".join(element.text or "" for element in root.iter() if element.tag.endswith(("text", "desc")))
    assert found.outcome.text in texts
    assert ('circle class="point"' in picture) == isinstance(found.outcome, Certificate)
    assert "nan" not in picture


def test_names_cannot_leave_their_place_in_the_picture() -> None:
    who = replace(WHO, model_name="<script>\x00", tenant="&")
    given = [replace(case, population=who) for case in cases()]
    root = ET.fromstring(draw(assessed(given, population=who)))
    assert not [element for element in root.iter() if element.tag.endswith("script")]
