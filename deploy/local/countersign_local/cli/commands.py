"""The tree of commands. Each module imports what it needs when it runs, so that help and errors are instant."""

from typing import Annotated

import typer

from countersign_local.cli import (
    audit,
    bench,
    controls,
    dead_letters,
    demo,
    dev,
    feedback,
    migrate,
    models,
    policy,
    stop,
    submit,
    topics,
    users,
    watch,
)
from countersign_local.cli.output import print_text
from countersign_local.errors import EXIT_CODES

_ENVIRONMENT = {
    "COUNTERSIGN_URL": "console of a system elsewhere",
    "COUNTERSIGN_API_KEY": "your key there",
    "KAFKA_BOOTSTRAP_SERVERS": "for what reads topics: brokers, HOST:PORT",
    "DATABASE_URL": "for what reads the database itself",
    "COUNTERSIGN_STATE_DIR": "where the system on this machine keeps everything",
}
_HELP = "The AI proposes, the right human countersigns, and everything is on the record."


def build() -> typer.Typer:
    """Put the commands together."""
    variables = "\n".join(f"  {name:<23}  {meaning}" for name, meaning in _ENVIRONMENT.items())
    codes = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
    epilog = f"Environment; unset, the system that runs on this machine:\n{variables}\n\nExit codes:\n{codes}"
    app = typer.Typer(
        name="countersign", help=_HELP, epilog=epilog, no_args_is_help=True, add_completion=False,
        pretty_exceptions_enable=False,
    )  # fmt: skip
    app.callback()(_top)
    app.command()(demo.demo)
    app.command()(dev.dev)
    app.command()(submit.submit)
    app.command()(watch.watch)
    app.command()(migrate.migrate)
    app.command(context_settings=bench.CONTEXT)(bench.bench)
    for name, group in (
        ("topics", topics),
        ("dead-letters", dead_letters),
        ("models", models),
        ("policy", policy),
        ("audit", audit),
        ("feedback", feedback),
        ("users", users),
        ("stop", stop),
        ("controls", controls),
    ):
        app.add_typer(group.app, name=name)
    return app


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print_text(f"countersign {version('countersign-local')}")
        raise typer.Exit


def _top(
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
