"""Writing a policy, running its examples, and noting what a replay of it found."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson

from countersign_router.controls.events import Actor, Fact
from countersign_router.domain.signatures import HashMismatch
from countersign_router.language.examples import EXAMPLE_TIME, example_results
from countersign_router.language.loading import LoadedPolicy, load_policy
from countersign_router.life.facts import policy_fact, tell, tell_refused
from countersign_router.life.in_force import policy_key, read_in_force
from countersign_router.life.refusals import (
    REFUSALS,
    AlreadyInForce,
    AnotherPolicy,
    DraftFixed,
    DraftUnknown,
    PolicyUnknown,
    VersionTaken,
)
from countersign_router.life.steps import (
    AUTHORS,
    WORKERS,
    Asked,
    Caller,
    Held,
    answered,
    carry_out,
    keep_answer,
    role_held,
)
from countersign_router.repeats import Once
from countersign_router.store import Change, Store, StoredDraft, StoredPolicy, StoredStep
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.errors import CountersignError

MAX_NAMED = 20
"""Failing examples named on the record; all are counted."""
BEGINNING = EXAMPLE_TIME
"""A draft has no date of publication; nothing asks for one before it routes."""

Types = Mapping[str, DecisionType]


def compiled(data: bytes, types: Types, *, published: bool = False) -> LoadedPolicy:
    """Read, check and compile a text; ``PolicyRefused`` says everything that is wrong with it.

    ``published``: it was published before; a way back must not be barred by a list that was made since.
    """
    return load_policy(data, name="the policy", decision_types=types, published_at=BEGINNING, published=published)


async def draft(
    store: Store, types: Types, *, data: bytes, reason: str, caller: Caller, draft_id: UUID, once: Once | None = None
) -> UUID:
    """Begin a draft; returns its id, the earlier one when the same request came before."""
    loaded = await asyncio.to_thread(compiled, data, types)
    asked = Asked("draft", caller, AUTHORS, None, once)
    return await _begin(store, asked, _new(loaded, draft_id, caller, reason))


async def roll_back(
    store: Store, *, sha256: str, reason: str, caller: Caller, draft_id: UUID, once: Once | None = None
) -> UUID:
    """Propose to publish an older version again; it goes the same way as a new one."""
    version = await store.published(sha256)
    found = await store.policy_document(sha256)
    if version is None or found is None or not caller.sees(version.tenant):
        raise PolicyUnknown(f"no published policy has the hash {sha256}")
    control = await store.control(policy_key(version.tenant, version.decision_type))
    if control is not None and read_in_force(control).sha256 == sha256:
        raise AlreadyInForce(f"version {version.version} routes already")
    asked = Asked("roll_back", caller, WORKERS, None, once)
    return await _begin(store, asked, _return(version, found.data, draft_id, caller, reason))


async def _begin(store: Store, asked: Asked, wanted: StoredDraft) -> UUID:
    refusal: CountersignError | None = None
    async with store.change() as change:
        before = await answered(change, asked)
        if before is not None:
            return before
        moment = await change.moment()
        wanted = replace(wanted, created_at=moment, changed_at=moment)
        actor = Actor(asked.caller.pseudonym, min(asked.caller.roles & asked.roles, default="none"))
        try:
            async with change.attempt():
                actor = Actor(asked.caller.pseudonym, await role_held(change, asked, wanted.tenant))
                in_force = await _require_new(change, wanted)
                await change.add_draft(wanted)
                fact = _drafted(wanted, in_force)
                await tell(change, wanted.tenant, wanted.decision_type, fact, actor=actor, moment=moment)
                await keep_answer(change, asked, wanted.id, moment)
        except REFUSALS as error:
            refusal = error
            await tell_refused(change, wanted, asked.step, error, actor=actor, moment=moment, named=None)
    if refusal is not None:
        raise refusal
    return wanted.id


async def edit(
    store: Store, types: Types, *, draft_id: UUID, named: str, data: bytes, reason: str | None, caller: Caller,
    once: Once | None = None,
) -> None:  # fmt: skip
    """Store another text of a draft: tests, replays and signatures of the one before do not count for it."""
    loaded = await asyncio.to_thread(compiled, data, types)

    async def work(held: Held[Change]) -> None:
        before = held.draft
        if before.returns:
            raise DraftFixed("a return to an older version is published as it was: start a new draft to change it")
        policy = loaded.policy
        if (policy.tenant, policy.decision_type) != (before.tenant, before.decision_type):
            raise AnotherPolicy(f"this draft is of {before.tenant}/{before.decision_type}, the text of {policy.id}")
        authors = tuple(sorted({*before.authors, caller.pseudonym}))
        after = replace(
            before, version=policy.version, sha256=policy.sha256, automation_sha256=policy.automation_sha256,
            document=data, authors=authors, reason=reason or before.reason, changed_at=held.moment,
        )  # fmt: skip
        in_force = await _require_new(held.change, after)
        await held.change.change_draft(after)
        fact = _drafted(after, in_force, replaces=before.sha256)
        await tell(held.change, after.tenant, after.decision_type, fact, actor=held.actor, moment=held.moment)

    await carry_out(store.change(), draft_id, Asked("edit", caller, AUTHORS, named, once), work)


async def run_tests(
    store: Store, types: Types, *, draft_id: UUID, named: str, caller: Caller, once: Once | None = None
) -> None:
    """Run a draft's own examples and put the result on the record, whether they pass or fail."""
    seen = await store.draft(draft_id)
    if seen is None or not caller.sees(seen.tenant):
        raise DraftUnknown(f"there is no draft {draft_id}")
    results = example_results(await asyncio.to_thread(compiled, seen.document, types, published=seen.returns))
    failed = [
        {"name": one.name, "level": one.level, "differences": list(one.differences)}
        for one in results
        if not one.passed
    ]
    result = {
        "passed": not failed, "examples": len(results), "failed": len(failed), "failures": failed[:MAX_NAMED],
    }  # fmt: skip
    asked = Asked("test", caller, WORKERS, named, once)
    await _note(store, draft_id, "tested", asked, sha256=seen.sha256, result=result, passed=not failed)


