"""Three disjoint slices of the data, by hash of the row: the same for ever, whatever else is in the file."""

import hashlib
from collections.abc import Iterable
from typing import Literal

from countersign_inference.training.definitions import Example

Slice = Literal["train", "calibration", "certification"]
SEED = "countersign-1"
TRAIN_SHARE, CALIBRATION_SHARE = 0.55, 0.20


def slice_of(decision_type: str, row: int, seed: str = SEED) -> Slice:
    """Return the slice of a row; another seed deals anew."""
    digest = hashlib.sha256(f"{seed}/{decision_type}/{row}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < TRAIN_SHARE:
        return "train"
    return "calibration" if place < TRAIN_SHARE + CALIBRATION_SHARE else "certification"


def sliced(decision_type: str, examples: Iterable[Example], seed: str = SEED) -> dict[Slice, list[Example]]:
    """Deal the examples to their slices, in order."""
    dealt: dict[Slice, list[Example]] = {"train": [], "calibration": [], "certification": []}
    for example in examples:
        dealt[slice_of(decision_type, example.row, seed)].append(example)
    return dealt
