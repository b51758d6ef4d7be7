"""Make the first administrator of an installation, inside the running review container.

    docker compose exec -T review python - < deploy/first_admin.py

Prints a password for the console and an API key for the command line, this once; both are stored as hashes.
The administrator adds everybody else: `countersign users add`.
"""

import asyncio
import os
import sys

import asyncpg

from countersign_review.users import open_accounts
from countersign_shared.errors import ConfigurationError

USERNAME = "admin"
# Not reviewer and not auditor: who runs the system neither decides cases nor audits them without being given the role.
ROLES = ("admin", "lead", "operator", "analyst", "submitter")


async def main() -> int:
    """Return 0 when the administrator was made, 1 when there is one already or none could be made."""
    try:
        return await make(os.environ.get("DATABASE_URL", ""), f"http://127.0.0.1:{os.environ.get('HTTP_PORT', '8100')}")
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
    except asyncpg.UndefinedTableError:
        sys.stderr.write("This database has no users yet: start the review service once, it makes its tables.\n")
    return 1


async def make(database_url: str, console: str) -> int:
    """Make the administrator and print what lets them in."""
    if not database_url:
        raise ConfigurationError("DATABASE_URL is not set: it is that of the review service.")
    environment = os.environ.get("KEY_ENVIRONMENT", "local")
    async with open_accounts(database_url) as accounts:
        user = await accounts.create_user(USERNAME, display_name="Administrator", roles=ROLES)
        if user is None:
            sys.stderr.write(f"There is a user {USERNAME} already; an administrator adds the others.\n")
            return 1
        # At once: whatever fails below, nobody could ever read the password again.
        sys.stdout.write(f"Console:      {console}  user {USERNAME}  password {user.password}\n")
        key = await accounts.create_key(USERNAME, name="command line", roles=ROLES, environment=environment)
    sys.stdout.write(f"Command line: export COUNTERSIGN_URL={console} COUNTERSIGN_API_KEY={key}\n")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
