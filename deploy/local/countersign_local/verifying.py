"""Verifying the audit log in a database, with what is at hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from countersign_audit.verify import local_verifier_key, verify_database
from countersign_local.errors import USAGE, CommandError


async def verified(
    database_url: str, *, vkey: str | None, keys: Path | None, old: bytes | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Verify the whole log and return the findings as plain values.

    Without a verifier key the keys directory gives it, which is good for who runs the system, not for a stranger.
    """
    if vkey is None:
        if keys is None:
            raise CommandError("Neither a verifier key (--vkey) nor the log's keys (--keys) are here.", USAGE)
        vkey = await local_verifier_key(database_url, keys)
    report = await verify_database(database_url, vkey, keys_dir=keys, old_checkpoint=old, progress=progress)
    return {
        "verified": report.ok,
        "origin": report.origin,
        "entries": report.entries,
        "size": report.size,
        "root": report.root,
        "signed_at": report.signed_at,
        "checkpoints": report.checkpoints,
        "unsigned": report.unsigned,
        "payloads_opened": report.payloads_opened,
        "findings": [str(finding) for finding in report.findings],
    }
