"""Databases that have feedback's tables already."""

from __future__ import annotations

import pytest

from countersign_feedback.app import MIGRATIONS
from tests.fixtures.postgres import migrated_template


@pytest.fixture(scope="session")
def template_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> str:
    return migrated_template(request.config, tmp_path_factory, postgres_url, "feedback", MIGRATIONS)
