"""Why a step in the life of a policy is not taken.

LifeRefusal
├── DraftUnknown    no such draft, or not this caller's to see
├── PolicyUnknown   no such published version, or not this caller's to see
├── DraftClosed     the draft has been published
├── DraftFixed      a return to an older version is published as it was
├── AnotherPolicy   an edit would make it the policy of something else
├── VersionTaken    that version, or a higher one, was published before
├── NotTested       its examples have not been run, or fail
├── NotReplayed     nobody has looked at what it would have changed
└── AlreadyInForce  it routes already
"""

from countersign_router.domain.signatures import SignatureRefusal
from countersign_router.repeats import KeyReused
from countersign_shared.errors import CountersignError


class LifeRefusal(CountersignError):  # noqa: N818 - a refusal, not a fault
    """What was asked cannot be done with this policy now."""

    code = "refused"


class DraftUnknown(LifeRefusal):
    """No such draft, or not this caller's to see: the two are not told apart."""

    code = "draft_unknown"


class PolicyUnknown(LifeRefusal):
    """No such published version, or not this caller's to see."""

    code = "policy_unknown"


class DraftClosed(LifeRefusal):
    """The draft has been published, and what was published never changes."""

    code = "draft_closed"


class DraftFixed(LifeRefusal):
    """A return to an older version is published as it was."""

    code = "draft_fixed"


class AnotherPolicy(LifeRefusal):
    """An edit would make it the policy of another tenant or decision type."""

    code = "another_policy"


class VersionTaken(LifeRefusal):
    """That version, or a higher one, was published before."""

    code = "version_taken"


class NotTested(LifeRefusal):
    """Its own examples have not been run since it was last changed, or fail."""

    code = "not_tested"


class NotReplayed(LifeRefusal):
    """Nobody has looked at what it would have changed."""

    code = "not_replayed"


class AlreadyInForce(LifeRefusal):
    """It routes already."""

    code = "already_in_force"


REFUSALS = (LifeRefusal, SignatureRefusal, KeyReused)
"""Everything that a step may be refused with."""
