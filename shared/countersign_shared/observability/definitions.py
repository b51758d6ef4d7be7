"""Every metric there is: name, kind, labels, meaning. Code, docs, alerts and boards are checked against it."""

from dataclasses import dataclass
from typing import Literal

PREFIX = "countersign_"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 28800, 86400, 604800)
PROBABILITY = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 1.0)


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric; ``name`` without the prefix. Labels are few and never hold a case, a person or a subject."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


DEFINITIONS: tuple[Definition, ...] = (
    Definition("cases_created_total", "counter", ("decision_type",), "Cases accepted for the first time."),
    Definition("routing_total", "counter", ("decision_type", "level", "tier", "band"), "Cases routed."),
    Definition("decisions_total", "counter", ("decision_type", "mode", "relation"), "Decisions made."),
    Definition(
        "time_to_decision_seconds", "histogram", ("decision_type", "level"),
        "From the case's event time to its decision.", SECONDS,
    ),
    Definition("confidence", "histogram", (), "Calibrated confidence of proposals.", PROBABILITY),
    Definition("open_cases", "gauge", ("decision_type", "state"), "Cases not decided yet."),
    Definition("review_queue_depth", "gauge", ("queue",), "Reviews waiting in a queue."),
    Definition("review_oldest_case_age_seconds", "gauge", ("queue",), "Age of the oldest waiting review."),
    Definition("review_overdue", "gauge", ("queue",), "Waiting reviews whose deadline has passed."),
    Definition("review_unassignable_cases", "gauge", (), "Waiting reviews nobody is eligible for."),
    Definition("review_sla_due_total", "counter", ("class", "met"), "Reviews decided, by whether in time."),
    Definition("review_duration_seconds", "histogram", ("queue",), "From opening a review to its decision.", SECONDS),
    Definition("claims_expired_total", "counter", (), "Claims whose lease ran out."),
    Definition("automation_error_rate", "gauge", ("tier",), "Audited error rate of automated decisions lately."),
    Definition("automation_error_rate_upper", "gauge", ("tier",), "Upper 95 % bound of that error rate."),
    Definition("automation_evalue", "gauge", ("tier",), "Evidence against the tier's promise."),
    Definition("automation_enabled", "gauge", ("tier",), "1 while the tier may automate."),
    Definition("automation_stopped", "gauge", ("scope",), "1 while a stop switch holds."),
    Definition("automation_tripped", "gauge", ("decision_type", "tier"), "1 while a trip holds; `all` for every one."),
    Definition("override_ratio", "gauge", ("decision_type",), "Share of reviews lately that overrode the proposal."),
    Definition("scorer_requests_total", "counter", ("model", "result"), "Cases scored, by result."),
    Definition("policy_errors_total", "counter", (), "Cases sent to people because a policy failed to evaluate."),
    Definition(
        "incomplete_cases_total", "counter", ("decision_type",),
        "Cases sent to people because data of theirs is missing or unusable.",
    ),
    Definition("audit_log_size", "gauge", (), "Entries in the log."),
    Definition("audit_lag_seconds", "gauge", (), "Age of the newest entry when it was committed."),
    Definition("audit_checkpoint_age_seconds", "gauge", (), "Time since the last signed checkpoint."),
    Definition("audit_anchor_age_seconds", "gauge", (), "Time since every place outside the database had the newest."),
    Definition("audit_copies_differing", "gauge", (), "Entries whose columns differ from their leaves, last checked."),
    Definition("audit_records_missing_total", "counter", (), "Records that the broker removed before they were read."),
    Definition("audit_conflicts_total", "counter", (), "Records that repeated an id with other content."),
    Definition("outbox_oldest_seconds", "gauge", (), "How long the oldest due message has been waiting to leave."),
    Definition("deliveries_total", "counter", ("kind", "result"), "Decisions delivered to their receivers."),
    Definition("dead_letters_total", "counter", ("service", "reason"), "Records put on the dead-letter topic."),
    Definition("consumer_lag_records", "gauge", ("topic",), "Records between the last handled one and the end."),
    Definition("last_poll_age_seconds", "gauge", (), "Time since the consumer last asked for records."),
    Definition("broker_silence_seconds", "gauge", (), "Time since a Kafka broker last answered."),
    Definition("build_info", "gauge", ("version",), "1, labelled with the version."),
)  # fmt: skip
BY_NAME = {definition.name: definition for definition in DEFINITIONS}
