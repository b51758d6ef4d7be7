"""HTTP in: policies, explanations, the matrix with its counts, and the stop switch."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Annotated, Any, Protocol
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, FastAPI, Query, Request

from countersign_router import stops
from countersign_router.api_models import (
    AutomaticCase,
    Control,
    ControlList,
    DecisionTypeList,
    DryRouting,
    DryRun,
    MatrixView,
    PolicyList,
    PolicyView,
    ReleaseView,
    StopAnswer,
    StopPreview,
    StopRequest,
    StopScope,
)
from countersign_router.control_events import Actor
from countersign_router.desk import Desk
from countersign_router.domain.controls import ANY
from countersign_router.store import BatchInFlightError, ReleaseRequest
from countersign_shared.http import Authenticate, Principal, Problem, create_app, require
from countersign_shared.observability import Health, Metrics

__all__ = ["Desk", "build_app", "build_openapi"]

SWITCHERS = ("operator", "admin", "lead")
"""Who may halt automation and take part in turning it back on."""
READERS = ("analyst", "lead", "operator", "auditor", "policy_author", "policy_approver", "admin")
"""Who may see policies and figures. Reviewers may not: they would colour their answers."""
switcher = require(*SWITCHERS)
reader = require(*READERS)
MAX_LIST = 200
MAX_HOURS = 24 * 90


class NewId(Protocol):
    """Gives a fresh random id."""

    def __call__(self) -> UUID:
        """Return it."""


def build_app(
    *, desk: Desk, health: Health, metrics: Metrics, authenticate: Authenticate, new_id: NewId = uuid4
) -> FastAPI:
    """Return the router's HTTP application."""
    app = _app(health, metrics, authenticate)
    app.state.desk = desk
    app.state.new_id = new_id
    return app


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI document; needs no database and no broker, and answers nothing."""

    async def nobody(request: Request) -> Principal:
        raise Problem(401, "unauthenticated", "Who are you?", f"{request.url.path} is only described here.")

    return _app(Health(), Metrics("router"), nobody).openapi()


def _app(health: Health, metrics: Metrics, authenticate: Authenticate) -> FastAPI:
    app = create_app(
        service="router", title="Countersign router", health=health, metrics=metrics, authenticate=authenticate
    )
    routes = APIRouter(prefix="/api/router/v1", tags=["router"])
    _policy_routes(routes)
    _case_routes(routes)
    _control_routes(routes)
    _release_routes(routes)
    app.include_router(routes)
    return app


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


WithDesk = Annotated[Desk, Depends(_desk)]
Reader = Annotated[Principal, reader]
Switcher = Annotated[Principal, switcher]


def _policy_routes(routes: APIRouter) -> None:
    @routes.get("/policies", summary="Published policy versions")
    async def list_policies(
        desk: WithDesk, principal: Reader, limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 50,
        cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")] = None,
    ) -> PolicyList:  # fmt: skip
        """The newest version of each decision type first; `in_force` says which one routes."""
        entries = [one for one in await desk.policies() if principal.sees(one.tenant)]
        start = next((number + 1 for number, one in enumerate(entries) if one.sha256 == cursor), 0)
        page = entries[start : start + limit]
        more = start + limit < len(entries)
        return PolicyList(items=page, next_cursor=page[-1].sha256 if more else None)

    @routes.get("/policies/{sha256}", summary="One published version, as written and as read")
    async def get_policy(desk: WithDesk, principal: Reader, sha256: str) -> PolicyView:
        """The document of a published version; it never changes."""
        found = await desk.policy(sha256)
        if found is None or not principal.sees(found.tenant):
            raise Problem(404, "policy-unknown", "No such policy", f"No published policy has the hash {sha256}.")
        return found

    @routes.get("/decision-types", summary="What can be decided", dependencies=[reader])
    async def list_decision_types(desk: WithDesk) -> DecisionTypeList:
        """Payload schemas and outcomes of every decision type, and the policy in force for the default tenant."""
        return DecisionTypeList(items=await desk.types())


def _case_routes(routes: APIRouter) -> None:
    @routes.post("/route", summary="Explain a case without side effects")
    async def explain_case(desk: WithDesk, principal: Reader, asked: DryRun) -> DryRouting:
        """What the router would make of this case now: level, reasons, samples. Nothing is stored or published."""
        _check_tenant(principal, asked.tenant)
        found = await desk.dry_run(asked)
        if found is None:
            raise Problem(
                404, "policy-unknown", "No policy speaks for this case",
                f"Cases of type {asked.decision_type} of tenant {asked.tenant} go to people at level 4.",
            )  # fmt: skip
        return found

    @routes.get("/matrix", summary="The matrix in force, with counts per cell")
    async def get_matrix(
        desk: WithDesk, principal: Reader, decision_type: Annotated[str, Query(min_length=1, max_length=64)],
        tenant: Annotated[str | None, Query(max_length=64, description="Absent: all tenants together.")] = None,
        hours: Annotated[int, Query(ge=1, le=MAX_HOURS, description="How far back to count.")] = 24,
    ) -> MatrixView:  # fmt: skip
        """Tier by band: the level of each cell, how many cases it got, and how many of them the machine decided."""
        _check_tenant(principal, tenant or ANY)
        if decision_type not in desk.decision_types:
            raise Problem(404, "decision-type-unknown", "No such decision type", f"Nobody declared {decision_type}.")
        return await desk.matrix(decision_type, tenant, hours)


def _control_routes(routes: APIRouter) -> None:
    @routes.get("/controls", summary="Every control, and who asked to release a stop")
    async def list_controls(desk: WithDesk, principal: Reader) -> ControlList:
        """Controls of the tenants you may see, and those that hold for all."""
        items = [Control.model_validate_json(body) for _, _, body in await desk.store.controls()]
        requests = await desk.store.release_requests(desk.clock())
        return ControlList(
            items=[one for one in items if one.tenant == ANY or principal.sees(one.tenant)],
            release_requests=[_release(one) for one in requests if one.tenant == ANY or principal.sees(one.tenant)],
        )

    @routes.post("/controls/stop/preview", summary="What a stop would send to people")
    async def preview_stop(desk: WithDesk, principal: Switcher, asked: StopScope) -> StopPreview:
        """How many cases of the scope the machine decided in the last hour and minute."""
        tenant, decision_type = asked.key
        _check_tenant(principal, tenant)
        now = desk.clock()
        hour = await desk.automatic_since(tenant, decision_type, now - timedelta(seconds=stops.PREVIEW_SECONDS))
        minute = await desk.automatic_since(tenant, decision_type, now - timedelta(seconds=stops.RECENT_SECONDS))
        return StopPreview(
            tenant=tenant, decision_type=decision_type, automatic_last_hour=hour, automatic_last_minute=minute
        )

    @routes.post("/controls/stop", summary="Halt automation now", responses=_BUSY)
    async def stop_automation(desk: WithDesk, principal: Switcher, asked: StopRequest) -> StopAnswer:
        """Needs one person. When this answers, no later automatic decision can happen in the scope.

        Stopping what is stopped already changes nothing and answers the same.
        """
        tenant, decision_type = asked.key
        _check_tenant(principal, tenant)
        stopped = await _unless_busy(
            stops.stop(
                desk.store, tenant=tenant, decision_type=decision_type, reason=asked.reason, actor=_actor(principal)
            )
        )
        stops.show_stops(desk.metrics, await desk.controls())
        return StopAnswer(
            control=Control.model_validate(stopped.control), recent_seconds=stops.RECENT_SECONDS,
            recent_total=stopped.recent_total,
            recent=[AutomaticCase.model_validate(one, from_attributes=True) for one in stopped.recent],
        )  # fmt: skip


def _release_routes(routes: APIRouter) -> None:
    @routes.post(
        "/controls/stop/release-requests", status_code=201, summary="Ask for automation to go on", responses=_REFUSED
    )
    async def request_release(request: Request, desk: WithDesk, principal: Switcher, asked: StopRequest) -> ReleaseView:
        """The first of two people. Nothing changes until another one confirms."""
        tenant, decision_type = asked.key
        _check_tenant(principal, tenant)
        new_id: NewId = request.app.state.new_id
        operation = stops.request_release(
            desk.store, request_id=new_id(), tenant=tenant, decision_type=decision_type, reason=asked.reason,
            actor=_actor(principal),
        )  # fmt: skip
        return _release(await _unless_busy(operation))

    @routes.post(
        "/controls/stop/release-requests/{request_id}/confirm", summary="Turn automation back on", responses=_REFUSED
    )
    async def confirm_release(desk: WithDesk, principal: Switcher, request_id: UUID) -> Control:
        """The second of two people. A request is void once the switch has changed or a day has passed."""
        asked = await desk.store.release_request(request_id)
        if asked is not None:
            _check_tenant(principal, asked.tenant)
        control = await _unless_busy(stops.confirm_release(desk.store, request_id=request_id, actor=_actor(principal)))
        stops.show_stops(desk.metrics, await desk.controls())
        return Control.model_validate(control)


_BUSY: dict[int | str, dict[str, Any]] = {
    503: {"description": "A batch in flight did not end in time; nothing has changed. Ask again."}
}
_REFUSED: dict[int | str, dict[str, Any]] = {
    **_BUSY,
    404: {"description": "There is no such request."},
    409: {"description": "Nothing is stopped, the request is void, or it is your own."},
}
_STATUS = {"request_unknown": 404}


async def _unless_busy(operation: Awaitable[Any]) -> Any:
    try:
        return await operation
    except stops.StopRefusal as refusal:
        slug = refusal.code.replace("_", "-")
        raise Problem(_STATUS.get(refusal.code, 409), slug, "The stop switch stays as it is", str(refusal)) from refusal
    except BatchInFlightError as error:
        raise Problem(
            503, "batch-in-flight", "A batch in flight did not end in time", "Nothing has changed. Ask again.",
            headers={"Retry-After": "1"},
        ) from error  # fmt: skip


def _check_tenant(principal: Principal, tenant: str) -> None:
    """Whoever acts on all tenants must be allowed to see all of them."""
    if not principal.sees(tenant):
        named = "all tenants" if tenant == ANY else f"tenant {tenant}"
        raise Problem(403, "forbidden", "Not your tenant", f"You may not act for {named}.")


def _actor(principal: Principal) -> Actor:
    return Actor(principal.subject, next(role for role in SWITCHERS if role in principal.roles))


def _release(request: ReleaseRequest) -> ReleaseView:
    return ReleaseView(
        request_id=request.id, tenant=request.tenant, decision_type=request.decision_type, revision=request.revision,
        requested_by=request.requested_by, reason=request.reason, requested_at=request.requested_at,
        expires_at=request.expires_at,
    )  # fmt: skip
