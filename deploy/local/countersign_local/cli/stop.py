"""countersign stop: no more automation, at once."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from countersign_local.cli import asking
from countersign_local.cli.connection import over_http
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.client import step
from countersign_local.errors import USAGE, CommandError
from countersign_local.moments import minute

app = typer.Typer(help="The stop switch: on by one person, off by two.", no_args_is_help=True)
_CONTROLS = "/api/router/v1/controls"
_STOP = f"{_CONTROLS}/stop"
_ANY = "*"
TenantOption = Annotated[str | None, typer.Option(help="Only this tenant's cases.")]
TypeOption = Annotated[str | None, typer.Option(help="Only these decisions.")]
ReasonOption = Annotated[str, typer.Option(help="For the record.")]


@app.command()
def on(
    reason: ReasonOption, tenant: TenantOption = None, decision_type: TypeOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Stop at once: no preview, no question.")] = False,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Halt automation: show what that sends to people, ask, and do it. No later automatic decision can happen then."""
    asked = about(reason, tenant, decision_type)
    if not yes:
        _shown({name: value for name, value in asked.items() if name != "reason"})
    answer: dict[str, Any] = over_http(lambda client: client.post(_STOP, asked))
    if json:
        print_json(answer)
        return
    print_text(f"Automation is stopped: every case {_of(tenant, decision_type)}goes to a person.")
    if answer["recent_total"]:
        print_text(f"Decided by the machine in the last {answer['recent_seconds']} s, for a second look:")
        print_table(answer["recent"], ("tenant", "case_id", "decision_type", "outcome", "decided_at"))
    print_text(f"Next: {_off(tenant, decision_type)}; then a second person confirms.")


def _shown(scope: dict[str, Any]) -> None:
    """Show the load that a stop of this scope sends to people, and ask; whoever says no has changed nothing."""
    asking.check_somebody_is_there()
    load: dict[str, Any] = over_http(lambda client: client.post(f"{_STOP}/preview", scope))
    print_text(
        f"In the last {load['hours']} h the machine decided {load['automatic_per_hour']:g} cases an hour here; people "
        f"got {load['people_per_hour']:g}. With a stop people get both:"
    )
    print_table(load["queues"], ("queue", "per_hour", "busiest_hour"))
    asking.confirm("Stop automation?")


@app.command()
def off(
    reason: Annotated[str | None, typer.Option(help="For the record.")] = None,
    tenant: TenantOption = None,
    decision_type: TypeOption = None,
    confirm: Annotated[str | None, typer.Option(metavar="REQUEST", help="Confirm somebody else's request.")] = None,
    json: JsonOption = False,
) -> None:
    """Ask for automation to go on, or confirm that as the second person."""
    if confirm is not None:
        if reason or tenant or decision_type:
            raise CommandError("--confirm takes a request as it was asked: give nothing else with it.", USAGE)
        answer: dict[str, Any] = over_http(
            lambda client: client.post(f"{_STOP}/release-requests/{step(confirm, 'request')}/confirm")
        )
    elif reason is not None:
        asked = about(reason, tenant, decision_type)
        answer = over_http(lambda client: client.post(f"{_STOP}/release-requests", asked))
    else:
        raise CommandError("Say why with --reason TEXT, or which request to --confirm.", USAGE)
    if json:
        print_json(answer)
    elif confirm is not None:
        _say_on(answer)
    else:
        _say_asked(answer)


@app.command("list")
def list_stops(json: JsonOption = False) -> None:
    """List what is stopped, since when, by whom and why, and who asked for automation to go on."""
    found = over_http(lambda client: client.get(_CONTROLS))
    stops, asked = _active(found["items"]), found["release_requests"]
    if json:
        print_json({"stops": stops, "release_requests": asked})
        return
    if not stops:
        print_text("No stop switch is on.")
        return
    print_table(
        [{"stopped": scope_name(one), "since": minute(one["changed_at"]), "by": one["changed_by"],
          "reason": one["state"]["reason"]} for one in stops],
        ("stopped", "since", "by", "reason"),
    )  # fmt: skip
    for one in asked:
        print_text(
            f"{one['requested_by']} asked for {scope_name(one)} to go on: {one['reason']}. Somebody else confirms:"
        )
        print_text(f"  countersign stop off --confirm {one['request_id']}")


def _say_asked(mine: dict[str, Any]) -> None:
    """Say who else confirms; and which request of somebody else's the same person may confirm instead."""
    print_text(f"Asked. Somebody else confirms: countersign stop off --confirm {mine['request_id']}")
    for one in over_http(lambda client: client.get(_CONTROLS))["release_requests"]:
        if _key(one) == _key(mine) and one["requested_by"] != mine["requested_by"]:
            print_text(f"{one['requested_by']} has asked as well ({one['reason']}). You may be the second person:")
            print_text(f"  countersign stop off --confirm {one['request_id']}")


def _say_on(released: dict[str, Any]) -> None:
    """Say that one switch is off, and which others hold cases that it held."""
    print_text(f"The stop of {scope_name(released)} is off.")
    rest = [one for one in _active(over_http(lambda client: client.get(_CONTROLS))["items"]) if _meets(one, released)]
    for one in rest:
        print_text(f"Still stopped: {scope_name(one)}, because: {one['state']['reason']}")
        print_text(f"  {_off(*(None if part == _ANY else part for part in _key(one)))}")
    if not rest:
        print_text("Automation goes on.")


def _active(controls: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in controls if one["kind"] == "stop" and one["state"]["active"]]


def _key(scoped: Mapping[str, Any]) -> tuple[str, str]:
    return scoped["tenant"], scoped["decision_type"]


def _meets(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two scopes have cases in common."""
    return all(mine == theirs or _ANY in {mine, theirs} for mine, theirs in zip(_key(one), _key(other), strict=True))


def scope_name(scoped: Mapping[str, Any]) -> str:
    """Name what a control is about, as in a list."""
    tenant, decision_type = (None if part == _ANY else part for part in _key(scoped))
    return ", ".join(part for part in (decision_type, f"tenant {tenant}" if tenant else None) if part) or "everything"


def _off(tenant: str | None, decision_type: str | None) -> str:
    """The command that asks for automation of a scope to go on."""
    named = (("--tenant", tenant), ("--decision-type", decision_type))
    scope = "".join(f" {option} {shlex.quote(name)}" for option, name in named if name)
    return f"countersign stop off{scope} --reason TEXT"


def _of(tenant: str | None, decision_type: str | None) -> str:
    named = (("of tenant", tenant), ("of type", decision_type))
    return "".join(f"{word} {name} " for word, name in named if name)


def about(reason: str, tenant: str | None, decision_type: str | None) -> dict[str, Any]:
    """Return the request about a scope."""
    scope = "decision_type" if decision_type else "tenant" if tenant else "all"
    return {"scope": scope, "tenant": tenant, "decision_type": decision_type, "reason": reason}
