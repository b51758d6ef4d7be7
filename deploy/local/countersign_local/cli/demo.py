"""countersign demo: everything on this machine."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from countersign_local.cli.output import JsonOption, print_json, print_table, print_text
from countersign_local.errors import NOT_RIGHT
from countersign_local.state import forget, state_directory
from countersign_shared.errors import ConfigurationError

if TYPE_CHECKING:
    from countersign_local.demo.options import DemoOptions

_ATTENDED_PER_SECOND = 2.0
_HEADLESS_PER_SECOND = 50.0


def demo(
    cases: Annotated[
        int, typer.Option(min=0, help="Loan applications that arrive, and a post after every eighth; 0: none.")
    ] = 200,
    headless: Annotated[
        bool,
        typer.Option("--headless", help="Scripted reviewers decide everything; then check, sum up, end with 0 or 1."),
    ] = False,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="Applications a second. Unset: 2, or 50 when headless.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Headless: fixes what the scripted reviewers answer.")] = 1,
    broker: Annotated[
        Literal["mock", "kafka"],
        typer.Option(help="mock: in memory, in a blink. kafka: a real one, from Maven's jars."),
    ] = "mock",
    kafka: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Use this Kafka. Unset: KAFKA_BOOTSTRAP_SERVERS, else --broker."),
    ] = None,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="Use this PostgreSQL. Unset: DATABASE_URL, else an embedded one.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the console.")] = 8100,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget everything of earlier starts on this machine.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run the whole system on this machine, with loan applications and posts arriving; the next start goes on."""
    from countersign_local.demo.options import DemoOptions

    default_rate = _HEADLESS_PER_SECOND if headless else _ATTENDED_PER_SECOND
    options = DemoOptions(
        cases=cases, per_second=rate or default_rate, headless=headless, seed=seed, broker=broker, kafka=kafka,
        database_url=database, port=port,
    )  # fmt: skip
    directory = state_directory(os.environ)
    if fresh:
        forget(directory)
    summary = _started(options, directory)
    if summary is None:
        return
    if json:
        print_json(summary)
    else:
        _print(summary)
    if not summary["right"]:
        sys.exit(NOT_RIGHT)


def _started(options: "DemoOptions", directory: Path) -> dict[str, Any] | None:
    from countersign_local.demo.start import start

    try:
        return start(options, directory, os.environ)
    except ConfigurationError as error:
        raise type(error)(_as_typed(str(error), options)) from error


def _as_typed(said: str, options: "DemoOptions") -> str:
    """Name what was typed: the services know their servers by their settings alone."""
    typed = (
        ("DATABASE_URL", "--database", options.database_url), ("KAFKA_BOOTSTRAP_SERVERS", "--kafka", options.kafka),
    )  # fmt: skip
    for setting, option, value in typed:
        if value is not None:
            said = said.replace(setting, option)
    return said


def _print(summary: dict[str, Any]) -> None:
    print_table(summary["decisions"], ("level", "mode", "decisions"))
    first = summary["first_case_decided_after_s"]
    log = summary["log"]
    print_text(
        f"\n{summary['cases']} cases, {summary['decided_once']} with exactly one decision, "
        f"{summary['undecided']} without, {summary['decided_twice']} with several; "
        f"the log holds one decision for {summary['decided_once_on_record']} of them."
    )
    print_text(
        f"First decision {'in an earlier start' if first is None else f'after {first} s'}, all after "
        f"{summary['seconds']} s; {summary['answered_by_reviewers']} answers by scripted reviewers."
    )
    print_text(
        f"Log: {log['entries']} entries, root {log['root']}, {'verified' if log['verified'] else 'NOT verified'}."
    )
    for finding in log["findings"]:
        print_text(f"  {finding}")
    print_text("Everything is as it must be." if summary["right"] else "Something is NOT as it must be.")
