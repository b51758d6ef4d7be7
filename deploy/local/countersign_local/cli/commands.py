"""The tree of commands. Each module imports what it needs when it runs, so that help and errors are instant."""

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
from countersign_local.errors import EXIT_CODES

_HELP = "The AI proposes, the right human countersigns, and everything is on the record."


def build() -> typer.Typer:
    """Put the commands together."""
    epilog = "Exit codes:\n\n" + "\n\n".join(f"{code}  {meaning}" for code, meaning in EXIT_CODES.items())
    app = typer.Typer(
        name="countersign", help=_HELP, epilog=epilog, no_args_is_help=True, add_completion=False,
        pretty_exceptions_enable=False,
    )  # fmt: skip
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
