"""countersign policy publish, approve, roll-back, list: a policy on its way into force, through two people's hands."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.files import read_text
from countersign_local.cli.output import JsonOption, print_json, print_text
from countersign_local.cli.policy_files import unusable
from countersign_local.cli.policy_progress import replayed
from countersign_local.client import step as path_step
from countersign_local.errors import NOT_RIGHT, CommandError
from countersign_local.moments import minute

if TYPE_CHECKING:
    from countersign_local.client import Client

_POLICIES = "/api/router/v1/policies"
_DRAFTS = f"{_POLICIES}/drafts"
_SIGNS = {"stricter": "▲", "looser": "▼", None: "•"}
_LEAST_OF_HASH = 8
Draft = dict[str, Any]

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The policy file.")]
ReasonOption = Annotated[str, typer.Option(help="For the record.")]
AgainstOption = Annotated[str, typer.Option(metavar="last:N|since:DATE", help="The cases to replay it against.")]


def publish(
    policy: FileArgument, reason: ReasonOption, against: AgainstOption = "last:100000", json: JsonOption = False
) -> None:
    """Draft a policy, test it, replay it and ask for approval; run it again once another person has approved.

    Says who must do what next. Exit code 1 when the file cannot be used or an example fails.
    """
    text = read_text(policy)
    draft = over_http(lambda client: _as_far_as_it_goes(client, policy, text, reason, against))
    if json:
        print_json({name: value for name, value in draft.items() if name not in {"yaml", "document"}})
    else:
        _say(draft, policy)


def approve(
    draft: Annotated[str, typer.Argument(metavar="DRAFT", help="Its id; `countersign policy list` shows it.")],
    sha256: Annotated[
        str | None,
        typer.Argument(
            metavar="SHA256", help="Of the text you approve, or how it begins. Unset: say what it is, sign nothing."
        ),
    ] = None,
    comment: Annotated[str | None, typer.Option(help="For the record.")] = None,
    json: JsonOption = False,
) -> None:
    """Approve somebody else's draft by the hash of what you have read; needs the role policy_approver."""
    if sha256 is None:
        preview = over_http(lambda client: _preview(client, draft))
        if json:
            print_json(preview)
        else:
            _say_preview(preview)
        return
    body = {"comment": comment} if comment else {}
    signed = over_http(lambda client: _approved(client, draft, sha256, body))
    if json:
        print_json(signed["approvals"])
        return
    print_text(f"Approved: version {signed['version']} of {signed['id']}, {signed['sha256'][:12]}, for a day.")
    print_text("Next: whoever proposed it publishes it with the command that they used before.")


def roll_back(
    sha256: Annotated[
        str, typer.Argument(metavar="SHA256", help="Of the version, or how it begins: `countersign policy list`.")
    ],
    reason: ReasonOption,
    against: AgainstOption = "last:100000",
    json: JsonOption = False,
) -> None:
    """Go back to a version that was published before; run it again once another person has approved."""

    async def back(client: "Client") -> Draft:
        whole = await _whole(client, sha256)
        found = await _open_draft(client, whole)
        if found is None:
            found = await client.post(
                f"{_POLICIES}/{path_step(whole, 'hash of a version')}/roll-back", {"reason": reason}
            )
        return await _carry_on(client, found, reason, against)

    draft = over_http(back)
    if json:
        print_json({name: value for name, value in draft.items() if name not in {"yaml", "document"}})
    else:
        _say(draft, None)


def list_policies(json: JsonOption = False) -> None:
    """List the published versions, which one routes, and the drafts with what is left to do."""

    async def both(client: "Client") -> dict[str, Any]:
        versions = await client.every(_POLICIES)
        return {"versions": versions, "drafts": await client.every(_DRAFTS, state="open")}

    found = over_http(both)
    if json:
        print_json(found)
        return
    _say_versions(found["versions"])
    for draft in found["drafts"]:
        authors = " and ".join(draft["authors"])
        print_text(f"\nDraft: version {draft['version']} of {draft['id']}, by {authors}: {draft['reason']}")
        print_text(f"  needs: {', '.join(draft['needs'])}; look at it: countersign policy approve {draft['draft_id']}")


