"""A desk of fifty reviewers, five of whom wave through: who is pointed out, and how often wrongly."""

from __future__ import annotations

import numpy as np

from countersign_feedback.domain.discoveries import benjamini_hochberg
from countersign_feedback.domain.rubber_stamps import FALSE_SHARE, Reviews, anchored, examine
from tests.statistics.feedback.tables import show

DESKS, PEOPLE, STAMPS = 200, 50, 5


def desk(chance: np.random.Generator) -> list[Reviews]:
    """Stamps come first. A proposal in sight convinces honest reviewers too, and five of them are quick."""
    found = []
    for person in range(PEOPLE):
        stamp, quick = person < STAMPS, person >= PEOPLE - 5
        assisted, blind, seeded = (int(chance.integers(*span)) for span in ((200, 600), (40, 120), (20, 50)))
        accurate = chance.uniform(0.85, 0.97)
        odds = accurate / (1 - accurate) * chance.uniform(1.0, 2.0)
        follows = chance.uniform(0.985, 1.0) if stamp else odds / (1 + odds)
        catches = chance.uniform(0.0, 0.25) if stamp else chance.uniform(0.6, 0.95)
        hurries = chance.uniform(0.3, 0.7) if stamp or quick else chance.uniform(0.0, 0.08)
        found.append(
            Reviews(
                f"p{person}", assisted_agreed=int(chance.binomial(assisted, follows)), assisted=assisted,
                blind_agreed=int(chance.binomial(blind, accurate)), blind=blind,
                caught=int(chance.binomial(seeded, catches)), seeded=seeded,
                too_fast=int(chance.binomial(assisted, hurries)), timed=assisted,
            )
        )  # fmt: skip
    return found


def test_stamps_are_found_and_honest_reviewers_are_left_alone() -> None:
    chance = np.random.default_rng(20260140)
    tally = {name: [0, 0, 0.0] for name in ("two signals of three", "agreement with the proposal alone", "speed alone")}
    for _ in range(DESKS):
        reviews = desk(chance)
        people, alone = examine(reviews), [anchored(one, fair_odds=1.0) for one in reviews]
        assert len(people) == PEOPLE
        ways = {
            "two signals of three": [one.flagged for one in people],
            "agreement with the proposal alone": benjamini_hochberg(alone, FALSE_SHARE),
            "speed alone": benjamini_hochberg([one.hurried for one in people], FALSE_SHARE),
        }
        for name, flags in ways.items():
            found, accused = sum(flags[:STAMPS]), sum(flags[STAMPS:])
            tally[name][0] += found
            tally[name][1] += accused
            tally[name][2] += accused / max(found + accused, 1)
    rows = [
        [name, f"{found / DESKS / STAMPS:.3f}", f"{accused / DESKS:.2f}", f"{false / DESKS:.3f}"]
        for name, (found, accused, false) in tally.items()
    ]
    show("rubber stamps", ["pointed out by", "stamps found", "honest ones accused per desk", "false share"], rows)
    ours, agreement, speed = tally.values()
    assert ours[0] / DESKS / STAMPS >= 0.9
    assert ours[2] / DESKS <= FALSE_SHARE
    assert agreement[2] / DESKS > FALSE_SHARE
    assert speed[2] / DESKS > FALSE_SHARE
