"""The cases seen lately: what the writer has to know before it can add an entry to one of them."""

import logging
from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from countersign_audit.store import ScopeRow
from countersign_audit.writing.sealing import KeyWrap, SealError, SubjectKey, subject_key

log = logging.getLogger(__name__)

MAX_SCOPES = 32_768
"""Cases that stay at hand: about 450 bytes each, so 15 MB at most. A backlog is read one topic after the other, and
every case comes round again with each; one that was forgotten has to be looked up and its key opened anew."""


class Scope(Struct, gc=False):
    """What the writer knows of a case: its newest entry and its keys."""

    last: int | None = None
    numbers: int = 0
    """The highest key number given out; a key that no longer opens keeps its number."""
    first: SubjectKey | None = None
    others: tuple[SubjectKey, ...] = ()

    def key_for(self, subject: bytes | None) -> SubjectKey | None:
        """Return the key for a subject; an event that names none goes under the case's first key."""
        first = self.first
        if first is None or subject is None or first.subject == subject:
            return first
        for key in self.others:
            if key.subject == subject:
                return key
        return None

    def add(self, key: SubjectKey) -> None:
        """Take in a key that was made or looked up."""
        if self.first is None:
            self.first = key
        else:
            self.others += (key,)


class Scopes:
    """The cases seen lately, those not met for longest forgotten first.

    True only while this process holds the writer's lock.
    """

    def __init__(self, wrap: KeyWrap) -> None:
        self._wrap = wrap
        self._scopes: dict[bytes, Scope] = {}

    def __len__(self) -> int:
        return len(self._scopes)

    def __getitem__(self, name: bytes) -> Scope:
        scope = self._scopes[name] = self._scopes.pop(name)
        return scope

    def unknown(self, names: Iterable[bytes]) -> list[bytes]:
        """Return which of these have to be looked up, once each."""
        return [name for name in dict.fromkeys(names) if name not in self._scopes]

    def learn(self, names: Iterable[bytes], rows: Iterable[ScopeRow]) -> None:
        """Take in what the database knows of some cases; one without a row is new."""
        for name in names:
            self._scopes[name] = Scope()
        for name, last, number, subject, epoch, wrapped in rows:
            scope = self._scopes[name]
            scope.last = last
            if number is None or epoch is None or wrapped is None:
                continue
            scope.numbers = number
            try:
                data_key = self._wrap.unwrap(epoch, wrapped, name, number)
            except SealError as error:
                # The log must not stop for one damaged key; what it sealed is lost, and verification says so.
                log.critical("data key %s.%d: %s; a new one takes its place", name.hex(), number, error)
                continue
            scope.add(subject_key(data_key, name, number, subject))

    def forget(self, names: Iterable[bytes]) -> None:
        """Forget some cases, because what was to become of them came to nothing."""
        for name in names:
            self._scopes.pop(name, None)

    def forget_oldest(self, committed: int) -> None:
        """Keep the memory within its limit, but for cases with an entry past so many: nobody could look those up."""
        for name in list(islice(self._scopes, max(len(self._scopes) - MAX_SCOPES, 0))):
            last = self._scopes[name].last
            if last is not None and last >= committed:
                break
            del self._scopes[name]
