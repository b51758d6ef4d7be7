"""Policy files become published versions at start: checked, hashed, in force, on the record."""

import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import orjson

from countersign_router.control_events import ROUTER, Fact, change_control
from countersign_router.policies import LoadedPolicy, load_policy
from countersign_router.policy_examples import require_examples
from countersign_router.store import ControlChange, ControlKey, Store, StoredPolicy
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.errors import ConfigurationError

log = logging.getLogger(__name__)

PACKAGED_POLICIES = Path(__file__).parent / "policies"
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
        loaded = load_policy(
            path.read_bytes(), name=str(path), decision_types=decision_types, published_at=published_at
        )
        require_examples(loaded, name=str(path))
        if (other := taken.setdefault(loaded.policy.id, path)) != path:
            raise ConfigurationError(f"{path}: {other} is a policy for {loaded.policy.id} already")
        found.append((path, loaded))
    return found


async def publish_files(store: Store, files: list[tuple[Path, LoadedPolicy]]) -> None:
    """Put files that are newer than what is in force into force; what is in force stays otherwise."""
    async with store.control_change() as change:
        moment = await change.moment()
        for path, loaded in files:
            await _publish(change, path, loaded, moment)


async def _publish(change: ControlChange, path: Path, loaded: LoadedPolicy, moment: datetime) -> None:
    policy = loaded.policy
    key = ControlKey("policy", policy.tenant, policy.decision_type)
    stored = await change.policy_version(policy.tenant, policy.decision_type, policy.version)
    if stored is not None and stored != policy.sha256:
        raise ConfigurationError(
            f"{path}: version {policy.version} was published with other content, and a published version never "
            "changes; raise `version`"
        )
    control = await change.find(key)
    in_force = None if control is None else orjson.loads(control.body)["state"]["version"]
    if in_force is not None and in_force >= policy.version:
        if in_force > policy.version:
            log.warning("%s: version %d is in force; version %d stays a file", path, in_force, policy.version)
        return
    version = StoredPolicy(
        policy.sha256, policy.tenant, policy.decision_type, policy.version, policy.automation_sha256, moment
    )
    await change.add_policy(version, loaded.data)
    state = {
        "id": policy.id, "version": policy.version, "sha256": policy.sha256,
        "automation_sha256": policy.automation_sha256, "published_at": rfc3339(moment),
    }  # fmt: skip
    fact = Fact("policy.published", {
        "policy_id": policy.id, "version": policy.version, "sha256": policy.sha256,
        "automation_sha256": policy.automation_sha256, "previous_version": in_force,
        "comment": f"read from {path.name} at start",
    })  # fmt: skip
    await change_control(change, key, state, actor=ROUTER, signatures=(), fact=fact, moment=moment)
