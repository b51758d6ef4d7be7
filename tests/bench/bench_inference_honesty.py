"""How often a recipe that is exactly right is within the bar of honest confidence, at the size of the real data.

Run it with ``python -m tests.bench.bench_inference_honesty [--worlds N]``; prints one JSON object. In each world every
loan application keeps its fields and gets a label drawn with the probability that a model fitted to all of them gives:
there the form of the model is the truth. The study of twenty splits then runs as on the real labels. What it misses,
no method can mend at this size: the labels that a model and its calibrator are fitted to are drawn, too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

import numpy as np

from countersign_inference.domain.features import Features
from countersign_inference.training.definitions import DEFINITIONS, Example
from countersign_inference.training.fitting import fit_columns, readable
from countersign_inference.training.honesty import SPLITS, study_of

LOAN = "loan_application"


def worlds(count: int) -> dict[str, object]:
    """Return in how many of twenty splits each world is within the bar."""
    definition = DEFINITIONS[LOAN]
    examples = list(definition.examples())
    rows = readable(Features(definition.inputs, definition.columns), examples)
    chance = dict(zip(rows.rows, fit_columns(rows).predict_proba(rows.matrix)[:, 1].tolist(), strict=True))
    honest = [_world(number, examples, chance) for number in range(count)]
    return {
        "worlds": count, "splits": SPLITS, "within": sorted(honest), "mean": round(float(np.mean(honest)), 2),
        "of_perfect_confidences": SPLITS * 0.95,
    }  # fmt: skip


def _world(number: int, examples: Sequence[Example], chance: dict[int, float]) -> int:
    rng = np.random.default_rng(number)
    drawn = [
        dataclasses.replace(one, positive=bool(rng.random() < chance[one.row])) if one.row in chance else one
        for one in examples
    ]
    definition = dataclasses.replace(DEFINITIONS[LOAN], examples=lambda: iter(drawn))
    return study_of(definition, SPLITS, lambda _text, _share: None, seed=f"world-{number}").honest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=10)
    print(json.dumps(worlds(parser.parse_args().worlds)))
