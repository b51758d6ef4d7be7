"""What one entry of the log costs this service, step by step, beside what the libraries alone take for it.

    python -m tests.bench.bench_audit_entry

CPU time of one thread, the best of some rounds, in microseconds an entry, over the four events of many cases. What is
left out is reading from the broker and writing to PostgreSQL: `bench_audit_writing` measures the whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countersign_audit.domain.commitments import CommitmentKey, Pseudonyms, derive_keys
from countersign_audit.facts.leaf import encode_leaf
from countersign_audit.facts.reading import read_body
from countersign_audit.writing.batch import Batch
from countersign_audit.writing.drafts import Draft, commitments
from countersign_audit.writing.intake import Intake
from countersign_audit.writing.scopes import Scopes
from countersign_audit.writing.sealing import KeyWrap
from countersign_shared.messaging import Record
from countersign_shared.postgres.bodies import bodies
from tests.integration.audit.flow import batches

ENTRIES = 4_000
BEFORE = 20_000
"""Entries that are there already: from then on all four steps come in each batch, three of them under a known key."""
ROUNDS = 7
NAMES = Pseudonyms(b"n" * 32)
WRAP = KeyWrap({1: b"w" * 32})


def best(step: Callable[[Any], object], items: Iterable[Any]) -> float:
    """Return the microseconds of CPU that a step takes for each of these, in the best round."""
    items = list(items)
    rounds = []
    for _ in range(ROUNDS):
        since = time.thread_time()
        for item in items:
            step(item)
        rounds.append(time.thread_time() - since)
    return round(min(rounds) / len(items) * 1e6, 2)


def building(earlier: Sequence[Record], records: Sequence[Record], intake: Intake) -> tuple[float, float]:
    """Return what making the leaves and seals costs an entry, and what putting them into rows does."""
    adds, rows = [], []
    for _ in range(ROUNDS):
        before, drafts = ([intake.draft(record) for record in some] for some in (earlier, records))
        scopes = Scopes(WRAP)
        scopes.learn(scopes.unknown(draft.scope for draft in (*before, *drafts)), [])
        known = Batch(0, scopes, WRAP, NAMES, os.urandom)
        for draft in before:
            known.add(draft)
        batch = Batch(len(before), scopes, WRAP, NAMES, os.urandom)
        began = time.thread_time()
        for draft in drafts:
            batch.add(draft)
        added = time.thread_time()
        batch.copies()
        adds.append(added - began)
        rows.append(time.thread_time() - added)
    return tuple(round(min(took) / len(records) * 1e6, 2) for took in (adds, rows))  # type: ignore[return-value]


def libraries(records: Sequence[Record], drafts: Sequence[Draft]) -> dict[str, float]:
    """Return what each call into a library takes that no entry can do without."""
    contents = [draft.content() for draft in drafts]
    packed = [bodies().pack(content) for content in contents]
    key, cipher, nonce = CommitmentKey(b"c" * 32), AESGCM(b"a" * 32), b"n" * 12
    for draft, content in zip(drafts, contents, strict=True):
        draft.leaf.commitments = commitments(content, draft.secrets, key)
    leaves = [encode_leaf(draft.leaf) for draft in drafts]
    return {
        "read the body's JSON": best(lambda record: read_body(record.topic, record.value), records),
        "three names, keyed BLAKE2b": best(lambda _: [NAMES.case("default", "c-1") for _ in range(3)], records),
        "hash the record": best(lambda content: hashlib.sha256(content).digest(), contents),
        "hash two facts of it": best(lambda _: [hashlib.sha256(b"x" * 170).digest() for _ in range(4)], contents),
        "compress": best(bodies().pack, contents),
        "encrypt": best(lambda content: cipher.encrypt(nonce, content, nonce), packed),
        "derive keys, once a case": round(best(lambda _: derive_keys(b"d" * 32), contents) / 4, 2),
        "write the leaf": best(lambda draft: encode_leaf(draft.leaf), drafts),
        "hash the leaf": best(lambda leaf: hashlib.sha256(b"\0" + leaf).digest(), leaves),
    }


def main() -> None:
    every = [record for batch in batches(BEFORE + ENTRIES) for record in batch]
    earlier, records = every[:BEFORE], every[BEFORE:]
    intake = Intake(NAMES)
    drafts = [intake.draft(record) for record in records]
    added, rows = building(earlier, records, intake)
    alone = libraries(records, drafts)
    print(json.dumps({
        "bytes": {
            "record": round(sum(len(record.value or b"") for record in records) / len(records)),
            "leaf": round(sum(len(encode_leaf(draft.leaf)) for draft in drafts) / len(drafts)),
        },
        "steps_us": {"read a record": best(intake.draft, records), "make leaf and seal": added, "write rows": rows},
        "libraries_us": {**alone, "in all": round(sum(alone.values()), 2)},
    }, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
