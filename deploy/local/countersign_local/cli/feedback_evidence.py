"""countersign feedback certify, plan, calibration and reviewers: what may be automated, and what it takes to know."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from countersign_local.cli.connection import over_http
from countersign_local.cli.files import check_writable, unreadable, write_picture
from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.client import step
from countersign_local.errors import CONFIGURATION, NOT_RIGHT, USAGE, CommandError
from countersign_shared.clock import system_clock

if TYPE_CHECKING:
    from countersign_feedback.domain.assessment import Assessment
    from countersign_feedback.domain.judged import JudgedCase
    from countersign_feedback.domain.reviewer_privacy import Desk
    from countersign_feedback.domain.rubber_stamps import Finding
    from countersign_feedback.report import Sheet

API = "/api/feedback/v1"
Alpha = Annotated[float, typer.Option(help="Largest share of wrong decisions to promise, such as 0.02.")]
Delta = Annotated[float, typer.Option(help="How probable it may be that the promise is false, such as 0.05.")]
Picture = Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Also draw it.")]
Export = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="CSV or JSON of judged cases; absent: what the service has.")
]


def certify(
    file: Export = None,
    alpha: Alpha = 0.02,
    delta: Delta = 0.05,
    attempt: Annotated[
        int | None,
        typer.Option(min=1, max=1_000, help="Which try at this certificate, from 1. Absent: the only one."),
    ] = None,
    watch: Annotated[
        float | None, typer.Option(min=0, max=1, help="Threshold of a live certificate, to hold it to its promise.")
    ] = None,
    floor: Annotated[float | None, typer.Option(help="With a file: the policy's least audit rate.")] = None,
    tenant: Annotated[str, typer.Option(help="Without a file: whose cases.")] = "default",
    decision_type: Annotated[str | None, typer.Option(help="Without a file: which decisions.")] = None,
    tier: Annotated[str | None, typer.Option(help="Without a file: only this tier.")] = None,
    picture: Picture = None,
    json: JsonOption = False,
) -> None:
    """Say from which confidence on decisions may be automated, or why not. Ends with 1 when nothing may."""
    if picture is not None:
        check_writable(picture)
    if file is None:
        found = _from_service(
            tenant=tenant,
            decision_type=decision_type,
            tier=tier,
            alpha=alpha,
            delta=delta,
            attempt=attempt,
            watch=watch,
        )
    else:
        found = _from_file(file, alpha=alpha, delta=delta, attempt=attempt, watch=watch, floor=floor)
    if picture is not None:
        _draw(found, picture)
    if json:
        _print_json_of(found)
    else:
        _print_assessments(found)
        if picture is not None:
            print_text(f"Wrote {picture}.")
    if not all(hasattr(one.outcome, "threshold") for one in found):
        raise typer.Exit(NOT_RIGHT)


def plan(
    traffic: Annotated[float, typer.Option(help="Cases a day that would be automated.")],
    alpha: Alpha = 0.02,
    delta: Delta = 0.05,
    label_share: Annotated[float, typer.Option(help="How many of them are judged blind.")] = 1.0,
    error: Annotated[float | None, typer.Option(help="Share wrong that you expect; absent: half of alpha.")] = None,
    answers: Annotated[float, typer.Option(help="People per label.")] = 2.1,
    minutes: Annotated[float, typer.Option(help="Minutes per answer.")] = 4.0,
    tiers: Annotated[int, typer.Option(help="Tiers among which delta is split.")] = 1,
    days: Annotated[float, typer.Option(help="Days it may take at most.")] = 180.0,
    json: JsonOption = False,
) -> None:
    """Say how many labels, hours and days the first certificate takes, or why there never is one (exit code 1)."""
    from countersign_feedback.domain.planning import Assumptions, NoPlan
    from countersign_feedback.domain.planning import plan as make_plan
    from countersign_feedback.evidence_report import plan_sheet

    try:
        found = make_plan(
            Assumptions(
                alpha=alpha, delta=delta, traffic=traffic, label_share=label_share, error=error, answers=answers,
                minutes=minutes, tiers=tiers, days=days,
            )
        )  # fmt: skip
    except ValueError as problem:
        raise CommandError(str(problem), CONFIGURATION) from problem
    if json:
        print_json(asdict(found))
    else:
        print_text(found.text)
        if not isinstance(found, NoPlan):
            _print_sheet(plan_sheet(alpha=alpha, delta=delta))
    if isinstance(found, NoPlan):
        raise typer.Exit(NOT_RIGHT)


def calibration(
    decision_type: Annotated[str, typer.Argument(help="Which decisions.")],
    tenant: Annotated[str, typer.Option(help="Whose cases.")] = "default",
    method: Annotated[
        Literal["platt", "beta", "isotonic", "identity"], typer.Option(help="Calibrator to try.")
    ] = "platt",
    json: JsonOption = False,
) -> None:
    """Say whether confidences can be taken at their word, whether a refit would help, and whether overrides rise.

    Exit code 1 where there is no case to say it of.
    """
    answer: dict[str, Any] = over_http(
        lambda client: client.get(
            "/api/feedback/v1/calibration", tenant=tenant, decision_type=decision_type, method=method
        )
    )
    if json:
        print_json(answer)
        return
    if not answer["assessments"] and answer["overrides"] is None:
        raise CommandError(f"No model has spoken of a case of {decision_type} of tenant {tenant}.", NOT_RIGHT)
    from countersign_feedback.evidence_report import assessment_sheets, headline, read_assessments, refit_line

    for one in read_assessments(answer):
        print_text(headline(one))
        sheets = tuple(assessment_sheets(one))
        if one.reliability is None:
            print_text("No labels yet: nobody judged such a case blind, drawn by chance.")
        else:
            _print_sheet(sheets[-1])
            print_text(refit_line(one))
    rise = answer["overrides"]
    print_text(
        "Overrides in assisted review: " + (rise["text"] if rise else "Too few reviews to tell whether they rise.")
    )


def reviewers(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="CSV or JSON of counts per reviewer, under pseudonyms; absent: what the service has."
        ),
    ] = None,
    signals: Annotated[
        Literal["off", "team", "pseudonymous", "named"], typer.Option(help="With a file: the tenant's choice.")
    ] = "team",
    tenant: Annotated[str, typer.Option(help="Without a file: whose reviewers.")] = "default",
    decision_type: Annotated[str | None, typer.Option(help="Without a file: only these decisions.")] = None,
    person: Annotated[str | None, typer.Option(help="Open this one's page; needs --purpose.")] = None,
    purpose: Annotated[str, typer.Option(help="Why a person's page is opened; belongs in the audit log.")] = "",
    json: JsonOption = False,
) -> None:
    """Say whether reviewers decide or wave through: several exact tests, and few false accusations."""
    from countersign_feedback.evidence_report import agreement_line, desk_sheet

    if file is None:
        shown, opened = _reviewers_of_service(tenant, decision_type, person, purpose)
        answers: list[tuple[str, ...]] = []
    else:
        shown, opened, answers = _reviewers_of_file(file, signals, person, purpose)
    if json:
        print_json({"desk": asdict(shown), "person": None if opened is None else asdict(opened)})
        return
    _print_sheet(desk_sheet(shown))
    if answers:
        print_text(agreement_line(answers))
    if opened is not None:
        print_text(f"{opened.reviewer}: {opened.text}")


def _reviewers_of_file(
    file: Path, signals: str, person: str | None, purpose: str
) -> "tuple[Desk, Finding | None, list[tuple[str, ...]]]":
    from countersign_feedback.domain.reviewer_privacy import NotShownError, ReviewerSignals, open_person, show
    from countersign_feedback.exports import UnreadableExportError, read_reviews

    try:
        mode = ReviewerSignals(signals)
        if not (found := read_reviews(file))[0]:
            raise CommandError(f"{file} holds no reviewer.", NOT_RIGHT)
        desk, answers = found
        opened = open_person(desk, person, mode=mode, purpose=purpose, asker="") if person else None
    except (UnreadableExportError, OSError, NotShownError, ValueError) as problem:
        raise _unreadable(file, problem) from problem
    return show(desk, mode=mode), opened, answers


def _reviewers_of_service(
    tenant: str, decision_type: str | None, person: str | None, purpose: str
) -> "tuple[Desk, Finding | None]":
    from countersign_feedback.evidence_report import read_desk, read_finding

    given = {"tenant": tenant, "decision_type": decision_type}
    desk = read_desk(over_http(lambda client: client.get(f"{API}/reviewers", **given)))
    if person is None:
        return desk, None
    asked = {name: value for name, value in given.items() if value is not None}
    opened = over_http(
        lambda client: client.call(
            "POST", f"{API}/reviewers/{step(person, 'pseudonym')}/open", body={"purpose": purpose}, params=asked
        )
    )
    return desk, read_finding(opened)


def _from_service(**asked: Any) -> "tuple[Assessment, ...]":
    from countersign_feedback.evidence_report import read_assessments

    if asked["decision_type"] is None:
        raise CommandError("Say which decisions: --decision-type, or a file of judged cases.", USAGE)
    answer: dict[str, Any] = over_http(lambda client: client.get("/api/feedback/v1/certificates/preview", **asked))
    found = read_assessments(answer)
    if not found:
        raise CommandError("No case of these decisions would be automated, so there is nothing to certify.", NOT_RIGHT)
    return found


def _from_file(
    path: Path, *, alpha: float, delta: float, attempt: int | None, watch: float | None, floor: float | None
) -> "tuple[Assessment, ...]":
    from countersign_feedback.domain.assessment import Promise, assess
    from countersign_feedback.domain.judged import by_population
    from countersign_feedback.exports import UnreadableExportError, read_cases

    try:
        cases: list[JudgedCase] = read_cases(path)
        promise, now = Promise(alpha, delta, attempt), system_clock()
        found = tuple(
            assess(one, population=who, promise=promise, now=now, watched=watch, floor=floor)
            for who, one in by_population(cases).items()
        )
    except (UnreadableExportError, OSError, ValueError) as problem:
        raise _unreadable(path, problem) from problem
    if not found:
        raise CommandError(f"{path} holds no case.", NOT_RIGHT)
    return found


def _unreadable(path: Path, problem: Exception) -> CommandError:
    """Say what is wrong with a file of judged cases or counts; ours say where in it themselves."""
    if isinstance(problem, OSError):
        return unreadable(path, problem)
    if isinstance(problem, UnicodeDecodeError):
        return CommandError(f"{path} is no text: it is not UTF-8.", NOT_RIGHT)
    return CommandError(str(problem), NOT_RIGHT)


def _print_assessments(found: "Iterable[Assessment]") -> None:
    from countersign_feedback.evidence_report import assessment_lines, assessment_sheets, headline

    for one in found:
        print_text(headline(one))
        for sheet in assessment_sheets(one):
            _print_sheet(sheet)
        for line in assessment_lines(one):
            print_text(line)


def _print_json_of(found: "Iterable[Assessment]") -> None:
    print_json({"assessments": [asdict(one) for one in found]})


def _draw(found: "tuple[Assessment, ...]", path: Path) -> None:
    from countersign_feedback.domain.risk_picture import draw

    # One picture for each population: the first under the name given, the others with a number.
    for number, one in enumerate(found):
        target = path if number == 0 else path.with_stem(f"{path.stem}-{number + 1}")
        write_picture(target, draw(one))


def _print_sheet(sheet: "Sheet") -> None:
    rows = [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows]
    print_table(rows, sheet.columns, title=sheet.title)
    print_text(sheet.note)
