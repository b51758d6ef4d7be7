"""Going over to another signing key, and under another name: entries of the log's own, signed by who came before."""

import logging
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign_audit.custody.keys import LogKeys
from countersign_audit.domain.lineage import KEY_ROTATED, Lineage
from countersign_audit.own_entries import key_rotated_leaf
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.errors import ConfigurationError

log = logging.getLogger(__name__)


def keys_before(keys: LogKeys, lineage: Lineage, before: Ed25519PrivateKey | None) -> LogKeys | None:
    """Return the keys that sign for a rotation, None when the log's key has not changed.

    A key that neither the log nor the one before it knows is a ``ConfigurationError``.
    """
    if keys.verifier_key(lineage.current.name) == lineage.current:
        return None
    if before is not None:
        old = replace(keys, signing=before)
        if old.verifier_key(lineage.current.name) == lineage.current:
            return old
    raise ConfigurationError(
        f"the signing key is not the one that signs {lineage.current.name} ({lineage.current.text()}): not signed by"
        " the key in AUDIT_KEYS_DIR. Bring the log's key back from its backup; `countersign audit rotate` replaces one"
    )


async def rotate(writer: LogWriter, new_keys: LogKeys, lineage: Lineage, clock: Clock) -> None:
    """Let the old key's writer name the new key and sign over that; the new one signs it too, and alone from there on.

    Both, because in a quiet log this checkpoint is the newest for hours, and whoever was handed the new verifier key
    must be able to check it.
    """
    await writer.start()
    new = new_keys.verifier_key(lineage.current.name)
    now = clock()
    leaf = key_rotated_leaf(old=lineage.current, new=new, occurred_at=rfc3339(now))
    index = await writer.append_own(leaf, KEY_ROTATED, now, successor=new_keys)
    log.warning("entry %d: the log signs with a new key from here on; its verifier key is %s", index, new.text())