def _say_versions(versions: list[dict[str, Any]]) -> None:
    """A line for each version, so that it fits a terminal; the beginning of a hash is enough to go back to it."""
    for name, group in groupby(sorted(versions, key=lambda one: str(one["id"])), key=lambda one: one["id"]):
        print_text(str(name))
        for one in group:
            force = "in force" if one["in_force"] else ""
            published = minute(one["published_at"])
            by = one["published_by"] or "from its file"
            why = f": {one['reason']}" if one["reason"] else ""
            print_text(f"  version {one['version']:<4} {force:<8}  {published}  {one['sha256'][:12]}  {by}{why}")


async def _as_far_as_it_goes(client: "Client", policy: Path, text: str, reason: str, against: str) -> Draft:
    found = await client.post(f"{_POLICIES}/validate", {"yaml": text})
    if not found["usable"]:
        raise unusable(policy, text, found["diagnostics"])
    before = next((one for one in await client.every(_POLICIES) if one["sha256"] == found["sha256"]), None)
    if before is not None and before["in_force"]:
        return {**before, "state": "published"}
    if before is not None:
        command = f"countersign policy roll-back {before['sha256']} --reason TEXT"
        raise CommandError(
            f"Version {before['version']} was published before. To go back to it:\n  {command}", NOT_RIGHT
        )
    draft = await _open_draft(client, found["sha256"])
    if draft is None:
        draft = await client.post(_DRAFTS, {"yaml": text, "reason": reason})
    return await _carry_on(client, draft, reason, against)


async def _carry_on(client: "Client", draft: Draft, reason: str, against: str) -> Draft:
    """Take every step that one person may take alone."""
    if "test" in draft["needs"]:
        draft = await _step(client, draft, "test")
        if not draft["tested"]["passed"]:
            return draft
    if "replay" in draft["needs"]:
        await _replay(client, draft, against)
        draft = await client.get(f"{_DRAFTS}/{draft['draft_id']}")
    voided = (await client.get(f"{_DRAFTS}/{draft['draft_id']}/preview"))["certificates_voided"]
    if draft["needs"] == ["publish"]:
        draft = await _step(client, draft, "publish", {"reason": reason})
    return {**draft, "certificates_voided": voided}


async def _preview(client: "Client", draft_id: str) -> dict[str, Any]:
    """Return what publishing a draft would do, and in words what it does differently from the version in force."""
    preview: dict[str, Any] = await client.get(f"{_DRAFTS}/{path_step(draft_id, 'draft')}/preview")
    before, after = preview["in_force"], preview["draft"]["sha256"]
    compared = await client.get(f"{_POLICIES}/diff", before=before["sha256"], after=after) if before else None
    return {**preview, "differences": compared["differences"] if compared else []}


async def _approved(client: "Client", draft_id: str, beginning: str, body: dict[str, Any]) -> Draft:
    """Sign a draft whose hash begins as named; what begins another is left to the router, which refuses it."""
    whole = beginning
    if len(beginning) >= _LEAST_OF_HASH:
        draft = await client.get(f"{_DRAFTS}/{path_step(draft_id, 'draft')}")
        whole = draft["sha256"] if draft["sha256"].startswith(beginning) else beginning
    return await _step(client, {"draft_id": draft_id, "sha256": whole}, "approve", body)


async def _step(client: "Client", draft: Draft, step: str, body: dict[str, Any] | None = None) -> Draft:
    headers = {"if-match": f'"{draft["sha256"]}"'}
    taken: Draft = await client.call("POST", f"{_DRAFTS}/{draft['draft_id']}/{step}", body=body, headers=headers)
    return taken


async def _replay(client: "Client", draft: Draft, against: str) -> None:
    path, headers = f"{_DRAFTS}/{draft['draft_id']}/replay", {"if-match": f'"{draft["sha256"]}"'}
    await replayed(client, path, {"against": against}, headers=headers)


