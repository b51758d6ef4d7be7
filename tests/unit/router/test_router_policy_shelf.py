"""Policies are made ready beside everything else that a router does."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from countersign_router import policy_shelf
from countersign_router.policy_shelf import OTHER_THAN_PUBLISHED, PolicyShelf
from countersign_router.store.policies import PublishedText
from tests.unit.router.cases import PUBLISHED, decision_types, document, loaded, narrow, shipped


async def test_compiling_a_large_policy_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        begun.set()
        assert may_end.wait(20)
        return shipped()

    monkeypatch.setattr(policy_shelf, "load_policy", slow)

    async def find(_: str) -> PublishedText:
        return PublishedText(b"", PUBLISHED, shipped().policy.automation_sha256)

    shelf = PolicyShelf(decision_types())
    fetching = asyncio.create_task(shelf.fetch({"a"}, find))
    async with asyncio.timeout(10):
        while not begun.is_set():
            await asyncio.sleep(0.01)
    assert not fetching.done()
    may_end.set()
    await fetching
    assert shelf.get("a") is not None


async def test_a_decision_type_that_lets_more_be_automated_than_was_published_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody signed for that: its certificates are void, and whoever reads the policy learns what to do."""
    known = decision_types()["loan_application"]
    mild = {name: replace(outcome, adverse=False) for name, outcome in known.outcomes.items()}
    read = {**document(), "outcomes": {"approve": {}, "decline": {}}}
    published = loaded(read)

    async def find(_: str) -> PublishedText:
        return PublishedText(published.data, PUBLISHED, published.policy.automation_sha256)

    same, other = PolicyShelf(decision_types()), PolicyShelf(narrow(outcomes=mild))
    for shelf in (same, other):
        await shelf.fetch({"a"}, find)
    found = [shelf.get("a") for shelf in (same, other)]
    assert all(found)
    assert [one.loaded.policy.outcomes["decline"].automatic for one in found if one] == [False, True]
    assert [[str(doubt) for doubt in one.loaded.doubts] for one in found if one] == [[], [str(OTHER_THAN_PUBLISHED)]]
    assert [one.loaded.policy.automation_sha256 == published.policy.automation_sha256 for one in found if one] == [
        True, False
    ]  # fmt: skip
    assert "publish it as a new version" in caplog.text
