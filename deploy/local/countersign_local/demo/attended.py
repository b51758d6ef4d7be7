"""The demo for a person: a link to sign in, cases arriving, and what to try next."""

import asyncio
import shutil
import sys
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.text import Text

from countersign_local.demo.access import DESK_ROLES, OFFICE_ROLES
from countersign_local.demo.run import Demo, Fate, background, drain

_LOOK_SECONDS = 0.5
_PLAIN_SECONDS = 10.0
_NEXT = (
    ("watch", "the topics, as they move"),
    ("submit FILE --wait", "a case of your own"),
    ("audit timeline loan-000001", "everything that happened to one case"),
    ("audit verify", "derive the whole log again"),
    ("feedback report", "what was automated, and was it right"),
    ("stop on --reason TEXT", "no more automation, at once"),
)


async def attended(demo: Demo, fate: Fate) -> None:
    """Greet, let cases arrive, and stay until asked to end."""
    console = Console(highlight=False)
    _greet(console, demo, await demo.access.link("demo", display_name="Demo user", roles=(*DESK_ROLES, *OFFICE_ROLES)))
    demo.submitted_again = await demo.arrivals.again()
    if demo.submitted_again:
        console.print(f"Took up again {demo.submitted_again} cases that were not finished.")
    arriving = demo.arrivals.bring(demo.run, per_second=demo.options.per_second)
    async with background(arriving, fate), background(_tell(console, demo), fate):
        await asyncio.wait([fate.future])
    if not fate.broken:
        console.print("Ending: letting what is on its way arrive ...")
    await drain(demo, fate)
    fate.future.result()


def _greet(console: Console, demo: Demo, link: str) -> None:
    console.print(Text("Countersign runs on this machine", style="bold"), f"({demo.ground.said}).")
    if demo.ground.broker == "mock":
        console.print("What is on the topics is lost when this ends; cases and decisions are kept in PostgreSQL.")
    console.print()
    # Never folded: a terminal opens it as it stands.
    console.print("  Review cases here (the link works once):", Text(link, style="bold cyan"), soft_wrap=True)
    console.print()
    command = program()
    for rest, meaning in _NEXT:
        console.print(f"  {command} {rest:<30}  {meaning}", markup=False, soft_wrap=True)
    console.print("\nCtrl-C ends everything; the next start goes on from here.\n")


def program() -> str:
    """Return how the command can be called from here, as a shell takes it."""
    if shutil.which("countersign"):
        return "countersign"
    installed = Path(sys.executable).with_name("countersign")
    here = Path.cwd()
    return quote(str(installed.relative_to(here) if installed.is_relative_to(here) else installed))


async def _tell(console: Console, demo: Demo) -> None:
    """Keep one line up to date on a terminal; elsewhere print one now and then; say nothing when no cases arrive."""
    if demo.run.size == 0:
        return
    if not console.is_terminal:
        while True:
            console.print(await _line(demo))
            await asyncio.sleep(_PLAIN_SECONDS)
    with console.status("") as status:
        while True:
            status.update(await _line(demo))
            await asyncio.sleep(_LOOK_SECONDS)


async def _line(demo: Demo) -> str:
    census = await demo.ledger.census(demo.run.number)
    kinds = await demo.ledger.kinds_of_decision(demo.run.number)
    automatic = sum(kind["decisions"] for kind in kinds if kind["mode"] == "automatic")
    by_people = sum(kind["decisions"] for kind in kinds) - automatic
    return (
        f"{census.cases} of {demo.run.size} cases arrived: {automatic} decided automatically, "
        f"{by_people} by people, {census.undecided} open"
    )
