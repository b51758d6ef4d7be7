"""The first administrator of a fresh installation."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import countersign_review
from countersign_review.users import SCHEMA, open_accounts
from countersign_shared.postgres import migrate, open_pool

SCRIPT = Path(__file__).parents[2] / "deploy" / "first_admin.py"
MIGRATIONS = Path(str(countersign_review.__file__)).parent / "sql" / "migrations"


async def test_made_once_and_only_once(database_url: str) -> None:
    async with open_pool(database_url, schema=SCHEMA, size=2) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)

    variables = os.environ | {"DATABASE_URL": database_url, "KEY_ENVIRONMENT": "compose"}

    async def run() -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run, [sys.executable, "-"], input=SCRIPT.read_text(encoding="utf-8"), check=False,
            capture_output=True, text=True, timeout=60, env=variables,
        )  # fmt: skip

    made = await run()
    assert made.returncode == 0, made.stderr
    assert re.search(r"user admin  password \S{12,}\n", made.stdout)
    assert re.search(r"COUNTERSIGN_API_KEY=cs_compose_\w+_\S+\n", made.stdout)
    async with open_accounts(database_url) as accounts:
        assert await accounts.people.find("admin")
    again = await run()
    assert again.returncode == 1
    assert "already" in again.stderr
