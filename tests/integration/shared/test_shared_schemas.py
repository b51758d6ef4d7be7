"""Each service's `schema.sql` says exactly what its migrations make."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from countersign_shared.postgres.migrate import migrate
from countersign_shared.postgres.pool import open_pool
from tests.architecture.sources import MEMBERS, SERVICES

# Everything a schema consists of, one line each, in an order of its own.
CATALOG = """
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname = $1)
SELECT format('relation %s kind=%s persistence=%s options=%s owner=%s acl=%s', c.relname, c.relkind, c.relpersistence,
              c.reloptions, pg_get_userbyid(c.relowner), c.relacl) AS line
FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM ours) AND c.relkind <> 'i'
UNION ALL
SELECT format('column %s.%s %s not_null=%s default=%s storage=%s compression=%s identity=%s generated=%s acl=%s',
              c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
              pg_get_expr(d.adbin, d.adrelid), a.attstorage, a.attcompression, a.attidentity, a.attgenerated, a.attacl)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace IN (SELECT oid FROM ours) AND c.relkind IN ('r', 'p', 'v', 'm')
  AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT format('index %s', pg_get_indexdef(i.indexrelid))
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace IN (SELECT oid FROM ours)
UNION ALL
SELECT format('constraint %s.%s %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relnamespace IN (SELECT oid FROM ours)
UNION ALL
SELECT format('trigger %s enabled=%s', pg_get_triggerdef(t.oid), t.tgenabled)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace IN (SELECT oid FROM ours)
  AND NOT t.tgisinternal
UNION ALL
SELECT format('function %s acl=%s', pg_get_functiondef(p.oid), p.proacl)
FROM pg_proc p WHERE p.pronamespace IN (SELECT oid FROM ours) AND p.prokind IN ('f', 'p')
UNION ALL
SELECT format('type %s %s', t.typname,
              (SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
FROM pg_type t WHERE t.typnamespace IN (SELECT oid FROM ours) AND t.typtype IN ('e', 'd')
UNION ALL
SELECT format('view %s %s', v.viewname, v.definition) FROM pg_views v WHERE v.schemaname = $1
UNION ALL
SELECT format('schema acl=%s', n.nspacl) FROM pg_namespace n WHERE n.nspname = $1
ORDER BY line
"""


def sql_of(service: str) -> Path:
    return MEMBERS[service] / f"countersign_{service}" / "sql"


async def lines(pool: asyncpg.Pool, schema: str) -> list[str]:
    found = [row["line"] for row in await pool.fetch(CATALOG, schema)]
    # The migrations' own list of what was applied is kept by the migrator, not by the service.
    return [line for line in found if "schema_migrations" not in line]


@pytest.mark.postgres
@pytest.mark.parametrize("service", SERVICES)
async def test_schema_sql_equals_the_migrations(service: str, database_url: str) -> None:
    async with open_pool(database_url, schema=service, size=2) as pool:
        await migrate(pool, schema=service, migrations=sql_of(service) / "migrations")
        migrated = await lines(pool, service)
        await pool.execute(f"DROP SCHEMA {service} CASCADE")
    async with open_pool(database_url, schema=service, size=2) as pool:
        await pool.execute((sql_of(service) / "schema.sql").read_text(encoding="utf-8"))
        described = await lines(pool, service)
    assert any(line.startswith("relation") for line in migrated)
    assert described == migrated


@pytest.mark.postgres
@pytest.mark.parametrize("service", SERVICES)
async def test_migrating_twice_changes_nothing(service: str, database_url: str) -> None:
    async with open_pool(database_url, schema=service, size=2) as pool:
        assert await migrate(pool, schema=service, migrations=sql_of(service) / "migrations")
        assert await migrate(pool, schema=service, migrations=sql_of(service) / "migrations") == []


@pytest.mark.postgres
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_stays_inside_its_own_schema(service: str, database_url: str) -> None:
    async with open_pool(database_url, schema=service, size=2) as pool:
        await migrate(pool, schema=service, migrations=sql_of(service) / "migrations")
        schemas = {
            row["nspname"]
            for row in await pool.fetch(
                "SELECT DISTINCT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname NOT LIKE 'pg!_%' ESCAPE '!' AND n.nspname <> 'information_schema'"
            )
        }
    assert schemas == {service}
