"""countersign policy: policy files before they act, and what they would have made of the cases that came."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from countersign_local.cli import policy_compare, policy_explain, policy_life, policy_matrix, policy_replay
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.cli.policy_files import TypesOption, types_directory
from countersign_local.errors import CONFIGURATION, NO_INPUT, NOT_RIGHT, CommandError

if TYPE_CHECKING:
    from countersign_router.language.diagnostics import Diagnostic
    from countersign_router.language.examples import ExampleResult

app = typer.Typer(
    help="Policies: check, test, explain, compare, draw and replay them; publish them through two people's hands.",
    no_args_is_help=True,
)
app.command()(policy_explain.explain)
app.command()(policy_matrix.matrix)
app.command()(policy_replay.replay)
app.command()(policy_compare.diff)
app.command()(policy_compare.draw)
app.command()(policy_life.publish)
app.command()(policy_life.approve)
app.command("roll-back")(policy_life.roll_back)
app.command("list")(policy_life.list_policies)

Files = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE]...", help="Unset: POLICIES_DIR, else those that come along.")
]


def _files(named: list[Path] | None) -> list[Path]:
    from importlib.resources import files

    if named:
        return named
    directory = Path(os.environ.get("POLICIES_DIR") or str(files("countersign_router") / "policies"))
    if not (found := sorted(directory.glob("*.yaml"))):
        raise CommandError(f"POLICIES_DIR is {directory}, and holds no policy (*.yaml).", CONFIGURATION)
    return found


@app.command()
def check(
    policies: Files = None,
    decision_types: TypesOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    json: JsonOption = False,
) -> None:
    """Say everything that is wrong, with line and column: shape, names, types, examples. Exit code 1 then, else 0."""
    from countersign_local.cli.policy_listing import print_listing
    from countersign_shared.contracts.decision_types import load_decision_types

    known = load_decision_types(types_directory(decision_types))
    found = {path: _problems_of(path, known) for path in _files(policies)}
    if json:
        print_json({str(path): [_told(one) for one in problems] for path, problems in found.items()})
    else:
        for path, problems in found.items():
            print_listing(path, problems)
    wrong = [one for problems in found.values() for one in problems if strict or one.severity == "error"]
    if wrong:
        raise typer.Exit(_wrong_with(found))


@app.command("test")
def run(policies: Files = None, decision_types: TypesOption = None, json: JsonOption = False) -> None:
    """Run the examples inside the policies, and those of a file of the same name in `cases` beside them.

    Exit code 1 when one comes out otherwise than it says.
    """
    from countersign_local.cli.policy_listing import print_listing
    from countersign_router.language.loading import PolicyRefused
    from countersign_shared.contracts.decision_types import load_decision_types

    known = load_decision_types(types_directory(decision_types))
    rows: list[dict[str, Any]] = []
    refused = False
    for path in _files(policies):
        try:
            rows += [_row(path, result) for result in _results(path, known)]
        except PolicyRefused as refusal:
            refused = True
            rows += [{"policy": path.stem, "example": None, "level": None, "passed": False,
                      "differences": [str(one) for one in refusal.diagnostics]}]  # fmt: skip
            if not json:
                print_listing(path, refusal.diagnostics)
    if json:
        print_json(rows)
    elif ran := [row for row in rows if row["example"]]:
        shown = [{**row, "as_it_says": "yes" if row["passed"] else "NO"} for row in ran]
        print_table(shown, ("policy", "example", "level", "as_it_says", "differences"))
        failed = sum(not row["passed"] for row in ran)
        print_text(f"{len(ran)} examples: {f'{failed} come out otherwise' if failed else 'all come out as they say'}.")
    if refused or not all(row["passed"] for row in rows):
        raise typer.Exit(_wrong_with(_files(policies)))


def _wrong_with(paths: Iterable[Path]) -> int:
    """Return the exit code: files that cannot be read are another than what is wrong in those that can."""
    return NOT_RIGHT if all(path.is_file() and os.access(path, os.R_OK) for path in paths) else NO_INPUT


def _problems_of(path: Path, known: Any) -> list["Diagnostic"]:
    from countersign_router.language.diagnostics import Diagnostic
    from countersign_router.language.examples import problems

    try:
        data = path.read_bytes()
    except OSError as error:
        return [Diagnostic("", f"cannot be read: {error.strerror}")]
    return problems(data, known)


def _results(path: Path, known: Any) -> list["ExampleResult"]:
    from countersign_router.language.examples import EXAMPLE_TIME, case_results, read_cases, run_examples
    from countersign_router.language.loading import load_policy

    results = run_examples(path, known)
    cases = path.parent / "cases" / path.name
    if cases.is_file():
        loaded = load_policy(path.read_bytes(), name=str(path), decision_types=known, published_at=EXAMPLE_TIME)
        results += case_results(loaded, read_cases(cases))
    return results


def _row(path: Path, result: "ExampleResult") -> dict[str, Any]:
    return {
        "policy": path.stem, "example": result.name, "level": result.level, "passed": result.passed,
        "differences": list(result.differences),
    }  # fmt: skip


def _told(one: "Diagnostic") -> dict[str, Any]:
    return {
        "severity": one.severity, "path": one.path, "line": one.line, "column": one.column, "message": one.message,
        "hint": one.hint,
    }  # fmt: skip
