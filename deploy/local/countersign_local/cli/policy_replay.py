"""countersign policy replay: what a policy would have made of the cases that came."""

from pathlib import Path
from typing import Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.files import check_writable, read_text, write_picture
from countersign_local.cli.output import JsonOption, print_json, print_text
from countersign_local.cli.policy_progress import replayed

_REPLAYS = "/api/router/v1/policies/replays"


def replay(
    policy: Annotated[Path, typer.Argument(metavar="FILE", help="The policy file.")],
    against: Annotated[
        str, typer.Option(metavar="last:N|since:DATE", help="The newest N cases, or those routed from a day on.")
    ] = "last:100000",
    by: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Also segment by this payload field; may be repeated.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Judged cases, CSV or JSON lines with case_id and error: for audited error."),
    ] = None,
    picture: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Also draw it.")] = None,
    json: JsonOption = False,
) -> None:
    """Route stored cases again under a policy and say what changes. Nothing is decided, stored or published.

    The cases are read and routed where the router runs. Exit code 1 when the policy cannot be used.
    """
    from countersign_local.labels import read_labels

    if picture is not None:
        check_writable(picture)
    asked: dict[str, Any] = {"yaml": read_text(policy), "against": against, "by": by or []}
    if labels is not None:
        asked["labels"] = read_labels(labels)
    report = over_http(lambda client: replayed(client, _REPLAYS, asked))
    if picture is not None:
        _draw(report, picture)
    if json:
        print_json(report)
        return
    from countersign_local.cli.policy_report import print_report

    print_report(report, by or ())
    if picture is not None:
        print_text(f"Wrote {picture}.")


def _draw(report: dict[str, Any], path: Path) -> None:
    from countersign_router.replaying.picture import draw
    from countersign_router.replaying.report import ReplayReport

    write_picture(path, draw(ReplayReport.model_validate(report)))
