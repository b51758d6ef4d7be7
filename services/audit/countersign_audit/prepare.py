"""Preparing the database for a role that may add and read, and change nothing: migrations and rights, by their owner.

    DATABASE_URL=... AUDIT_ROLE=countersign_audit python -m countersign_audit.prepare

The service itself then runs as AUDIT_ROLE and finds nothing left to migrate.
"""

import asyncio
import sys

from pydantic import ValidationError

from countersign_audit.settings import PreparationSettings
from countersign_audit.store import MIGRATIONS, SCHEMA, SQL, restrict
from countersign_shared.contracts.wording import in_words
from countersign_shared.errors import ConfigurationError
from countersign_shared.postgres import migrate, open_pool
from countersign_shared.postgres.queries import Queries
from countersign_shared.runtime import EXIT_CONFIGURATION, exit_code


async def prepare(database_url: str, role: str) -> list[str]:
    """Apply what is missing, leave ``role`` what it needs and no more, and return the names of the applied files."""
    queries = Queries.load(SQL / "restrict.sql")
    async with open_pool(database_url, schema=SCHEMA, size=2) as pool:
        applied = await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        async with pool.acquire() as connection, connection.transaction():
            await restrict(connection, queries, role)
    return applied


def main() -> int:
    """Prepare what the environment names."""
    try:
        settings = PreparationSettings()
        applied = asyncio.run(prepare(settings.database_url, settings.audit_role))
    except ValidationError as error:
        for item in error.errors():
            sys.stderr.write(f"{str(item['loc'][0]).upper()}: {in_words(item)}\n")
        return EXIT_CONFIGURATION
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return exit_code(error)
    sys.stdout.write(f"audit: {', '.join(applied) or 'up to date'}; {settings.audit_role} may add and read\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