async def _open_draft(client: "Client", sha256: str) -> Draft | None:
    """Return the newest open draft of a text."""
    drafts = await client.every(_DRAFTS, state="open")
    return next((one for one in drafts if one["sha256"] == sha256), None)


async def _whole(client: "Client", beginning: str) -> str:
    """Return the hash of the one published version that begins so; what begins none is left to the router."""
    if len(beginning) < _LEAST_OF_HASH:
        return beginning
    hashes = {one["sha256"] for one in await client.every(_POLICIES)}
    found = [one for one in hashes if one.startswith(beginning)]
    return found[0] if len(found) == 1 else beginning


def _say(draft: Draft, path: Path | None) -> None:
    name = f"Version {draft['version']} of {draft['id']}"
    if draft["state"] == "published":
        print_text(f"{name} is in force.")
        _say_voided(draft.get("certificates_voided", ()), "Voided")
        return
    tested = draft["tested"]["result"]
    if not draft["tested"]["passed"]:
        failed = "".join(f"\n  {one['name']}: {'; '.join(one['differences'])}" for one in tested["failures"])
        raise CommandError(
            f"{tested['failed']} of {tested['examples']} examples come out otherwise:{failed}", NOT_RIGHT
        )
    replayed = draft["replayed"]["result"]
    print_text(f"{name} is drafted; {tested['examples']} examples pass; {draft['sha256']}")
    print_text(_replayed(replayed))
    _say_voided(draft["certificates_voided"], "Publishing it voids")
    for one in draft["approvals"]:
        if one["void"]:
            print_text(f"The approval of {one['by']} does not count: {one['void']}.")
    authors = " and ".join(draft["authors"])
    command = f"countersign policy approve {draft['draft_id']} {draft['sha256']}"
    print_text(f"Next: somebody with the role policy_approver other than {authors} reads it and approves:\n  {command}")
    again = f"countersign policy publish {path}" if path else f"countersign policy roll-back {draft['sha256']}"
    print_text(f"Then, within a day, publish it:\n  {again} --reason TEXT")


def _say_voided(voided: Iterable[dict[str, Any]], verb: str) -> None:
    """Say which certificates a version voids, and what that means until there are new ones."""
    for one in voided:
        print_text(
            f"{verb} the certificate {one['certificate_id']} of {one['tenant']}, {one['tier']} consequence: what it "
            "let the machine decide goes to people until a new one is signed."
        )


def _replayed(result: dict[str, Any]) -> str:
    if not result.get("cases"):
        return f"Replayed against {result.get('against', 'the stored cases')}: there are none yet."
    return (
        f"Replayed against {result['cases']:,} cases: {result['changed']:,} come out otherwise "
        f"({result['raised']:,} at a higher level, {result['lowered']:,} at a lower one); automatic "
        f"{result['automatic_before']:,} before, {result['automatic_after']:,} after."
    )


def _say_preview(preview: dict[str, Any]) -> None:
    draft, before = preview["draft"], preview["in_force"]
    if draft["state"] == "published":
        print_text(f"Version {draft['version']} of {draft['id']} was published: there is nothing left to approve.")
        return
    print_text(f"Version {draft['version']} of {draft['id']}, by {' and '.join(draft['authors'])}: {draft['reason']}")
    print_text(f"It replaces version {before['version']}." if before else "It would be the first in force.")
    for one in preview["differences"]:
        print_text(f"  {_SIGNS[one['effect']]} {one['text']}")
    if draft["replayed"] is not None:
        print_text(_replayed(draft["replayed"]["result"]))
    for one in preview["diagnostics"]:
        print_text(f"  {one['severity']}: {one['path'] or 'the policy'}: {one['message']}")
    changes, voided = preview["automation_changes"], preview["certificates_voided"]
    print_text(f"What decides about automation {'changes' if changes else 'stays'}.")
    if changes and not voided:
        print_text("No live certificate is void by it.")
    _say_voided(voided, "Publishing it voids")
    print_text(f"To approve it:\n  countersign policy approve {draft['draft_id']} {draft['sha256']}")
