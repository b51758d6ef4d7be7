from __future__ import annotations

import json
from typing import Any

from countersign_review.domain.untold import proof_told, timeline_told


def proof(*leaves: dict[str, Any]) -> dict[str, Any]:
    return {"entries": [{"index": n, "leaf": json.dumps(leaf)} for n, leaf in enumerate(leaves)], "complete": True}


def test_a_timeline_does_not_say_which_case_was_a_seed() -> None:
    told = timeline_told({"case_id": "c", "entries": [{"kind": "decision.made"}, {"kind": "seed.judged"}]})
    assert told == {"case_id": "c", "entries": [{"kind": "decision.made"}]}


def test_a_proof_does_not_say_whether_a_seed_was_drawn_and_says_that_it_leaves_something_out() -> None:
    drawn = {"kind": "case.routed", "sampling": {"key_id": "k", "seed": True, "seed_ppm": 20_000}}
    spared = {**drawn, "sampling": {**drawn["sampling"], "seed": False}}
    decided = {"kind": "decision.made"}
    for routed in (drawn, spared):
        told = proof_told(proof({"kind": "case.created"}, routed, decided, {"kind": "seed.judged"}))
        assert ([entry["index"] for entry in told["entries"]], told["complete"]) == ([0, 2], False)


def test_a_proof_without_seeds_goes_out_as_it_is() -> None:
    whole = proof({"kind": "case.routed", "sampling": {"audit": False, "audit_ppm": 5_000}}, {"kind": "decision.made"})
    assert proof_told(whole) == whole
    partial = {**whole, "complete": False, "checkpoint": "signed"}
    assert proof_told(partial) == partial
