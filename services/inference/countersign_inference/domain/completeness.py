"""Whether a case says what its decision type requires: the fifth signal, and the names of what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from countersign_shared.contracts.decision_types import DecisionType


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a payload lacks and what in it is invalid.

    `invalid_names` are the top-level fields that the schema refuses, in whole or in part; `invalid` says where and
    why, in the shape of `case.scored`.
    """

    missing: Sequence[str]
    invalid: Sequence[dict[str, str]]
    invalid_names: frozenset[str]
    signal: dict[str, Any]


class Checklist:
    """Checks the payloads of one decision type."""

    def __init__(self, decision_type: DecisionType) -> None:
        self._type = decision_type
        count = len(decision_type.required)
        complete = {"value": 1.0, "detail": {"required": count, "usable": count}}
        # Most cases are complete: one value serves them all.
        self._complete = Completeness((), (), frozenset(), complete)

    def check(self, payload: Mapping[str, Any]) -> Completeness:
        """Return what is missing and invalid. A field that is null says nothing, so it counts as absent."""
        stated = payload
        if None in payload.values():
            stated = {name: value for name, value in payload.items() if value is not None}
        problems = self._type.check_payload(stated)
        if not problems:
            return self._complete
        missing = self._type.missing_fields(stated)
        absent = {_pointer(name) for name in missing}
        invalid = [problem for problem in problems if problem.pointer not in absent]
        names = frozenset(_top_level(problem.pointer) for problem in invalid)
        return Completeness(
            missing,
            [{"pointer": problem.pointer[:1000], "detail": problem.detail} for problem in invalid],
            names,
            self._signal(missing, names),
        )

    def _signal(self, missing: Sequence[str], invalid: frozenset[str]) -> dict[str, Any]:
        # A payload that is wrong as a whole (pointer "") makes every required field unusable.
        wanted = set(self._type.required) | (invalid - {""})
        usable = set() if "" in invalid else wanted - set(missing) - invalid
        value = len(usable) / len(wanted) if wanted else 0.0
        return {"value": round(value, 4), "detail": {"required": len(wanted), "usable": len(usable)}}


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _top_level(pointer: str) -> str:
    first = pointer.split("/", 2)[1] if pointer else ""
    return first.replace("~1", "/").replace("~0", "~")
