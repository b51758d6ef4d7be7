"""The way to the other services' APIs: the caller's session or key is exchanged for a five-minute token."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from countersign_review.api.access import Identity, Known
from countersign_review.api.parts import Parts, Using
from countersign_review.api.tokens import Bearer
from countersign_shared.http import Problem, require

# A reviewer's answer must be their own: no way leads from that role alone to what the router or the log says.
REACH: dict[str, tuple[str, ...]] = {
    "router": ("lead", "admin", "auditor", "policy_author", "policy_approver", "operator", "analyst"),
    "audit": ("lead", "admin", "auditor"),
    "feedback": ("reviewer", "lead", "admin", "auditor", "policy_author", "policy_approver", "operator", "analyst"),
    "inference": ("admin", "operator", "submitter"),
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
PASSED_ON = frozenset({
    "accept", "accept-language", "content-type", "if-match", "if-none-match", "idempotency-key", "last-event-id",
    "traceparent",
})  # fmt: skip
KEPT_BACK = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
    "upgrade", "set-cookie", "server", "date",
})  # fmt: skip
CONNECT_SECONDS = 5.0
MOST_PATH = 2_000


def open_client() -> httpx.AsyncClient:
    """Return the client for forwarding; answers may stream for as long as they like, connecting may not."""
    timeout = httpx.Timeout(30.0, connect=CONNECT_SECONDS, read=None)
    return httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False)


def routers() -> list[APIRouter]:
    """Return one router per service that can be reached through this one."""
    return [_router(service, roles) for service, roles in REACH.items()]


def _router(service: str, roles: tuple[str, ...]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route(
        f"/api/{service}/{{path:path}}", methods=METHODS, dependencies=[require(*roles)], name=f"forward_{service}"
    )
    async def forward(request: Request, who: Known, parts: Using) -> Response:
        return await _forward(parts, who.bearer, service, request)

    return router


async def timeline_of(parts: Parts, who: Identity, tenant: str, case_id: str, request: Request) -> Response:
    """Ask the audit service for a case's timeline, for somebody who may read this one case."""
    bearer = Bearer(who.user["pseudonym"], who.user["username"], frozenset({"auditor"}), frozenset({tenant}))
    url = f"{parts.settings.audit_url}/api/audit/v1/cases/{quote(case_id, safe='')}/timeline"
    return await _send(parts, bearer, "audit", request, "GET", f"{url}?tenant={quote(tenant, safe='')}", None)


async def _forward(parts: Parts, bearer: Bearer, service: str, request: Request) -> Response:
    raw = request.scope.get("raw_path") or request.url.path.encode()
    path = raw.decode("ascii", errors="replace").split("?", 1)[0]
    # The path goes on as it came; what could climb out of /api/<service>/ does not go on at all.
    if ".." in path or "//" in path or len(path) > MOST_PATH:
        raise Problem(400, "bad-path", "Not a path", "The path cannot be forwarded.")
    base: str = getattr(parts.settings, f"{service}_url")
    query = request.scope.get("query_string", b"").decode("ascii", errors="replace")
    url = base + path + (f"?{query}" if query else "")
    return await _send(parts, bearer, service, request, request.method, url, await request.body())


async def _send(
    parts: Parts, bearer: Bearer, service: str, request: Request, method: str, url: str, body: bytes | None
) -> Response:
    token = parts.signer.sign(bearer, audience=service, now=parts.clock())
    headers = {name: value for name, value in request.headers.items() if name.lower() in PASSED_ON}
    headers["authorization"] = f"Bearer {token}"
    headers["accept-encoding"] = "identity"
    try:
        answer = await parts.client.send(
            parts.client.build_request(method, url, headers=headers, content=body), stream=True
        )
    except httpx.HTTPError as error:
        raise Problem(
            503, "service-unavailable", f"The {service} service does not answer", f"{type(error).__name__}; try again.",
            headers={"Retry-After": "2"},
        ) from error  # fmt: skip
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in KEPT_BACK}
    return StreamingResponse(
        _chunks(answer), answer.status_code, headers=kept, background=BackgroundTask(answer.aclose)
    )


async def _chunks(answer: httpx.Response) -> AsyncIterator[Any]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()
