"""countersign audit: the log, verified and read."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from countersign_local.cli import connection
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.errors import CONFIGURATION, NOT_RIGHT, USAGE, CommandError
from countersign_local.state import state_directory

app = typer.Typer(help="The audit log: verify it, read a case's timeline.", no_args_is_help=True)
_NOT_EVEN_A_KEY = "Name the log's verifier key with --vkey, as it was printed when the log began."


@app.command()
def verify(
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
    """Derive the whole log again and compare it with its signed checkpoints. Exit code 1: it differs."""
    from rich.progress import Progress

    from countersign_audit.domain.note import NoteError
    from countersign_local.verifying import verified

    with Progress(transient=True, disable=json) as bar:
        task = bar.add_task("verifying")
        try:
            report = asyncio.run(
                verified(
                    connection.database_url(),
                    vkey=vkey,
                    keys=_keys_directory(keys),
                    old=_read(old),
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
            )
        except NoteError as error:
            raise CommandError(f"{error}. {_NOT_EVEN_A_KEY}", USAGE) from error
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
    json: JsonOption = False,
) -> None:
    """Print what happened to a case: by whom, when, on what grounds. Reading is itself on the record."""
    found: dict[str, Any] = connection.over_http(
        lambda client: client.get(f"/api/audit/v1/cases/{case_id}/timeline", tenant=tenant)
    )
    if json:
        print_json(found)
    else:
        print_table(found["entries"], ("index", "occurred_at", "kind", "words", "included", "payload"))


def _keys_directory(named: Path | None) -> Path | None:
    if named is not None:
        return named
    fallback = Path(os.environ.get("AUDIT_KEYS_DIR") or state_directory(os.environ) / "audit-keys")
    return fallback if fallback.is_dir() else None


def _read(old: Path | None) -> bytes | None:
    try:
        return None if old is None else old.read_bytes()
    except OSError as error:
        raise CommandError(f"{old}: {error.strerror}", CONFIGURATION) from error


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
