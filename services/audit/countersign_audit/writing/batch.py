"""Building one batch: drafts become rows, in memory, before anything is written."""

from datetime import datetime

from countersign_audit.custody.keys import Random
from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.domain.tiles import Edge, FullTile
from countersign_audit.domain.tree import leaf_hash
from countersign_audit.writing.copying import LEAF_HASH, Copies, EntryRow, KeyRow, PayloadRow, copies
from countersign_audit.writing.drafts import Draft, commitments, leaf_bytes
from countersign_audit.writing.scopes import Scope, Scopes
from countersign_audit.writing.sealing import NONCE_BYTES, KeyWrap, SubjectKey, subject_key

DATA_KEY_BYTES = 32
RANDOM_AT_ONCE = 4_096
"""Bytes of chance asked for at once: asking the kernel for each nonce costs as much as encrypting."""


class Batch:
    """The rows of one batch, for a log that has ``size`` entries before it."""

    def __init__(self, size: int, scopes: Scopes, wrap: KeyWrap, names: Pseudonyms, random: Random) -> None:
        self.entries: list[EntryRow] = []
        self.payloads: list[PayloadRow] = []
        self.keys: list[KeyRow] = []
        self.placed: dict[bytes, int] = {}
        self._size = size
        self._scopes = scopes
        self._wrap = wrap
        self._names = names
        self._random = random
        self._chance = b""
        self._used = 0

    def add(self, draft: Draft) -> None:
        """Give a draft the next place in the log."""
        index = self.placed[draft.record_id] = self._size + len(self.entries)
        leaf = draft.leaf
        if draft.conflicts_with is not None:
            leaf.conflict_with = self.placed.get(draft.conflicts_with, draft.conflict_index)
        scope = self._scopes[draft.scope] if draft.has_case else Scope()
        key = scope.key_for(draft.subject) or self._new_key(scope, draft)
        content = draft.content()
        leaf.commitments = commitments(content, draft.secrets, key.commit)
        # Straight after the hash over the same bytes.
        sealed = key.seal(self._take(NONCE_BYTES), content)
        leaf.previous, leaf.subject_key = scope.last, key.id
        data, written = leaf_bytes(leaf, self._names)
        if draft.has_case:
            scope.last = index
        actor = written.actor.id if written.actor is not None else None
        self.entries.append((
            index, data, leaf_hash(data), draft.record_id, draft.scope if draft.has_case else None, draft.tenant,
            written.kind, draft.occurred_at, actor,
        ))  # fmt: skip
        self.payloads.append((index, key.number, sealed))

    def add_own(self, leaf: bytes, record_id: bytes, kind: str, occurred_at: datetime) -> None:
        """Give a leaf about the log itself, which has no payload, the next place."""
        index = self._size + len(self.entries)
        self.entries.append((index, leaf, leaf_hash(leaf), record_id, None, None, kind, occurred_at, None))

    def grow(self, edge: Edge) -> tuple[Edge, list[FullTile]]:
        """Return the edge of the log with these entries, and the tiles that they fill up."""
        return edge.grown([row[LEAF_HASH] for row in self.entries])

    def copies(self) -> Copies:
        """Return the rows as PostgreSQL reads them."""
        return copies(self.entries, self.payloads, self.keys)

    def _take(self, size: int) -> bytes:
        begin, end = self._used, self._used + size
        if end > len(self._chance):
            self._chance = self._random(RANDOM_AT_ONCE)
            begin, end = 0, size
        self._used = end
        return self._chance[begin:end]

    def _new_key(self, scope: Scope, draft: Draft) -> SubjectKey:
        scope.numbers += 1
        number = scope.numbers
        data_key = self._take(DATA_KEY_BYTES)
        wrapped = self._wrap.wrap(data_key, self._take(NONCE_BYTES), draft.scope, number)
        self.keys.append((draft.scope, number, draft.subject, self._wrap.epoch, wrapped))
        key = subject_key(data_key, draft.scope, number, draft.subject)
        scope.add(key)
        return key
