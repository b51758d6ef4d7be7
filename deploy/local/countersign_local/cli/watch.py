"""countersign watch: the topics, as they move."""

import asyncio
import contextlib
from typing import Annotated

import typer

from countersign_local.cli import connection
from countersign_local.cli.output import JsonOption, print_json, print_line


def watch(
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; may be repeated.")] = None,
    case: Annotated[str | None, typer.Option(help="Only this case id.")] = None,
    beginning: Annotated[bool, typer.Option("--from-beginning", help="Also what is already there.")] = False,
    json: JsonOption = False,
) -> None:
    """Print events as they arrive, until interrupted. Exit code 69 when Kafka answers no more."""
    from countersign_local.watching import watched

    async def follow() -> None:
        events = watched(
            connection.kafka_bootstrap_servers(),
            topics=topic,
            prefix=connection.topic_prefix(),
            from_beginning=beginning,
        )
        async with contextlib.aclosing(events):
            async for event in events:
                if case is None or event.case_id == case:
                    if json:
                        print_json(event.as_json())
                    else:
                        print_line(event.line())

    asyncio.run(follow())
