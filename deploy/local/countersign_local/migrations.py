"""Every service's migrations, for an operator who applies them before a roll-out."""

from importlib.resources import files
from pathlib import Path

from countersign_shared.postgres import migrate, open_pool

SERVICES = ("inference", "router", "review", "audit", "feedback")


async def migrate_all(database_url: str) -> dict[str, list[str]]:
    """Apply what is missing and return, per schema, the names of the applied files."""
    applied = {}
    for service in SERVICES:
        directory = Path(str(files(f"countersign_{service}"))) / "sql" / "migrations"
        async with open_pool(database_url, schema=service, size=2) as pool:
            applied[service] = await migrate(pool, schema=service, migrations=directory)
    return applied
