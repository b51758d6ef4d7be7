"""How long a person had a case before them, and how much there was to read: for the desk's figures, in no decision."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from countersign_shared.clock import rfc3339


@dataclass(frozen=True, slots=True)
class Attended:
    """What the console measured: seconds in view and in focus without the idle gaps, and until the first press."""

    active_seconds: float
    first_action_seconds: float | None = None


def times(opened_at: str, decided_at: str, attended: Attended | None, package: bytes | None) -> dict[str, Any]:
    """Return the ``times`` of ``review.timed``; moments are RFC 3339, ``package`` is the last view that was shown.

    A browser's spans are held within what the server's own clock saw. Without them only the server's moments are said.
    """
    found: dict[str, Any] = {"opened_at": opened_at, "decided_at": decided_at}
    if attended is None or package is None:
        return found
    opened = datetime.fromisoformat(opened_at)
    elapsed = max((datetime.fromisoformat(decided_at) - opened).total_seconds(), 0.0)
    active = min(attended.active_seconds, elapsed)
    found |= {
        "active_seconds": round(active, 1), "idle_seconds": round(elapsed - active, 1),
        "words_shown": words_shown(package),
    }  # fmt: skip
    if attended.first_action_seconds is not None:
        first = timedelta(seconds=min(attended.first_action_seconds, elapsed))
        found["first_action_at"] = rfc3339(opened + first)
    return found


def words_shown(package: bytes) -> int:
    """Count the words of a context package that are new with each case: what nobody can know without reading.

    Labels, the policy's text and other cases are left out, for whoever knows them need not read them again: the count
    is to be too low rather than too high, because somebody may be told that they were faster than it can be read.
    """
    return sum(len(text.split()) for text in _texts(json.loads(package)))


def _texts(package: Mapping[str, Any]) -> Iterator[str]:
    yield package["decision_required"]["headline"]
    for fact in package["key_facts"]:
        yield str(fact.get("formatted") or "")
    for flag in package["flags"]:
        yield flag["text"]
    recommendation = package["recommendation"]
    if recommendation is not None:
        yield recommendation["summary"] or ""
        second = recommendation["second_choice"]
        yield (second and second["why_lower"]) or ""
    yield package["no_recommendation"] or ""
