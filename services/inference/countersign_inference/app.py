"""The composition root: builds, wires and closes everything."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import SystemRandom

from countersign_inference.answering import Answering
from countersign_inference.api import build_app
from countersign_inference.calibrating import TOPIC as CONTROLS
from countersign_inference.calibrating import Calibrators
from countersign_inference.domain.outstanding import Outstanding
from countersign_inference.handlers import SERVICE, TOPICS, Handler
from countersign_inference.registry import PACKAGED_MODELS, Chance, load_models
from countersign_inference.settings import Settings
from countersign_inference.shadows import Shadows
from countersign_inference.store import SCHEMA, Store
from countersign_shared.clock import Clock, system_clock
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.erasure import TOPIC as ACTIVITIES
from countersign_shared.erasure import Erasing, eraser
from countersign_shared.http import TokenVerifier
from countersign_shared.messaging.bus import open_bus
from countersign_shared.messaging.follower import following
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import migrate, open_pool
from countersign_shared.runtime import Service

MIGRATIONS = Path(__file__).parent / "sql" / "migrations"


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock = system_clock) -> AsyncIterator[Service]:
    """Run the service while the context is open."""
    health, metrics = Health(), Metrics(SERVICE)
    decision_types = load_decision_types(settings.decision_types_dir)
    chance = Chance(secrets.token_bytes(32), SystemRandom().random)
    models = load_models(settings.models_dir or PACKAGED_MODELS, decision_types, chance)
    scorers = models.scorers
    shadows = Shadows(models.shadows, timeout_seconds=settings.scorer_timeout_seconds, metrics=metrics)
    answering = Answering(scorers, timeout_seconds=settings.scorer_timeout_seconds)
    calibrators = Calibrators(scorers)
    outstanding = Outstanding(settings.max_outstanding_cases if settings.broker == "mock" else None)
    async with (
        open_pool(settings.database_url, schema=SCHEMA, size=settings.database_pool_size, resets=False) as pool,
        open_bus(settings, service=SERVICE, health=health, metrics=metrics) as bus,
    ):
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        store = Store(pool)
        handler = Handler(
            store=store, answering=answering, scorers=scorers, decision_types=decision_types,
            outstanding=outstanding, metrics=metrics, clock=clock, shadows=shadows, calibrators=calibrators,
        )  # fmt: skip
        http = build_app(
            scorers=scorers, shadows=shadows.report, digest=store.digest, publish=bus.publish, outstanding=outstanding,
            health=health, metrics=metrics, authenticate=TokenVerifier(SERVICE, settings.jwks_url),
        )  # fmt: skip
        try:
            erasing = Erasing(
                handler, pool, eraser(MIGRATIONS.with_name("erasure.sql")), service=SERVICE, clock=clock, guards=False
            )
            async with (
                # Opens once every control on the topic is known: before the first case.
                following(settings, CONTROLS, calibrators, service=SERVICE, fail=bus.fail),
                erasing.in_time(fail=bus.fail),
                bus.consume((*TOPICS, ACTIVITIES), erasing),
            ):
                health.ready(True)
                yield Service(SERVICE, http, bus.failed)
        finally:
            health.ready(False)
            await shadows.aclose()
            await models.aclose()
