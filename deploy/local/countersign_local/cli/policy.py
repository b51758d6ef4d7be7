"""countersign policy: policy files, before they act."""

import os
from pathlib import Path
from typing import Annotated

import typer

from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.errors import NOT_RIGHT

app = typer.Typer(help="Policy files: check them, run their examples.", no_args_is_help=True)
Files = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE]...", help="Unset: POLICIES_DIR, else those that come along.")
]
TypesOption = Annotated[
    Path | None, typer.Option("--decision-types", help="Unset: DECISION_TYPES_DIR, else those that come along.")
]


def _files(named: list[Path] | None) -> list[Path]:
    from importlib.resources import files

    if named:
        return named
    directory = Path(os.environ.get("POLICIES_DIR") or str(files("countersign_router") / "policies"))
    return sorted(directory.glob("*.yaml"))


def _types_directory(named: Path | None) -> Path | None:
    fallback = os.environ.get("DECISION_TYPES_DIR")
    return named or (Path(fallback) if fallback else None)


@app.command()
def check(policies: Files = None, decision_types: TypesOption = None, json: JsonOption = False) -> None:
    """Say everything that is wrong: shape, names, types, protected fields, examples. Exit code 1 then."""
    from countersign_router.policy_examples import check as problems_of
    from countersign_shared.contracts.decision_types import load_decision_types

    known = load_decision_types(_types_directory(decision_types))
    found = {str(path): [str(problem) for problem in problems_of(path, known)] for path in _files(policies)}
    if json:
        print_json(found)
    else:
        for path, problems in found.items():
            print_text(f"{path}: {'fine' if not problems else ''}".rstrip())
            for problem in problems:
                print_text(f"  {problem}")
    if any(found.values()):
        raise typer.Exit(NOT_RIGHT)


@app.command("test")
def run(policies: Files = None, decision_types: TypesOption = None, json: JsonOption = False) -> None:
    """Run the examples inside the policies. Exit code 1 when one comes out otherwise than it says."""
    from countersign_router.policy_examples import run_examples
    from countersign_shared.contracts.decision_types import load_decision_types

    known = load_decision_types(_types_directory(decision_types))
    rows = [
        {
            "policy": path.stem,
            "example": result.name,
            "level": result.level,
            "passed": result.passed,
            "differences": list(result.differences),
        }
        for path in _files(policies)
        for result in run_examples(path, known)
    ]
    if json:
        print_json(rows)
    else:
        print_table(rows, ("policy", "example", "level", "passed", "differences"))
    if not all(row["passed"] for row in rows):
        raise typer.Exit(NOT_RIGHT)
