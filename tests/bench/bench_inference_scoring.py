"""What a proposal costs, held against parsing and writing the same case once: a ratio, since machines differ.

Run it with `python -m tests.bench.bench_inference_scoring`; prints one JSON object. Medians of 15 rounds in turn.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import orjson

from countersign_inference.domain.scoring import Question
from countersign_inference.registry import PACKAGED_MODELS, load_scorers
from countersign_inference.training.loanapp import DECISION_TYPE, applications
from countersign_shared.contracts.decision_types import load_decision_types

BATCH = 500
ROUNDS = 15


def measure() -> dict[str, float]:
    """Return CPU per case of scoring and of the JSON round trip, in microseconds, and their ratio."""
    payloads = [application.payload for application in applications()][:BATCH]
    scorer = load_scorers(PACKAGED_MODELS, load_decision_types())[DECISION_TYPE]
    questions = [Question({name: one[name] for name in scorer.reads if name in one}) for one in payloads]
    bodies = [orjson.dumps(payload) for payload in payloads]
    scoring, floor = [], []
    for _ in range(ROUNDS):
        floor.append(_cpu_us(lambda: [orjson.dumps(orjson.loads(body)) for body in bodies]))
        scoring.append(_cpu_us(lambda: scorer.score(questions)))
    scored, parsed = statistics.median(scoring), statistics.median(floor)
    return {
        "scoring_us_per_case": round(scored, 2),
        "json_round_trip_us_per_case": round(parsed, 2),
        "ratio": round(scored / parsed, 2),
    }


def _cpu_us(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) / BATCH * 1e6


if __name__ == "__main__":
    print(orjson.dumps(measure(), option=orjson.OPT_INDENT_2).decode())
