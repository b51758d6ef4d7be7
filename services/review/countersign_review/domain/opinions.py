"""What an answer brings about: another answer, the proposal, a settlement between two, or the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from countersign_review.domain.relation import same_json
from countersign_review.domain.review import Action, Kind, Stage


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person answered."""

    outcome: str
    outcome_params: Mapping[str, Any]


def agree(opinions: Sequence[Opinion], kind: Kind) -> bool:
    """Tell whether people came to the same. Terms count where they will be carried out; a judgement is an outcome."""
    first, *others = opinions
    return all(
        other.outcome == first.outcome
        and (kind in {Kind.AUDIT, Kind.SEED} or same_json(other.outcome_params, first.outcome_params))
        for other in others
    )


def step_after(opinions: Sequence[Opinion], *, kind: Kind, stage: Stage, required: int, reveals: bool) -> Action:
    """Return what the newest of these answers brings about; they are in the order in which they were given.

    ``reveals``: the answer was given unseen and the proposal is to be shown now. Where several must answer nothing is
    shown between the answers: they check each other, and the second must not lean on what the first had seen.
    """
    if stage is Stage.ADJUDICATION:
        return Action.DECIDE
    if len(opinions) < required:
        return Action.SECOND_OPINION
    if not agree(opinions, kind):
        return Action.ADJUDICATE
    return Action.REVEAL if reveals and required == 1 else Action.DECIDE


def reveals(handling: Mapping[str, Any], kind: Kind, *, proposal: object, seen: bool) -> bool:
    """Tell whether an answer is followed by the proposal and a last word: asked blind, once, and there is a proposal.

    A judgement is over when it is given, and what the policy always withholds is never shown.
    """
    return kind is Kind.DECISION and handling["withhold"] == "blind" and proposal is not None and not seen


def is_control(routed: Mapping[str, Any], kind: Kind) -> bool:
    """Tell whether a blind answer to this case is a label: drawn by chance, and there is a proposal to judge."""
    sampling = routed["sampling"]
    drawn = sampling["blind"]["selected"] or sampling["human_only"]["selected"]
    return kind is Kind.DECISION and bool(drawn) and routed.get("proposal") is not None
