"""countersign audit rotate, countersign audit recover: what becomes of the log's key and name."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from countersign_local.cli import connection
from countersign_local.cli.audit_keys import KeysOption, keys_directory
from countersign_local.cli.audit_upkeep import begin_epoch
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.errors import CONFIGURATION, NOT_RIGHT, UNAVAILABLE, USAGE, CommandError


def rotate(
    keys: KeysOption = None,
    data_keys: Annotated[
        bool, typer.Option("--data-keys", help="The key that wraps data keys, instead of the one that signs.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make a new signing key. The next start of audit names it in the log, under the old one, and goes over to it."""
    import secrets

    from countersign_audit.custody.keys import replace_signing_key
    from countersign_shared.errors import ConfigurationError

    directory = keys_directory(keys)
    if directory is None:
        raise CommandError("The log's keys are not here: name their directory with --keys.", USAGE)
    if data_keys:
        begin_epoch(directory, json=json)
        return
    if os.environ.get("AUDIT_SIGNING_KEY"):
        raise CommandError(
            "The signing key is in AUDIT_SIGNING_KEY: set AUDIT_SIGNING_KEY_BEFORE to it, AUDIT_SIGNING_KEY to the new "
            "one, and start audit again.",
            USAGE,
        )
    try:
        replace_signing_key(directory, secrets.token_bytes)
    except ConfigurationError as error:
        raise CommandError(f"{error}.", CONFIGURATION) from error
    if json:
        print_json({"keys": str(directory)})
    else:
        print_text(f"{directory}: signing.key is new, the one before it is signing-before.key.")
        print_text(
            "Start audit again; it goes over to the new key. Then `countersign audit key` prints its verifier key:"
        )
        print_text("hand it to whoever verifies, and destroy signing-before.key.")


def recover(
    keys: KeysOption = None,
    anchors: Annotated[
        Path | None, typer.Option(help="Where checkpoints are kept; unset: AUDIT_ANCHORS_DIR, and the topic.")
    ] = None,
    services: Annotated[
        str, typer.Option(help="Whose topics are delivered once more: names with commas, or `all`.")
    ] = "audit",
    json: JsonOption = False,
) -> None:
    """Let a log whose database was restored go on: under another name, with an entry that says what was lost.

    Every service named must be stopped. Everything its topics still hold is delivered to it once more.
    """
    from countersign_audit.custody.recovery import NotBehindError, Recovered, reading_places
    from countersign_audit.custody.recovery import recover as recovered
    from countersign_audit.settings import Settings
    from countersign_local.demo.system import service_groups
    from countersign_shared.clock import system_clock
    from countersign_shared.erasure import TOPIC as ACTIVITIES
    from countersign_shared.errors import ConfigurationError
    from countersign_shared.messaging.rewind import rewind

    if connection.on_embedded_broker():
        raise CommandError("The embedded broker forgets its topics at every end: there is nothing to recover.", USAGE)
    directory = keys_directory(keys)
    if directory is None:
        raise CommandError("The log's keys are not here: name their directory with --keys.", USAGE)
    given: dict[str, Any] = {"audit_anchors_dir": anchors} if anchors is not None else {}
    settings = Settings(
        database_url=connection.database_url(), kafka_bootstrap_servers=connection.kafka_bootstrap_servers(),
        topic_prefix=connection.topic_prefix(), audit_keys_dir=directory, audit_writer_wait_seconds=1.0, **given,
    )  # fmt: skip
    groups = {name.removeprefix("countersign-"): topics for name, topics in service_groups().items()}
    chosen = sorted(groups) if services == "all" else services.split(",")
    if unknown := [name for name in chosen if name not in groups]:
        raise CommandError(f"No such service: {unknown[0]}. There are {', '.join(sorted(groups))}.", USAGE)

    async def work() -> Recovered:
        for name in chosen:
            await rewind(
                settings.kafka_bootstrap_servers,
                name,
                sorted({*groups[name], ACTIVITIES}),
                prefix=settings.topic_prefix,
            )
        return await recovered(settings, reading_places(settings), system_clock)

    try:
        found = asyncio.run(work())
    except NotBehindError as error:
        raise CommandError(f"{error}. Its topics will be delivered once more; that does no harm.", NOT_RIGHT) from error
    except ConfigurationError as error:
        raise CommandError(f"{error}.", UNAVAILABLE) from error
    if json:
        print_json({
            "size": found.size, "lost_until": found.lost_until, "verifier_key": found.verifier_key, "rewound": chosen,
        })  # fmt: skip
    else:
        print_text(f"Entry {found.size} says that the entries up to {found.lost_until - 1} were lost.")
        print_text(f"The log goes on under another name; its verifier key is now {found.verifier_key}")
        print_text(f"Start the services again: {', '.join(chosen)} get everything the topics hold once more.")


def reconcile(day: Annotated[str, typer.Argument(help="Which UTC day, YYYY-MM-DD.")], json: JsonOption = False) -> None:
    """Count a day's entries by kind, and find events that never arrived. Exit code 1: some are missing.

    The service does so by itself for every day, six hours after its end; what it finds is the entry log.reconciled.
    """
    from datetime import date

    from countersign_audit.store import connected
    from countersign_audit.watching.reconciling import Day, look_at
    from countersign_shared.clock import system_clock

    try:
        wanted = date.fromisoformat(day)
    except ValueError as error:
        raise CommandError(f"{day} is no day: write YYYY-MM-DD.", USAGE) from error
    today = system_clock().date()
    if wanted > today:
        raise CommandError(f"{day} has not begun: it is {today} (UTC).", USAGE)

    async def work() -> Day:
        async with connected(connection.database_url()) as database:
            return await look_at(database, wanted)

    found = asyncio.run(work())
    holes = [
        {"case": one.case, "source": one.source, "missing": one.missing, "missing_count": one.count}
        for one in found.holes
    ]
    absent = [{"case": one.case, "topic": one.topic} for one in found.absent]
    if json:
        counted = {"day": day, "counts": found.counts, "conflicts": found.conflicts}
        print_json({**counted, "holes": holes, "absent": absent})
    else:
        rows = [{"kind": kind, "entries": count} for kind, count in found.counts.items()]
        print_table(rows, ("kind", "entries"))
        print_text(f"{found.entries:,} entries, {found.conflicts:,} conflicts; numbers missing in {len(holes):,}.")
        if wanted == today:
            print_text("The day is not over: more may follow, and what is missing may still be on its way.")
        for hole in found.holes:
            more = hole.count - len(hole.missing)
            rest = f" and {more:,} more" if more else ""
            print_text(f"  {hole.source} about {hole.case}: {', '.join(map(str, hole.missing))}{rest}")
        for one in absent:
            print_text(f"  no {one['topic']} of {one['case']}")
    if holes or absent:
        raise typer.Exit(NOT_RIGHT)
