"""Starting the demo: the state directory, the servers, the loop."""

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import uvloop

from countersign_local.demo.attended import attended
from countersign_local.demo.ground import Ground, ground
from countersign_local.demo.headless import headless
from countersign_local.demo.options import DemoOptions
from countersign_local.demo.progress import Progress
from countersign_local.demo.run import Fate, end_on_signals, running_demo
from countersign_local.errors import PartError
from countersign_local.state import held
from countersign_shared.clock import system_clock
from countersign_shared.observability.faults import told
from countersign_shared.observability.logs import configure_logging


def start(options: DemoOptions, directory: Path, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Run the demo and return its summary when it was headless. The servers end after everything that uses them."""
    # Counted from the command itself: importing all of this takes its time too.
    age = system_clock().timestamp() - psutil.Process().create_time()
    progress = Progress(time.monotonic() - age)
    configure_logging("warning")
    # It calls a coordinator that is not elected yet an error, and asks again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    options = replace(
        options,
        # Whoever asks for a broker of their own gets one, whatever the environment names.
        kafka=options.kafka or (environ.get("KAFKA_BOOTSTRAP_SERVERS") if options.broker == "mock" else None),
        topic_prefix=environ.get("TOPIC_PREFIX", ""),
        database_url=options.database_url or environ.get("DATABASE_URL"),
    )
    with ExitStack() as stack:
        stack.enter_context(held(directory))
        found = stack.enter_context(ground(options, directory, environ))
        try:
            return uvloop.run(_inside(options, found, directory, progress))
        except asyncpg.PostgresError as error:
            raise PartError(f"PostgreSQL gave up: {told(error)}") from error


async def _inside(options: DemoOptions, found: Ground, directory: Path, progress: Progress) -> dict[str, Any] | None:
    fate = Fate()
    end_on_signals(fate)
    async with running_demo(options, found, directory, clock=system_clock, progress=progress, fate=fate) as demo:
        if options.headless:
            return await headless(demo, fate)
        await attended(demo, fate)
        return None
