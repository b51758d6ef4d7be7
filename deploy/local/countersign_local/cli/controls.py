"""countersign controls: what is on, what it was before, busy periods, raised bands; and what waits for signatures."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from countersign_local.cli import controls_signing
from countersign_local.cli.connection import over_http
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.cli.stop import ReasonOption, TenantOption, TypeOption, about, scope_name
from countersign_local.errors import USAGE, CommandError
from countersign_local.moments import minute
from countersign_shared.clock import system_clock

app = typer.Typer(
    help="What changes while the routers run: stops, peaks, trips, bands, certificates; what waits for signatures.",
    no_args_is_help=True,
)
app.command()(controls_signing.proposals)
app.command()(controls_signing.sign)
app.command()(controls_signing.refuse)
_CONTROLS = "/api/router/v1/controls"
_KINDS = (
    "policy", "stop", "peak", "trip", "trip.cleared", "certificate.proposed", "certificate.active",
    "calibrator.proposed", "calibrator.active", "bands.tightened", "bands.relaxed", "bands.raised", "bands.lowered",
)  # fmt: skip
_SWITCHES = ("stop", "peak")
_MOST = 200


@app.command("list")
def list_controls(
    everything: Annotated[bool, typer.Option("--all", help="Also what is off, lifted or has ended.")] = False,
    json: JsonOption = False,
) -> None:
    """List what holds now: policies, stops, peaks, trips, bands, certificates, calibrators; since when and why."""
    found = over_http(lambda client: client.get(_CONTROLS))["items"]
    shown = found if everything else list(_holding(found, system_clock()))
    if json:
        print_json(shown)
        return
    if not shown:
        print_text("Nothing is switched on.")
        return
    print_table([_row(one) for one in shown], ("control", "of", "since", "by", "says"))


@app.command()
def history(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of: {', '.join(_KINDS)}.")],
    tenant: TenantOption = None,
    decision_type: TypeOption = None,
    tier: Annotated[str | None, typer.Option(help="Of trips and certificates: the consequence.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="States at most, the newest.")] = 20,
    json: JsonOption = False,
) -> None:
    """Show every state that controls of a kind have had, newest first. Exit code 1 when there never was such a control.

    Name a scope for that one alone; what is left out of it then stands for all, as in the list.
    """
    if kind not in _KINDS:
        raise CommandError(f"There are no controls of the kind {kind}: name one of {', '.join(_KINDS)}.", USAGE)
    scope = {"kind": kind, "tenant": tenant, "decision_type": decision_type, "tier": tier}
    named = any((tenant, decision_type, tier))
    states = over_http(lambda client: (_states if named else _every_state)(client, scope, limit))
    if json:
        print_json(states)
        return
    rows = [{**_row(one), "revision": one["revision"], "signed_by": _signers(one)} for one in states]
    print_table(rows, (*(() if named else ("of",)), "revision", "since", "by", "says", "signed_by"))


@app.command()
def peak(
    reason: ReasonOption,
    lasts: Annotated[str | None, typer.Option("--for", metavar="3h|2d", help="How long; minutes, hours, days.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Or its end, such as 2026-11-30T18:00Z.")] = None,
    tenant: TenantOption = None,
    decision_type: TypeOption = None,
    json: JsonOption = False,
) -> None:
    """Declare a busy period, for policies that read `controls.peak`. It ends by itself. Needs the role lead.

    Declaring it anew replaces it. Exit code 1 when it is refused, 77 without the role.
    """
    body = {**about(reason, tenant, decision_type), "until": _end(lasts, until, system_clock()).isoformat()}
    declared: dict[str, Any] = over_http(lambda client: client.post(f"{_CONTROLS}/peak", body))
    if json:
        print_json(declared)
        return
    print_text(f"Peak of {scope_name(declared)} until {minute(declared['state']['expires_at'])}.")
    print_text("Policies that read controls.peak may be a little less strict now; a certificate's threshold never is.")


@app.command("end-peak")
def end_peak(
    reason: ReasonOption, tenant: TenantOption = None, decision_type: TypeOption = None, json: JsonOption = False
) -> None:
    """End a busy period early. Exit code 1 when there is none of exactly this scope."""
    ended: dict[str, Any] = over_http(
        lambda client: client.post(f"{_CONTROLS}/peak/end", about(reason, tenant, decision_type))
    )
    if json:
        print_json(ended)
    else:
        print_text(f"The peak of {scope_name(ended)} is over.")


@app.command("raise-bands")
def raise_bands(
    reason: ReasonOption,
    high: Annotated[float, typer.Option(min=0.0, max=1.0, help="Added to the limit of high confidence: 0.03.")] = 0.0,
    medium: Annotated[float, typer.Option(min=0.0, max=1.0, help="Added to the limit of medium confidence.")] = 0.0,
    tenant: TenantOption = None,
    decision_type: TypeOption = None,
    tier: Annotated[str | None, typer.Option(help="Only cases of this consequence.")] = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Ask for more confidence than the policy does, at once. One person raises, two let the policy's limits hold again.

    Needs the role operator, lead or admin. Exit code 1 when the limits are raised by as much already.
    """
    if not high and not medium:
        raise CommandError("Say by how much: --high 0.03, --medium 0.05, or both.", USAGE)
    body = {**about(reason, tenant, decision_type), "tier": tier or "*", "high": high, "medium": medium}
    raised: dict[str, Any] = over_http(lambda client: client.post(f"{_CONTROLS}/bands", body))
    if json:
        print_json(raised)
        return
    print_text(f"Raised, of {_row(raised)['of']}: {controls_signing.bands_told(raised['state'])}.")
    print_text("Two people let the policy's own limits hold again: see `countersign controls proposals`.")


