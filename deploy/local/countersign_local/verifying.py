"""Verifying the audit log in a database, with what is at hand."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson

from countersign_audit.custody.keys import load_keys
from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.store import Store, connected
from countersign_audit.verifying.database import local_verifier_key, verify_database
from countersign_local.errors import USAGE, CommandError

_MOST_ENTRIES = 1_000
"""Far more than a case of the demo can have."""


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
        "payloads_erased": report.payloads_erased,
        "findings": [str(finding) for finding in report.findings],
    }


async def decided_once_on_record(database_url: str, keys: Path, cases: Iterable[tuple[str, str]]) -> int:
    """Count the cases (tenant, case id) for which the log holds exactly one first decision. Looking leaves no entry.

    A later decision that names the one it supersedes is another matter: somebody looked again.
    """
    names, store, found = Pseudonyms(load_keys(keys).pseudonyms), Store(), 0
    async with connected(database_url) as connection:
        for tenant, case_id in cases:
            entries = await store.case_entries(connection, names.case(tenant, case_id), _MOST_ENTRIES)
            made = [orjson.loads(entry["leaf"]) for entry in entries if entry["kind"] == "decision.made"]
            found += sum(not leaf.get("supersedes") for leaf in made) == 1
    return found
