"""The life of a review, as a table: what may happen in which state, and what it is called when it may not.

waiting -> claimed -> decided
                   -> revealed -> decided       the answer was given unseen, then the proposal was shown
                   -> waiting                   given back, or somebody else must answer too
                   -> asked -> waiting          upstream was asked, and has answered
                   -> blocked -> waiting        a lead holds it without an outcome, and lets it go
every open state   -> withdrawn                 no answer is needed any more
"""

from enum import StrEnum


class Kind(StrEnum):
    """What a review is for: an outcome to act on, a judgement, a decision looked at again, or a test of attention."""

    DECISION = "decision"
    AUDIT = "audit"
    REVERSAL = "reversal"
    SEED = "seed"


class ReviewState(StrEnum):
    """Where a review is. ``claimed`` and ``revealed`` are held by somebody."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    REVEALED = "revealed"
    ASKED = "asked"
    BLOCKED = "blocked"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class ClaimState(StrEnum):
    """Where one reviewer's hold on a review is. Only a held claim can act; every other word says how it ended."""

    HELD = "held"
    RELEASED = "released"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    RECUSED = "recused"
    ESCALATED = "escalated"
    DELEGATED = "delegated"
    RECALLED = "recalled"
    ASKED = "asked"
    BLOCKED = "blocked"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    DECIDED = "decided"


class Stage(StrEnum):
    """Whose turn it is where several must answer."""

    FIRST = "first"
    SECOND = "second"
    ADJUDICATION = "adjudication"


class Action(StrEnum):
    """What can happen to a review. ``expire``, ``provide`` and ``withdraw`` are not done by a reviewer."""

    CLAIM = "claim"
    OPEN = "open"
    HEARTBEAT = "heartbeat"
    RELEASE = "release"
    SKIP = "skip"
    EXPIRE = "expire"
    RECUSE = "recuse"
    ESCALATE = "escalate"
    DELEGATE = "delegate"
    RECALL = "recall"
    ASK = "ask"
    PROVIDE = "provide"
    BLOCK = "block"
    UNBLOCK = "unblock"
    REVEAL = "reveal"
    SECOND_OPINION = "second_opinion"
    ADJUDICATE = "adjudicate"
    DECIDE = "decide"
    RETURN = "return"
    UNDO = "undo"
    UNDO_CONFIRMATION = "undo_confirmation"
    UNDO_OPINION = "undo_opinion"
    WITHDRAW = "withdraw"


