"""countersign audit epochs, countersign audit check-copies: the upkeep of the log, looked at and done at once."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from countersign_local.cli import connection
from countersign_local.cli.audit_keys import KeysOption, keys_at_hand
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text, progress_bar
from countersign_local.errors import CONFIGURATION, NOT_RIGHT, CommandError

SHOWN = 20


def begin_epoch(directory: Path, *, json: bool) -> None:
    """Make the key of the next epoch."""
    import secrets

    from countersign_audit.custody.keys import add_epoch_key
    from countersign_shared.errors import ConfigurationError

    try:
        path = add_epoch_key(directory, secrets.token_bytes)
    except ConfigurationError as error:
        raise CommandError(f"{error}.", CONFIGURATION) from error
    if json:
        print_json({"key": str(path)})
        return
    print_text(f"{path} is new. Back it up before anything else: what it wraps cannot be read without it.")
    print_text("Start audit again; it wraps new data keys with it at once, and those that are there in the background.")
    print_text("`countersign audit epochs` says how far that is, and when the key before may be destroyed.")


def epochs(
    destroy: Annotated[int | None, typer.Option(help="Destroy the key of this epoch, if nothing needs it.")] = None,
    keys: KeysOption = None,
    json: JsonOption = False,
) -> None:
    """Show how many data keys each epoch's key wraps, and which of those may be destroyed."""
    from countersign_audit.custody.rewrapping import Epochs, destroy_epoch_key, read_epochs
    from countersign_audit.store import connected
    from countersign_shared.errors import ConfigurationError

    async def work() -> Epochs:
        async with connected(connection.database_url()) as database:
            return await read_epochs(database)

    found = asyncio.run(work())
    if destroy is not None:
        try:
            path = destroy_epoch_key(keys_at_hand(keys), destroy, found)
        except ConfigurationError as error:
            raise CommandError(f"{error}.", CONFIGURATION) from error
        if json:
            print_json({"destroyed": str(path)})
        else:
            print_text(f"{path} is destroyed. Destroy its backups too: until then they open what older backups hold.")
        return
    rows = [
        {"epoch": epoch, "data_keys": found.keys.get(epoch, 0), "may_be_destroyed": found.may_be_destroyed(epoch)}
        for epoch in range(1, found.current + 1)
    ]
    if json:
        print_json({"current": found.current, "completed": found.completed, "epochs": rows})
    else:
        print_table(rows, ("epoch", "data_keys", "may_be_destroyed"))


def check_copies(json: JsonOption = False) -> None:
    """Compare the columns beside every leaf with it, now. Exit code 1: some differ.

    The service does so by itself every AUDIT_COPIES_CHECK_HOURS; what it finds is the entry log.copies_checked.
    """
    from countersign_audit.store import Store, connected
    from countersign_audit.watching.checking import Stretch, compared

    async def work() -> Stretch:
        async with connected(connection.database_url()) as database:
            total, _ = await Store().extent(database)
            async for stretch in compared(database.fetch, 0):
                bar.update(task, completed=stretch.beyond, total=total)
        return stretch

    with progress_bar(json=json) as bar:
        task = bar.add_task("comparing")
        found = asyncio.run(work())
    if json:
        differing = [{"index": index, "what": what} for index, what in found.differing]
        print_json({"entries": found.beyond, "differing": differing})
    else:
        print_text(f"{found.beyond:,} entries compared, {len(found.differing):,} differ.")
        for index, what in found.differing[:SHOWN]:
            print_text(f"  entry {index}: {what}")
    if found.differing:
        raise typer.Exit(NOT_RIGHT)
