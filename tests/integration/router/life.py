"""People who take a policy through its life, and what the record says of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from countersign_router.language.loading import LoadedPolicy
from countersign_router.life import drafting, signing
from countersign_router.life.progress import Progress, progress
from countersign_router.life.steps import Caller
from countersign_router.store import PersonChange, Store, StoredDraft
from countersign_shared.clock import system_clock
from tests.contract.fits import misfits
from tests.unit.router.cases import bent, decision_types

EVERYWHERE = frozenset({"*"})
ANTON = Caller("p-anton", frozenset({"policy_author"}), EVERYWHERE)
BEA = Caller("p-bea", frozenset({"policy_author", "policy_approver"}), EVERYWHERE)
PETRA = Caller("p-petra", frozenset({"policy_approver"}), EVERYWHERE)
PAUL = Caller("p-paul", frozenset({"policy_approver"}), EVERYWHERE)
LENA = Caller("p-lena", frozenset({"lead"}), EVERYWHERE)
REPLAY = {"against": "last:100000", "cases": 0, "changed": 0}


def everything_to_people(version: int = 2) -> LoadedPolicy:
    """A version under which nothing is automatic."""
    return bent(version=version, never_automate="true")


class Way:
    """One policy on its way through the steps; ``by`` and ``sha256`` may be bent."""

    def __init__(self, store: Store, draft_id: UUID) -> None:
        self.store = store
        self.types = decision_types()
        self.draft_id = draft_id

    @classmethod
    async def begin(cls, store: Store, policy: LoadedPolicy, by: Caller = ANTON, **given: Any) -> Way:
        draft_id = await drafting.draft(
            store, decision_types(), data=policy.data, reason="because", caller=by, draft_id=uuid4(), **given
        )
        return cls(store, draft_id)

    @classmethod
    async def back(cls, store: Store, policy: LoadedPolicy, by: Caller = ANTON) -> Way:
        draft_id = await drafting.roll_back(
            store, sha256=policy.policy.sha256, reason="it went wrong", caller=by, draft_id=uuid4()
        )
        return cls(store, draft_id)

    @classmethod
    async def examined(cls, store: Store, policy: LoadedPolicy, by: Caller = ANTON) -> Way:
        way = await cls.begin(store, policy, by)
        await way.test()
        await way.replay()
        return way

    @classmethod
    async def approved(cls, store: Store, policy: LoadedPolicy, by: Caller = PETRA) -> Way:
        way = await cls.examined(store, policy)
        await way.approve(by)
        return way

    async def draft(self) -> StoredDraft:
        draft = await self.store.draft(self.draft_id)
        assert draft is not None
        return draft

    async def _sha256(self, sha256: str | None) -> str:
        return sha256 or (await self.draft()).sha256

    async def edit(self, policy: LoadedPolicy, by: Caller = ANTON, sha256: str | None = None) -> None:
        await drafting.edit(
            self.store, self.types, draft_id=self.draft_id, named=await self._sha256(sha256), data=policy.data,
            reason=None, caller=by,
        )  # fmt: skip

    async def test(self, by: Caller = ANTON, sha256: str | None = None) -> None:
        named = await self._sha256(sha256)
        await drafting.run_tests(self.store, self.types, draft_id=self.draft_id, named=named, caller=by)

    async def replay(self, by: Caller = ANTON, sha256: str | None = None) -> None:
        named = await self._sha256(sha256)
        await drafting.note_replayed(self.store, draft_id=self.draft_id, named=named, result=REPLAY, caller=by)

    async def approve(self, by: Caller = PETRA, sha256: str | None = None) -> None:
        named = await self._sha256(sha256)
        await signing.approve(self.store, draft_id=self.draft_id, named=named, comment="seen", caller=by)

    async def publish(self, by: Caller = ANTON, sha256: str | None = None, **given: Any) -> None:
        named = await self._sha256(sha256)
        await signing.publish(
            self.store, self.types, draft_id=self.draft_id, named=named, reason="time to", caller=by, **given
        )

    async def progress(self) -> Progress:
        (one,) = await progress(self.store, [await self.draft()], system_clock())
        return one


async def lose(store: Store, who: Caller, *, sequence: int = 5, **change: Any) -> None:
    """Something on the record about a person: ``roles``, ``tenants`` or ``disabled``."""
    await store.note_people([PersonChange(who.pseudonym, sequence, system_clock(), **change)])


async def activities(pool: asyncpg.Pool) -> list[dict[str, Any]]:
    """The activities in the outbox, each fit for the contract."""
    rows = await pool.fetch("SELECT body FROM outbox WHERE topic = 'activity.recorded' ORDER BY id")
    found = [orjson.loads(row["body"]) for row in rows]
    assert [misfits("activity.recorded", one) for one in found] == [[]] * len(found)
    return found


async def refusals(pool: asyncpg.Pool) -> list[tuple[str, str, str]]:
    """What was refused: who, which step, why."""
    return [
        (one["actor"]["pseudonym"], one["body"]["state"]["step"], one["body"]["state"]["refusal"])
        for one in await activities(pool)
        if one["kind"] == "control.refused"
    ]


async def in_force(pool: asyncpg.Pool, decision_type: str = "loan_application") -> dict[str, Any]:
    """The control that says which version routes."""
    body = await pool.fetchval(
        "SELECT body FROM controls WHERE kind = 'policy' AND tenant = 'default' AND decision_type = $1", decision_type
    )
    found: dict[str, Any] = orjson.loads(body)
    assert misfits("control.changed", found) == []
    return found


async def age_approvals(pool: asyncpg.Pool, by: str) -> None:
    """Let time pass for every step."""
    await pool.execute("UPDATE policy_steps SET done_at = done_at - $1::text::interval", by)
    await pool.execute("UPDATE policy_drafts SET changed_at = changed_at - $1::text::interval", by)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
