"""A case's history as the log holds it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from countersign_audit.custody.keys import LogKeys, load_keys
from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.domain.note import Checkpoint, parse_checkpoint
from countersign_audit.domain.words import plain_words
from countersign_audit.reading.proving import Prover
from countersign_audit.reading.records import Opened, Opener
from countersign_audit.store import Store, connected
from countersign_audit.writing.sealing import SealError
from countersign_shared.clock import rfc3339

MAX_ENTRIES = 1_000
"""A case has about ten entries; one with more than this is shown up to here, and says so."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of a case; ``included`` says that the latest signed checkpoint covers it.

    ``proof`` then leads from ``leaf_hash`` to the checkpoint's root: hashes in hexadecimal, the neighbour's first.
    """

    index: int
    occurred_at: str | None
    kind: str
    words: str
    actor: dict[str, Any] | None
    event_id: str | None
    source: str | None
    sequence: int | None
    previous: int | None
    conflict_with: int | None
    leaf_hash: str
    included: bool
    payload: str
    proof: list[str] | None


@dataclass(frozen=True, slots=True)
class TimelineCheckpoint:
    """The signed statement that the entries are shown under."""

    origin: str
    size: int
    root: str
    signed_at: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """All entries of one case, in the order of the log; ``payload`` of each is `readable`, `erased` or `damaged`."""

    tenant: str
    case_id: str
    decision_type: str | None
    subject_ref: str | None
    partition: int | None
    checkpoint: TimelineCheckpoint | None
    entries: list[TimelineEntry]
    complete: bool


class TimelineReader:
    """Reads timelines with the keys of the log."""

    def __init__(self, keys: LogKeys) -> None:
        self._names = Pseudonyms(keys.pseudonyms)
        self._opener = Opener(keys.epochs)
        self._store = Store()
        self._prover = Prover(self._store)

    def subject_ref(self, tenant: str, subject_ref: str) -> bytes:
        """Return the name under which the log knows whom a case is about."""
        return self._names.subject(tenant, subject_ref)

    def case_ref(self, tenant: str, case_id: str) -> bytes:
        """Return the name under which the log knows a case."""
        return self._names.case(tenant, case_id)

    async def read(self, connection: Any, tenant: str, case_id: str) -> Timeline:
        """Return the timeline of a case; one the log does not know has no entries."""
        rows = await self._store.case_entries(connection, self.case_ref(tenant, case_id), MAX_ENTRIES + 1)
        # Read second: a checkpoint seen after the entries covers at least those it covered then.
        latest = await self._store.latest_checkpoint(connection)
        size = latest.size if latest is not None else 0
        signed = [row["index"] for row in rows[:MAX_ENTRIES] if row["index"] < size]
        proofs = await self._prover.inclusion(connection, signed, size)
        entries, decision_type, subject_ref = [], None, None
        for row in rows[:MAX_ENTRIES]:
            leaf = orjson.loads(row["leaf"])
            opened, payload = self._open(row, leaf)
            body = opened.event.body if opened is not None and opened.event is not None else None
            if body is not None:
                decision_type = decision_type or _text(body.get("decision_type"))
                subject_ref = subject_ref or _text(body.get("subject_ref"))
            entries.append(_entry(row, leaf, plain_words(leaf, body), proofs.get(row["index"]), payload))
        return Timeline(
            tenant, case_id, decision_type, subject_ref, _partition(rows), _checkpoint(latest), entries,
            complete=len(rows) <= MAX_ENTRIES,
        )  # fmt: skip

    def body(self, row: Any, leaf: dict[str, Any]) -> dict[str, Any] | None:
        """Return the body of the event an entry was made from, None when it is erased, damaged or was none."""
        opened, _ = self._open(row, leaf)
        return opened.event.body if opened is not None and opened.event is not None else None

    async def case_id(self, connection: Any, case_ref: bytes) -> str | None:
        """Return the id of a case that the log knows under a name, as far as one of its payloads can be opened."""
        for row in await self._store.case_entries(connection, case_ref, MAX_ENTRIES):
            opened, _ = self._open(row, orjson.loads(row["leaf"]))
            if opened is not None and opened.event is not None and (found := _text(opened.event.body.get("case_id"))):
                return found
        return None

    def _open(self, row: Any, leaf: dict[str, Any]) -> tuple[Opened | None, str]:
        try:
            opened = self._opener.open(row, leaf)
        except SealError:
            return None, "damaged"
        return opened, "readable" if opened is not None else "erased"


async def read_timeline(database_url: str, keys_dir: Path, *, tenant: str, case_id: str) -> Timeline:
    """Read a case's timeline straight from the database, for the command line."""
    keys = load_keys(keys_dir)
    async with connected(database_url) as connection:
        return await TimelineReader(keys).read(connection, tenant, case_id)


def _entry(row: Any, leaf: dict[str, Any], words: str, proof: list[bytes] | None, payload: str) -> TimelineEntry:
    return TimelineEntry(
        index=row["index"], occurred_at=leaf.get("occurred_at"), kind=row["kind"], words=words, actor=leaf.get("actor"),
        event_id=leaf.get("event_id"), source=leaf.get("source"), sequence=leaf.get("sequence"),
        previous=leaf.get("previous"), conflict_with=leaf.get("conflict_with"), leaf_hash=row["leaf_hash"].hex(),
        included=proof is not None, payload=payload,
        proof=[node.hex() for node in proof] if proof is not None else None,
    )  # fmt: skip


def _checkpoint(row: Any) -> TimelineCheckpoint | None:
    if row is None:
        return None
    said: Checkpoint = parse_checkpoint(row.note.decode().split("\n\n", 1)[0] + "\n")
    return TimelineCheckpoint(said.origin, said.size, said.root.hex(), rfc3339(row.signed_at))


def _partition(rows: list[Any]) -> int | None:
    # The partition a case arrived on first is where everything about it goes.
    partition = orjson.loads(rows[0]["leaf"])["record"].get("partition") if rows else None
    return partition if isinstance(partition, int) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
