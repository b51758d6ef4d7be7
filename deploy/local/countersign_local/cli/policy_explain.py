"""countersign policy explain: what the router would make of one case, and every reason for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.files import read_text
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.cli.policy_files import unusable
from countersign_local.errors import NOT_RIGHT, USAGE, CommandError

if TYPE_CHECKING:
    from countersign_local.client import Client

_ROUTE = "/api/router/v1/route"
_REFUSED = 422
_OWN = frozenset({"tenant", "case_id", "decision_type", "payload", "proposal", "subject_ref", "sequence"})
"""Fields of a case.created that the dry run has names of its own for, or needs not."""


def explain(
    source: Annotated[
        str,
        typer.Argument(metavar="FILE|-", help="A case as submitted, or its scored or routed event (`watch --json`)."),
    ],
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Try this policy. Unset: the version in force.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--sha256", metavar="SHA256", help="Try this published version or draft.")
    ] = None,
    outcome: Annotated[str | None, typer.Option(help="What the AI would propose. Unset: as in the file.")] = None,
    confidence: Annotated[float | None, typer.Option(min=0, max=1, help="And how sure it would be.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Also every expression with what it gave and read.")] = False,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Explain a case without side effects: its level, and every reason for it. Nothing is stored or published.

    Exit code 1 when no policy speaks for the case, or the policy cannot be used; 66 when a file cannot be read.
    """
    asked = _asked(_case(source), outcome, confidence)
    text = None if policy is None else read_text(policy)
    asked |= {name: value for name, value in (("yaml", text), ("policy_sha256", version)) if value is not None}
    found = over_http(lambda client: _explained(client, asked, policy, text))
    if json:
        print_json(found)
        return
    if asked["proposal"] is None:
        print_text("As if the AI had nothing to propose: --outcome and --confidence say what it would.\n")
    _print(found)
    if trace:
        _print_trace(found["trace"])


async def _explained(client: "Client", asked: Mapping[str, Any], policy: Path | None, text: str | None) -> Any:
    from countersign_local.client import Refused

    try:
        return await client.post(_ROUTE, asked)
    except Refused as refused:
        if policy is not None and text is not None and refused.status == _REFUSED and "diagnostics" in refused.problem:
            raise unusable(policy, text, refused.problem["diagnostics"]) from refused
        raise


def _case(source: str) -> dict[str, Any]:
    from countersign_local.cli.submit import read_cases

    cases = read_cases(source)
    if len(cases) != 1:
        raise CommandError(f"{source} holds {len(cases)} cases; explain one at a time.", NOT_RIGHT)
    watched = cases[0].get("body")
    return watched if isinstance(watched, dict) else cases[0]


def _asked(read: dict[str, Any], outcome: str | None, confidence: float | None) -> dict[str, Any]:
    """Make the request of a case.created body, or of an event that holds one."""
    case = read["case"] if isinstance(read.get("case"), dict) else read
    if not isinstance(case.get("decision_type"), str) or not isinstance(case.get("payload"), dict):
        raise CommandError("A case needs `decision_type` and `payload`.", NOT_RIGHT)
    asked = {name: case[name] for name in ("tenant", "case_id", "decision_type", "payload") if case.get(name)}
    asked["case"] = {name: value for name, value in case.items() if name not in _OWN and value is not None}
    if isinstance(read.get("model"), dict):
        asked["model"] = read["model"]
    if isinstance(read.get("signals"), dict):
        asked["signals"] = {name: (one or {}).get("value") for name, one in read["signals"].items()}
    asked["proposal"] = _proposal(read.get("proposal"), outcome, confidence)
    return asked


def _proposal(given: Any, outcome: str | None, confidence: float | None) -> dict[str, Any] | None:
    brought = given if isinstance(given, dict) else {}
    named = outcome or brought.get("outcome")
    sure = brought.get("confidence") if confidence is None else confidence
    if named is None and sure is None:
        return None
    if named is None or sure is None:
        raise CommandError("A proposal needs both: --outcome and --confidence.", USAGE)
    explained = brought.get("explanation")
    factors = explained.get("factors", []) if isinstance(explained, dict) else []
    return {"outcome": named, "confidence": sure, "factors": factors[:50]}


def _print(found: dict[str, Any]) -> None:
    policy = found["policy"]
    queue = f", in the queue {found['queue']}" if found["queue"] else ""
    level = found["level_name"].replace("_", " ").replace(" ai ", " AI ")
    print_text(f"Level {found['level']}, {level}{queue}; by version {policy['version']} of {policy['id']}.")
    if found["consequence"] is not None:
        factors = ", ".join(f"{name} {value}" for name, value in found["consequence"]["factors"].items())
        bands = found["thresholds"]["bands"]
        band = f"; confidence is {found['band']}" if found["band"] else ""
        print_text(f"Consequence {found['consequence']['tier']} ({factors}){band}.")
        print_text(f"High confidence is above {bands['high']:g}, medium from {bands['medium']:g}.")
    print_text("\nWhy (the highest level that is asked for counts):")
    for reason in found["reasons"]:
        asks = f"L{reason['level']}" if reason.get("level") else "  "
        mark = "▸" if reason.get("level") == found["level"] else " "
        rule = f" [{reason['rule_id']}]" if reason.get("rule_id") else ""
        print_text(f"  {mark} {asks}  {reason['code']}: {reason['text']}{rule}")
    if found["level"] > 2 and found["would_automate"]:  # noqa: PLR2004 - from 3 on people decide
        print_text("The matrix, the floor and the exceptions would leave it to the machine.")
    samples = ("human_only", "blind", "audit", "seed")
    drawn = [name.replace("_", " ") for name in samples if (found["sampling"].get(name) or {}).get("selected")]
    if drawn:
        print_text(f"A case of this id is drawn for: {', '.join(drawn)}.")


def _print_trace(trace: list[dict[str, Any]]) -> None:
    rows = [
        {"expression": one["path"], "gave": _value(one["value"]) if one["error"] is None else f"error: {one['error']}",
         "read": ", ".join(f"{name}={_value(value)}" for name, value in one["values_read"].items()),
         "text": one["expression"]}
        for one in trace
    ]  # fmt: skip
    print_table(rows, ("expression", "gave", "read", "text"), title="\nEvery expression")


def _value(value: Any) -> str:
    """Write a value as expressions do, a number to four digits; amounts are in minor units there."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
