"""Audit's own way into the embedded database: a role that may add and read, and change nothing."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from countersign_audit.prepare import prepare
from countersign_shared.postgres import Queries, open_pool

ROLE = "countersign_audit"
SCHEMA = "audit"
SQL = Path(__file__).parents[1] / "sql" / "roles.sql"


async def restricted_url(database_url: str) -> str:
    """Prepare audit's schema as the superuser that ``database_url`` signs in as, and return the URL for audit."""
    queries, password = Queries.load(SQL), secrets.token_hex(16)
    async with (
        open_pool(database_url, schema=SCHEMA, size=1) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        await connection.execute(queries.name_password, password)
        await connection.execute(queries.make_audit_role)
    await prepare(database_url, ROLE)
    parts = urlsplit(database_url)
    return urlunsplit(parts._replace(netloc=f"{ROLE}:{password}@{parts.netloc.rpartition('@')[2]}"))
