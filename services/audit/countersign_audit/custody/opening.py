"""Opening a log: under which name and key it goes on, and whether it may."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta

from pydantic import SecretStr

from countersign_audit.custody.anchored import check_anchored, check_not_begun, newest_anchors
from countersign_audit.custody.anchors import Place
from countersign_audit.custody.keys import LogKeys, create_keys, key_before, load_keys
from countersign_audit.custody.rewrapping import check_epoch
from countersign_audit.custody.rotating import keys_before, rotate
from countersign_audit.domain.lineage import Lineage, LineageError
from countersign_audit.settings import Settings
from countersign_audit.store import Store, WriterSession
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock
from countersign_shared.errors import ConfigurationError, FatalError

NAME_BYTES = 8


async def open_writer(
    settings: Settings, session: WriterSession, places: Sequence[Place], clock: Clock
) -> tuple[LogWriter, LogKeys]:
    """Return the log's writer and keys, its writer's lock taken.

    What does not fit - other keys, another name, an older state than one that was anchored - is a
    ``ConfigurationError``, and nothing was written.
    """
    lineage = await read_lineage(session)
    keys = await read_keys(settings, create=lineage is None)
    if lineage is None:
        await check_not_begun(keys.verifier_key("").public_key, places)
        origin = settings.audit_log_name or f"countersign.local/log/{secrets.token_hex(NAME_BYTES)}"
        return new_writer(settings, session, keys, Lineage.begun(keys.verifier_key(origin)), clock), keys
    began_as = lineage.signers[0].key.name
    if settings.audit_log_name not in {None, began_as}:
        raise ConfigurationError(
            f"AUDIT_LOG_NAME is {settings.audit_log_name}, but the log in this database began as {began_as}"
        )
    old = await read_keys_before(settings, keys, lineage)
    anchors = await newest_anchors(lineage, places, keys.verifier_key(began_as))
    await check_epoch(await session.connection(), keys)
    writer = new_writer(settings, session, old or keys, lineage, clock)
    head = await writer.start()
    await check_anchored(await session.connection(), Store(), head.size, anchors)
    if old is None:
        return writer, keys
    await rotate(writer, keys, lineage, clock)
    lineage = await read_lineage(session) or lineage
    return new_writer(settings, session, keys, lineage, clock), keys


def new_writer(settings: Settings, session: WriterSession, keys: LogKeys, lineage: Lineage, clock: Clock) -> LogWriter:
    """Return a writer that signs under the lineage's present name with these keys."""
    return LogWriter(
        session, keys, origin=lineage.current.name, clock=clock, random=secrets.token_bytes, lineage=lineage,
        checkpoint_interval=timedelta(milliseconds=settings.audit_checkpoint_interval_ms),
        partition_entries=settings.audit_partition_entries,
    )  # fmt: skip


async def read_lineage(session: WriterSession) -> Lineage | None:
    """Return under which names and keys the log has signed, None for an empty one."""
    try:
        return Lineage.read(await Store().own_entries(await session.connection()))
    except LineageError as error:
        raise FatalError(f"{error}; run `countersign audit verify`") from error


async def read_keys(settings: Settings, *, create: bool = False) -> LogKeys:
    """Read the log's keys from where the settings say, made first for a log that is to begin."""
    if create:
        await asyncio.to_thread(create_keys, settings.audit_keys_dir, secrets.token_bytes)
    return await asyncio.to_thread(load_keys, settings.audit_keys_dir, _secret(settings.audit_signing_key))


async def read_keys_before(settings: Settings, keys: LogKeys, lineage: Lineage) -> LogKeys | None:
    """Read the keys that still sign before the log goes over to these, None when there is nothing to go over to."""
    before = await asyncio.to_thread(key_before, settings.audit_keys_dir, _secret(settings.audit_signing_key_before))
    return keys_before(keys, lineage, before)


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None
