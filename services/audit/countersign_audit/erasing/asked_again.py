"""Erasures that a restored database has forgotten: their requests are delivered again, and count once more.

Only in a log that went on after a loss. Otherwise what is erased here was asked for here, and a request on the topic
that nobody knows of is somebody else's.
"""

import logging
from collections.abc import Sequence
from typing import Any

from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.domain.entry import moment
from countersign_audit.erasing.store import Erasure, ErasureStore
from countersign_shared.clock import Clock
from countersign_shared.erasure import Request, read_request
from countersign_shared.errors import FatalError
from countersign_shared.ids import CASE_ID, TENANT
from countersign_shared.messaging import Record, read_event

log = logging.getLogger(__name__)


class AskedAgain:
    """Notes requests for erasure as the desk had noted them."""

    def __init__(self, pool: Any, names: Pseudonyms, clock: Clock) -> None:
        self._pool = pool
        self._names = names
        self._clock = clock
        self._rows = ErasureStore()

    async def take(self, records: Sequence[Record]) -> None:
        """Note what these records ask for, as far as it is not known."""
        for record in records:
            request = _request(record)
            if request is None:
                continue
            erasure = Erasure(
                request.erasure_id, self._names.case(request.tenant, request.case_id), request.tenant, request.case_id,
                moment(read_event(record).time) or self._clock(), None,
            )  # fmt: skip
            async with self._pool.acquire() as connection:
                if await self._rows.request(connection, erasure):
                    log.warning("erasure %s had been forgotten, and is carried out once more", request.erasure_id)


def _request(record: Record) -> Request | None:
    try:
        found = read_request(record)
    except FatalError as error:
        # It is an entry all the same, and the services that were to act on it say so as well.
        log.critical("%s", error)
        return None
    if found is None or TENANT.fullmatch(found.tenant) is None or CASE_ID.fullmatch(found.case_id) is None:
        return None
    return None if "\0" in found.erasure_id else found
