"""Policy files become published versions at start: checked, hashed, in force, on the record."""

import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from countersign_router.controls.events import ROUTER, Fact
from countersign_router.language.examples import require_examples
from countersign_router.language.loading import LoadedPolicy, PolicyRefused, load_policy
from countersign_router.life.facts import tell
from countersign_router.life.in_force import in_force, put_in_force
from countersign_router.store import ControlChange, Store, StoredPolicy
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.errors import ConfigurationError

log = logging.getLogger(__name__)

PACKAGED_POLICIES = Path(__file__).parents[1] / "policies"
MAX_FILES = 1_000


def read_policies(
    directory: Path, decision_types: Mapping[str, DecisionType], published_at: datetime
) -> list[tuple[Path, LoadedPolicy]]:
    """Read, check and test every ``*.yaml`` of a directory; the first that cannot be used is refused by name."""
    paths = sorted(directory.glob("*.yaml"))
    if not paths:
        raise ConfigurationError(f"{directory}: no policies (*.yaml) here; set POLICIES_DIR to their directory")
    if len(paths) > MAX_FILES:
        raise ConfigurationError(f"{directory}: {len(paths)} policies; at most {MAX_FILES} are read")
    found: list[tuple[Path, LoadedPolicy]] = []
    taken: dict[str, Path] = {}
    for path in paths:
        # Whether it was published before, the database knows; what is new must be free of doubts.
        loaded = load_policy(
            path.read_bytes(), name=str(path), decision_types=decision_types, published_at=published_at, published=True
        )
        require_examples(loaded, name=str(path))
        if (other := taken.setdefault(loaded.policy.id, path)) != path:
            raise ConfigurationError(f"{path}: {other} is a policy for {loaded.policy.id} already")
        found.append((path, loaded))
    return found


async def publish_files(store: Store, files: list[tuple[Path, LoadedPolicy]]) -> None:
    """Put files with a higher version than any that was published into force; what is in force stays otherwise."""
    async with store.control_change() as change:
        moment = await change.moment()
        for path, loaded in files:
            await _publish(change, path, loaded, moment)


async def _publish(change: ControlChange, path: Path, loaded: LoadedPolicy, moment: datetime) -> None:
    policy = loaded.policy
    stored = await change.policy_version(policy.tenant, policy.decision_type, policy.version)
    if stored is not None and stored != policy.sha256:
        raise ConfigurationError(
            f"{path}: version {policy.version} was published with other content, and a published version never "
            "changes; raise `version`"
        )
    before = await in_force(change, policy.tenant, policy.decision_type)
    newest = await change.newest_version(policy.tenant, policy.decision_type)
    if newest is not None and newest >= policy.version:
        # Going back to an older version is what people do; a file that still holds a newer one must not undo it.
        if before is not None and before.sha256 != policy.sha256:
            log.warning(
                "%s: version %d is in force and version %d was published; version %d stays a file", path,
                before.version, newest, policy.version,
            )  # fmt: skip
        return
    if loaded.doubts:
        raise PolicyRefused(str(path), list(loaded.doubts))
    if before is not None:
        log.warning("%s: version %d replaces version %d", path, policy.version, before.version)
    version = StoredPolicy(
        policy.sha256, policy.tenant, policy.decision_type, policy.version, policy.automation_sha256, moment
    )
    await change.add_policy(version, loaded.data)
    await put_in_force(change, version, loaded.document, actor=ROUTER, signatures=(), moment=moment)
    fact = Fact("policy.published", {
        "policy_id": policy.id, "version": policy.version, "sha256": policy.sha256,
        "automation_sha256": policy.automation_sha256,
        "previous_version": None if before is None else before.version,
        "comment": f"read from {path.name} at start",
    })  # fmt: skip
    await tell(change, policy.tenant, policy.decision_type, fact, actor=ROUTER, moment=moment)
