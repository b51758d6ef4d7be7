"""A router on a real database, fed by hand: everything but Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from countersign_router.app import MIGRATIONS
from countersign_router.store import SCHEMA, Store
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.postgres import migrate, open_pool
from tests.fixtures.postgres import migrated_template
from tests.integration.router.desk import Replica
from tests.unit.router.cases import shipped


@pytest.fixture(scope="session")
def template_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> str:
    return migrated_template(request.config, tmp_path_factory, postgres_url, SCHEMA, MIGRATIONS)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(database_url, schema=SCHEMA, size=16) as opened:
        await migrate(opened, schema=SCHEMA, migrations=MIGRATIONS)
        yield opened


@pytest.fixture
async def store(pool: asyncpg.Pool) -> Store:
    return Store(pool, Outbox())


@pytest.fixture
async def replica(store: Store) -> Replica:
    """A router with the two shipped policies in force."""
    made = Replica(store)
    await made.publish(shipped("loan_application"), shipped("refund"))
    return made
