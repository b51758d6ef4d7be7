"""Creating the topics of `topics.yaml`, and saying where reality differs from it."""

from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from countersign_shared.contracts.topics import load_topics
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging.away import CONNECTING, unreachable

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

    ``partitions`` overrides the count of all co-partitioned topics alike: they must stay equal. ``settings`` are
    broker settings that replace those of the contract, e.g. a shorter retention.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="countersign-topics")
    try:
        await admin.start()
    except CONNECTING as error:
        await admin.close()
        raise unreachable(bootstrap, error) from error
    try:
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
        await admin.close()


def _created(answers: list[tuple[str, int, str | None]]) -> list[str]:
    created = []
    for name, code, detail in answers:
        if code == 0:
            created.append(name)
        elif code != ALREADY_EXISTS:
            raise ConfigurationError(f"topic {name} could not be created: {for_code(code).__name__} {detail or ''}")
    return created
