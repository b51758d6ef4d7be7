"""A replay while it runs: how far it is, on standard error, and its report."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from countersign_local.errors import UNAVAILABLE, CommandError

if TYPE_CHECKING:
    from countersign_local.client import Client


async def replayed(
    client: "Client", path: str, asked: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Ask for a replay, show how far it is where somebody looks, and return its report."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("waiting for another replay", total=None)
        async for line in client.lines(path, asked, headers=headers):
            if line["kind"] == "report":
                report: dict[str, Any] = line["report"]
                return report
            if line["kind"] == "problem":
                raise CommandError(f"{line['title']}: {line['detail']}", UNAVAILABLE)
            if line["total"] is not None:
                progress.update(task, description="replaying", completed=line["done"], total=line["total"])
    raise CommandError("The router ended before the replay did: run it again.", UNAVAILABLE)
