"""The rules that do not bend, over generated policies and cases."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_router.domain.policy import BANDS, TIERS
from countersign_router.domain.routing import route
from countersign_router.language.loading import LoadedPolicy
from tests.unit.router.cases import NOW, PAYLOAD, bent, scored
from tests.unit.router.routed import CALM, SIZES, codes, routed, with_payload


def matrices() -> st.SearchStrategy[dict[str, dict[str, int]]]:
    """Monotone ones: cumulative maxima over a random grid."""

    def monotone(grid: list[list[int]]) -> dict[str, dict[str, int]]:
        rows: dict[str, dict[str, int]] = {}
        above = [1, 1, 1]
        for tier, row in zip(TIERS, grid, strict=True):
            levels: list[int] = []
            for band, level in enumerate(row):
                levels.append(max(level, above[band], levels[-1] if levels else 1))
            rows[tier] = dict(zip(BANDS, levels, strict=True))
            above = levels
        return rows

    return st.lists(st.lists(st.integers(1, 5), min_size=3, max_size=3), min_size=5, max_size=5).map(monotone)


def policies() -> st.SearchStrategy[LoadedPolicy]:
    return st.builds(
        bent,
        matrix=matrices(),
        bands=st.tuples(st.floats(0.5, 0.8), st.floats(0.81, 0.99)).map(lambda two: {"medium": two[0], "high": two[1]}),
        never_automate=st.sampled_from([None, "case.bankruptcy_on_record", "proposal.confidence < 0.6"]),
        exceptions=st.sampled_from([
            None,
            [{"id": "equity", "when": "case.loan_to_value > 90.0", "level": 4}],
            [{"id": "unsure", "when": "confidence < 0.8", "level": 3}, {"id": "big", "when": "true", "level": 2}],
        ]),
        automation=st.sampled_from([{"certificate": "not_required"}, {"certificate": "required"}]),
    )  # fmt: skip


probabilities = st.floats(0.0, 1.0)


@settings(max_examples=20, deadline=None)
@given(loaded=policies(), confidences=st.tuples(probabilities, probabilities), size=st.sampled_from(TIERS))
def test_lower_confidence_never_lowers_the_level(
    loaded: LoadedPolicy, confidences: tuple[float, float], size: str
) -> None:
    low, high = sorted(confidences)
    payload = with_payload(loan_amount=SIZES[size])
    assert (
        routed(loaded, confidence=low, payload=payload).level >= routed(loaded, confidence=high, payload=payload).level
    )


@settings(max_examples=20, deadline=None)
@given(loaded=policies(), confidence=probabilities, outcome=st.sampled_from(["approve", "decline"]))
def test_higher_consequence_never_lowers_the_level(loaded: LoadedPolicy, confidence: float, outcome: str) -> None:
    levels = [
        routed(loaded, confidence=confidence, outcome=outcome, payload=with_payload(loan_amount=SIZES[tier])).level
        for tier in TIERS
    ]
    assert all(lower <= higher for lower, higher in pairwise(levels))


@settings(max_examples=20, deadline=None)
@given(loaded=policies(), confidence=probabilities, bankrupt=st.booleans(), ratio=st.floats(0, 200), draw=probabilities)
def test_the_floor_is_never_crossed_and_the_same_question_gets_the_same_answer(
    loaded: LoadedPolicy, confidence: float, bankrupt: bool, ratio: float, draw: float
) -> None:
    case = scored(confidence=confidence, payload=with_payload(bankruptcy_on_record=bankrupt, loan_to_value=ratio))
    first = route(case, loaded.policy, CALM, NOW, lambda *_: draw)
    assert route(case, loaded.policy, CALM, NOW, lambda *_: draw) == first
    if "never_automate" in codes(first):
        assert first.level >= 3
        assert not first.would_automate
    if first.automatic:
        assert first.would_automate
        assert first.band is not None
        assert loaded.policy.matrix[first.consequence.tier][first.band] <= 2  # type: ignore[union-attr]
        assert loaded.document.automation.certificate == "not_required"


@settings(max_examples=40, deadline=None)
@given(
    payload=st.dictionaries(
        st.sampled_from(sorted(PAYLOAD)),
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
            st.lists(st.integers(), max_size=2),
            st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2), st.just("9" * 400), st.just(2**70),
        ),
        max_size=6,
    ),
    confidence=st.one_of(st.floats(), st.none(), st.text(max_size=3), st.booleans(), st.integers(-2, 3)),
)  # fmt: skip
def test_nothing_odd_is_ever_automated(payload: dict[str, Any], confidence: Any) -> None:
    """Whatever stands in the payload: only a case whose every input has its exact type can be automatic."""
    routing = routed(payload={**PAYLOAD, **payload}, confidence=confidence)
    if any(reason["code"] in {"missing_input", "invalid_input", "evaluation_error"} for reason in routing.reasons):
        assert routing.level >= 4
    if routing.automatic:
        assert confidence.__class__ in {int, float}
        assert 0 <= confidence <= 1
    assert routing.reasons
