"""Inputs, draws, controls and the words of events."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_router.domain.controls import ANY, Controls, Switch, read_controls
from countersign_router.domain.draws import PURPOSES, key_id, keyed_draws
from countersign_router.domain.inputs import read_inputs
from countersign_router.domain.policy import Input
from countersign_router.domain.reasons import values_read
from countersign_router.domain.routing import route
from countersign_router.domain.wording import plain
from countersign_router.wire import decision_body, policy_speech, routed_body, silent_speech
from countersign_shared.contracts.events.decision import DecisionMade
from countersign_shared.contracts.events.routed import CaseRouted
from tests.unit.router.cases import DRAWS, NEVER_DRAWN, NOW, PAYLOAD, bent, decision_types, scored, shipped

KEY = b"0123456789abcdef0123456789abcdef"


class TestInputs:
    @pytest.mark.parametrize(
        ("kind", "value", "expected"),
        [
            ("money", "12.30", 1230),
            ("money", {"value": "12.3000", "currency": "USD"}, 1230),
            ("money", "-0.01", -1),
            ("integer", 5, 5),
            ("integer", 2**63 - 1, 2**63 - 1),
            ("integer", -(2**63), -(2**63)),
            ("number", 5, 5.0),
            ("number", 5.5, 5.5),
            ("boolean", False, False),
            ("string", "é" * 10_000, "é" * 10_000),
            ("strings", ["x"] * 1_000, ["x"] * 1_000),
            ("timestamp", "2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
            ("date", "2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_exact_types_are_read(self, kind: Any, value: Any, expected: Any) -> None:
        variables, problems = read(kind, value)
        assert problems == []
        assert (variables["case.x"], variables["has.case.x"]) == (expected, True)
        assert type(variables["case.x"]) is type(expected)

    def test_a_moment_is_told_in_utc_so_that_it_stands_beside_now(self) -> None:
        variables, _ = read("timestamp", "2025-12-31T19:05:00-05:00")
        assert plain(variables["case.x"]) == "1 January 2026 00:05 UTC"
        # Kept as it came, for replays of what was routed before.
        assert str(variables["case.x"]) == "2025-12-31 19:05:00-05:00"

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            ("money", 12.3), ("money", 12), ("money", "12.345"), ("money", "1e3"), ("money", " 12"), ("money", "١٢"),
            ("money", {"value": "1", "currency": "EUR"}), ("money", {"value": "1"}), ("money", True),
            ("integer", 5.0), ("integer", True), ("integer", 2**63), ("integer", "5"),
            ("integer", -(2**63) - 1), ("number", 2**63), ("string", "x\ud800"), ("string", "\udfffx"),
            ("number", True), ("number", "5"), ("number", float("inf")), ("number", float("nan")), ("number", 2**2000),
            ("boolean", 1), ("boolean", "true"), ("string", 5), ("string", "x" * 10_001), ("strings", "x"),
            ("strings", ["x", 5]), ("strings", ["x"] * 1_001), ("timestamp", "2026-01-01T00:00:00"), ("timestamp", 5),
            ("timestamp", "0001-01-01T00:00:00+23:00"), ("timestamp", "9999-12-31T23:59:59-23:00"),
            ("timestamp", "yesterday"), ("date", "2026-02-30"), ("date", 5), ("date", "2026-01-01T00:00:00Z"),
        ],
    )  # fmt: skip
    def test_anything_else_is_a_problem_and_no_value(self, kind: Any, value: Any) -> None:
        variables, problems = read(kind, value)
        assert "case.x" not in variables
        assert [(one.code, one.name) for one in problems] == [("invalid_input", "x")]

    @pytest.mark.parametrize("payload", [{}, {"x": None}, None, [], "x"])
    def test_absent_is_a_problem_only_when_required(self, payload: Any) -> None:
        for required, codes in ((True, ["missing_input"]), (False, [])):
            declared = Input("x", "string", ("x",), required=required)
            variables, problems = read_inputs((declared,), {"payload": payload})
            assert variables == {"has.case.x": False}
            assert [one.code for one in problems] == codes

    def test_paths_lead_into_the_payload_or_the_whole_case(self) -> None:
        inner = Input("x", "string", ("a", "b"), required=True)
        outer = Input("y", "string", ("language",), required=True, from_body=True)
        variables, problems = read_inputs((inner, outer), {"payload": {"a": {"b": "in"}}, "language": "de"})
        assert (variables["case.x"], variables["case.y"], problems) == ("in", "de", [])
        _, problems = read_inputs((inner, outer), {"payload": {"language": "de"}})
        assert [(one.name, one.field) for one in problems] == [("x", "a"), ("y", None)]

    @given(
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        )
    )
    def test_no_value_ever_crashes_it(self, value: Any) -> None:
        for kind in ("money", "integer", "number", "boolean", "string", "strings", "timestamp", "date"):
            variables, problems = read(kind, value)
            assert ("case.x" in variables) != bool(problems) or value is None


def test_of_what_a_rule_read_long_texts_and_lists_are_cut() -> None:
    seen = {
        "whole": "x" * 500, "long": "x" * 501, "list": ["y" * 500, "y" * 501, *("z" * 25)], "age": timedelta(hours=1.5),
        "sum": 5, "unasked": 1,
    }  # fmt: skip
    assert values_read(["whole", "long", "list", "age", "sum", "none"], seen) == {
        "whole": "x" * 500, "long": "x" * 499 + "…", "list": ["y" * 500, "y" * 499 + "…", *("z" * 18)], "age": "5400s",
        "sum": 5, "none": None,
    }  # fmt: skip


def read(kind: Any, value: Any) -> Any:
    declared = Input("x", kind, ("x",), required=True, currency="USD" if kind == "money" else None)
    return read_inputs((declared,), {"payload": {"x": value}})


class TestDraws:
    def test_a_draw_is_the_start_of_the_mac(self) -> None:
        mac = hmac.new(KEY, b"audit\0default\0loan-1", hashlib.sha256).digest()
        assert keyed_draws(KEY)("audit", "default", "loan-1") == (int.from_bytes(mac[:8], "big") >> 11) / 2**53

    @pytest.mark.parametrize("size", [16, 64, 65, 200])
    def test_keys_of_any_length_follow_the_standard(self, size: int) -> None:
        key = bytes(range(size % 256)) + b"k" * max(0, size - size % 256)
        mac = hmac.new(key, b"seed\0t\0c", hashlib.sha256).digest()
        assert keyed_draws(key)("seed", "t", "c") == (int.from_bytes(mac[:8], "big") >> 11) / 2**53

    def test_purposes_are_pairwise_independent(self) -> None:
        """Chi-square of each pair's 4 x 4 table against uniform: 15 degrees of freedom, 99.99 % point 44.3."""
        count = 8_000
        values = {purpose: [DRAWS(purpose, "default", f"case-{n}") for n in range(count)] for purpose in PURPOSES}
        for number, one in enumerate(PURPOSES):
            for other in PURPOSES[number + 1 :]:
                table = [[0] * 4 for _ in range(4)]
                for left, right in zip(values[one], values[other], strict=True):
                    table[int(left * 4)][int(right * 4)] += 1
                expected = count / 16
                assert sum((cell - expected) ** 2 / expected for row in table for cell in row) < 44.3

    def test_tenant_and_case_are_not_run_together(self) -> None:
        assert DRAWS("audit", "a", "bc") != DRAWS("audit", "ab", "c")

    def test_the_name_of_a_key_does_not_tell_it(self) -> None:
        assert key_id(KEY) != key_id(KEY + b"x")
        assert KEY.hex()[:16] not in key_id(KEY)
        # Stored routings carry it.
        assert key_id(KEY) == "d19b4f6813214cc5"


