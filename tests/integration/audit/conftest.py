"""Databases that have audit's tables already."""

from __future__ import annotations

import pytest

from countersign_audit.store import MIGRATIONS, SCHEMA
from tests.fixtures.postgres import migrated_template


@pytest.fixture(scope="session")
def template_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> str:
    return migrated_template(request.config, tmp_path_factory, postgres_url, SCHEMA, MIGRATIONS)
