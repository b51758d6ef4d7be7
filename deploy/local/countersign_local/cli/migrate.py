"""countersign migrate: the schemas of all services."""

import asyncio
from typing import Annotated

import typer

from countersign_local.cli import connection
from countersign_local.cli.output import JsonOption, print_json, print_text


def migrate(
    audit_role: Annotated[
        str | None,
        typer.Option(help="Audit's role: leave it what it needs and no more. For an administrator of the database."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Apply the migrations of all services to DATABASE_URL. Each service also applies its own when it starts."""
    from countersign_local.migrations import migrate_all

    applied = asyncio.run(migrate_all(connection.database_url(), audit_role=audit_role))
    if json:
        print_json(applied)
        return
    for schema, names in applied.items():
        print_text(f"{schema}: {', '.join(names) or 'up to date'}")
