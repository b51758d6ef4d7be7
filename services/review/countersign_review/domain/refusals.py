"""Refusals the business expects; each has a name, and says what to do next.

Refusal
├── NotFound          no such thing, or not this caller's
├── NotEligible       authority, skill, tenant, own submission
├── TooManyClaims     the reviewer holds as many as anybody may
├── StaleVersion      the claim moved on since it was read
├── LeaseEnded        the hold ran out, was given back, or ended otherwise
├── AnsweredBefore    somebody else answered: who and what
├── CaseWithdrawn     no answer is needed any more
├── StaleBinding      a quoted digest does not hold
├── InvalidAnswer     fields that are missing or wrong
├── KeyReused         one idempotency key, two different requests
├── SecretTold        the same request again, whose answer held a secret
├── AlreadyLeft       too late to undo
├── Redacted          bytes that words of an erased case stood in
├── OutcomesExist     a case that can be decided is not sent back
├── CannotTakeIt      the colleague named lacks something
├── NotForYou         only the named role, or whoever did it, may
├── BeyondYou         people, keys or tenants that this administrator does not look after
├── NothingToReverse  no decision stands that could be looked at again
├── ReviewOpen        the case is being looked at already
├── SearchTooBroad    no index leads to it, and looking through everything takes too long
├── TooMany           one person keeps no more of these
└── AnswerOutstanding this may be seen once the case has been answered
"""

from collections.abc import Sequence
from typing import Any

from countersign_review.domain.answer import Fault
from countersign_review.domain.eligibility import Lack


class Refusal(Exception):  # noqa: N818 - an expected answer, not a fault
    """An answer other than success; ``code`` is stable, ``extra`` are further members for the caller."""

    code = "refused"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra
        self.faults: Sequence[Fault] = ()


class NotFound(Refusal):
    """No such thing, or not this caller's: the two are not told apart."""

    code = "not-found"


class NotEligible(Refusal):
    """The reviewer lacks something the review asks for."""

    code = "not-eligible"

    def __init__(self, lacks: Sequence[Lack], **extra: Any) -> None:
        super().__init__(" ".join(lack.text for lack in lacks), lacks=[lack.code for lack in lacks], **extra)


class TooManyClaims(Refusal):
    """The reviewer holds as many reviews as anybody may: one at hand, one ahead."""

    code = "too-many-claims"


class StaleVersion(Refusal):
    """The claim moved on since it was read."""

    code = "stale-version"


class LeaseEnded(Refusal):
    """The hold is over."""

    code = "lease-ended"


class AnsweredBefore(Refusal):
    """Somebody else answered."""

    code = "already-decided"


class CaseWithdrawn(Refusal):
    """No answer is needed any more."""

    code = "withdrawn"


class StaleBinding(Refusal):
    """A quoted digest does not hold."""

    code = "stale-binding"


class InvalidAnswer(Refusal):
    """The answer is incomplete or not allowed."""

    code = "invalid-answer"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("See errors for each field.")
        self.faults = faults


class KeyReused(Refusal):
    """The idempotency key was used for another request."""

    code = "idempotency-key-reused"


class SecretTold(Refusal):
    """The request was carried out before; the secret was in that answer and is kept nowhere."""

    code = "secret-told"


class AlreadyLeft(Refusal):
    """The decision has left; only a later decision can supersede it."""

    code = "already-left"


class Redacted(Refusal):
    """What was shown is not kept byte for byte: a case that it named has been erased."""

    code = "redacted"


class SearchTooBroad(Refusal):
    """No index leads to what is asked for, and looking through everything takes too long."""

    code = "search-too-broad"


class TooMany(Refusal):
    """One person keeps no more of these."""

    code = "too-many"


class AnswerOutstanding(Refusal):
    """This may be seen once the case has been answered."""

    code = "answer-outstanding"


class OutcomesExist(Refusal):
    """A case that has outcomes is decided, not sent back."""

    code = "outcomes-exist"


class CannotTakeIt(Refusal):
    """The colleague whom a review was to be handed to lacks something."""

    code = "cannot-take-it"

    def __init__(self, detail: str, lacks: Sequence[Lack]) -> None:
        super().__init__(detail, lacks=[lack.code for lack in lacks])


class NotForYou(Refusal):
    """Only a lead, or whoever did it, may."""

    code = "not-for-you"


class BeyondYou(Refusal):
    """Only an administrator of more tenants may."""

    code = "beyond-you"

    def __init__(self, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.faults = faults


class NothingToReverse(Refusal):
    """No decision stands that could be looked at again."""

    code = "nothing-to-reverse"


class ReviewOpen(Refusal):
    """People are looking at the case already."""

    code = "review-open"
