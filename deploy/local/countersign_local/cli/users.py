"""countersign users: who may sign in."""

from typing import Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text

app = typer.Typer(help="People who may sign in: add, list, disable.", no_args_is_help=True)
_USERS = "/api/review/v1/users"
_COLUMNS = ("username", "roles", "tenants", "created_at", "disabled_at")
Username = Annotated[str, typer.Argument(help="Lower case; stable.")]


@app.command()
def add(
    username: Username,
    role: Annotated[list[str], typer.Option(help="reviewer, lead, admin, auditor, ...; may be repeated.")],
    name: Annotated[str | None, typer.Option(help="Display name; unset: the username.")] = None,
    tenant: Annotated[list[str] | None, typer.Option(help="Whose cases they see; unset: all tenants.")] = None,
    max_tier: Annotated[str, typer.Option(help="Highest consequence they may decide.")] = "medium",
    json: JsonOption = False,
) -> None:
    """Add a person. Their password is printed this once and stored only as a hash."""
    body = {
        "username": username,
        "display_name": name or username,
        "roles": role,
        "tenants": tenant or ["*"],
        "authority": {"max_tier": max_tier},
    }
    made: dict[str, Any] = over_http(lambda client: client.post(_USERS, body))
    if json:
        print_json(made)
    else:
        print_text(f"{made['username']} may sign in as {', '.join(made['roles'])}.")
        print_text(f"Password (shown this once): {made['password']}")


@app.command("list")
def list_users(json: JsonOption = False) -> None:
    """List everyone who may or could sign in."""
    found: dict[str, Any] = over_http(lambda client: client.get(_USERS))
    if json:
        print_json(found["items"])
    else:
        print_table(found["items"], _COLUMNS)


@app.command()
def disable(username: Username, json: JsonOption = False) -> None:
    """Sign a person out and keep them out; what they decided stays theirs."""
    found: dict[str, Any] = over_http(lambda client: client.post(f"{_USERS}/{username}/disable"))
    if json:
        print_json(found)
    else:
        print_text(f"{username} is disabled.")
