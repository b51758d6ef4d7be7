"""countersign feedback: what was automated, and was it right."""

from pathlib import Path
from typing import Annotated, Any

import typer

from countersign_local.cli import feedback_evidence, feedback_promises
from countersign_local.cli.connection import over_http
from countersign_local.cli.files import check_writable
from countersign_local.cli.output import JsonOption, print_json, print_text, wide_when_piped

app = typer.Typer(help="Figures about automation and its errors.", no_args_is_help=True)
for command in (
    feedback_evidence.certify, feedback_evidence.plan, feedback_evidence.calibration, feedback_evidence.reviewers,
    feedback_promises.promises, feedback_promises.look_back, feedback_promises.rebuild,
):  # fmt: skip
    app.command()(command)


@app.command()
def report(
    decision_type: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    since: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Routed on this UTC day or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Routed on this UTC day or earlier.")] = None,
    picture: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Also draw it.")] = None,
    json: JsonOption = False,
) -> None:
    """Counts, automation, overrides and audited errors with their intervals, as tables and a picture."""
    if picture is not None:
        check_writable(picture)
    answer: dict[str, Any] = over_http(
        lambda client: client.get(
            "/api/feedback/v1/summary", decision_type=decision_type, tenant=tenant, since=since, until=until
        )
    )
    from countersign_feedback.report import print_report, read_summary, write_picture

    summary = read_summary(answer)
    if picture is not None:
        write_picture(summary, picture)
    if json:
        print_json(answer)
        return
    print_report(summary, wide_when_piped())
    if picture is not None:
        print_text(f"Wrote {picture}.")
