"""Make the first administrator of an installation, inside the running review container.

    docker compose exec -T review python - < deploy/first_admin.py

Prints a password for the console and an API key for the command line, this once; both are stored as hashes.
The administrator adds everybody else: `countersign users add`.
"""

import asyncio
import os
import sys

from countersign_review.users import open_accounts

USERNAME = "admin"
# Not reviewer and not auditor: who runs the system neither decides cases nor audits them without being given the role.
ROLES = ("admin", "lead", "operator", "analyst", "submitter")


async def main() -> int:
    """Return 0 when the administrator was made, 1 when there is one already."""
    environment = os.environ.get("KEY_ENVIRONMENT", "local")
    async with open_accounts(os.environ["DATABASE_URL"]) as accounts:
        user = await accounts.create_user(USERNAME, display_name="Administrator", roles=ROLES)
        if user is None:
            sys.stderr.write(f"There is a user {USERNAME} already; an administrator adds the others.\n")
            return 1
        key = await accounts.create_key(USERNAME, name="command line", roles=ROLES, environment=environment)
    sys.stdout.write(
        f"Console:      http://127.0.0.1:8100  user {USERNAME}  password {user.password}\n"
        f"Command line: export COUNTERSIGN_URL=http://127.0.0.1:8100 COUNTERSIGN_API_KEY={key}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
