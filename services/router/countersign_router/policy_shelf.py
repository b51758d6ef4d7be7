"""The policies this process has ready, by their hash: what is published never changes, so nothing here goes stale."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from countersign_router.language.loading import LoadedPolicy, PolicyRefused, load_policy
from countersign_router.wire import Speech, policy_speech
from countersign_shared.contracts.decision_types import DecisionType

log = logging.getLogger(__name__)

FindDocument = Callable[[str], Awaitable[tuple[bytes, datetime] | None]]
"""Finds a published document and the moment of its publication by its hash."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A policy and what it says of every case."""

    loaded: LoadedPolicy
    speech: Speech


class PolicyShelf:
    """Compiles each published policy once."""

    def __init__(self, decision_types: Mapping[str, DecisionType]) -> None:
        self._types = decision_types
        self._shelved: dict[str, Shelved | None] = {}

    def get(self, sha256: str) -> Shelved | None:
        """Return a policy, or None when it cannot be used."""
        return self._shelved.get(sha256)

    async def fetch(self, hashes: set[str], find: FindDocument) -> None:
        """Make these policies ready; one that cannot be used is logged, and its cases go to people."""
        for sha256 in hashes - self._shelved.keys():
            found = await find(sha256)
            # What is not there may be published later; what is there never changes.
            if found is not None:
                # A large one takes seconds to compile: neither the broker nor who stops automation is to wait for it.
                self._shelved[sha256] = await asyncio.to_thread(self._load, sha256, *found)

    def _load(self, sha256: str, data: bytes, published_at: datetime) -> Shelved | None:
        try:
            loaded = load_policy(
                data, name=f"policy {sha256[:12]}", decision_types=self._types, published_at=published_at,
                published=True,
            )  # fmt: skip
        except PolicyRefused as refused:
            log.critical("a published policy cannot be used, its cases go to people: %s", refused)
            return None
        for doubt in loaded.doubts:
            log.warning("policy %s of %s routes on: %s", sha256[:12], loaded.policy.id, doubt)
        return Shelved(loaded, policy_speech(loaded, self._types[loaded.policy.decision_type]))