class IllegalTransition(Exception):  # noqa: N818 - a refusal with a name, not a fault
    """The action does not fit the state; each subclass is one named reason.

    IllegalTransition
    ├── NotClaimed           nobody holds the review
    ├── HeldByAnother        somebody holds it
    ├── AlreadyRevealed      the unseen answer has been given, the proposal is on the screen
    ├── AwaitsInformation    upstream was asked
    ├── IsBlocked            a lead holds it without an outcome
    ├── NotBlocked           there is no block to lift
    ├── AlreadyDecided       it has its answer
    ├── AlreadyWithdrawn     no answer is needed any more
    └── NothingToUndo        there is no answer to take back
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


class AlreadyRevealed(IllegalTransition):
    """The unseen answer has been given."""

    code = "already-revealed"
    text = "The proposal has been shown; confirm your answer or change it with a reason."


class AwaitsInformation(IllegalTransition):
    """Upstream was asked and has not answered."""

    code = "awaits-information"
    text = "This review waits for an answer from outside; a lead can call it back."


class IsBlocked(IllegalTransition):
    """A lead holds the review without an outcome."""

    code = "blocked"
    text = "A lead has blocked this review; it has to be unblocked first."


class NotBlocked(IllegalTransition):
    """There is no block to lift."""

    code = "not-blocked"
    text = "This review is not blocked."


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


Step = tuple[ReviewState, ClaimState | None]
"""The next state of the review, and of the claim concerned; None where no claim is."""

HELD_STATES = frozenset({ReviewState.CLAIMED, ReviewState.REVEALED})
OPEN_STATES = frozenset(ReviewState) - {ReviewState.DECIDED, ReviewState.WITHDRAWN}
UNDOING = frozenset({Action.UNDO, Action.UNDO_CONFIRMATION, Action.UNDO_OPINION})

_FROM_HELD: dict[Action, Step] = {
    Action.RELEASE: (ReviewState.WAITING, ClaimState.RELEASED),
    Action.SKIP: (ReviewState.WAITING, ClaimState.SKIPPED),
    Action.EXPIRE: (ReviewState.WAITING, ClaimState.EXPIRED),
    Action.RECUSE: (ReviewState.WAITING, ClaimState.RECUSED),
    Action.ESCALATE: (ReviewState.WAITING, ClaimState.ESCALATED),
    Action.DELEGATE: (ReviewState.WAITING, ClaimState.DELEGATED),
    Action.RECALL: (ReviewState.WAITING, ClaimState.RECALLED),
    Action.ASK: (ReviewState.ASKED, ClaimState.ASKED),
    Action.BLOCK: (ReviewState.BLOCKED, ClaimState.BLOCKED),
    Action.RETURN: (ReviewState.WITHDRAWN, ClaimState.RETURNED),
    Action.DECIDE: (ReviewState.DECIDED, ClaimState.DECIDED),
}

_LEGAL: dict[tuple[ReviewState, Action], Step] = {
    (ReviewState.WAITING, Action.CLAIM): (ReviewState.CLAIMED, ClaimState.HELD),
    # Kept for one person, and wanted back.
    (ReviewState.WAITING, Action.RECALL): (ReviewState.WAITING, None),
    **{(state, action): step for state in HELD_STATES for action, step in _FROM_HELD.items()},
    **{(state, Action.OPEN): (state, ClaimState.HELD) for state in HELD_STATES},
    **{(state, Action.HEARTBEAT): (state, ClaimState.HELD) for state in HELD_STATES},
    (ReviewState.CLAIMED, Action.REVEAL): (ReviewState.REVEALED, ClaimState.HELD),
    (ReviewState.CLAIMED, Action.SECOND_OPINION): (ReviewState.WAITING, ClaimState.DECIDED),
    (ReviewState.CLAIMED, Action.ADJUDICATE): (ReviewState.WAITING, ClaimState.DECIDED),
    # New evidence finds a review wherever it is; only the one that was asked for moves it.
    **{(state, Action.PROVIDE): (state, None) for state in OPEN_STATES},
    (ReviewState.ASKED, Action.PROVIDE): (ReviewState.WAITING, None),
    # No answer will come.
    (ReviewState.ASKED, Action.RECALL): (ReviewState.WAITING, None),
    (ReviewState.BLOCKED, Action.UNBLOCK): (ReviewState.WAITING, None),
    **{(state, Action.WITHDRAW): (ReviewState.WITHDRAWN, ClaimState.WITHDRAWN) for state in OPEN_STATES},
    # Undo gives the case back to the person who had decided it, with as much shown as then.
    (ReviewState.DECIDED, Action.UNDO): (ReviewState.CLAIMED, ClaimState.HELD),
    (ReviewState.DECIDED, Action.UNDO_CONFIRMATION): (ReviewState.REVEALED, ClaimState.HELD),
    (ReviewState.WAITING, Action.UNDO_OPINION): (ReviewState.CLAIMED, ClaimState.HELD),
}  # fmt: skip


def advance(state: ReviewState, action: Action) -> Step:
    """Return the next state of the review and of the claim concerned, or raise the named refusal."""
    step = _LEGAL.get((state, action))
    if step is None:
        raise _refusal(state, action)
    return step


def ended(state: ReviewState, action: Action) -> tuple[ReviewState, ClaimState]:
    """Return what an action that concerns a claim makes of the review and of that claim."""
    after, claim = advance(state, action)
    if claim is None:
        raise NotClaimed
    return after, claim


_REFUSALS: dict[ReviewState, type[IllegalTransition]] = {
    ReviewState.WAITING: NotClaimed,
    ReviewState.CLAIMED: HeldByAnother,
    ReviewState.REVEALED: AlreadyRevealed,
    ReviewState.ASKED: AwaitsInformation,
    ReviewState.BLOCKED: IsBlocked,
    ReviewState.DECIDED: AlreadyDecided,
    ReviewState.WITHDRAWN: AlreadyWithdrawn,
}


def _refusal(state: ReviewState, action: Action) -> IllegalTransition:
    if action in UNDOING:
        return NothingToUndo()
    if action is Action.UNBLOCK and state in OPEN_STATES:
        return NotBlocked()
    if action is Action.CLAIM and state in HELD_STATES:
        return HeldByAnother()
    return _REFUSALS[state]()
