"""Similar cases that people decided: found by an index, kept as people take cases up."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from countersign_review.domain.likeness import Signature, compare, likeness, signature
from countersign_review.domain.titles import case_title
from countersign_review.store.events import SQL, Connection
from countersign_review.store.routed import routed_of
from countersign_review.store.showing import Showing
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


@dataclass(frozen=True, slots=True)
class _Asked:
    place: int
    showing: Showing
    known: DecisionType
    own: Signature

    @property
    def kept(self) -> int | None:
        """The case's arrival where it is to be remembered; a rehearsal is none."""
        return None if self.showing.routed["case"].get("test", False) else self.showing.arrival


class Precedents:
    """Remembers the likeness of cases that people take up, and finds those that are alike."""

    def __init__(self, types: Mapping[str, DecisionType]) -> None:
        self._types = types
        self._queries = Queries.load(SQL / "precedents.sql")

    async def similar(self, connection: Connection, showings: Sequence[Showing]) -> dict[int, list[dict[str, Any]]]:
        """Return, by place, the cases most like each that people decided; remember these cases for those to come.

        Of the same tenant and decision type, never of the same subject. A decision type that this installation does not
        know has no precedents: which of its fields are protected is not known either.
        """
        asked = [one for place, showing in enumerate(showings) if (one := self._asked(place, showing)) is not None]
        if not asked:
            return {}
        scores = await self._near(connection, asked)
        best = {place: _best(found) for place, found in scores.items()}
        pairs = [(place, arrival) for place, arrivals in best.items() for arrival in arrivals]
        if not pairs:
            return {}
        cases = [
            (one.place, *(one.showing.review[name] for name in ("tenant", "case_id")), one.known.name,
             one.showing.review["subject_ref"])
            for one in asked
        ]  # fmt: skip
        rows = await connection.fetch(self._queries.decided, *_columns(pairs), *_columns(cases))
        return {one.place: self._most_alike(one, rows, scores.get(one.place, {})) for one in asked}

    def _asked(self, place: int, showing: Showing) -> _Asked | None:
        known = self._types.get(showing.routed["decision_type"])
        own = signature(showing.routed["case"]["payload"], known) if known else None
        return None if known is None or own is None else _Asked(place, showing, known, own)

    async def _near(self, connection: Connection, asked: Sequence[_Asked]) -> dict[int, dict[int, float]]:
        """Return how alike the cases are whose places lie beside those of the ones asked about."""
        asked = sorted(asked, key=lambda one: one.showing.arrival or 0)
        cases = [
            (one.place, _scope(one.showing.review["tenant"], one.known.name), one.kept, one.own.code,
             one.showing.review["tenant"], one.showing.review["case_id"])
            for one in asked
        ]  # fmt: skip
        keys = [(one.place, tree, key) for one in asked for tree, key in enumerate(one.own.keys, start=1)]
        codes = {one.place: one.own.code for one in asked}
        scores: dict[int, dict[int, float]] = {}
        for row in await connection.fetch(self._queries.near, *_columns(cases), *_columns(keys), A_SIDE):
            scores.setdefault(row["place"], {})[row["arrival"]] = likeness(codes[row["place"]], row["code"])
        return scores

    def _most_alike(self, one: _Asked, rows: Sequence[Any], scores: Mapping[int, float]) -> list[dict[str, Any]]:
        mine = [row for row in rows if row["place"] == one.place]
        mine.sort(key=lambda row: (-scores[row["arrival"]], -row["arrival"]))
        payload = one.showing.routed["case"]["payload"]
        return [self._shown(row, scores[row["arrival"]], payload, one.known) for row in mine[:SHOWN]]

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


def _best(scores: Mapping[int, float]) -> list[int]:
    alike = [arrival for arrival, score in scores.items() if score >= LEAST]
    return sorted(alike, key=lambda arrival: (-scores[arrival], -arrival))[:LOOKED_AT]


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _scope(tenant: str, decision_type: str) -> int:
    """Return the number under which the cases of one tenant and decision type are sorted; names are checked too."""
    return int.from_bytes(hashlib.sha256(f"{tenant}\0{decision_type}".encode()).digest()[:7], "big")
