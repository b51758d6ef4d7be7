"""Building one batch: drafts become rows, in memory, before anything is written."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.domain.tree import Frontier, leaf_hash
from countersign_audit.drafts import Draft, commitments, leaf_bytes
from countersign_audit.keys import Random
from countersign_audit.sealing import NONCE_BYTES, KeyWrap, SealError, SubjectKey, subject_key
from countersign_audit.store import EntryRow, KeyRow, PayloadRow

log = logging.getLogger(__name__)

DATA_KEY_BYTES = 32
NONCES_AT_ONCE = 64
MAX_SCOPES = 4_096
"""Cases whose keys stay at hand: about 3 KB each, so 12 MB at most."""


@dataclass(slots=True)
class Scope:
    """What the writer knows of a case: its newest entry and its keys."""

    last: int | None = None
    keys: list[SubjectKey] = field(default_factory=list)
    numbers: int = 0
    """The highest key number given out; a key that no longer opens keeps its number."""

    def key_for(self, subject: bytes | None) -> SubjectKey | None:
        """Return the key for a subject; an event that names none goes under the case's first key."""
        if subject is None and self.keys:
            return self.keys[0]
        for key in self.keys:
            if key.subject == subject:
                return key
        return None


class Scopes:
    """The cases seen lately, oldest forgotten first. True only while this process holds the writer's lock."""

    def __init__(self, wrap: KeyWrap) -> None:
        self._wrap = wrap
        self._scopes: dict[bytes, Scope] = {}

    def __getitem__(self, name: bytes) -> Scope:
        return self._scopes[name]

    def unknown(self, names: Iterable[bytes]) -> list[bytes]:
        """Return which of these have to be looked up, once each."""
        return [name for name in dict.fromkeys(names) if name not in self._scopes]

    def learn(self, last: Mapping[bytes, int | None], rows: Iterable[KeyRow]) -> None:
        """Take in what the database knows of some cases."""
        for name, index in last.items():
            self._scopes[name] = Scope(index)
        for name, number, subject, epoch, wrapped in rows:
            scope = self._scopes[name]
            scope.numbers = max(scope.numbers, number)
            try:
                data_key = self._wrap.unwrap(epoch, wrapped, name, number)
            except SealError as error:
                # The log must not stop for one damaged key; what it sealed is lost, and verification says so.
                log.critical("data key %s.%d: %s; a new one takes its place", name.hex(), number, error)
                continue
            scope.keys.append(subject_key(data_key, name, number, subject))

    def forget_oldest(self) -> None:
        """Keep the memory within its limit."""
        for name in list(self._scopes)[: max(len(self._scopes) - MAX_SCOPES, 0)]:
            del self._scopes[name]

    def clear(self) -> None:
        """Forget everything, because a transaction came to nothing."""
        self._scopes.clear()


class Batch:
    """The rows of one transaction, and the tree as it will be after it."""

    def __init__(self, frontier: Frontier, scopes: Scopes, wrap: KeyWrap, names: Pseudonyms, random: Random) -> None:
        self.frontier = frontier.copy()
        self.entries: list[EntryRow] = []
        self.payloads: list[PayloadRow] = []
        self.keys: list[KeyRow] = []
        self.placed: dict[bytes, int] = {}
        self._scopes = scopes
        self._wrap = wrap
        self._names = names
        self._random = random
        self._nonces = b""

    def add(self, draft: Draft) -> None:
        """Give a draft the next place in the log."""
        index = self.placed[draft.record_id] = self.frontier.size
        leaf = draft.leaf
        if draft.conflicts_with is not None:
            leaf.conflict_with = self.placed.get(draft.conflicts_with, draft.conflict_index)
        scope = self._scopes[draft.scope] if draft.has_case else Scope()
        key = scope.key_for(draft.subject) or self._new_key(scope, draft)
        leaf.commitments = commitments(draft, key.commit)
        leaf.previous, leaf.subject_key = scope.last, key.id
        data, written = leaf_bytes(leaf, self._names)
        hashed = leaf_hash(data)
        self.frontier.append(hashed)
        if draft.has_case:
            scope.last = index
        actor = written.actor.id if written.actor is not None else None
        self.entries.append((
            index, data, hashed, draft.record_id, draft.scope if draft.has_case else None, draft.tenant, written.kind,
            draft.occurred_at, actor,
        ))  # fmt: skip
        self.payloads.append((index, key.number, key.seal(self._nonce(), draft.content)))

    def add_genesis(self, leaf: bytes, record_id: bytes, kind: str, occurred_at: datetime) -> None:
        """Put the first leaf, which is about the log itself and has no payload."""
        hashed = leaf_hash(leaf)
        self.frontier.append(hashed)
        self.entries.append((0, leaf, hashed, record_id, None, None, kind, occurred_at, None))

    def _nonce(self) -> bytes:
        # One call for many: asking the kernel costs as much as encrypting.
        if not self._nonces:
            self._nonces = self._random(NONCE_BYTES * NONCES_AT_ONCE)
        nonce, self._nonces = self._nonces[:NONCE_BYTES], self._nonces[NONCE_BYTES:]
        return nonce

    def _new_key(self, scope: Scope, draft: Draft) -> SubjectKey:
        scope.numbers += 1
        number = scope.numbers
        data_key = self._random(DATA_KEY_BYTES)
        wrapped = self._wrap.wrap(data_key, self._nonce(), draft.scope, number)
        self.keys.append((draft.scope, number, draft.subject, self._wrap.epoch, wrapped))
        key = subject_key(data_key, draft.scope, number, draft.subject)
        scope.keys.append(key)
        return key
