"""countersign policy replay: what a policy would have made of the cases that came."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.output import JsonOption, print_json, print_text
from countersign_local.errors import NOT_RIGHT, UNAVAILABLE, CommandError

if TYPE_CHECKING:
    from countersign_local.client import Client

_REPLAYS = "/api/router/v1/policies/replays"


def replay(
    policy: Annotated[Path, typer.Argument(metavar="FILE")],
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

    asked: dict[str, Any] = {"yaml": _text(policy), "against": against, "by": by or []}
    if labels is not None:
        asked["labels"] = read_labels(labels)
    report = over_http(lambda client: _told(client, asked))
    if picture is not None:
        _draw(report, picture)
    if json:
        print_json(report)
        return
    from countersign_local.cli.policy_report import print_report

    print_report(report)
    if picture is not None:
        print_text(f"Wrote {picture}.")


async def _told(client: "Client", asked: dict[str, Any]) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("waiting for another replay", total=None)
        async for line in client.lines(_REPLAYS, asked):
            if line["kind"] == "report":
                report: dict[str, Any] = line["report"]
                return report
            if line["kind"] == "problem":
                raise CommandError(f"{line['title']}: {line['detail']}", UNAVAILABLE)
            if line["total"] is not None:
                progress.update(task, description="replaying", completed=line["done"], total=line["total"])
    raise CommandError("The router ended before the replay did: run it again.", UNAVAILABLE)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}.", NOT_RIGHT) from error


def _draw(report: dict[str, Any], path: Path) -> None:
    from countersign_router.replaying.picture import draw
    from countersign_router.replaying.report import ReplayReport

    path.write_text(draw(ReplayReport.model_validate(report)), encoding="utf-8")
