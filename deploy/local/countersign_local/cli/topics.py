"""countersign topics: what the broker must hold."""

import asyncio
from typing import Annotated

import typer

from countersign_local.cli import connection
from countersign_local.cli.output import JsonOption, print_json, print_text
from countersign_local.errors import USAGE, CommandError

app = typer.Typer(help="The topics of topics.yaml.", no_args_is_help=True)


@app.command()
def ensure(
    replication: Annotated[int, typer.Option(min=1, help="Copies of each partition; 3 in production.")] = 1,
    partitions: Annotated[
        int | None,
        typer.Option(
            min=1, help="For all case topics alike; unset: as those that are there, else as topics.yaml says."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Create the topics that are missing; existing ones are left as they are."""
    from countersign_shared.messaging.topics import ensure_topics

    if connection.on_embedded_broker():
        raise CommandError("The embedded broker was born with its topics and takes no others.", USAGE)
    created = asyncio.run(
        ensure_topics(
            connection.kafka_bootstrap_servers(),
            prefix=connection.topic_prefix(),
            partitions=partitions,
            replication=replication,
        )
    )
    if json:
        print_json({"created": created})
    else:
        print_text(f"Created {', '.join(created)}." if created else "All topics are there.")
