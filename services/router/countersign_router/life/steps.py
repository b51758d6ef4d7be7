"""How every step is taken: hold the draft, look who asks, act for one hash, or put the refusal on the record."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from countersign_router.controls.events import Actor
from countersign_router.domain.signatures import UNKNOWN, HashMismatch, RoleLost, RoleMissing, Rule, Signature, Signer
from countersign_router.life.facts import tell_refused
from countersign_router.life.refusals import REFUSALS, DraftClosed, DraftUnknown, NotReplayed, NotTested
from countersign_router.repeats import Once, earlier, remember
from countersign_router.store import Change, StoredDraft, StoredStep
from countersign_shared.errors import CountersignError

AUTHORS = frozenset({"policy_author"})
"""Who may write a policy."""
WORKERS = frozenset({"policy_author", "policy_approver"})
"""Who may test, replay and publish a policy, and ask to go back to one."""
APPROVAL = Rule(frozenset({"policy_approver"}), 1, timedelta(hours=24))
"""Whose signature a policy needs to be published. What nobody publishes within a day belongs to another situation."""

AnyChange = TypeVar("AnyChange", bound=Change)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, with the roles and tenants of their token."""

    pseudonym: str
    roles: frozenset[str]
    tenants: frozenset[str]

    def sees(self, tenant: str) -> bool:
        """Tell whether this caller may see a tenant's policies."""
        return bool(self.tenants & {"*", tenant})

    @property
    def signer(self) -> Signer:
        """The caller as somebody who signs."""
        return Signer(self.pseudonym, self.roles)


@dataclass(frozen=True, slots=True)
class Asked:
    """A step that somebody asks for, on the hash they have seen (None: the step is about no text they have seen)."""

    step: str
    caller: Caller
    roles: frozenset[str]
    named: str | None
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class Held(Generic[AnyChange]):
    """What a step works with: its transaction, the draft that nobody else changes, who acts, and when."""

    change: AnyChange
    draft: StoredDraft
    actor: Actor
    moment: datetime
    steps: tuple[StoredStep, ...]

    @property
    def tested(self) -> bool:
        """Whether the newest run of the examples passed."""
        return tested(self.draft, self.steps)

    def require_examined(self) -> None:
        """Refuse what has not been tested and replayed as it is now."""
        if not self.tested:
            raise NotTested("its examples have not passed since it was last changed: test it first")
        if not replayed(self.draft, self.steps):
            raise NotReplayed("it has not been replayed since it was last changed: replay it first")


def current(draft: StoredDraft, steps: tuple[StoredStep, ...] | list[StoredStep], step: str) -> list[StoredStep]:
    """Return the steps of a kind that count for a draft as it is now, oldest first."""
    return [
        one
        for one in steps
        if one.draft_id == draft.id
        and one.step == step
        and one.sha256 == draft.sha256
        and (draft.state != "open" or one.done_at >= draft.changed_at)
    ]


def tested(draft: StoredDraft, steps: tuple[StoredStep, ...] | list[StoredStep]) -> bool:
    """Tell whether the newest run of a draft's examples passed."""
    runs = current(draft, steps, "tested")
    return bool(runs) and runs[-1].passed


def replayed(draft: StoredDraft, steps: tuple[StoredStep, ...] | list[StoredStep]) -> bool:
    """Tell whether a draft was replayed as it is now."""
    return bool(current(draft, steps, "replayed"))


def signatures(draft: StoredDraft, steps: tuple[StoredStep, ...] | list[StoredStep]) -> list[Signature]:
    """Return the signatures on a draft as it is now."""
    return [Signature(one.pseudonym, one.role, one.sha256, one.done_at) for one in current(draft, steps, "approved")]


async def carry_out(
    opened: AbstractAsyncContextManager[AnyChange], draft_id: UUID, asked: Asked,
    work: Callable[[Held[AnyChange]], Awaitable[None]],
) -> None:  # fmt: skip
    """Take a step with a draft, or raise the refusal once it is on the record.

    ``DraftUnknown`` and ``KeyReused`` are not recorded: the one is about nothing, the other about the request alone.
    """
    refusal: CountersignError | None = None
    async with opened as change:
        if await answered(change, asked) is not None:
            return
        draft = await change.lock_draft(draft_id)
        if draft is None or not asked.caller.sees(draft.tenant):
            raise DraftUnknown(f"there is no draft {draft_id}")
        moment = await change.moment()
        try:
            async with change.attempt():
                role = await role_held(change, asked, draft.tenant)
                _require_open_and_seen(draft, asked)
                steps = tuple(await change.steps_of(draft))
                await work(Held(change, draft, Actor(asked.caller.pseudonym, role), moment, steps))
                await keep_answer(change, asked, draft_id, moment)
        except REFUSALS as error:
            refusal = error
            await tell_refused(
                change, draft, asked.step, error, actor=_as_whom(asked), moment=moment, named=asked.named
            )
    if refusal is not None:
        raise refusal


async def role_held(change: Change, asked: Asked, tenant: str) -> str:
    """Return the role in which the caller may take the step; the token says so and the record does not object."""
    if not asked.caller.sees(tenant):
        raise RoleMissing(f"{asked.caller.pseudonym} may not act for tenant {tenant}")
    held = sorted(asked.caller.roles & asked.roles)
    if not held:
        wanted = " or ".join(sorted(asked.roles))
        raise RoleMissing(f"this needs the role {wanted}; {asked.caller.pseudonym} does not hold it")
    known = (await change.hold_standings({asked.caller.pseudonym})).get(asked.caller.pseudonym, UNKNOWN)
    role = next((one for one in held if known.may(one, tenant)), None)
    if role is None:
        raise RoleLost(f"the role {held[0]} was taken from {asked.caller.pseudonym}, or the account is disabled")
    return role


async def answered(change: Change, asked: Asked) -> UUID | None:
    """Return the draft that the same request was about before; None when the request is new."""
    given = await earlier(change, asked.caller.pseudonym, asked.once)
    return None if given is None else UUID(given["draft_id"])


async def keep_answer(change: Change, asked: Asked, draft_id: UUID, moment: datetime) -> None:
    """Remember what the request came to."""
    await remember(change, asked.caller.pseudonym, asked.once, {"draft_id": str(draft_id)}, moment)


def _require_open_and_seen(draft: StoredDraft, asked: Asked) -> None:
    if draft.state != "open":
        raise DraftClosed("it has been published, and what was published never changes: start a new draft")
    if asked.named is not None and asked.named != draft.sha256:
        raise HashMismatch(
            f"you have seen {asked.named[:12]}, the draft is {draft.sha256[:12]} now: read it again before you go on"
        )


def _as_whom(asked: Asked) -> Actor:
    roles = sorted(asked.caller.roles & asked.roles) or sorted(asked.caller.roles) or ["none"]
    return Actor(asked.caller.pseudonym, roles[0])
