"""Creating the topics of `topics.yaml`."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from countersign_shared.contracts.topics import load_topics
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging.away import CONNECTING, unreachable
from countersign_shared.messaging.stopping import started, stopped

ALREADY_EXISTS = 36


async def ensure_topics(
    bootstrap: str,
    *,
    prefix: str = "",
    partitions: int | None = None,
    replication: int = 1,
    settings: Mapping[str, str] | None = None,
) -> list[str]:
    """Create the topics that are missing and return their physical names; existing ones are left as they are.

    ``partitions`` overrides the count of all co-partitioned topics alike: they must stay equal, so the missing ones get
    as many as those that are there have, and another count is a ``ConfigurationError``. ``settings`` are broker
    settings that replace those of the contract, e.g. a shorter retention.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="countersign-topics")
    try:
        try:
            await started(admin)
        except CONNECTING as error:
            raise unreachable(bootstrap, error) from error
        partitions = _as_the_others(await admin.describe_topics(), prefix, partitions)
        wanted = [
            NewTopic(
                name=prefix + topic.name,
                num_partitions=partitions if partitions and topic.copartitioned else topic.partitions,
                replication_factor=replication,
                topic_configs={**topic.broker_settings, **(settings or {})},
            )
            for topic in load_topics().values()
        ]
        answer = await admin.create_topics(wanted)
        return _created(answer.topic_errors)
    finally:
        await stopped(admin.close(), "the administrator", of=admin)


def _as_the_others(present: Sequence[Mapping[str, Any]], prefix: str, asked: int | None) -> int | None:
    """Return how many partitions missing case topics get: as many as the present ones have, if there are any."""
    names = {prefix + topic.name for topic in load_topics().values() if topic.copartitioned}
    counts = {one["topic"]: len(one["partitions"]) for one in present if one["topic"] in names}
    for name, count in counts.items():
        if asked is not None and asked != count:
            raise ConfigurationError(
                f"topic {name} has {count} partitions, and all case topics need as many: do not ask for {asked}"
            )
    return asked or max(counts.values(), default=None)


def _created(answers: list[tuple[str, int, str | None]]) -> list[str]:
    created = []
    for name, code, detail in answers:
        if code == 0:
            created.append(name)
        elif code != ALREADY_EXISTS:
            raise ConfigurationError(f"topic {name} could not be created: {for_code(code).__name__} {detail or ''}")
    return created
