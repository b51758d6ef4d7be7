"""countersign audit erase, subject, explain: what a person may ask of the record."""

import asyncio
import os
import secrets
import time
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from countersign_local.cases import case_path
from countersign_local.cli import asking, connection
from countersign_local.cli.files import check_writable, unwritable
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.client import Client
from countersign_local.errors import NOT_RIGHT, USAGE, CommandError

_API = "/api/audit/v1"
_POLL_SECONDS = 0.5


def erase(
    case: Annotated[str | None, typer.Option(help="One case.")] = None,
    subject: Annotated[str | None, typer.Option(help="Every case of this subject, as upstream refers to it.")] = None,
    basis: Annotated[str, typer.Option(help="Legal basis; it goes on the record, e.g. GDPR 17(1)(a).")] = "",
    tenant: Annotated[str, typer.Option(help="Whose.")] = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again: it cannot be undone.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until everything is gone.")] = 60.0,
    json: JsonOption = False,
) -> None:
    """Erase a case, or everything about a subject, from every service and the log. It cannot be undone.

    Each service confirms on the record; then the log destroys the keys. Exit code 1: not complete within --wait.
    """
    if (case is None) == (subject is None):
        raise CommandError("Name a case with --case, or a subject with --subject: one of the two.", USAGE)
    if not basis:
        raise CommandError("Say on what legal basis, with --basis: it goes on the record.", USAGE)
    if not yes:
        asking.check_somebody_is_there()
        asking.confirm(f"Erase {f'case {case}' if case else f'everything about {subject}'} for good?")
    wanted = {"tenant": tenant, "case_id": case, "subject_ref": subject, "legal_basis": basis}

    async def work(client: Client) -> dict[str, Any]:
        key = secrets.token_hex(16)
        state: dict[str, Any] = await client.post(f"{_API}/erasures", wanted, **{"Idempotency-Key": key})
        deadline = time.monotonic() + wait
        while not state["complete"] and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
            state = await client.get(f"{_API}/erasures/{state['erasure_id']}")
        return state

    found = connection.over_http(work)
    if json:
        print_json(found)
    else:
        rows = [{**one, "waiting_for": ", ".join(one["waiting_for"]) or "-"} for one in found["cases"]]
        print_table(rows, ("case_id", "waiting_for", "erased_at"))
        print_text(f"{found['erasure_id']}: {'complete' if found['complete'] else 'not complete yet; it goes on'}.")
    if not found["complete"]:
        raise typer.Exit(NOT_RIGHT)


def subject(
    ref: Annotated[str, typer.Argument(help="The subject, as upstream refers to it.")],
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("subject.json"),
    tenant: Annotated[str, typer.Option(help="Whose.")] = "default",
    purpose: Annotated[str | None, typer.Option(help="What for; it goes on the record.")] = None,
    json: JsonOption = False,
) -> None:
    """Write everything held about one person into a file: every event of every case, whole. It is on the record."""
    # A disclosure is on the record: nobody should be noted for what they were not given.
    check_writable(output, new=True)
    found: dict[str, Any] = connection.over_http(
        lambda client: client.get(f"{_API}/subjects", subject_ref=ref, tenant=tenant, purpose=purpose)
    )
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(dumps(found, indent=1) + "\n")
    except OSError as error:
        raise unwritable(output, error) from error
    entries = sum(len(case["entries"]) for case in found["cases"])
    if json:
        print_json({
            "file": str(output), "cases": len(found["cases"]), "entries": entries, "complete": found["complete"],
        })  # fmt: skip
    else:
        cases = "1 case" if len(found["cases"]) == 1 else f"{len(found['cases'])} cases"
        print_text(f"{output}: {entries} events of {cases}. Personal data; only you can read the file.")
        if not found["complete"]:
            print_text("It is not everything: there are more cases than one answer holds.")


def explain(
    case_id: Annotated[str, typer.Argument(help="Which case.")],
    tenant: Annotated[str, typer.Option(help="Whose.")] = "default",
    purpose: Annotated[str | None, typer.Option(help="What for; it goes on the record.")] = None,
    json: JsonOption = False,
) -> None:
    """Make a link with which the affected person reads, once, what was decided and why. It is told only now."""
    place = f"{case_path(case_id)}/explanation-links"
    found: dict[str, Any] = connection.over_http(
        lambda client: client.call(
            "POST", place,
            params={name: value for name, value in (("tenant", tenant), ("purpose", purpose)) if value is not None},
        )
    )  # fmt: skip
    if json:
        print_json({**found, "url": f"{connection.system_url()}{found['path']}"})
    else:
        print_text(f"{connection.system_url()}{found['path']}")
        print_text(f"It opens once, until {found['expires_at']}; where people reach the console, they reach this.")
