"""Health: liveness is work being done, not a ping being answered."""

import time
from collections.abc import Callable

from countersign_shared.observability.faults import named

POLL_LIMIT_SECONDS = 60.0
"""A consumer that has not polled for this long is dead or stuck in a batch past any sensible time."""


class Health:
    """What a service knows about its own well-being; ``monotonic`` is a clock in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._last_poll: float | None = None
        self._answer: float | None = None
        self._assigned = 0
        self._failure: str | None = None
        self._ready = False

    def polled(self, moment: float) -> None:
        """Note that the consumer asked for records."""
        self._last_poll = moment

    def answered(self, moment: float) -> None:
        """Note that a broker answered: a consumer goes on polling, and gets nothing, when there is none."""
        self._answer = moment

    def assigned(self, partitions: int) -> None:
        """Note how many partitions this replica owns."""
        self._assigned = partitions

    def consumer_stopped(self) -> None:
        """Note that the consumer was stopped on purpose."""
        self._last_poll = self._answer = None
        self._assigned = 0

    def ready(self, value: bool) -> None:
        """Note that start-up is complete, or that the service is leaving."""
        self._ready = value

    def failed(self, error: BaseException) -> None:
        """Note the fault that ends the process; the first one stands."""
        self._failure = self._failure or named(error)

    def last_poll_age_seconds(self) -> float:
        """Return the time since the last poll, 0 when nothing is consumed."""
        return 0.0 if self._last_poll is None else max(self._monotonic() - self._last_poll, 0.0)

    def broker_silence_seconds(self) -> float:
        """Return the time since a broker last answered, 0 when nothing is consumed or nobody looks."""
        return 0.0 if self._answer is None else max(self._monotonic() - self._answer, 0.0)

    def live(self) -> tuple[bool, dict[str, object]]:
        """Tell whether the process should go on living, and what that rests on."""
        age = self.last_poll_age_seconds()
        details: dict[str, object] = {"last_poll_age_seconds": round(age, 3), "assigned_partitions": self._assigned}
        if self._failure:
            details["failure"] = self._failure
        return self._failure is None and age < POLL_LIMIT_SECONDS, details

    def is_ready(self) -> tuple[bool, dict[str, object]]:
        """Tell whether the service should get traffic."""
        live, details = self.live()
        return live and self._ready, {**details, "started": self._ready}
