"""Which cases are drawn for audits, for people alone, for blind answers and as seeds, and how probably."""

from __future__ import annotations

from datetime import timedelta

import pytest

from countersign_router.domain.routing import route
from countersign_router.domain.sampling import audit_probability, drawn, wire
from tests.unit.router.cases import ALWAYS_DRAWN, DRAWS, NOW, bent, scored, shipped
from tests.unit.router.routed import CALM, SIZES, codes, routed, with_payload


class TestSamples:
    def test_audits_are_for_automatic_decisions(self) -> None:
        automatic, human = routed(draws=ALWAYS_DRAWN, confidence=0.97), routed(outcome="decline")
        assert automatic.samples.human_only.selected
        assert human.samples.audit.probability == 0.0

    def test_an_audit_is_blind_and_has_a_queue_and_a_deadline(self) -> None:
        routing = routed(draws=lambda purpose, *_: 0.0 if purpose == "audit" else 1.0)
        assert (routing.level, routing.queue, routing.withhold) == (1, "underwriting", "blind")
        assert routing.due_at == NOW + timedelta(hours=24)
        assert routing.at_risk_at == NOW + timedelta(hours=18)
        assert routing.samples.audit.probability == pytest.approx(0.05 * (1 + 5 * 0.03))
        assert ("audit_sample" in codes(routing), "audit_sample" in codes(routed())) == (True, False)

    def test_as_many_draws_lie_below_a_chance_as_it_says(self) -> None:
        for chance, draw, selected in ((0.97, 0.96, True), (0.97, 0.97, False), (0.97, 0.98, False), (1.0, 0.99, True)):
            one = drawn(lambda *_, draw=draw: draw, "audit", "default", "c", chance)
            assert (one.probability, one.selected) == (chance, selected)

    def test_the_floor_probability_holds(self) -> None:
        loaded = bent(sampling={"audit": {"level1": 0.0, "level2": 0.0, "floor": 0.03}})
        assert routed(loaded).samples.audit.probability == 0.03

    def test_the_human_only_sample_never_sees_the_machine(self) -> None:
        routing = routed(draws=lambda purpose, *_: 0.0 if purpose == "human_only" else 1.0)
        assert (routing.level, routing.withhold, routing.would_automate) == (5, "always", True)
        assert routing.samples.audit.probability == 0.0

    def test_the_blind_sample_is_for_the_levels_the_policy_names(self) -> None:
        def blind(purpose: str, *_: str) -> float:
            return 0.0 if purpose == "blind" else 1.0

        assert routed(draws=blind, outcome="decline").withhold == "blind"
        assert routed(outcome="decline").withhold == "never"
        assert routed(draws=blind, confidence=0.1, payload=with_payload(loan_amount=SIZES["low"])).withhold == "never"

    def test_a_seed_is_drawn_for_cases_that_people_decide_seeing_a_proposal(self) -> None:
        seeding = bent(sampling={"seed": 0.25})
        drawn = wire(routed(seeding, draws=lambda *_: 0.2, outcome="decline").samples, "k")
        assert drawn["seed"] == {"probability": 0.25, "selected": True}
        left = routed(seeding, draws=lambda *_: 0.3, outcome="decline").samples.seed
        assert (left.probability, left.selected) == (0.25, False)
        # Not with an automatic decision, where the AI is never shown, nor for a rehearsal; and never unasked.
        unseen = bent(sampling={"seed": 0.25, "human_only": 1.0})
        for routing in (
            routed(seeding, draws=lambda *_: 0.2, confidence=0.97), routed(unseen, draws=lambda *_: 0.2),
            routed(seeding, draws=lambda *_: 0.2, outcome="decline", test=True),
            routed(draws=lambda *_: 0.2, outcome="decline"),
        ):  # fmt: skip
            assert (routing.samples.seed.probability, "seed" in wire(routing.samples, "k")) == (0.0, False)

    def test_a_case_without_a_proposal_is_in_no_sample(self) -> None:
        routing = routed(draws=ALWAYS_DRAWN, outcome=None)
        assert {draw.probability for draw in routing.samples} == {0.0}

    def test_realised_rates_are_the_logged_ones_and_samples_are_independent(self) -> None:
        loaded = bent(
            sampling={"audit": {"level1": 0.2, "level2": 0.2, "floor": 0.0}, "human_only": 0.2, "blind": 0.2},
            withhold={"level3": "blind_sample"},
        )
        count = 2_000
        policy = loaded.policy
        routings = [route(scored(f"c{number}"), policy, CALM, NOW, DRAWS) for number in range(count)]
        human = sum(one.samples.human_only.selected for one in routings)
        automatic = [one for one in routings if one.automatic]
        audited = sum(one.samples.audit.selected for one in automatic)
        assert human / count == pytest.approx(0.2, abs=0.035)
        # Were the draws one and the same number, no case left over by the first sample would be in the second.
        assert audited / len(automatic) == pytest.approx(0.2, abs=0.035)


@pytest.mark.parametrize("level", [3, 4, 5])
def test_what_people_decide_is_offered_to_no_audit(level: int) -> None:
    # Asked of every cell of a policy's matrix, too.
    assert audit_probability(shipped().policy, level, 1.0) == 0.0
