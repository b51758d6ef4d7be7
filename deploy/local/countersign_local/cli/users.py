"""countersign users: who may sign in."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.client import step
from countersign_local.errors import NOT_RIGHT, CommandError
from countersign_local.moments import minute

if TYPE_CHECKING:
    from countersign_local.client import Client

app = typer.Typer(help="People who may sign in: add, list, change their roles, disable.", no_args_is_help=True)
_USERS = "/api/review/v1/users"
_COLUMNS = ("username", "roles", "tenants", "authority", "disabled")
_KEPT = ("display_name", "authority")
Username = Annotated[str, typer.Argument(help="Of a-z, 0-9 and . _ @ -; it stays.")]


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
    found = over_http(lambda client: client.every(_USERS))
    if json:
        print_json(found)
    else:
        print_table([_row(user) for user in found], _COLUMNS)


def _row(user: dict[str, Any]) -> dict[str, Any]:
    disabled = user["disabled_at"]
    return {
        **user,
        "authority": _authority(user["authority"]),
        "disabled": disabled and minute(disabled),
    }


def _authority(held: dict[str, Any]) -> str:
    """Say what somebody may decide, as far as it is limited or special."""
    amount, until = held["amount_limit"], held["training_valid_until"]
    told = [
        f"up to {held['max_tier']}",
        f"up to {amount['value']} {amount['currency']}" if amount else "",
        f"only {', '.join(held['decision_types'])}" if held["decision_types"] is not None else "",
        f"only in {', '.join(held['languages'])}" if held["languages"] is not None else "",
        f"skills {', '.join(held['skills'])}" if held["skills"] else "",
        f"trained until {until}" if until else "",
    ]
    return "; ".join(filter(None, told))


@app.command()
def roles(
    username: Username,
    role: Annotated[list[str], typer.Option(help="In place of those they have; may be repeated.")],
    tenant: Annotated[list[str] | None, typer.Option(help="Whose cases they see; unset: as it is.")] = None,
    json: JsonOption = False,
) -> None:
    """Give a person other roles. What they signed in a role that they lose and is not in force yet counts no more.

    Exit code 1 for nobody's name, and where it would take the role admin from yourself.
    """

    async def change(client: "Client") -> dict[str, Any]:
        user = await _find(client, username)
        body = {**{name: user[name] for name in _KEPT}, "roles": role, "tenants": tenant or user["tenants"]}
        changed: dict[str, Any] = await client.call(
            "PUT", f"{_USERS}/{step(username, 'username')}", body=body, headers={"if-match": f'"{user["version"]}"'}
        )
        return changed

    found = over_http(change)
    if json:
        print_json(found)
    else:
        print_text(f"{username} is {', '.join(found['roles'])} now.")


async def _find(client: "Client", username: str) -> dict[str, Any]:
    for user in await client.every(_USERS):
        if user["username"] == username:
            return user
    raise CommandError(f"There is no user {username}: see `countersign users list`.", NOT_RIGHT)


@app.command()
def disable(username: Username, json: JsonOption = False) -> None:
    """Sign a person out and keep them out; what they decided stays theirs."""
    found: dict[str, Any] = over_http(lambda client: client.post(f"{_USERS}/{step(username, 'username')}/disable"))
    if json:
        print_json(found)
    else:
        print_text(f"{username} is disabled.")
