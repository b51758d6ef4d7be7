"""Databases that have feedback's tables already."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from countersign_feedback.app import MIGRATIONS
from countersign_feedback.store import SCHEMA
from countersign_shared.postgres import migrate, open_pool
from tests.fixtures.postgres import migrated_template


@pytest.fixture(scope="session")
def template_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> str:
    return migrated_template(request.config, tmp_path_factory, postgres_url, "feedback", MIGRATIONS)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(database_url, schema=SCHEMA) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        yield pool
