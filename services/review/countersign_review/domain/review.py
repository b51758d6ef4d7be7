"""The life of a review, as a table: what may happen in which state, and what it is called when it may not."""

from enum import StrEnum


class Kind(StrEnum):
    """What a review is for: an outcome to act on, or a judgement of an automatic decision."""

    DECISION = "decision"
    AUDIT = "audit"


class ReviewState(StrEnum):
    """Where a review is."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class ClaimState(StrEnum):
    """Where one reviewer's hold on a review is. Only a held claim can act."""

    HELD = "held"
    RELEASED = "released"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    DECIDED = "decided"


class Action(StrEnum):
    """What can happen to a review. ``expire`` and ``withdraw`` are not done by a reviewer."""

    CLAIM = "claim"
    OPEN = "open"
    HEARTBEAT = "heartbeat"
    RELEASE = "release"
    SKIP = "skip"
    EXPIRE = "expire"
    DECIDE = "decide"
    UNDO = "undo"
    WITHDRAW = "withdraw"


class IllegalTransition(Exception):  # noqa: N818 - a refusal with a name, not a fault
    """The action does not fit the state; each subclass is one named reason.

    IllegalTransition
    ├── NotClaimed        nobody holds the review
    ├── HeldByAnother     somebody holds it
    ├── AlreadyDecided    it has its answer
    ├── AlreadyWithdrawn  no answer is needed any more
    └── NothingToUndo     there is no answer to take back
    """

    code = "illegal-transition"
    text = "That cannot be done now."


class NotClaimed(IllegalTransition):
    """Nobody holds the review."""

    code = "not-claimed"
    text = "Nobody holds this review; claim it first."


class HeldByAnother(IllegalTransition):
    """Somebody holds the review."""

    code = "held-by-another"
    text = "Somebody else holds this review."


class AlreadyDecided(IllegalTransition):
    """The review has its answer."""

    code = "already-decided"
    text = "This review has been answered."


class AlreadyWithdrawn(IllegalTransition):
    """No answer is needed any more."""

    code = "withdrawn"
    text = "The case was withdrawn; no answer is needed any more."


class NothingToUndo(IllegalTransition):
    """There is no answer to take back."""

    code = "nothing-to-undo"
    text = "There is no answer to take back."


_LEGAL: dict[tuple[ReviewState, Action], tuple[ReviewState, ClaimState]] = {
    (ReviewState.WAITING, Action.CLAIM): (ReviewState.CLAIMED, ClaimState.HELD),
    (ReviewState.WAITING, Action.WITHDRAW): (ReviewState.WITHDRAWN, ClaimState.WITHDRAWN),
    (ReviewState.CLAIMED, Action.OPEN): (ReviewState.CLAIMED, ClaimState.HELD),
    (ReviewState.CLAIMED, Action.HEARTBEAT): (ReviewState.CLAIMED, ClaimState.HELD),
    (ReviewState.CLAIMED, Action.RELEASE): (ReviewState.WAITING, ClaimState.RELEASED),
    (ReviewState.CLAIMED, Action.SKIP): (ReviewState.WAITING, ClaimState.SKIPPED),
    (ReviewState.CLAIMED, Action.EXPIRE): (ReviewState.WAITING, ClaimState.EXPIRED),
    (ReviewState.CLAIMED, Action.DECIDE): (ReviewState.DECIDED, ClaimState.DECIDED),
    (ReviewState.CLAIMED, Action.WITHDRAW): (ReviewState.WITHDRAWN, ClaimState.WITHDRAWN),
    # Undo gives the case back to the person who had decided it.
    (ReviewState.DECIDED, Action.UNDO): (ReviewState.CLAIMED, ClaimState.HELD),
}


def advance(state: ReviewState, action: Action) -> tuple[ReviewState, ClaimState]:
    """Return the next state of the review and of the claim concerned, or raise the named refusal."""
    step = _LEGAL.get((state, action))
    if step is None:
        raise _refusal(state, action)
    return step


def _refusal(state: ReviewState, action: Action) -> IllegalTransition:
    if action is Action.UNDO:
        return NothingToUndo()
    match state:
        case ReviewState.DECIDED:
            return AlreadyDecided()
        case ReviewState.WITHDRAWN:
            return AlreadyWithdrawn()
        case ReviewState.CLAIMED:
            return HeldByAnother()
        case ReviewState.WAITING:
            return NotClaimed()
