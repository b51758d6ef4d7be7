"""Each alert fires on what it is named after, and not before: played to Prometheus's own rule tester."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
PROMTOOL = shutil.which("promtool")
AT = 'job="audit", instance="a"'

pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="no promtool on this machine")


class Story(NamedTuple):
    """What is measured each minute, when the alert fires for the first time (None: never), and until when."""

    alert: str
    series: Mapping[str, str]
    fires: int | None
    ends: int | None = None


def at(labels: str, **metrics: str) -> dict[str, str]:
    return {f"countersign_{name}{{{labels}}}": values for name, values in metrics.items()}


def counted(alert: str, name: str, labels: str = AT) -> Iterable[Story]:
    """The ways in which a counter that must stay at 0 may leave it."""
    whole, began = f"countersign_{name}_total{{{labels}}}", f"countersign_{name}_created{{{labels}}}"
    yield Story(alert, {whole: "0x5 1x40", began: "0x46"}, 6, 21)
    # A service that was away for long comes up and has counted before anybody asked it.
    yield Story(alert, {whole: "0x2 _x25 3x30", began: "0x2 _x25 1660x30"}, 28, 43)
    # Nothing new: Prometheus was away, or is new itself.
    yield Story(alert, {whole: "_x30 7x30", began: "_x30 0x30"}, None)


STORIES = [
    Story("ServiceDown", {'up{job="router", instance="a"}': "1x2 0x5"}, 4),
    Story("ServiceMissing", {f'up{{job="{job}"}}': "1x60" for job in ("inference", "review", "audit", "feedback")}, 2),
    Story("ServiceMissing", {f'up{{job="{job}"}}': "1x60" for job in
                             ("inference", "router", "review", "audit", "feedback")}, None),
    Story("ConsumerStuck", at(AT, last_poll_age_seconds="0 10 70 130 190"), 3),
    Story("KafkaSilent", at(AT, broker_silence_seconds="9 3 70 130 190"), 3),
    Story("ConsumerBehind", at('job="router", topic="case.scored"', consumer_lag_records="0 20000x20"), 11),
    Story("ConsumerBehind", at('job="router", topic="case.scored"', consumer_lag_records="0 20000x5 0x20"), None),
    *counted("DeadLetters", "dead_letters", 'service="inference", reason="conflict", instance="a"'),
    Story("DeadLetters", {  # a reason that nobody had given before comes up with its first
        'countersign_dead_letters_total{service="inference", reason="oversize", instance="a"}': "_x4 1x30",
        'countersign_dead_letters_created{service="inference", reason="oversize", instance="a"}': "_x4 230x30",
    }, 4, 19),
    Story("OutboxStuck", at('job="review", instance="a"', outbox_oldest_seconds="0 30 90 150 210"), 3),
    *counted("PolicyErrors", "policy_errors"),
    Story("ScorerFailing", {
        'countersign_scorer_requests_total{model="m", result="proposed"}': "0+60x40",
        'countersign_scorer_requests_total{model="m", result="timeout"}': "0+40x40",
        'countersign_scorer_requests_total{model="m", result="shadow_agreed"}': "0+900x40",
    }, 16),
    Story("ScorerFailing", {
        'countersign_scorer_requests_total{model="m", result="proposed"}': "0+90x40",
        'countersign_scorer_requests_total{model="m", result="timeout"}': "0+10x40",
    }, None),
    Story("AutomationStopped", at('scope="all"', automation_stopped="0 1x300"), 241),
    Story("AutomationTripped", at('decision_type="refund", tier="low"', automation_tripped="_ 1x9"), 1),
    Story("AutomationErrorHigh", at('tier="low"', automation_error_rate="0.01 0.08x30"), 16),
    Story("OverridesHigh", at('decision_type="refund"', override_ratio="0.1 0.4x90"), 61),
    Story("ReviewWaitsTooLong", at('queue="refunds"', review_oldest_case_age_seconds="86300+60x30"), 12),
    Story("NobodyEligible", at(AT, review_unassignable_cases="0 2x30"), 16),
    Story("ReviewsOverdue", at('queue="refunds"', review_overdue="0 1x40", review_queue_depth="10x41"), 31),
    Story("ReviewsOverdue", at('queue="refunds"', review_overdue="1x41", review_queue_depth="40x41"), None),
    Story("DeadlinesMissed", {
        'countersign_review_sla_due_total{class="standard", met="true"}': "0+9x60",
        'countersign_review_sla_due_total{class="standard", met="false"}': "0+1x60",
    }, 31),
    Story("AuditBehind", at(AT, audit_lag_seconds="1 90x20"), 6),
    Story("CheckpointOld", at(AT, audit_checkpoint_age_seconds="0+60x20", audit_log_size="0+10x20"), 7),
    Story("CheckpointOld", at(AT, audit_checkpoint_age_seconds="0+60x20", audit_log_size="10x20"), None),
    Story("AnchorOld", at(AT, audit_anchor_age_seconds="0+60x20"), 7),
    Story("AuditCopiesDiffer", at(AT, audit_copies_differing="0 1x9"), 1),
    *counted("AuditRecordsMissing", "audit_records_missing"),
    *counted("AuditConflict", "audit_conflicts"),
]  # fmt: skip


def expected(story: Story) -> list[dict[str, Any]]:
    """What to ask of Prometheus: silent until the minute, firing in it, silent once it ends."""
    told: dict[int, bool] = {59: False} if story.fires is None else {story.fires - 1: False, story.fires: True}
    if story.ends is not None:
        told |= {story.ends - 1: True, story.ends: False}
    # Of however many replicas and scopes there are, one alert is enough.
    firing = f'count(ALERTS{{alertname="{story.alert}", alertstate="firing"}}) > bool 0'
    return [
        {"expr": firing, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": 1}] if fires else []}
        for minute, fires in told.items()
    ]


def worlds() -> list[list[Story]]:
    """Stories that share no metric happen in the same world: a quarter of the time."""
    made: list[tuple[set[str], list[Story]]] = []
    for story in STORIES:
        names = {series.partition("{")[0] for series in story.series}
        free = next((world for world in made if not world[0] & names), None)
        if free is None:
            made.append((names, [story]))
        else:
            free[0].update(names)
            free[1].append(story)
    return [stories for _, stories in made]


def test_every_alert_fires_on_what_it_is_named_after_and_not_before(tmp_path: Path) -> None:
    assert PROMTOOL
    file = tmp_path / "stories.yml"
    tests = [
        {
            "interval": "1m",
            "input_series": [
                {"series": name, "values": values} for story in world for name, values in story.series.items()
            ],
            "promql_expr_test": [one for story in world for one in expected(story)],
        }
        for world in worlds()
    ]
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}), encoding="utf-8"
    )

    done = subprocess.run([PROMTOOL, "test", "rules", file], check=False, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_story() -> None:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    named = {rule["alert"] for group in document["groups"] for rule in group["rules"]}

    assert named == {story.alert for story in STORIES if story.fires is not None}
