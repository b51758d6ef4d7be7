"""The roles that docker compose makes: each service sees its own schema only, and audit cannot change what it wrote."""

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

from countersign_audit.prepare import prepare
from countersign_shared.errors import ConfigurationError
from countersign_shared.postgres import migrate, open_pool

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "deploy" / "postgres" / "init").glob("*.sh"))
MIGRATIONS = "audit_migrations"
SERVICES = ("inference", "router", "review", "audit", "feedback")

AUDIT_MIGRATIONS = Path(str(importlib.resources.files("countersign_audit"))) / "sql" / "migrations"
RIGHTS = """
SELECT relname AS name, pg_get_userbyid(relowner) = current_user AS owned,
       has_table_privilege(oid, 'UPDATE') AS update, has_table_privilege(oid, 'DELETE') AS delete,
       has_table_privilege(oid, 'TRUNCATE') AS truncate
FROM pg_class WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p')
"""

pytestmark = pytest.mark.skipif(shutil.which("psql") is None, reason="no psql on this machine")


@pytest.fixture
async def roles(database_url: str) -> AsyncIterator[dict[str, str]]:
    """A database as the image's first start leaves it; gives each service's URL."""
    parts = urlsplit(database_url)
    names = (*SERVICES, MIGRATIONS)
    passwords = {f"{name.upper()}_DATABASE_PASSWORD": f"{name}-0a1b'2c" for name in names}
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
        # The last one may be run again, as an installation from before it does.
        for script in (*SCRIPTS, SCRIPTS[-1]):
            await asyncio.to_thread(
                subprocess.run, ["sh", script], env=os.environ | passwords | connection, check=True, timeout=60
            )
        yield {
            name: urlunsplit(
                parts._replace(
                    netloc=f"countersign_{name}:{passwords[f'{name.upper()}_DATABASE_PASSWORD']}"
                    f"@{parts.hostname}:{parts.port}"
                )
            )
            for name in names
        }
    finally:
        for name in (*names, "audit_owner"):
            if await admin.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", f"countersign_{name}"):
                await admin.execute(f"DROP OWNED BY countersign_{name} CASCADE; DROP ROLE countersign_{name}")
        await admin.close()


async def test_each_service_migrates_its_own_schema(roles: dict[str, str]) -> None:
    for service, url in roles.items():
        if service in {"audit", MIGRATIONS}:
            continue
        migrations = Path(str(importlib.resources.files(f"countersign_{service}"))) / "sql" / "migrations"
        async with open_pool(url, schema=service, size=2) as pool:
            assert await migrate(pool, schema=service, migrations=migrations)


async def test_audits_tables_are_made_by_their_owner_and_audit_may_add_and_read(roles: dict[str, str]) -> None:
    async with open_pool(roles["audit"], schema="audit", size=1) as pool:
        with pytest.raises(ConfigurationError, match="this role may not"):
            await migrate(pool, schema="audit", migrations=AUDIT_MIGRATIONS)
    assert await prepare(roles[MIGRATIONS], "countersign_audit")
    assert await prepare(roles[MIGRATIONS], "countersign_audit") == []
    async with open_pool(roles["audit"], schema="audit", size=1) as pool:
        assert await migrate(pool, schema="audit", migrations=AUDIT_MIGRATIONS) == []
        rights = await pool.fetch(RIGHTS)
        assert len(rights) > 12
        changed = {row["name"] for row in rights if row["update"] or row["delete"] or row["truncate"] or row["owned"]}
        assert changed == {"outbox"}
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("ALTER TABLE entries DISABLE TRIGGER ALL")
        assert await pool.fetchval("SELECT make_room(1, 256)") == 256
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("SELECT * FROM entries_0")


async def test_nobody_reads_another_services_schema(roles: dict[str, str]) -> None:
    audit = await asyncpg.connect(roles[MIGRATIONS], server_settings={"search_path": "audit"})
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


def test_no_password_is_among_the_arguments_that_every_user_of_the_machine_sees(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    spy = tmp_path / "psql"
    spy.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> "$SEEN"\ncat > /dev/null\n', encoding="utf-8")
    spy.chmod(0o755)
    passwords = {f"{name.upper()}_DATABASE_PASSWORD": f"geheim-{name}" for name in (*SERVICES, MIGRATIONS)}
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SEEN": str(seen), "POSTGRES_DB": "db", **passwords}
    for script in SCRIPTS:
        subprocess.run(["sh", script], env=environment, check=True, timeout=60)
    assert "--dbname=db" in seen.read_text(encoding="utf-8")
    assert "geheim" not in seen.read_text(encoding="utf-8")
