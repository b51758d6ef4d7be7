"""What a worker process is told: plain values, of which it makes the question it answers for every case."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from countersign_router.domain.draws import keyed_draws
from countersign_router.domain.policy import Policy
from countersign_router.language.loading import LoadedPolicy, PolicyRefused, load_policy
from countersign_router.replaying.evaluation import SETTLED, Question
from countersign_router.replaying.history import ControlHistory, PastControl
from countersign_shared.contracts.decision_types import DecisionType, load_decision_types


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything a replay needs besides the cases. ``originals`` are (sha256, document, published at)."""

    document: bytes
    known_since: datetime | None
    originals: tuple[tuple[str, bytes, datetime], ...]
    keys: Mapping[str, bytes]
    current_key: str
    history: tuple[PastControl, ...]
    now: datetime
    decision_types_dir: Path | None = None
    age: timedelta = SETTLED
    segment_by: tuple[str, ...] = ()
    labels: Mapping[tuple[str, str], bool] | None = None


def load(brief: Brief, decision_types: Mapping[str, DecisionType]) -> LoadedPolicy:
    """Compile the policy in question; ``PolicyRefused`` says what is wrong with it.

    Whoever asked for the replay has checked it: what is a doubt there is none here.
    """
    published_at = brief.known_since or brief.now
    return load_policy(
        brief.document, name="the policy", decision_types=decision_types, published_at=published_at, published=True
    )


def question(brief: Brief) -> Question:
    """Compile what the brief holds."""
    decision_types = load_decision_types(brief.decision_types_dir)
    return Question(
        policy=load(brief, decision_types).policy, known_since=brief.known_since,
        originals=originals(brief, decision_types), draws={name: keyed_draws(key) for name, key in brief.keys.items()},
        current_key=brief.current_key, history=ControlHistory(brief.history), age=brief.age,
        segment_by=brief.segment_by, labels=brief.labels,
    )  # fmt: skip


def originals(brief: Brief, decision_types: Mapping[str, DecisionType]) -> dict[str, Policy]:
    """Compile the policies that routed the cases; one that this release refuses is left out, and its cases counted."""
    found = {}
    for sha256, document, published_at in brief.originals:
        try:
            loaded = load_policy(
                document, name=sha256[:12], decision_types=decision_types, published_at=published_at, published=True
            )
        except PolicyRefused:
            continue
        found[sha256] = loaded.policy
    return found
