"""countersign stop: no more automation, at once."""

from typing import Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.output import JsonOption, print_json, print_text

app = typer.Typer(help="The stop switch: on by one person, off by two.", no_args_is_help=True)
_STOPS = "/api/router/v1/stops"
TenantOption = Annotated[str, typer.Option(help="Whose cases; * is everybody's.")]
TypeOption = Annotated[str, typer.Option(help="Which decisions; * is all of them.")]
ReasonOption = Annotated[str, typer.Option(help="For the record.")]


@app.command()
def on(
    reason: ReasonOption, tenant: TenantOption = "*", decision_type: TypeOption = "*", json: JsonOption = False
) -> None:
    """Halt automation now: from here on every case goes to a person."""
    body = {"tenant": tenant, "decision_type": decision_type, "reason": reason}
    found: dict[str, Any] = over_http(lambda client: client.post(_STOPS, body))
    if json:
        print_json(found)
    else:
        print_text("Automation is stopped. Next: countersign stop off --reason TEXT, and a second person confirms.")


@app.command()
def off(
    reason: ReasonOption = "",
    tenant: TenantOption = "*",
    decision_type: TypeOption = "*",
    confirm: Annotated[
        str | None, typer.Option(metavar="REQUEST", help="Confirm the request of somebody else.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Ask for automation to go on, or confirm that as the second person."""
    if confirm is not None:
        found: dict[str, Any] = over_http(lambda client: client.post(f"{_STOPS}/requests/{confirm}/confirm"))
    else:
        body = {"tenant": tenant, "decision_type": decision_type, "reason": reason}
        found = over_http(lambda client: client.post(f"{_STOPS}/requests", body))
    if json:
        print_json(found)
    elif confirm is not None:
        print_text("Automation goes on.")
    else:
        print_text(f"Asked. Somebody else confirms: countersign stop off --confirm {found['id']}")