async def for_replay(store: Store, types: Types, *, draft_id: UUID, named: str, caller: Caller) -> LoadedPolicy:
    """Return a draft that this caller may replay now; nothing is recorded but a refusal."""

    async def work(held: Held[Change]) -> None:
        found.append(held.draft)

    found: list[StoredDraft] = []
    await carry_out(store.change(), draft_id, Asked("replay", caller, WORKERS, named), work)
    return await asyncio.to_thread(compiled, found[0].document, types, published=found[0].returns)


async def note_replayed(
    store: Store, *, draft_id: UUID, named: str, result: Mapping[str, Any], caller: Caller, once: Once | None = None
) -> None:
    """Put on the record what a replay of a draft found; ``result`` is its summary, a few kilobytes at most.

    ``named`` is the hash of the text that was replayed: when the draft has changed meanwhile, ``HashMismatch``.
    """
    asked = Asked("replay", caller, WORKERS, named, once)
    await _note(store, draft_id, "replayed", asked, sha256=named, result=result, passed=True)


async def _note(
    store: Store, draft_id: UUID, step: str, asked: Asked, *, sha256: str, result: Mapping[str, Any], passed: bool
) -> None:
    """Note what was found out about the text with this hash."""

    async def work(held: Held[Change]) -> None:
        draft, actor, moment = held.draft, held.actor, held.moment
        if draft.sha256 != sha256:
            raise HashMismatch(f"the draft was changed while it was {step}: do it again")
        await held.change.add_step(
            StoredStep(
                draft.id, draft.sha256, step, passed, actor.pseudonym, actor.role or "", moment, orjson.dumps(result)
            )
        )
        fact = policy_fact(f"policy.{step}", draft, **result)
        await tell(held.change, draft.tenant, draft.decision_type, fact, actor=actor, moment=moment)

    await carry_out(store.change(), draft_id, asked, work)


async def _require_new(change: Change, wanted: StoredDraft) -> int | None:
    """Refuse a version that was published; returns the highest that was."""
    newest = await change.newest_version(wanted.tenant, wanted.decision_type)
    if not wanted.returns and newest is not None and wanted.version <= newest:
        raise VersionTaken(f"version {newest} was published before; raise `version` to {newest + 1} or higher")
    return newest


def _drafted(draft: StoredDraft, newest: int | None, **result: Any) -> Fact:
    return policy_fact(
        "policy.drafted", draft, comment=draft.reason, previous_version=newest, authors=list(draft.authors),
        returns=draft.returns, **result,
    )  # fmt: skip


def _new(loaded: LoadedPolicy, draft_id: UUID, caller: Caller, reason: str) -> StoredDraft:
    policy = loaded.policy
    return StoredDraft(
        id=draft_id, tenant=policy.tenant, decision_type=policy.decision_type, version=policy.version,
        sha256=hashlib.sha256(loaded.data).hexdigest(), automation_sha256=policy.automation_sha256,
        document=loaded.data, authors=(caller.pseudonym,), returns=False, reason=reason, state="open",
        created_at=BEGINNING, changed_at=BEGINNING,
    )  # fmt: skip


def _return(version: StoredPolicy, data: bytes, draft_id: UUID, caller: Caller, reason: str) -> StoredDraft:
    return StoredDraft(
        id=draft_id, tenant=version.tenant, decision_type=version.decision_type, version=version.version,
        sha256=version.sha256, automation_sha256=version.automation_sha256, document=data, authors=(caller.pseudonym,),
        returns=True, reason=reason, state="open", created_at=BEGINNING, changed_at=BEGINNING,
    )  # fmt: skip
