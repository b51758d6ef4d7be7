"""Principal reasons of real declines, derived a second time from the model's weights and the policy's text alone.

Neither the explanation's code nor the router's enters the second derivation: it reads two YAML files and does sums.
"""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from countersign_inference.domain.scoring import Scored
from countersign_inference.registry import PACKAGED_MODELS
from countersign_inference.training.loanapp import PROTECTED
from countersign_router.domain.controls import Controls
from countersign_router.domain.routing import Routing, route
from tests.unit.inference.loans import LOAN, loans, questions, scorers
from tests.unit.router.cases import NEVER_DRAWN, NOW, bent, document, scored

EASY = dict.fromkeys(("financial", "customer", "compliance", "reputation", "reversibility"), "0")
ALLOWED = bent(outcomes={"approve": {}, "decline": {"automatic": True}}, consequence={"factors": EASY},
               matrix={tier: dict.fromkeys(("high", "medium", "low"), 1)
                       for tier in ("negligible", "low", "medium", "high", "critical")}, exceptions=None,
               adjustments=None, signal_caps=None, never_automate=None)  # fmt: skip
MODEL = yaml.safe_load((PACKAGED_MODELS / f"{LOAN}.yaml").read_text(encoding="utf-8"))
MEANT = document()["reasons"]["principal"]
TOLD, LEAST, ROUNDING = 4, 0.02, 1e-4
"""Four factors of at least 0.02 in log-odds; effects are told with four digits."""


def value_of(column: dict[str, Any], payload: dict[str, Any]) -> float:
    raw = payload.get(column["field"])
    if column["transform"] == "one_of":
        return float(raw in column["levels"])
    number = float(next(one for one in MODEL["inputs"] if one["field"] == column["field"]).get("default") or 0.0
                   if raw is None else raw)  # fmt: skip
    if column["transform"] == "at_least":
        return float(number >= column["low"])
    held = min(max(number, column.get("low", 0.0)), column.get("high", 1.0))
    if column["transform"] == "hinge":
        return held - column.get("low", 0.0)
    return math.log1p(held / column.get("scale", 1.0)) if column["transform"] == "log1p" else held


def against_approval(payload: dict[str, Any]) -> dict[str, float]:
    """Return what each field adds to the log-odds of a decline."""
    weights, slope = MODEL["weights"], MODEL["calibrator"].get("slope", 1.0)
    found: dict[str, float] = {}
    for column, mean, spread, weight in zip(
        MODEL["columns"], weights["mean"], weights["spread"], weights["weight"], strict=True
    ):
        effect = -slope * weight * (value_of(column, payload) - mean) / spread
        found[column["field"]] = found.get(column["field"], 0.0) + effect
    return found


def meant_by(fields: list[str]) -> list[str]:
    codes = [one["code"] for field in fields for one in MEANT if field in one.get("fields", [])]
    return list(dict.fromkeys(codes))[:TOLD]


def routed(proposal: dict[str, Any], payload: dict[str, Any]) -> Routing:
    case = scored(outcome="decline", payload=payload)
    case["proposal"] = proposal
    return route(case, ALLOWED.policy, Controls(), NOW, NEVER_DRAWN)


@pytest.fixture(scope="module")
def declines() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Real applications that the packaged model would decline, each with its proposal."""
    answers = zip(loans(), scorers()[LOAN].score(questions(1989)), strict=True)
    return [
        (dict(one.payload), answer.proposal) for one, answer in answers
        if isinstance(answer, Scored) and answer.proposal["outcome"] == "decline"
    ]  # fmt: skip


def test_the_reasons_of_every_real_decline_follow_from_the_weights_alone(declines) -> None:
    assert len(declines) > 80
    told = 0
    for payload, proposal in declines:
        effects = against_approval(payload)
        strongest = sorted(effects, key=lambda field: -abs(effects[field]))[:TOLD]
        sizes = sorted((abs(one) for one in effects.values()), reverse=True)
        if any(abs(first - second) < ROUNDING for first, second in itertools.pairwise(sizes[: TOLD + 1])):
            continue  # as strong as each other: either order is right
        speaking = [field for field in strongest if effects[field] >= LEAST]
        routing = routed(proposal, payload)
        assert [one["code"] for one in routing.principal_reasons] == meant_by(speaking)
        # A decline that no field speaks for, among those that are told, is for a person.
        assert (routing.level == 1) == bool(meant_by(speaking))
        told += bool(routing.principal_reasons)
    assert told > 60


def test_nothing_but_the_explanation_gives_a_reason_and_no_protected_field_can(declines) -> None:
    for payload, proposal in declines[:20]:
        before = routed(proposal, payload).principal_reasons
        others = {name: "changed" if name in PROTECTED else value for name, value in payload.items()}
        assert routed(proposal, others).principal_reasons == before
        silent = copy.deepcopy(proposal)
        silent["explanation"]["factors"] = []
        assert routed(silent, payload).principal_reasons == ()
        named = copy.deepcopy(proposal)
        protected = [
            {"field": name, "value": "x", "effect": 9.0, "direction": "for", "text": "x"} for name in PROTECTED
        ]
        named["explanation"]["factors"] = protected + named["explanation"]["factors"]
        assert routed(named, payload).principal_reasons == before
    assert not {field for one in MEANT for field in one.get("fields", [])} & set(PROTECTED)


FIELDS = sorted({field for one in MEANT for field in one.get("fields", [])})


@given(st.permutations(FIELDS), st.lists(st.integers(1, 900), min_size=len(FIELDS), max_size=len(FIELDS), unique=True),
       st.lists(st.booleans(), min_size=len(FIELDS), max_size=len(FIELDS)), st.integers(0, len(FIELDS)))  # fmt: skip
def test_reasons_are_ordered_by_contribution_each_once_and_only_of_what_speaks_for_the_decline(
    fields: list[str], sizes: list[int], speaks: list[bool], count: int
) -> None:
    factors = [
        {"field": field, "value": 1, "effect": size / 100 if for_it else -size / 100, "text": field,
         "direction": "for" if for_it else "against"}
        for field, size, for_it in list(zip(fields, sizes, speaks, strict=True))[:count]
    ]  # fmt: skip
    proposal = scored(outcome="decline")["proposal"]
    proposal["explanation"]["factors"] = factors
    speaking = sorted((one for one in factors if one["effect"] > 0), key=lambda one: one["effect"], reverse=True)
    found = [one["code"] for one in routed(proposal, dict(loans()[0].payload)).principal_reasons]
    assert found == meant_by([one["field"] for one in speaking])
    assert len(found) == len(set(found)) <= TOLD
