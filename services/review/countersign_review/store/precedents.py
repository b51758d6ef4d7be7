"""Similar cases that people decided: found by an index, kept as people take cases up."""

import hashlib
from collections.abc import Mapping
from typing import Any

from countersign_review.domain.likeness import compare, likeness, signature
from countersign_review.domain.titles import case_title
from countersign_review.store.events import SQL, Connection
from countersign_review.store.routed import routed_of
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.postgres import Queries

A_SIDE = 40
"""Looked at on each side in each tree: some 480 candidates of any number of cases."""
LOOKED_AT = 24
"""The most alike of them; some may not be decided, or be the subject's own."""
SHOWN = 5
LEAST = 0.3
"""Two cases that share less are not alike in anybody's eyes; showing them would only seem to say something."""
MOST_LABELS = 6


class Precedents:
    """Remembers the likeness of cases that people take up, and finds those that are alike."""

    def __init__(self, types: Mapping[str, DecisionType]) -> None:
        self._types = types
        self._queries = Queries.load(SQL / "precedents.sql")

    async def similar(self, connection: Connection, review: Any, routed: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the cases most like this one that people decided, and remember this one for those to come.

        Of the same tenant and decision type, never of the same subject. A decision type that this installation does not
        know has no precedents: which of its fields are protected is not known either.
        """
        known, payload = self._types.get(routed["decision_type"]), routed["case"]["payload"]
        own = signature(payload, known) if known else None
        if known is None or own is None:
            return []
        scope = _scope(review["tenant"], known.name)
        rows = await connection.fetch(
            self._queries.near, scope, list(own.keys), A_SIDE, review["tenant"], review["case_id"], own.code,
            bool(routed["case"].get("test", False)),
        )  # fmt: skip
        scores = {row["arrival"]: likeness(own.code, row["code"]) for row in rows}
        best = sorted((arrival for arrival, score in scores.items() if score >= LEAST), key=lambda a: (-scores[a], -a))
        if not best:
            return []
        decided = await connection.fetch(
            self._queries.decided, best[:LOOKED_AT], review["tenant"], known.name, review["case_id"],
            review["subject_ref"],
        )  # fmt: skip
        decided = sorted(decided, key=lambda row: (-scores[row["arrival"]], -row["arrival"]))[:SHOWN]
        return [self._shown(row, scores[row["arrival"]], payload, known) for row in decided]

    def _shown(self, row: Any, score: float, payload: Mapping[str, Any], known: DecisionType) -> dict[str, Any]:
        routed = routed_of(row["body"])
        alike, differ = compare(payload, routed["case"]["payload"], known)
        chosen = known.outcomes.get(row["outcome"])
        return {
            "tenant": row["tenant"], "case_id": row["case_id"], "decision_type": known.name,
            "title": row["title"] if row["title"] is not None else case_title(self._types, routed),
            "routed_at": row["routed_at"], "state": "decided", "outcome": row["outcome"],
            "outcome_label": chosen.label if chosen else row["outcome"], "decided_at": row["decided_at"],
            "likeness": round(score, 2), "alike_in": alike[:MOST_LABELS], "differs_in": differ[:MOST_LABELS],
        }  # fmt: skip


def _scope(tenant: str, decision_type: str) -> int:
    """Return the number under which the cases of one tenant and decision type are sorted; names are checked too."""
    return int.from_bytes(hashlib.sha256(f"{tenant}\0{decision_type}".encode()).digest()[:7], "big")
