"""The roles that docker compose makes: each service can migrate its own schema and sees nobody else's."""

from __future__ import annotations

import asyncio
import importlib.resources
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from countersign_shared.postgres import migrate, open_pool

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "postgres" / "init" / "10-roles.sh"
SERVICES = ("inference", "router", "review", "audit", "feedback")

pytestmark = pytest.mark.skipif(shutil.which("psql") is None, reason="no psql on this machine")


@pytest.fixture
async def roles(database_url: str) -> AsyncIterator[dict[str, str]]:
    """A database as the image's first start leaves it; gives each service's URL."""
    parts = urlsplit(database_url)
    passwords = {f"{service.upper()}_DATABASE_PASSWORD": f"{service}-0a1b'2c" for service in SERVICES}
    connection = {
        "PGHOST": str(parts.hostname), "PGPORT": str(parts.port), "PGPASSWORD": parts.password or "",
        "POSTGRES_DB": parts.path[1:],
    }  # fmt: skip
    if parts.username != "postgres":
        pytest.skip("the image's script signs in as postgres, and this server's superuser has another name")
    admin = await asyncpg.connect(database_url)
    try:
        if await admin.fetchval("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'countersign\\_%'"):
            pytest.skip("this server has Countersign's roles already")
        await asyncio.to_thread(
            subprocess.run, ["sh", SCRIPT], env=os.environ | passwords | connection, check=True, timeout=60
        )
        yield {
            service: urlunsplit(
                parts._replace(
                    netloc=f"countersign_{service}:{passwords[f'{service.upper()}_DATABASE_PASSWORD']}"
                    f"@{parts.hostname}:{parts.port}"
                )
            )
            for service in SERVICES
        }
    finally:
        for service in SERVICES:
            if await admin.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", f"countersign_{service}"):
                await admin.execute(f"DROP OWNED BY countersign_{service} CASCADE; DROP ROLE countersign_{service}")
        await admin.close()


async def test_each_service_migrates_its_own_schema(roles: dict[str, str]) -> None:
    for service, url in roles.items():
        migrations = Path(str(importlib.resources.files(f"countersign_{service}"))) / "sql" / "migrations"
        async with open_pool(url, schema=service, size=2) as pool:
            assert await migrate(pool, schema=service, migrations=migrations)


async def test_nobody_reads_another_services_schema(roles: dict[str, str]) -> None:
    audit = await asyncpg.connect(roles["audit"])
    await audit.execute("CREATE TABLE audit.secret (n int); CREATE TABLE found_by_search_path (n int)")
    await audit.close()
    for service in SERVICES:
        if service != "audit":
            connection = await asyncpg.connect(roles[service])
            for statement in (
                "SELECT * FROM audit.secret",
                "CREATE TABLE audit.mine (n int)",
                "CREATE TABLE public.mine (n int)",
                "CREATE SCHEMA mine",
                "CREATE ROLE mine",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
            await connection.close()
