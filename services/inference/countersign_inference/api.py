"""HTTP in: cases from those without a Kafka client, and which models speak."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, Field

from countersign_inference.adapters.panel import Panel, RemotePanel
from countersign_inference.domain.arrivals import CaseKey
from countersign_inference.domain.outstanding import Outstanding
from countersign_inference.domain.scoring import AnyScorer
from countersign_shared.clock import parse_rfc3339, rfc3339
from countersign_shared.contracts.events.case import CaseCreated
from countersign_shared.contracts.intake import MAX_CASE_BYTES, ParsedCase, Refusal, parse_case_created
from countersign_shared.http import Authenticate, FieldError, Principal, Problem, create_app, require
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Message
from countersign_shared.observability import Health, Metrics

Digest = Callable[[CaseKey], Awaitable[bytes | None]]
"""Finds the digest of a stored case."""
ShadowReport = Callable[[str], list[dict[str, Any]]]
"""Tells how the shadows of a decision type compare."""
Publish = Callable[[Sequence[Message]], Awaitable[None]]
"""Publishes and awaits confirmation."""

submitter = require("submitter")
reader = require("analyst", "lead", "operator", "auditor", "policy_author", "policy_approver", "admin")

MEDIA_TYPE = "application/json"
RETRY_AFTER_SECONDS = 1
TRACEPARENT_BYTES = 55
"""W3C Trace Context, version 00: 2 + 32 + 16 + 2 digits and three dashes."""


class Accepted(BaseModel):
    """A case that was published; it is scored, routed and decided from here on."""

    tenant: str
    case_id: str
    event_id: str = Field(description="Id of the case.created event; the same for the same body, however often sent.")
    payload_sha256: str = Field(description="Over the bytes of the body; every later event of the case names it.")


class ModelEntry(BaseModel):
    """Who proposes for a decision type."""

    decision_type: str
    scorer: str = Field(description="`onnx`, `text`, `openai`, `rules`, `upstream` or `none`.")
    model: dict[str, str] | None = Field(
        description="Name, version, artifact and calibrator; null when no model speaks."
    )
    reads: list[str] = Field(description="Payload fields that the type's scorer, methods and shadows may see.")
    methods: list[str] = Field(default_factory=list, description="What gives an opinion beside the proposing scorer.")
    shadows: list[dict[str, int | str]] = Field(
        default_factory=list, description="Models asked without effect: how often each agreed, differed, abstained."
    )


class ModelList(BaseModel):
    """Every decision type, by name."""

    items: list[ModelEntry]


@dataclass(frozen=True, slots=True)
class Intake:
    """What the intake of cases needs from outside."""

    digest: Digest
    publish: Publish
    outstanding: Outstanding
    monotonic: Callable[[], float]

    async def take(self, data: bytes, principal: Principal, traceparent: bytes | None) -> Accepted:
        """Publish a case that a caller may submit; what stands in its way is a ``Problem``."""
        parsed = parse_case_created(data)
        if isinstance(parsed, Refusal):
            raise _refused(parsed)
        case = parsed.case
        key = (case.tenant, case.case_id)
        if not principal.sees(case.tenant):
            raise Problem(403, "forbidden", "Not your tenant", f"You may not submit cases of tenant {case.tenant}.")
        await self._refuse_conflict(key, parsed)
        if not self.outstanding.enter(key, self.monotonic()):
            raise Problem(
                429, "too-many-outstanding", "Too many cases wait to be scored", "Send it again in a moment.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )  # fmt: skip
        digest = sha256(data).hexdigest()
        # The same body is the same event, so a retry after a lost answer adds nothing to the record.
        event_id = derived_event_id(*key, f"created:{digest}")
        source = f"/countersign/submitters/{principal.subject}"
        message = write_event(
            "case.created", event_id=event_id, source=source, case_id=case.case_id, time=_utc(case.occurred_at),
            body=data, partition=None, traceparent=traceparent,
        )  # fmt: skip
        await self.publish([message])
        return Accepted(tenant=case.tenant, case_id=case.case_id, event_id=event_id, payload_sha256=digest)

    async def _refuse_conflict(self, key: CaseKey, parsed: ParsedCase) -> None:
        stored = await self.digest(key)
        if stored is not None and stored != parsed.canonical_sha256:
            raise Problem(
                409, "case-conflict", "The case exists with another body",
                f"Case {key[1]} of tenant {key[0]} was accepted before with other content. Withdraw it and send a new "
                "case with a link to it.",
            )  # fmt: skip


def build_app(
    *, scorers: Mapping[str, AnyScorer], digest: Digest, publish: Publish, outstanding: Outstanding,
    health: Health, metrics: Metrics, authenticate: Authenticate, monotonic: Callable[[], float] = time.monotonic,
    shadows: ShadowReport = lambda _decision_type: [],
) -> FastAPI:  # fmt: skip
    """Return the inference service's HTTP application."""
    app = create_app(
        service="inference", title="Countersign inference", health=health, metrics=metrics, authenticate=authenticate
    )
    app.include_router(_routes(Intake(digest, publish, outstanding, monotonic), scorers, shadows))
    return app


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI document; needs no database and no broker, and answers nothing."""

    async def nobody(request: Request) -> Principal:
        raise Problem(401, "unauthenticated", "Who are you?", f"{request.url.path} is only described here.")

    async def no_digest(key: CaseKey) -> bytes | None:
        raise Problem(503, "no-database", "Only a description", f"There is nothing to look {key} up in.")

    async def no_broker(messages: Sequence[Message]) -> None:
        raise Problem(503, "no-broker", "Only a description", f"{len(messages)} messages have nowhere to go.")

    app = build_app(
        scorers={}, digest=no_digest, publish=no_broker, outstanding=Outstanding(None), health=Health(),
        metrics=Metrics("inference"), authenticate=nobody,
    )  # fmt: skip
    return app.openapi()


def _routes(intake: Intake, scorers: Mapping[str, AnyScorer], shadows: ShadowReport) -> APIRouter:
    router = APIRouter(prefix="/api/inference/v1", tags=["inference"])

    @router.post(
        "/cases",
        status_code=202,
        summary="Ask for a decision",
        responses=_PROBLEMS,
        openapi_extra={"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": _case_schema()}}}},
    )
    async def submit_case(request: Request, response: Response, principal: Annotated[Principal, submitter]) -> Accepted:
        """Publish a `case.created` event. Sending the same body again is safe: it is the same event."""
        _check_media_type(request)
        accepted = await intake.take(await request.body(), principal, _traceparent(request))
        response.headers["Location"] = f"/api/review/v1/cases/{accepted.tenant}/{accepted.case_id}"
        return accepted

    @router.get("/models", summary="Which model proposes for which decision type", dependencies=[reader])
    async def list_models() -> ModelList:
        """Every decision type with its scorer; one without a model sends its cases to people."""
        return ModelList(items=[_entry(name, scorer, shadows(name)) for name, scorer in sorted(scorers.items())])

    return router


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    409: {"description": "The case exists with another body."},
    413: {"description": f"More than {MAX_CASE_BYTES} bytes."},
    415: {"description": f"Not {MEDIA_TYPE}."},
    422: {"description": "Not a valid case; `errors` names each field with a JSON Pointer."},
    429: {"description": "Too many cases wait to be scored; see Retry-After. In-memory broker only."},
}


def _case_schema() -> dict[str, Any]:
    schema = CaseCreated.model_json_schema()
    # References into the schema's own definitions would point into the OpenAPI document.
    definitions = schema.pop("$defs", {})
    resolved: dict[str, Any] = _inlined(schema, definitions)
    return resolved


def _inlined(value: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            return _inlined(definitions[value["$ref"].rsplit("/", 1)[1]], definitions)
        return {name: _inlined(inner, definitions) for name, inner in value.items()}
    return [_inlined(inner, definitions) for inner in value] if isinstance(value, list) else value


def _check_media_type(request: Request) -> None:
    given = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if given != MEDIA_TYPE:
        raise Problem(415, "unsupported-media-type", "Not JSON", f"Send {MEDIA_TYPE}, not {given or 'nothing'}.")


def _traceparent(request: Request) -> bytes | None:
    given = request.headers.get("traceparent", "")
    return given.encode() if len(given) == TRACEPARENT_BYTES and given.isascii() and given.isprintable() else None


def _utc(occurred_at: str) -> str:
    try:
        return rfc3339(parse_rfc3339(occurred_at))
    except OverflowError as error:
        wrong = (FieldError("/occurred_at", "its zone takes it out of the calendar"),)
        raise Problem(
            422, "invalid-value", "Not a valid case", "/occurred_at is no moment in UTC", errors=wrong
        ) from error


def _refused(refusal: Refusal) -> Problem:
    errors = tuple(FieldError(error.pointer, error.detail) for error in refusal.errors)
    if refusal.reason == "oversize":
        return Problem(413, "too-large", "The case is too large", refusal.detail, errors=errors)
    slug = refusal.reason.replace("_", "-")
    return Problem(422, slug, "Not a valid case", f"{refusal.pointer or '/'}: {refusal.detail}", errors=errors)


def _entry(name: str, scorer: AnyScorer, shadows: list[dict[str, Any]]) -> ModelEntry:
    model = None if scorer.model is None else dict(scorer.model)
    methods = scorer.beside.names if isinstance(scorer, Panel | RemotePanel) else []
    return ModelEntry(
        decision_type=name, scorer=scorer.kind, model=model, reads=list(scorer.reads), methods=methods, shadows=shadows
    )