class TestControls:
    def test_the_newest_state_of_every_key_becomes_one_value(self) -> None:
        scope = {"tenant": "*", "decision_type": "*", "tier": "*"}
        controls = read_controls([
            {"kind": "policy", "tenant": "default", "decision_type": "loan", "tier": "*", "state": {"sha256": "ab"}},
            {"kind": "stop", **scope, "state": {"active": True, "reason": "r"}},
            {"kind": "stop", **scope, "tenant": "a", "state": {"active": False, "reason": "r"}},
            {"kind": "peak", **scope, "state": {"active": True, "reason": "r", "expires_at": "2026-01-15T12:00:00Z"}},
            {"kind": "trip", **scope, "decision_type": "loan", "tier": "low", "state": {"trip_id": "t"}},
            {"kind": "certificate.active", "tenant": "default", "decision_type": "loan", "tier": "low", "state": {
                "certificate_id": "c", "active": True, "threshold": 0.9, "model": {"version": "1"},
                "automation_sha256": "aa"}},
            {"kind": "calibrator.active", **scope, "state": {}},
        ])  # fmt: skip
        assert controls.policy("default", "loan") == controls.policy("other", "loan") == "ab"
        assert controls.policy("default", "refund") is None
        assert set(controls.stops) == {("*", "*")}
        assert not controls.peak("a", "loan", NOW)
        assert controls.tripped("a", "loan", "low")
        assert controls.certificates["default", "loan", "low"].threshold == 0.9

    def test_the_widest_stop_is_named(self) -> None:
        controls = Controls(stops={("a", ANY): Switch("tenant"), (ANY, ANY): Switch("all")})
        found = controls.stop("a", "loan", NOW)
        assert found is not None
        assert found.reason == "all"


