"""Going on after a loss: a restored database that is older than what was signed continues under another name.

The old name signs nothing more, so none of its indices gets a second entry. What the topics still hold of the lost
entries is delivered again and follows under new indices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from countersign_audit.custody.anchored import names_kept, newest_anchors
from countersign_audit.custody.anchors import DirectoryPlace, Place, TopicPlace
from countersign_audit.custody.opening import new_writer, read_keys, read_keys_before, read_lineage
from countersign_audit.domain.lineage import RECOVERED
from countersign_audit.own_entries import recovered_leaf
from countersign_audit.settings import Settings
from countersign_audit.store import SCHEMA, WriterSession
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging.whole import read_topic
from countersign_shared.postgres import open_pool

CLIENT = "countersign-audit-recover"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery did: the log goes on at ``size`` under another name; entries up to ``lost_until`` are lost."""

    size: int
    lost_until: int
    verifier_key: str
    previous_verifier_key: str


class NotBehindError(ConfigurationError):
    """The log is not behind what was signed: there is nothing to recover."""

    code = "not_behind"


def reading_places(settings: Settings) -> list[Place]:
    """Return the places of a log that is not running, to be read only."""

    async def refuse(_: object) -> None:
        raise AssertionError("a recovery publishes nothing")

    async def read_last(topic: str, count: int) -> object:
        return await read_topic(settings, topic, 1, client_id=CLIENT, last=count)

    directory: Path | None = settings.audit_anchors_dir
    return [TopicPlace(refuse, read_last), *([DirectoryPlace(directory)] if directory is not None else [])]


async def recover(settings: Settings, places: Sequence[Place], clock: Clock) -> Recovered:
    """Let a log that is behind its anchors go on under another name, with an entry that says what was lost.

    The service must be stopped: its lock is taken. A log that is not behind is a ``NotBehindError``.
    """
    async with open_pool(settings.database_url, schema=SCHEMA, size=2) as pool:
        session = WriterSession(pool, settings.audit_writer_wait_seconds)
        try:
            lineage = await read_lineage(session)
            if lineage is None:
                raise ConfigurationError("the database holds no log: restore one first, or begin a new one")
            keys = await read_keys(settings)
            at_hand = keys.verifier_key(lineage.current.name)
            anchors = await newest_anchors(lineage, places, at_hand)
            # A key that was replaced since is replaced once more, by the next start.
            keys = await read_keys_before(settings, keys, lineage) or keys
            writer = new_writer(settings, session, keys, lineage, clock)
            size = (await writer.start()).size
            newest = max(anchors, key=lambda anchor: anchor.size, default=None)
            if newest is None or newest.size <= size:
                known = f"the largest checkpoint kept is over {newest.size}" if newest else "no checkpoint is kept"
                raise NotBehindError(f"nothing to recover: the log has {size} entries, and {known}")
            name = lineage.renamed(size, await names_kept(lineage, places, at_hand))
            renamed = replace(lineage.current, name=name)
            now = clock()
            leaf = recovered_leaf(
                old=lineage.current, new=renamed, occurred_at=rfc3339(now), size=size, anchored_size=newest.size,
                anchored_root=newest.root,
            )  # fmt: skip
            after = lineage.recovered(size, renamed, lost=newest.size)
            writer = new_writer(settings, session, keys, after, clock)
            await writer.start()
            await writer.append_own(leaf, RECOVERED, now)
            return Recovered(size, newest.size, renamed.text(), lineage.current.text())
        finally:
            await session.close()
