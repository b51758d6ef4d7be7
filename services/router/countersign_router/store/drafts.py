"""Policies on their way to being published, the steps taken with them, and answers that can be asked for again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from countersign_router.store.statements import Reads, Writes


@dataclass(frozen=True, slots=True)
class StoredDraft:
    """A document on its way; ``returns`` says that it was published before."""

    id: UUID
    tenant: str
    decision_type: str
    version: int
    sha256: str
    automation_sha256: str
    document: bytes
    authors: tuple[str, ...]
    returns: bool
    reason: str
    state: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class StoredStep:
    """What somebody did with a draft when its hash was this; ``result`` is JSON."""

    draft_id: UUID
    sha256: str
    step: str
    passed: bool
    pseudonym: str
    role: str
    done_at: datetime
    result: bytes


class GivenAnswer(NamedTuple):
    """The answer to an earlier request with the same key."""

    request_sha256: str
    body: bytes


class DraftReads(Reads):
    """Drafts and their steps as they are now."""

    async def draft(self, draft_id: UUID) -> StoredDraft | None:
        """Return a draft."""
        row = await self._pool.fetchrow(self._sql.drafts.find_draft, draft_id)
        return None if row is None else _draft(row)

    async def drafts(
        self, *, tenants: Sequence[str] | None, state: str | None, after: UUID | None, limit: int
    ) -> list[StoredDraft]:
        """Return drafts without their texts, newest first, after the one named; ``tenants`` None means all."""
        rows = await self._pool.fetch(self._sql.drafts.list_drafts, tenants, state, after, limit)
        return [_draft(row) for row in rows]

    async def draft_document(self, sha256: str, tenants: Sequence[str] | None) -> bytes | None:
        """Return the text of an open draft of these tenants by its hash."""
        found: bytes | None = await self._pool.fetchval(self._sql.drafts.draft_document, sha256, tenants)
        return found

    async def steps(self, drafts: Sequence[UUID]) -> list[StoredStep]:
        """Return every step taken with these drafts, oldest first."""
        rows = await self._pool.fetch(self._sql.drafts.list_steps, list(drafts))
        return [StoredStep(**dict(row)) for row in rows]


class DraftWrites(Writes):
    """Changes of drafts."""

    async def add_draft(self, draft: StoredDraft) -> None:
        """Keep a new draft."""
        await self._connection.execute(
            self._sql.drafts.insert_draft, draft.id, draft.tenant, draft.decision_type, draft.version, draft.sha256,
            draft.automation_sha256, draft.document, list(draft.authors), draft.returns, draft.reason,
            draft.created_at,
        )  # fmt: skip

    async def lock_draft(self, draft_id: UUID) -> StoredDraft | None:
        """Return a draft that nobody else changes until this transaction ends."""
        row = await self._connection.fetchrow(self._sql.drafts.lock_draft, draft_id)
        return None if row is None else _draft(row)

    async def change_draft(self, draft: StoredDraft) -> None:
        """Store another text of a draft."""
        await self._connection.execute(
            self._sql.drafts.change_draft, draft.id, draft.version, draft.sha256, draft.automation_sha256,
            draft.document, list(draft.authors), draft.reason, draft.changed_at,
        )  # fmt: skip

    async def end_draft(self, draft_id: UUID, moment: datetime) -> None:
        """Close a draft: it was published."""
        await self._connection.execute(self._sql.drafts.end_draft, draft_id, moment)

    async def add_step(self, step: StoredStep) -> None:
        """Note what was done with a draft."""
        await self._connection.execute(
            self._sql.drafts.insert_step, step.draft_id, step.sha256, step.step, step.passed, step.pseudonym, step.role,
            step.done_at, step.result,
        )  # fmt: skip

    async def steps_of(self, draft: StoredDraft) -> list[StoredStep]:
        """Return every step taken with a draft, for whichever hash, oldest first."""
        rows = await self._connection.fetch(self._sql.drafts.list_steps, [draft.id])
        return [StoredStep(**dict(row)) for row in rows]

    async def count_in_thread(self, tenant: str, decision_type: str) -> int:
        """Return the number of the next activity in a policy's life; later ones wait until this one has committed."""
        number: int = await self._connection.fetchval(self._sql.drafts.count_in_thread, tenant, decision_type)
        return number

    async def given_answer(self, subject: str, key: str) -> GivenAnswer | None:
        """Return the answer to the same person's request with this key; a second such request waits for the first."""
        await self._connection.execute(self._sql.drafts.lock_answer, subject, key)
        row = await self._connection.fetchrow(self._sql.drafts.find_answer, subject, key)
        return None if row is None else GivenAnswer(row[0], row[1])

    async def give_answer(self, subject: str, key: str, answer: GivenAnswer, moment: datetime, since: datetime) -> None:
        """Keep an answer, and forget those given before ``since``."""
        await self._connection.execute(self._sql.drafts.forget_answers, since)
        await self._connection.execute(
            self._sql.drafts.insert_answer, subject, key, answer.request_sha256, answer.body, moment
        )


def _draft(row: Any) -> StoredDraft:
    return StoredDraft(**{**dict(row), "authors": tuple(row["authors"])})
