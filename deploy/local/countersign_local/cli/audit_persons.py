"""countersign audit erase: what a person may ask of the record."""

import asyncio
import secrets
import time
from typing import Annotated, Any

import typer

from countersign_local.cli import connection
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
        raise CommandError("Name a case with --case, or a subject with --subject.", USAGE)
    if not basis:
        raise CommandError("Say on what legal basis, with --basis: it goes on the record.", USAGE)
    if not yes:
        typer.confirm(f"Erase {f'case {case}' if case else f'everything about {subject}'} for good?", abort=True)
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
