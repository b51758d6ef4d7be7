"""What is said of a database that cannot be used: why, and never a part of its password."""

from __future__ import annotations

import asyncpg
import pytest

from countersign_shared.errors import ConfigurationError
from countersign_shared.postgres.away import LIBRARY_ERRORS, unusable


@pytest.mark.parametrize("sign", ["/", "#", "?", "["])
async def test_a_password_that_is_not_written_as_in_a_url_is_not_repeated(sign: str) -> None:
    with pytest.raises(LIBRARY_ERRORS) as raised:
        await asyncpg.connect(f"postgresql://router:Geheim{sign}nis@127.0.0.1:1/db")
    said = unusable(raised.value)
    assert type(said) is ConfigurationError
    assert "DATABASE_URL" in str(said)
    assert "%2F" in str(said)
    assert not [part for part in ("Geheim", "nis") if part in str(said)]


async def test_a_scheme_that_is_missing_is_named() -> None:
    with pytest.raises(LIBRARY_ERRORS) as raised:
        await asyncpg.connect("router:Geheimnis@127.0.0.1/db")
    said = str(unusable(raised.value))
    assert "postgresql" in said
    assert "Geheimnis" not in said
