"""The policies this process has ready, by their hash: what is published never changes, so nothing here goes stale."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.loading import LoadedPolicy, PolicyRefused, load_policy
from countersign_router.store.policies import PublishedText
from countersign_router.wire import Speech, policy_speech
from countersign_shared.contracts.decision_types import DecisionType

log = logging.getLogger(__name__)

FindDocument = Callable[[str], Awaitable[PublishedText | None]]
"""Finds a published document by its hash."""


OTHER_THAN_PUBLISHED = Diagnostic(
    "outcomes", "what may be automated is not what it was when this version was published: its decision type calls "
    "other outcomes adverse by now, or an earlier release did not count all of it. No certificate covers it",
    hint="publish it as a new version, and what is certified for that one holds",
)  # fmt: skip
"""Two people said yes to something else; so did those who signed certificates."""


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
                self._shelved[sha256] = await asyncio.to_thread(self._load, sha256, found)

    def _load(self, sha256: str, text: PublishedText) -> Shelved | None:
        try:
            loaded = load_policy(
                text.data, name=f"policy {sha256[:12]}", decision_types=self._types, published_at=text.published_at,
                published=True,
            )  # fmt: skip
        except PolicyRefused as refused:
            log.critical("a published policy cannot be used, its cases go to people: %s", refused)
            return None
        if loaded.policy.automation_sha256 != text.automation_sha256:
            loaded = replace(loaded, doubts=(*loaded.doubts, OTHER_THAN_PUBLISHED))
        for doubt in loaded.doubts:
            log.warning("policy %s of %s routes on: %s", sha256[:12], loaded.policy.id, doubt)
        return Shelved(loaded, policy_speech(loaded, self._types[loaded.policy.decision_type]))
