"""Creating the topics of `topics.yaml`."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NodeNotReadyError, for_code

from countersign_shared.contracts.topics import load_topics
from countersign_shared.errors import AwayError, ConfigurationError
from countersign_shared.messaging.away import CONNECTING, unreachable
from countersign_shared.messaging.stopping import started, stopped

ALREADY_EXISTS = 36
NO_REPLICA = 38
COUNTED_IN_SECONDS = 30.0
"""How long brokers may need until their controller counts them in again: they give a sign of life every few seconds."""


class _FencedError(Exception):
    """The controller counts no broker in."""


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
    settings that replace those of the contract, e.g. a shorter retention. ``AwayError`` when no broker answers, or the
    controller counts none in: it leaves out those from which it has heard nothing, as on a machine that slept.
    """
    deadline = time.monotonic() + COUNTED_IN_SECONDS
    while True:
        try:
            return await _create_missing(bootstrap, prefix, partitions, replication, settings or {})
        except (_FencedError, NodeNotReadyError) as error:  # as a broker says it that knows of no broker
            if time.monotonic() > deadline:
                raise AwayError(
                    f"Kafka's controller at {bootstrap} counts no broker in: see what the brokers' logs say"
                ) from error
        await asyncio.sleep(0.2)


async def _create_missing(
    bootstrap: str, prefix: str, partitions: int | None, replication: int, settings: Mapping[str, str]
) -> list[str]:
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
                topic_configs={**topic.broker_settings, **settings},
            )
            for topic in load_topics().values()
        ]
        return _created((await admin.create_topics(wanted)).topic_errors)
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
        elif code == NO_REPLICA and "fenced" in (detail or ""):  # else there are fewer brokers than copies
            raise _FencedError(detail)
        elif code != ALREADY_EXISTS:
            raise ConfigurationError(f"topic {name} could not be created: {for_code(code).__name__} {detail or ''}")
    return created
