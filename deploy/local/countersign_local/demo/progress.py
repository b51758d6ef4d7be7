"""What has happened so far in this start, counted from the decisions seen."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from countersign_local.demo.ledger import CaseKey
from countersign_shared.messaging.cloudevents import Event


@dataclass(slots=True)
class Progress:
    """Counts decisions by mode; `started_at` and the times are seconds of one monotonic clock."""

    started_at: float
    monotonic: Callable[[], float] = time.monotonic
    modes: Counter[str] = field(default_factory=Counter)
    first_decided_after: float | None = None
    last_decided_at: float | None = None
    _seen: set[str] = field(default_factory=set)

    def saw(self, event: Event) -> CaseKey:
        """Count a decision once and return its case."""
        if event.id not in self._seen:
            self._seen.add(event.id)
            self.modes[str(event.body.get("mode"))] += 1
            self.last_decided_at = self.monotonic()
            if self.first_decided_after is None:
                self.first_decided_after = self.last_decided_at - self.started_at
        return event.body["tenant"], event.body["case_id"]
