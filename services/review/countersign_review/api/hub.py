"""Who listens at this instance, and what waits for each of them."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from countersign_review.domain.live import change_of

MOST_WAITING = 256
"""Changes kept for one listener; one who reads slower is told to read the pages anew instead."""
MOST_PER_PERSON = 8
"""A browser needs one, shared by its tabs; a person has a few browsers."""
MOST_IN_ALL = 2_000


class Listener:
    """One stream: what waits for it, at most ``MOST_WAITING`` changes."""

    def __init__(self, person: str, tenants: frozenset[str]) -> None:
        self.person = person
        self.tenants = tenants
        self.ended: str | None = None
        self._waiting: deque[dict[str, Any]] = deque()
        self._resync = False
        self._woken = asyncio.Event()

    def put(self, change: dict[str, Any]) -> None:
        """Add a change of one of this listener's tenants."""
        if self._resync or not ("*" in self.tenants or change["tenant"] in self.tenants):
            return
        if len(self._waiting) >= MOST_WAITING:
            self.resync()
            return
        self._waiting.append(change)
        self._woken.set()

    def resync(self) -> None:
        """Replace everything that waits by the word to read anew."""
        self._waiting.clear()
        self._resync = True
        self._woken.set()

    def end(self, reason: str) -> None:
        """Let the stream say why it ends, and end."""
        self.ended = reason
        self._woken.set()

    async def wait(self, seconds: float) -> tuple[bool, list[dict[str, Any]]]:
        """Return whether to read anew, and the changes that wait; nothing of both once the time is over."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except TimeoutError:
            return False, []
        resync, changes = self._resync, list(self._waiting)
        self._resync = False
        self._waiting.clear()
        self._woken.clear()
        return resync, changes


class Hub:
    """The listeners of this instance."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._people: Counter[str] = Counter()
        self._closed = False

    def any(self) -> bool:
        """Tell whether anybody listens."""
        return bool(self._listeners)

    def join(self, person: str, tenants: frozenset[str]) -> Listener | None:
        """Add a listener; None when there are as many as anybody may have."""
        if self._people[person] >= MOST_PER_PERSON or len(self._listeners) >= MOST_IN_ALL:
            return None
        listener = Listener(person, tenants)
        self._listeners.add(listener)
        self._people[person] += 1
        if self._closed:
            listener.end("stopping")
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        if listener in self._listeners:
            self._listeners.remove(listener)
            self._people[listener.person] -= 1
            self._people += Counter()

    def publish(self, rows: Sequence[Any]) -> None:
        """Tell everybody what changed: ids and where to look, nothing of what it says."""
        changes = [
            {
                "kind": change_of(row["kind"]),
                **{name: row[name] for name in ("tenant", "case_id", "queue", "review_id")},
            }
            for row in rows
        ]
        for listener in self._listeners:
            for change in changes:
                listener.put(change)

    def resync(self) -> None:
        """Tell everybody to read anew."""
        for listener in self._listeners:
            listener.resync()

    def resync_of(self, person: str) -> None:
        """Tell one person, at this instance, to read anew, be it that nobody is signed in; heartbeats do elsewhere."""
        for listener in self._listeners:
            if listener.person == person:
                listener.resync()

    def close(self) -> None:
        """End every stream: this instance stops."""
        self._closed = True
        for listener in self._listeners:
            listener.end("stopping")