async def _every_state(client: Any, asked: Mapping[str, str | None], limit: int) -> list[dict[str, Any]]:
    """Return the states of all controls of a kind: whoever asks what the stop was before knows no scope yet."""
    kind = asked["kind"]
    scopes = [_scope(one) for one in (await client.get(_CONTROLS))["items"] if one["kind"] == kind]
    if not scopes:
        return await _states(client, asked, limit)
    found = [
        state
        for tenant, decision_type, tier in scopes
        for state in await _states(
            client, {"kind": kind, "tenant": tenant, "decision_type": decision_type, "tier": tier}, limit
        )
    ]
    return sorted(found, key=lambda state: datetime.fromisoformat(state["changed_at"]), reverse=True)[:limit]


async def _states(client: Any, scope: Mapping[str, str | None], limit: int) -> list[dict[str, Any]]:
    states: list[dict[str, Any]] = []
    before: int | None = None
    while True:
        page = await client.get(f"{_CONTROLS}/history", **scope, limit=min(limit, _MOST), before=before)
        states = states or [page["control"]]
        states += page["earlier"]
        before = page["next_cursor"]
        if before is None or len(states) >= limit:
            return states[:limit]


def _end(lasts: str | None, until: str | None, now: datetime) -> datetime:
    from countersign_router.language.loading import DURATION_UNITS, duration

    if (lasts is None) == (until is None):
        raise CommandError("Say when it ends: --for 3h, or --until TIME, one of the two.", USAGE)
    if lasts is not None:
        if re.fullmatch(f"[0-9]{{1,5}}[{''.join(DURATION_UNITS)}]", lasts) is None:
            raise CommandError(
                f"--for {lasts}: a number of at most five digits and one of {', '.join(DURATION_UNITS)}, such as 3h.",
                USAGE,
            )
        span: timedelta = duration(lasts)
        return now + span
    try:
        moment = datetime.fromisoformat(str(until))
    except ValueError as error:
        raise CommandError(f"--until {until} is no time: write it like 2026-11-30T18:00Z.", USAGE) from error
    if moment.tzinfo is None:
        raise CommandError(f"--until {until} names no time zone: end it with Z, or with one such as +01:00.", USAGE)
    return moment


def _holding(items: list[dict[str, Any]], now: datetime) -> Iterator[dict[str, Any]]:
    """Give the controls that hold now; what waits for signatures has a list of its own."""
    from countersign_router.domain.controls import ANY, LOWERS, RAISES, ended, lifts, lowers, switched

    said = {(one["kind"], *_scope(one)): one["state"] for one in items}
    for one in items:
        kind, scope = one["kind"], _scope(one)
        if kind in {"trip.cleared", "certificate.proposed", "calibrator.proposed", *RAISES}:
            continue
        if kind == "trip" and lifts(said.get(("trip.cleared", *scope)), one):
            continue
        calibrator = said.get(("calibrator.active", *scope[:2], ANY))
        if kind in LOWERS and (
            lowers(said.get((LOWERS[kind], *scope)), one)
            or (calibrator is not None and switched(one["state"]["limits"], calibrator))
        ):
            continue
        if one["state"].get("active", True) and not ended(one["state"], now):
            yield one


def _scope(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["tenant"], one["decision_type"], one["tier"]


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    tier = "" if one["tier"] == "*" else f", {one['tier']} consequence"
    return {
        "control": one["kind"], "of": scope_name(one) + tier, "since": minute(one["changed_at"]),
        "by": one["changed_by"], "says": _says(one["kind"], one["state"]),
    }  # fmt: skip


def _says(kind: str, state: Mapping[str, Any]) -> str:
    off = "" if state.get("active", True) else "off: "
    end = f", until {minute(state['expires_at'])}" if state.get("expires_at") else ""
    if kind in _SWITCHES:
        return f"{off}{state['reason']}{end}"
    if kind == "policy":
        return f"version {state['version']}, {state['sha256'][:12]}"
    if kind.startswith("certificate"):
        return off + controls_signing.certificate_told(state) + end
    if kind.startswith("calibrator"):
        return controls_signing.calibrator_told(state)
    if "limits" in state:
        return f"{controls_signing.bands_told(state)}: {state['reason']}"
    return str(state["reason"])


def _signers(one: Mapping[str, Any]) -> str:
    return ", ".join(f"{signature['pseudonym']} ({signature['role']})" for signature in one["signatures"])
