"""`countersign users`, against a review service over real HTTP."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from countersign_shared.runtime import serving
from tests.integration.review.harness import Desk

pytestmark = pytest.mark.postgres

MORE_THAN_A_PAGE = 201


async def test_review_the_command_line_lists_everybody_however_many_they_are(desk: Desk) -> None:
    key = await desk.add_user("root", "admin")
    names = [f"user-{number}" for number in range(MORE_THAN_A_PAGE)]
    for name in names:
        await desk.add_user(name)
    async with serving(desk.app, "127.0.0.1", 0) as port:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "countersign_local", "users", "list", "--json", stdout=asyncio.subprocess.PIPE,
            env={"COUNTERSIGN_URL": f"http://127.0.0.1:{port}", "COUNTERSIGN_API_KEY": key, "PATH": "/usr/bin",
                 "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        out, _ = await process.communicate()
    assert sorted(one["username"] for one in json.loads(out)) == sorted(["root", *names])
