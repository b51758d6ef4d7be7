"""Policies are made ready beside everything else that a router does."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime
from typing import Any

import pytest

from countersign_router import policy_shelf
from countersign_router.policy_shelf import PolicyShelf
from tests.unit.router.cases import PUBLISHED, decision_types, shipped


async def test_compiling_a_large_policy_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        begun.set()
        assert may_end.wait(20)
        return shipped()

    monkeypatch.setattr(policy_shelf, "load_policy", slow)

    async def find(_: str) -> tuple[bytes, datetime]:
        return b"", PUBLISHED

    shelf = PolicyShelf(decision_types())
    fetching = asyncio.create_task(shelf.fetch({"a"}, find))
    async with asyncio.timeout(10):
        while not begun.is_set():
            await asyncio.sleep(0.01)
    assert not fetching.done()
    may_end.set()
    await fetching
    assert shelf.get("a") is not None