class TestEvents:
    @pytest.mark.parametrize(
        "change", [{}, {"outcome": "decline"}, {"outcome": None}, {"confidence": 0.3}, {"test": True}]
    )
    def test_what_is_written_is_valid(self, change: dict[str, Any]) -> None:
        loaded = shipped()
        speech = policy_speech(loaded, decision_types()["loan_application"])
        body = scored(**change)
        routing = route(body, loaded.policy, Controls(), NOW, NEVER_DRAWN)
        routed = CaseRouted.model_validate_json(routed_body(body, orjson.dumps(body), routing, speech, "k"))
        assert routed.level == routing.level
        if routing.automatic:
            written = decision_body(body, routing, speech, key_id="k", routed_id="r", decision_id="d", decided_at=NOW)
            decision = DecisionMade.model_validate_json(written)
            execute = orjson.loads(written)["execute"]
            digest = None if execute is None else hashlib.sha256(orjson.dumps(execute)).hexdigest()
            assert decision.binding.execute_sha256 == digest
            assert decision.deciders == []

    def test_a_rule_flags_the_facts_it_read(self) -> None:
        loaded = shipped()
        body = scored(payload={**PAYLOAD, "total_obligations_ratio": 44.0, "bankruptcy_on_record": True})
        routing = route(body, loaded.policy, Controls(), NOW, NEVER_DRAWN)
        speech = policy_speech(loaded, decision_types()["loan_application"])
        routed = orjson.loads(routed_body(body, orjson.dumps(body), routing, speech, "k"))
        flags = {fact["field"]: fact["flag"] for fact in routed["handling"]["key_facts"] if fact["flag"]}
        assert flags.pop("total_obligations_ratio") == "Debt ratio"
        assert "bankruptcy_on_record" in flags
        assert set(flags.values()) == {"Always for a person"}

    @pytest.mark.parametrize(("sla", "said"), [({"class": "urgent"}, None), ({"pauses_while_asked": True}, True)])
    def test_a_deadline_stands_still_while_upstream_is_asked_where_the_policy_says_so(
        self, sla: dict[str, Any], said: bool | None
    ) -> None:
        loaded, body = bent(sla=sla), scored(outcome="decline")
        routing = route(body, loaded.policy, Controls(), NOW, NEVER_DRAWN)
        speech = policy_speech(loaded, decision_types()["loan_application"])
        routed = CaseRouted.model_validate_json(routed_body(body, orjson.dumps(body), routing, speech, "k"))
        assert routed.handling.sla is not None
        assert routed.handling.sla.pauses_while_asked is said

    def test_nothing_protected_leaves_with_the_handling(self) -> None:
        loaded = shipped()
        body = scored(outcome=None)
        routing = route(body, loaded.policy, Controls(), NOW, NEVER_DRAWN)
        speech = policy_speech(loaded, decision_types()["loan_application"])
        routed = orjson.loads(routed_body(body, orjson.dumps(body), routing, speech, "k"))
        own = orjson.dumps({name: value for name, value in routed.items() if name not in body}).decode()
        assert '"race"' not in own
        assert "white" not in own

    def test_adverse_automatic_decisions_tell_why(self) -> None:
        easy = {"factors": dict.fromkeys(("financial", "customer", "compliance", "reputation", "reversibility"), "0")}
        loaded = bent(outcomes={"approve": {}, "decline": {"automatic": True}}, consequence=easy)
        body = scored(outcome="decline")
        routing = route(body, loaded.policy, Controls(), NOW, NEVER_DRAWN)
        speech = policy_speech(loaded, decision_types()["loan_application"])
        written = decision_body(body, routing, speech, key_id="k", routed_id="r", decision_id="d", decided_at=NOW)
        assert orjson.loads(written)["principal_reasons"] == [
            {"code": "loan_to_value_too_high", "text": "The loan is too large for the property's value"}
        ]

    def test_where_no_policy_speaks_the_decision_type_does(self) -> None:
        assert b"approve" in silent_speech(decision_types()["refund"]).handling
        assert b'"allowed_outcomes":[]' in silent_speech(None).handling
