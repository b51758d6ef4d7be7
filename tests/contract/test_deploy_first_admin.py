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


async def run(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run, [sys.executable, "-"], input=SCRIPT.read_text(encoding="utf-8"), check=False,
        capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"], **variables},
    )  # fmt: skip


async def test_made_once_and_only_once(database_url: str) -> None:
    async with open_pool(database_url, schema=SCHEMA, size=2) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)

    variables = {"DATABASE_URL": database_url, "KEY_ENVIRONMENT": "compose", "HTTP_PORT": "9100"}
    made = await run(variables)
    assert made.returncode == 0, made.stderr
    assert re.search(r"http://127\.0\.0\.1:9100  user admin  password \S{12,}\n", made.stdout)
    assert re.search(r"COUNTERSIGN_API_KEY=cs_compose_\w+_\S+\n", made.stdout)
    async with open_accounts(database_url) as accounts:
        assert await accounts.people.find("admin")
    again = await run(variables)
    assert again.returncode == 1
    assert "already" in again.stderr


async def test_what_is_in_the_way_is_said_in_one_line(database_url: str) -> None:
    said = {
        "": "DATABASE_URL is not set",
        "postgresql://nobody@127.0.0.1:1/none": "PostgreSQL does not answer",
        database_url: "start the review service once",
    }
    for url, words in said.items():
        refused = await run({"DATABASE_URL": url})
        assert (refused.returncode, words in refused.stderr, refused.stderr.count("\n")) == (1, True, 1), refused.stderr
