"""Makes the pictures of docs/how-to/replay-a-policy.md: `python -m tests.unit.router.pictures`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from countersign_router.domain.controls import Controls
from countersign_router.replaying.evaluation import Replayer
from countersign_router.replaying.picture import draw as draw_replay
from countersign_router.replaying.report import ReplayReport
from countersign_router.replaying.summing_up import sum_up
from countersign_router.showing.flow_chart import draw as draw_chart
from tests.unit.router.cases import NOW, PAYLOAD, bent, document, scored, shipped
from tests.unit.router.replays import question, stored

IMAGES = Path(__file__).parents[3] / "docs" / "images"
CASES = 20_000
SURE, UNSURE = (9.0, 0.9), (4.0, 2.0)
"""Shapes of the confidence: most cases are clear, some are not."""


def applications(count: int, seed: int = 20) -> Iterator[dict[str, Any]]:
    """Loan applications as a lender sees them: mostly small, mostly clear."""
    chance = random.Random(seed)
    for number in range(count):
        payload = {
            **PAYLOAD,
            "loan_amount": f"{min(max(round(chance.lognormvariate(11.6, 0.55), -3), 20_000), 900_000):.2f}",
            "loan_to_value": round(min(max(chance.gauss(76, 12), 20), 110), 1),
            "total_obligations_ratio": round(min(max(chance.gauss(31, 5), 10), 60), 1),
            "owner_occupied": chance.random() < 0.93,
            "bankruptcy_on_record": chance.random() < 0.02,
            "information_verified": chance.random() < 0.96,
        }
        confidence = chance.betavariate(*(SURE if chance.random() < 0.75 else UNSURE))
        yield scored(
            f"loan-{number:06}", payload=payload, confidence=round(0.5 + confidence / 2, 4),
            outcome="decline" if chance.random() < 0.12 else "approve",
            signals={"similarity": chance.choice([0.6] * 24 + [0.01])},
        )  # fmt: skip


def replayed(count: int = CASES) -> ReplayReport:
    """The shipped policy and a draft: stricter where the AI is unsure, bolder where little is at stake."""
    minute = timedelta(minutes=1)
    cases = [stored(body, shipped(), Controls(), NOW + number * minute)[0]
             for number, body in enumerate(applications(count))]  # fmt: skip
    matrix = {**document()["matrix"], "low": {"high": 1, "medium": 3, "low": 4}}
    thin = {"id": "thin-equity", "when": "case.loan_to_value > 95.0", "level": 4, "queue": "senior_underwriting"}
    draft = bent(
        version=shipped().policy.version + 1, bands={"high": 0.93, "medium": 0.75}, matrix=matrix,
        exceptions=[thin, *(one for one in document()["exceptions"] if one["id"] != "thin-equity")],
    )  # fmt: skip
    chance = random.Random(5)
    labels = {("default", f"loan-{number:06}"): chance.random() < 0.03 for number in range(count)}
    asked = question(draft, shipped(), draft=True, labels=labels)
    return sum_up(
        Replayer(asked).replay(cases), draft.policy, draft=True, asked=f"last:{count}", originals=asked.originals
    )


if __name__ == "__main__":
    (IMAGES / "policy-replay.svg").write_text(draw_replay(replayed()), encoding="utf-8")
    (IMAGES / "policy-chart.svg").write_text(draw_chart(shipped().document), encoding="utf-8")
