"""Databases that have audit's tables already, and a log in one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from countersign_audit.store import MIGRATIONS, SCHEMA
from tests.fixtures.postgres import migrated_template
from tests.integration.audit.log import Log, open_log


@pytest.fixture(scope="session")
def template_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> str:
    return migrated_template(request.config, tmp_path_factory, postgres_url, SCHEMA, MIGRATIONS)


@pytest.fixture
async def log(database_url: str, tmp_path: Path) -> AsyncIterator[Log]:
    """A log that has only its beginning."""
    async with open_log(database_url, tmp_path / "keys") as log:
        yield log
