"""countersign policy matrix: which level each cell gives, what came of it, and how often the machine was wrong."""

from pathlib import Path
from typing import Annotated, Any

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.files import check_writable, write_picture
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text

_MATRIX = "/api/router/v1/matrix"


def matrix(
    decision_type: Annotated[str, typer.Argument(metavar="TYPE", help="The decision type.")],
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's cases.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=2160, help="How far back to count.")] = 24,
    picture: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Also draw it.")] = None,
    json: JsonOption = False,
) -> None:
    """Show the matrix in force: each cell's level, its cases, and the error that audits found there, with its interval.

    Exit code 1 when nobody declared the decision type.
    """
    if picture is not None:
        check_writable(picture)
    view: dict[str, Any] = over_http(
        lambda client: client.get(_MATRIX, decision_type=decision_type, tenant=tenant, hours=hours)
    )
    if picture is not None:
        _draw(view, picture)
    if json:
        print_json(view)
        return
    _print(view)
    if picture is not None:
        print_text(f"Wrote {picture}.")


def _draw(view: dict[str, Any], path: Path) -> None:
    from countersign_router.api.models.matrix import MatrixView
    from countersign_router.showing.matrix_picture import draw

    write_picture(path, draw(MatrixView.model_validate(view)))


def _print(view: dict[str, Any]) -> None:
    from countersign_router.api.models.matrix import MatrixView
    from countersign_router.showing.matrix_picture import cases_told, counted, errors_in_full

    found = MatrixView.model_validate(view)
    since = f"since {found.since:%Y-%m-%d %H:%M} UTC"
    if found.policy is None:
        print_text(f"No policy of {found.decision_type} is in force: every case goes to a person.")
    else:
        print_text(f"{found.policy.id}, version {found.policy.version}; cases {since}")
    cells = {(one.tier, one.band): one for one in found.cells}
    bands = list(reversed(found.bands))
    rows = [
        {"consequence": tier,
         **{band: f"L{one.level}: {counted(one)}" for band in bands if (one := cells.get((tier, band)))}}
        for tier in reversed(found.tiers)
    ]  # fmt: skip
    if found.cells:
        print_table(rows, ("consequence", *bands), title="\nLevel and cases, by confidence")
    audited = [
        {
            "consequence": one.tier,
            "confidence": one.band,
            "audited": errors_in_full(one.audited).removeprefix("error: "),
        }
        for one in found.cells
        if one.audited.judged
    ]
    if audited:
        print_table(audited, ("consequence", "confidence", "audited"), title="\nWrong automatic decisions")
    elif any(one.automatic for one in found.cells):
        print_text("Wrong automatic decisions: nothing judged yet, so nothing is known.")
    if found.outside:
        print_text(f"{cases_told(found.outside)} reached no cell: abstentions, missing inputs, errors, no policy.")
