"""countersign controls proposals, sign, refuse: what would let the machine decide more waits for two people."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.output import JsonOption, print_json, print_text
from countersign_local.cli.stop import scope_name
from countersign_local.errors import NOT_RIGHT, CommandError
from countersign_local.moments import minute

if TYPE_CHECKING:
    from countersign_local.client import Client

_PROPOSALS = "/api/router/v1/controls/proposals"
_LEAST_OF_HASH = 8
_NAMED = ("becomes", "tenant", "decision_type", "tier", "sha256")
Proposal = dict[str, Any]

HashArgument = Annotated[
    str, typer.Argument(metavar="SHA256", help="Of what you have read, or how it begins: `controls proposals`.")
]
ReasonOption = Annotated[str, typer.Option(help="For the record: what you looked at.")]


def proposals(json: JsonOption = False) -> None:
    """List what would let the machine decide more and waits for two people, with what speaks against each."""
    found = over_http(lambda client: client.get(_PROPOSALS))["items"]
    if json:
        print_json(found)
    elif not found:
        print_text("Nothing waits for signatures.")
    for one in [] if json else found:
        _say(one)


def sign(sha256: HashArgument, reason: ReasonOption, json: JsonOption = False) -> None:
    """Sign a proposal, by the hash of what you have read; the second person's signature brings it into force.

    Needs the role lead or policy_approver. Exit code 1 when nothing waits under that hash, or you have signed already.
    """
    signed: dict[str, Any] = over_http(lambda client: _answer(client, sha256, "sign", reason))
    if json:
        print_json(signed)
    elif signed["control"] is None:
        rest = signed["signatures_needed"] - signed["signatures"]
        print_text(f"Signed. {rest} more signature, by somebody else within a day, brings it into force.")
    else:
        control = signed["control"]
        print_text(f"Signed: {control['kind']} of {_of(control)} is in force.")


def refuse(sha256: HashArgument, reason: ReasonOption, json: JsonOption = False) -> None:
    """Refuse a proposal: the signatures it has are void. It stays listed until the evidence changes."""
    left: dict[str, Any] = over_http(lambda client: _answer(client, sha256, "refuse", reason))
    if json:
        print_json(left["items"])
    else:
        print_text("Refused, and on the record; the signatures before are void.")


async def _answer(client: "Client", sha256: str, step: str, reason: str) -> Any:
    waiting = (await client.get(_PROPOSALS))["items"]
    found = [one for one in waiting if one["sha256"].startswith(sha256.lower())]
    if len(sha256) < _LEAST_OF_HASH or len(found) != 1:
        raise CommandError(
            f"{len(found)} proposals begin with {sha256}: see `countersign controls proposals`, and name "
            f"{_LEAST_OF_HASH} characters of the hash at least.",
            NOT_RIGHT,
        )
    body = {**{name: found[0][name] for name in _NAMED}, "reason": reason}
    return await client.post(f"{_PROPOSALS}/{step}", body)


def _say(one: Proposal) -> None:
    print_text(f"{one['becomes']} of {_of(one)}, because {one['why']}")
    print_text(f"  {_told(one['becomes'], one['state'])}")
    for doubt in one["doubts"]:
        print_text(f"  ! {doubt}")
    for voided in one["certificates_voided"]:
        print_text(f"  ! voids the certificate {voided['certificate_id']} of {voided['tenant']}, {voided['tier']}")
    for said in one["said"]:
        verb = "signed by" if said["signed"] else "refused by"
        print_text(f"  {verb} {said['pseudonym']} ({said['role']}): {said['reason']}")
    print_text(f"  countersign controls sign {one['sha256']} --reason TEXT")


def _of(one: Mapping[str, Any]) -> str:
    tier = "" if one["tier"] == "*" else f", {one['tier']} consequence"
    return scope_name(one) + tier


def _told(becomes: str, state: Mapping[str, Any]) -> str:
    if becomes == "certificate.active":
        end = f", until {minute(state['expires_at'])}" if state.get("expires_at") else ""
        return certificate_told(state) + end
    if becomes == "calibrator.active":
        return calibrator_told(state)
    if becomes in {"bands.relaxed", "bands.lowered"}:
        raised = state["evidence"]["raised"]
        return f"lets the policy's own bands hold again, now: {bands_told(raised)} ({raised['reason']})"
    tripped = (state.get("evidence") or {}).get("trip") or {}
    return f"lifts the trip {state['trip_id']}: {tripped.get('reason', 'no reason given')}"


def certificate_told(state: Mapping[str, Any]) -> str:
    """Say what a certificate promises, and from how many labels."""
    model = state["model"]
    calibrator = f", calibrator {state['calibrator_version']}" if state.get("calibrator_version") else ""
    counted = f"{state['errors']:,} of {state['labels']:,} were"
    return (
        f"from a confidence of {state['threshold']:g} on at most {100 * state['alpha']:g} % are wrong, "
        f"{100 * (1 - state['delta']):g} % sure ({counted}; model {model.get('name')} {model['version']}{calibrator})"
    )


def bands_told(state: Mapping[str, Any]) -> str:
    """Say by how much the limits of the bands lie higher, and for which models."""
    told = []
    for one in state["limits"]:
        by = f"high +{one['high']:g}, medium +{one['medium']:g}"
        calibrator = f", calibrator {one['calibrator_version']}" if one.get("calibrator_version") else ""
        model = f" for {one['model_name']} {one['model_version']}{calibrator}" if one.get("model_version") else ""
        told.append(by + model)
    return "; ".join(told)


def calibrator_told(state: Mapping[str, Any]) -> str:
    """Say which calibrator speaks for which model."""
    return (
        f"{state['method']} {state['calibrator_version']} for {state['model_name']} {state['model_version']}, "
        f"{state['artifact_sha256'][:12]}"
    )
