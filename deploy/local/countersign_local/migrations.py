"""Every service's migrations, for an operator who applies them before a roll-out."""

from importlib.resources import files
from pathlib import Path

from countersign_audit.prepare import prepare
from countersign_shared.postgres import migrate, open_pool

SERVICES = ("inference", "router", "review", "audit", "feedback")


async def migrate_all(database_url: str, *, audit_role: str | None = None) -> dict[str, list[str]]:
    """Apply what is missing and return, per schema, the names of the applied files.

    With ``audit_role`` audit's tables are taken from that role, which may add and read from then on.
    """
    applied = {}
    for service in SERVICES:
        directory = Path(str(files(f"countersign_{service}"))) / "sql" / "migrations"
        async with open_pool(database_url, schema=service, size=2) as pool:
            applied[service] = await migrate(pool, schema=service, migrations=directory)
    if audit_role is not None:
        await prepare(database_url, audit_role)
    return applied
