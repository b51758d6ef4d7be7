"""countersign audit: the log, verified and read."""

import typer

app = typer.Typer(help="The audit log: verify it, read a case's timeline.", no_args_is_help=True)
