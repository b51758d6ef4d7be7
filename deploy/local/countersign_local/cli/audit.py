"""countersign audit: the log, verified and read."""

import asyncio
import os
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from countersign_local.cases import case_path
from countersign_local.cli import connection
from countersign_local.cli.audit_keys import keys_directory
from countersign_local.cli.audit_log_life import reconcile, recover, rotate
from countersign_local.cli.audit_persons import erase, explain, subject
from countersign_local.cli.audit_upkeep import check_copies, epochs
from countersign_local.cli.files import check_writable, read_bytes, unwritable
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text, progress_bar
from countersign_local.client import Client
from countersign_local.errors import CONFIGURATION, NOT_RIGHT, USAGE, CommandError

app = typer.Typer(
    help="The audit log: export and verify it, read a case's timeline, prove a case.", no_args_is_help=True
)
app.command()(rotate)
app.command()(recover)
app.command()(reconcile)
app.command()(epochs)
app.command()(check_copies)
app.command()(erase)
app.command()(subject)
app.command()(explain)
_API = "/api/audit/v1"
_NOT_EVEN_A_KEY = "Name the log's verifier key with --vkey; `countersign audit key` prints it for who runs the log."


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(help="Empty, or an export of this log to bring up to date.")],
    purpose: Annotated[str | None, typer.Option(help="What for; it goes on the record.")] = None,
    json: JsonOption = False,
) -> None:
    """Write the log into a directory as any verifier, and any file server, takes it. Exporting is on the record."""
    from countersign_local import exporting

    # Exporting is on the record: nobody should be noted for what they were not given.
    if directory.exists() and not directory.is_dir():
        raise CommandError(f"{directory} is a file: name a directory, empty or an export of this log.", CONFIGURATION)

    async def work(client: Client) -> dict[str, Any]:
        note = await client.read(f"{_API}/checkpoint")
        brought = await exporting.export(
            directory, note,
            lambda first, size: client.stream(f"{_API}/export", first=first, size=size, purpose=purpose),
            lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
        said = exporting.read_note(note)
        return {
            "directory": str(directory), "origin": said.origin, "size": said.size, "root": said.root.hex(),
            "fetched": brought.fetched, "new": brought.new,
        }  # fmt: skip

    with progress_bar(json=json) as bar:
        task = bar.add_task("exporting")
        found: dict[str, Any] = connection.over_http(work)
    if json:
        print_json(found)
    else:
        print_text(f"{directory}: {found['size']:,} entries of {found['origin']}, {found['new']:,} of them new.")
        print_text(f"countersign audit verify {directory} --vkey KEY checks it; take KEY from elsewhere.")


@app.command()
def key(
    keys: Annotated[Path | None, typer.Option(help="The log's keys; unset: AUDIT_KEYS_DIR, else local.")] = None,
    json: JsonOption = False,
) -> None:
    """Print the log's verifier key, for whoever runs it. Hand it on by another way than the log."""
    from countersign_audit.verifying.database import local_verifier_key

    directory = keys_directory(keys)
    if directory is None:
        raise CommandError("The log's keys are not here: name their directory with --keys.", USAGE)
    signing = os.environ.get("AUDIT_SIGNING_KEY") or None
    found = asyncio.run(local_verifier_key(connection.database_url(), directory, signing))
    if json:
        print_json({"verifier_key": found})
    else:
        print_text(found)


@app.command()
def prove(
    case_id: Annotated[str, typer.Argument(help="Which case.")],
    output: Annotated[Path | None, typer.Option(help="The file to write; unset: CASE.proof.json here.")] = None,
    tenant: Annotated[str, typer.Option(help="Whose.")] = "default",
    purpose: Annotated[str | None, typer.Option(help="What for; it goes on the record.")] = None,
    json: JsonOption = False,
) -> None:
    """Write one file with which anybody can check a case's history, offline. Reading is itself on the record."""
    place = f"{case_path(case_id)}/proof"
    path = output or Path(f"{case_id.replace(':', '_')}.proof.json")
    # Reading is on the record: nobody should be noted for what they were not given.
    check_writable(path)
    found: dict[str, Any] = connection.over_http(lambda client: client.get(place, tenant=tenant, purpose=purpose))
    try:
        path.write_text(dumps(found, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error
    if json:
        print_json({"file": str(path), "entries": len(found["entries"]), "complete": found["complete"]})
    else:
        print_text(f"{path}: {len(found['entries'])} entries of case {case_id}.")
        print_text(f"countersign audit verify {path} --vkey KEY checks it; take KEY from elsewhere.")


@app.command()
def verify(
    directory: Annotated[
        Path | None, typer.Argument(help="An export, or the proof of a case; unset: the log in the database.")
    ] = None,
    vkey: Annotated[str | None, typer.Option(help="NAME+KEYID+BASE64; unset: taken from the keys directory.")] = None,
    keys: Annotated[
        Path | None,
        typer.Option(help="The log's keys: also compares every payload. Unset: AUDIT_KEYS_DIR, else local."),
    ] = None,
    old: Annotated[
        Path | None, typer.Option(help="A checkpoint kept from earlier: finds a log that was cut back or rewritten.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Derive the whole log again and compare it with its signed checkpoints. Exit code 1: it differs.

    With a directory, or the file of a case's proof, nothing else is needed: no database, no service, no network.
    """
    if directory is not None:
        _verify_offline(directory, vkey, old, json=json)
        return
    from countersign_audit.domain.note import NoteError
    from countersign_local.verifying import verified

    with progress_bar(json=json) as bar:
        task = bar.add_task("verifying")
        try:
            report = asyncio.run(
                verified(
                    connection.database_url(),
                    vkey=vkey,
                    keys=keys_directory(keys),
                    old=_read(old),
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
            )
        except NoteError as error:
            wrong = f"--old {old} is no checkpoint of this log" if _reads(vkey) else "--vkey is no verifier key"
            raise CommandError(f"{wrong}: {error}.", USAGE) from error
    if json:
        print_json(report)
    else:
        _print(report)
    if not report["verified"]:
        raise typer.Exit(NOT_RIGHT)


@app.command()
def timeline(
    case_id: Annotated[str, typer.Argument(help="Which case.")],
    tenant: Annotated[str, typer.Option(help="Whose.")] = "default",
    purpose: Annotated[str | None, typer.Option(help="What for; it goes on the record.")] = None,
    json: JsonOption = False,
) -> None:
    """Print what happened to a case: by whom, when, on what grounds. Reading is itself on the record."""
    place = f"{case_path(case_id)}/timeline"
    found: dict[str, Any] = connection.over_http(lambda client: client.get(place, tenant=tenant, purpose=purpose))
    if json:
        print_json(found)
    else:
        print_table(found["entries"], ("index", "occurred_at", "kind", "words", "included", "payload"))


def _verify_offline(path: Path, vkey: str | None, old: Path | None, *, json: bool) -> None:
    from countersign_verifier import cli

    if vkey is None:
        raise CommandError(_NOT_EVEN_A_KEY, USAGE)
    arguments = [str(path), "--vkey", vkey, *(["--old", str(old)] if old is not None else []), *(["--json"] * json)]
    if code := cli.main(arguments):
        raise typer.Exit(code)


def _reads(vkey: str | None) -> bool:
    from countersign_audit.domain.note import NoteError, parse_verifier_key

    try:
        return vkey is None or bool(parse_verifier_key(vkey))
    except NoteError:
        return False


def _read(old: Path | None) -> bytes | None:
    return None if old is None else read_bytes(old)


def _print(report: dict[str, Any]) -> None:
    if report["verified"]:
        print_text(
            f"Verified: {report['entries']:,} entries of {report['origin']}, {report['checkpoints']:,} checkpoints."
        )
    else:
        print_text(f"NOT verified: the log {report['origin']} is not what its checkpoints say.")
        for finding in report["findings"]:
            print_text(f"  {finding}")
    print_text(f"Signed {report['signed_at']} over {report['size']:,} entries, root {report['root']}")
    if report["payloads_opened"]:
        print_text(f"{report['payloads_opened']:,} payloads opened and compared with their leaves.")
    if report["payloads_erased"]:
        print_text(f"{report['payloads_erased']:,} payloads were erased, each on record.")
