"""What the log says of a case and whoever answers is never told: which cases test whether they look."""

import json
from collections.abc import Mapping
from typing import Any

SEED_JUDGED = "seed.judged"


def timeline_told(timeline: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a timeline what was judged as a seed."""
    entries = [entry for entry in timeline.get("entries", ()) if entry.get("kind") != SEED_JUDGED]
    return {**timeline, "entries": entries}


def proof_told(proof: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a proof what tells of seeds.

    An entry is proven byte for byte, so it is left out as a whole; one that says whether a seed was drawn is left out
    whichever it says, else its absence would tell. The proof then says that it is not complete.
    """
    entries = [entry for entry in proof["entries"] if not _tells_of_seeds(json.loads(entry["leaf"]))]
    return {**proof, "entries": entries, "complete": proof["complete"] and len(entries) == len(proof["entries"])}


def _tells_of_seeds(leaf: Mapping[str, Any]) -> bool:
    return leaf.get("kind") == SEED_JUDGED or "seed" in (leaf.get("sampling") or {})
