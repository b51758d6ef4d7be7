"""`countersign users`, against a review service over real HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import date
from decimal import Decimal

import pytest

from countersign_review.domain.eligibility import Amount
from countersign_shared.runtime import serving
from tests.integration.review.harness import Desk

pytestmark = pytest.mark.postgres

MORE_THAN_A_PAGE = 201


async def said(desk: Desk, key: str, *words: str) -> str:
    """Run `countersign users` with a key and return what it prints."""
    async with serving(desk.app, "127.0.0.1", 0) as port:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "countersign_local", "users", *words, stdout=asyncio.subprocess.PIPE,
            env={"COUNTERSIGN_URL": f"http://127.0.0.1:{port}", "COUNTERSIGN_API_KEY": key, "PATH": "/usr/bin",
                 "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_review_the_command_line_lists_everybody_however_many_they_are(desk: Desk) -> None:
    key = await desk.add_user("root", "admin")
    names = [f"user-{number}" for number in range(MORE_THAN_A_PAGE)]
    for name in names:
        await desk.add_user(name)
    found = json.loads(await said(desk, key, "list", "--json"))
    assert sorted(one["username"] for one in found) == sorted(["root", *names])


async def test_review_the_command_line_shows_what_each_person_may_decide(desk: Desk) -> None:
    key = await desk.add_user("root", "admin", max_tier="medium")
    await desk.add_user(
        "rita", max_tier="high", decision_types=["refund"], amount_limit=Amount(Decimal("500.00"), "USD"),
        skills=["fraud", "wellbeing"], languages=["de"], training_valid_until=date(2027, 1, 31),
    )  # fmt: skip
    rita, root = (await said(desk, key, "list")).splitlines()[1:]
    assert (
        "up to high; up to 500.00 USD; only refund; only in de; skills fraud, wellbeing; trained until 2027-01-31"
        in rita
    )
    assert "up to medium" in root
