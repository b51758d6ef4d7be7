from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.review.harness import Desk, open_desk


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    async with open_desk(database_url) as opened:
        yield opened
