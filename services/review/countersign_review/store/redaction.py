"""Erasing a case here: from its own tables, and from what was shown with other cases.

A context package names the subject's earlier cases and similar ones by title and outcome. Those entries leave the
stored bytes, and with them the package's salt; the digest stays, because a decision quotes it as the digest of what was
served. Without the salt it tells nobody which case stood there.
"""

from typing import Any

import orjson

from countersign_review.store.events import SQL
from countersign_shared.clock import Clock
from countersign_shared.erasure import Erase, eraser
from countersign_shared.postgres import Queries

AT_ONCE = 200
"""Packages read into memory together: a case that resembles many is named in many."""


def case_eraser(clock: Clock) -> Erase:
    """Return what erases a case from every table of this service; see ``countersign_shared.erasure.Erase``."""
    own = eraser(SQL / "erasure.sql")
    queries = Queries.load(SQL / "redaction.sql")

    async def erase(connection: Any, tenant: str, case_id: str) -> int:
        # First the case: whoever builds a package from now on does not find it.
        rows = await own(connection, tenant, case_id)
        while found := await connection.fetch(queries.naming, tenant, case_id, AT_ONCE):
            now = clock()
            await connection.executemany(
                queries.redact,
                [(row["claim_id"], row["number"], without(row["package"], case_id), now) for row in found],
            )
            rows += len(found)
        return rows

    return erase


def without(package: bytes, case_id: str) -> bytes:
    """Return a context package without what it says of another case, and its salt; both are of one tenant."""
    content = orjson.loads(package)
    content["salt"] = None
    history = content["history"]
    for kind in ("subject", "similar"):
        history[kind] = [case for case in history[kind] if case["case_id"] != case_id]
    return orjson.dumps(content)
