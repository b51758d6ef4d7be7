"""Telling repeats from conflicts: the same record again, or other content under an id that is taken."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import orjson
from msgspec.structs import replace

from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.store import Store
from countersign_audit.writing.drafts import Draft
from countersign_audit.writing.sealing import KeyWrap, SealError, subject_key

CONFLICT = b"conflict"


async def without_repeats(
    connection: Any, store: Store, drafts: Sequence[Draft], wrap: KeyWrap, names: Pseudonyms
) -> list[Draft]:
    """Return the drafts that the log does not hold yet, in order; conflicts are marked and get a name of their own."""
    known = await store.known_records(connection, [draft.record_id for draft in drafts])
    firsts: dict[bytes, Draft] = {}
    fresh: list[Draft] = []
    for draft in drafts:
        row, first = known.get(draft.record_id), firsts.setdefault(draft.record_id, draft)
        if row is not None:
            if not _same(row, draft, wrap):
                fresh.append(_conflict(draft, row["index"], names))
        elif first is draft:
            fresh.append(draft)
        elif (first.headers, first.body) != (draft.headers, draft.body):
            fresh.append(_conflict(draft, None, names))
    return await _new_conflicts(connection, store, fresh)


async def _new_conflicts(connection: Any, store: Store, drafts: list[Draft]) -> list[Draft]:
    conflicts = [draft.record_id for draft in drafts if draft.conflicts_with is not None]
    if not conflicts:
        return drafts
    seen = set(await store.known_records(connection, conflicts))
    kept = []
    for draft in drafts:
        if draft.conflicts_with is not None:
            if draft.record_id in seen:
                continue
            seen.add(draft.record_id)
        kept.append(draft)
    return kept


def _conflict(draft: Draft, index: int | None, names: Pseudonyms) -> Draft:
    # A copy: should the batch come to nothing, the draft is looked at anew.
    record_id = names.record(draft.topic, CONFLICT + draft.record_id + draft.content())
    return replace(
        draft, record_id=record_id, scope=draft.scope if draft.has_case else record_id, leaf=copy(draft.leaf),
        conflicts_with=draft.record_id, conflict_index=index,
    )  # fmt: skip


def told(draft: Draft) -> str:
    """Name a record as whoever looks into it needs: where it lay, its id, who wrote it, and which case it is about."""
    said = {name: value.decode(errors="backslashreplace") for name, value in draft.headers if value is not None}
    about = " ".join(f"{name[3:]}={said.get(name, '-')}" for name in ("ce_id", "ce_source", "ce_subject"))
    return f"{draft.topic} {about}"


def _same(row: Mapping[str, Any], draft: Draft, wrap: KeyWrap) -> bool:
    if row["wrapped"] is None:
        # Erased: nothing can be compared any more, and a second entry would bring back what had to go.
        return True
    try:
        data_key = wrap.unwrap(row["epoch"], row["wrapped"], row["scope"], row["key_number"])
    except SealError:
        return True
    key = subject_key(data_key, row["scope"], row["key_number"], row["subject"])
    recorded = orjson.loads(row["leaf"])["commitments"]["record"]
    return bool(key.commit("record", draft.content()) == recorded)
