"""How many cases came in over HTTP and are not scored yet."""

from countersign_inference.domain.arrivals import CaseKey

FORGET_AFTER_SECONDS = 60.0
"""A case that has not come by in this time was lost by the in-memory broker; it must not hold a place for ever."""


class Outstanding:
    """Counts cases between intake and scoring, up to a limit; a limit of None never says no.

    The in-memory broker holds what it is given in memory and drops the oldest past its own bounds, so intake over HTTP
    must not run ahead of scoring.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._since: dict[CaseKey, float] = {}

    def enter(self, key: CaseKey, now: float) -> bool:
        """Note a case that is about to be published; False when there is no room. `now` is monotonic, in seconds."""
        if self._limit is None:
            return True
        if len(self._since) >= self._limit and key not in self._since:
            self._since = {known: since for known, since in self._since.items() if now - since < FORGET_AFTER_SECONDS}
            if len(self._since) >= self._limit:
                return False
        self._since[key] = now
        return True

    def leave(self, key: CaseKey) -> None:
        """Note that a case was handled."""
        self._since.pop(key, None)
