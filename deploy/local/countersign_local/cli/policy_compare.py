"""countersign policy diff and draw: what another version does differently, and what a policy does at all."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.files import check_writable, read_bytes, write_picture
from countersign_local.cli.output import JsonOption, print_json, print_text
from countersign_local.cli.policy_files import TypesOption, types_directory, unusable
from countersign_local.errors import NOT_RIGHT, CommandError

if TYPE_CHECKING:
    from countersign_local.client import Client
    from countersign_router.language.document import PolicyDocument

_POLICIES = "/api/router/v1/policies"
_SIGNS = {"stricter": "▲ ", "looser": "▼ ", None: "• "}


def diff(
    before: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Compared with the version in force; or, with a second file, the older one."
        ),
    ],
    after: Annotated[Path | None, typer.Argument(metavar="NEW", help="The newer one.")] = None,
    decision_types: TypesOption = None,
    json: JsonOption = False,
) -> None:
    """Say in words what one version does differently from another, and whether certificates survive it.

    With one FILE it is compared with the version in force in the system that runs.
    """
    from countersign_router.showing.differences import differences
    from countersign_shared.contracts.decision_types import load_decision_types

    new = _read(after or before)
    old = _read(before) if after else _in_force(new)
    known = load_decision_types(types_directory(decision_types)).get(new.decision_type)
    found = differences(old, new, () if known is None else known.adverse_outcomes)
    if json:
        told = [{"path": one.path, "text": one.text, "effect": one.effect} for one in found.differences]
        print_json({"before": found.before, "after": found.after, "differences": told,
                    "voids_certificates": found.voids_certificates, "because": found.because})  # fmt: skip
        return
    print_text(f"Version {found.before} to version {found.after}:")
    for one in found.differences:
        print_text(f"  {_SIGNS[one.effect]}{one.text}")
    if not found.differences:
        print_text("  No differences.")
    print_text(found.because)
    if found.differences and found.before == found.after:
        print_text(f"Both say version {found.after}: raise `version` before this is published.")
    if any(one.effect for one in found.differences):
        print_text("▲ sends more cases to people, ▼ fewer; what depends on the cases a replay tells.")


def draw(
    policy: Annotated[Path, typer.Argument(metavar="FILE", help="The policy file.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.svg", help="Where to write the picture.")],
) -> None:
    """Draw a policy as a flow chart: from what it reads to the level where a case ends up."""
    from countersign_router.showing.flow_chart import draw as drawn

    check_writable(out)
    write_picture(out, drawn(_read(policy)))
    print_text(f"Wrote {out}.")


def _read(path: Path) -> "PolicyDocument":
    return _document(read_bytes(path), path)


def _document(data: bytes, path: Path) -> "PolicyDocument":
    from countersign_router.language.loading import PolicyRefused, read_document

    try:
        return read_document(data, name=str(path))
    except PolicyRefused as refused:
        raise unusable(path, data.decode("utf-8", errors="replace"), refused.diagnostics) from refused


def _in_force(new: "PolicyDocument") -> "PolicyDocument":
    wanted = f"{new.tenant}/{new.decision_type}"

    async def find(client: "Client") -> dict[str, Any] | None:
        cursor = None
        while True:
            page: dict[str, Any] = await client.get(_POLICIES, limit=200, cursor=cursor)
            for one in page["items"]:
                if one["in_force"] and one["id"] == wanted:
                    found: dict[str, Any] = await client.get(f"{_POLICIES}/{one['sha256']}")
                    return found
            cursor = page["next_cursor"]
            if cursor is None:
                return None

    found = over_http(find)
    if found is None:
        raise CommandError(f"No version of {wanted} is in force: name two files.", NOT_RIGHT)
    return _document(found["yaml"].encode(), Path(f"version {found['version']}"))
