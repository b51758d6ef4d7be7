"""Two disjoint slices of the data, by hash of the row: the same for ever, whatever else is in the file."""

import hashlib
from collections.abc import Iterable
from typing import Literal

from countersign_inference.training.definitions import Definition, Example

Slice = Literal["development", "certification"]
SEED = "countersign-1"


def part_of(decision_type: str, row: int, parts: int, seed: str = SEED) -> int:
    """Return in which of as many equal parts a row lies; another seed deals anew."""
    digest = hashlib.sha256(f"{seed}/{decision_type}/{row}".encode()).digest()
    return int(int.from_bytes(digest[:8], "big") / 2**64 * parts)


def sliced(
    definition: Definition, examples: Iterable[Example], *, split: int = 0, seed: str = SEED
) -> dict[Slice, list[Example]]:
    """Deal the examples to their slices, in order; split 0 is the one that a trained model has.

    The certification slice is one of `definition.parts`. As many splits judge every row once; then the rows are dealt
    anew.
    """
    dealing, judged = divmod(split, definition.parts)
    dealt_by = seed if dealing == 0 else f"{seed}/dealing-{dealing}"
    slices: dict[Slice, list[Example]] = {"development": [], "certification": []}
    for example in examples:
        part = part_of(definition.decision_type, example.row, definition.parts, dealt_by)
        slices["certification" if part == definition.parts - 1 - judged else "development"].append(example)
    return slices
