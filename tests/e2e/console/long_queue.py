"""A queue as long as a bad day's: copies of one case that waits, each a case of its own."""

from __future__ import annotations

from typing import Any

import asyncpg
import orjson

from countersign_shared.postgres.bodies import bodies

COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'review' AND table_name = $1 AND is_generated = 'NEVER' AND is_identity = 'NO'
"""
TEMPLATES = """
SELECT r.review_id, c.case_id, c.body FROM review.reviews AS r JOIN review.cases AS c USING (tenant, case_id)
WHERE r.state = 'waiting' AND r.kind = 'decision' AND NOT r.withheld AND r.reviewers_required = 1
"""


EARLIER = """
UPDATE review.reviews SET due_at = due_at - interval '1 hour', due_minute = due_minute - 60 WHERE case_id = $1
"""


async def fill_queue(database_url: str, queue: str, cases: int) -> None:
    """Put copies of a case that the model proposes to approve into a queue of their own."""
    connection = await asyncpg.connect(database_url)
    try:
        review_id, case_id, body = await _template(connection)
        names = [f"{queue}-{number:05}" for number in range(cases)]
        copies = [bodies().pack(body.replace(case_id.encode(), name.encode())) for name in names]
        async with connection.transaction():
            await _copy(connection, "cases", "case_id = $3", case_id, names, copies, {
                "case_id": "n.name", "event_id": "n.name", "body": "n.body",
            })  # fmt: skip
            await _copy(connection, "reviews", "review_id = $3", review_id, names, copies, {
                "case_id": "n.name", "review_id": "n.name", "queue": f"'{queue}'",
            })  # fmt: skip
            await connection.execute(
                "INSERT INTO review.case_counters (tenant, case_id, partition) "
                "SELECT tenant, case_id, partition FROM review.cases WHERE case_id = ANY ($1) ON CONFLICT DO NOTHING",
                names,
            )
        await connection.execute("ANALYZE review.reviews")
    finally:
        await connection.close()


async def make_urgent(database_url: str, case_id: str) -> None:
    """Let a waiting case be due before all others."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(EARLIER, case_id)
    finally:
        await connection.close()


async def _template(connection: asyncpg.Connection) -> tuple[str, str, bytes]:
    for row in await connection.fetch(TEMPLATES):
        body = bodies().unpack(row["body"])
        if (orjson.loads(body).get("proposal") or {}).get("outcome") == "approve":
            return row["review_id"], row["case_id"], body
    raise AssertionError("no case waits that the model proposes to approve")


async def _copy(
    connection: asyncpg.Connection, table: str, where: str, key: str, names: list[str], copies: list[bytes],
    changed: dict[str, Any],
) -> None:  # fmt: skip
    columns = [row["column_name"] for row in await connection.fetch(COLUMNS, table)]
    chosen = ", ".join(changed.get(name, f"t.{name}") for name in columns)
    await connection.execute(
        f"INSERT INTO review.{table} ({', '.join(columns)}) SELECT {chosen} "
        f"FROM review.{table} AS t, unnest($1::text[], $2::bytea[]) AS n (name, body) WHERE t.{where}",
        names, copies, key,
    )  # fmt: skip
