from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from countersign_review.app import MIGRATIONS
from tests.fixtures.postgres import migrated_template
from tests.integration.review.harness import Desk, open_desk


@pytest.fixture(scope="session")
def template_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> str:
    return migrated_template(request.config, tmp_path_factory, postgres_url, "review", MIGRATIONS)


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    async with open_desk(database_url) as opened:
        yield opened
