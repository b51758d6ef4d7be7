"""`topics.yaml` keeps the rules that the delivery guarantees rest on."""

from __future__ import annotations

import pytest

from countersign_shared.contracts.events import EVENTS, LEVEL_NAMES, control_key
from countersign_shared.contracts.intake import MAX_CASE_BYTES
from countersign_shared.contracts.topics import UPSTREAM, Topic, contracts_dir, copartitioned_topics, load_topics

SERVICES = {"inference", "router", "review", "audit", "feedback"}
OUR_LARGEST_EVENT = 768 * 1024


def every_topic(test):
    return pytest.mark.parametrize("topic", load_topics().values(), ids=lambda topic: topic.name)(test)


def test_there_are_exactly_the_nine_topics_and_each_has_a_model() -> None:
    assert list(load_topics()) == list(EVENTS)
    assert len(EVENTS) == 9


def test_topics_that_carry_cases_have_the_same_number_of_partitions() -> None:
    assert len({load_topics()[name].partitions for name in copartitioned_topics()}) == 1
    others = set(load_topics()) - set(copartitioned_topics())
    assert others == {"control.changed", "countersign.dead-letter", "checkpoint.signed"}


def test_controls_are_one_compacted_partition_kept_for_ever() -> None:
    control = load_topics()["control.changed"]
    assert control.partitions == 1
    assert control.broker_settings["cleanup.policy"] == "compact"
    assert control.broker_settings["retention.ms"] == "-1"


@every_topic
def test_whoever_is_named_exists(topic: Topic) -> None:
    assert topic.owner in SERVICES
    assert set(topic.producers) <= SERVICES | {UPSTREAM}
    assert set(topic.consumers) <= SERVICES | {UPSTREAM}
    assert topic.says.endswith(".")


@every_topic
def test_audit_reads_every_topic(topic: Topic) -> None:
    assert "audit" in topic.consumers


@every_topic
def test_personal_data_does_not_stay_on_a_topic_for_ever(topic: Topic) -> None:
    assert topic.retention_ms is not None or topic.name == "control.changed"


@every_topic
def test_the_broker_takes_what_the_contract_allows(topic: Topic) -> None:
    assert topic.max_message_bytes > OUR_LARGEST_EVENT > MAX_CASE_BYTES


def test_a_dead_letter_holds_the_largest_record_and_the_reason() -> None:
    largest = max(topic.max_message_bytes for topic in load_topics().values() if topic.copartitioned)
    assert load_topics()["countersign.dead-letter"].max_message_bytes >= largest + 64 * 1024


@every_topic
def test_schema_is_committed_under_the_name_that_records_carry(topic: Topic) -> None:
    assert (contracts_dir() / topic.schema).is_file()
    assert topic.dataschema.rsplit("/", 1)[1] == topic.schema.rsplit("/", 1)[1]
    assert topic.event_type == f"dev.countersign.{topic.name}.v1"


def test_control_keys_name_kind_and_scope() -> None:
    assert control_key("trip", "default", "refund", "low") == b"trip|default|refund|low"
    assert control_key("stop") == b"stop|*|*|*"


def test_the_five_levels_have_names() -> None:
    assert sorted(LEVEL_NAMES) == [1, 2, 3, 4, 5]
    assert len(set(LEVEL_NAMES.values())) == 5
