"""The way to the other services' APIs: the caller's session or key is exchanged for a five-minute token."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote

import httpx
import orjson
from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from countersign_review.api.access import Identity, Known
from countersign_review.api.parts import Parts, Using
from countersign_review.api.tokens import Bearer
from countersign_review.domain.untold import proof_told, timeline_told
from countersign_shared.http import Problem, public, require
from countersign_shared.ids import DEFAULT_TENANT
from countersign_shared.tls import roots

# A reviewer's answer must be their own: no way leads from that role alone to what the router or the log says.
REACH: dict[str, tuple[str, ...]] = {
    "router": ("lead", "admin", "auditor", "policy_author", "policy_approver", "operator", "analyst"),
    "audit": ("lead", "admin", "auditor"),
    "feedback": ("reviewer", "lead", "admin", "auditor", "policy_author", "policy_approver", "operator", "analyst"),
    "inference": ("admin", "operator", "submitter"),
}
WHOLE_LOG = frozenset({"auditor", "admin"})
"""Who reads the log at large. Whoever gives one of these roles to somebody who answers has chosen to trust them."""
POLICY_WORK = frozenset({"policy_author", "policy_approver", "analyst", "auditor", "admin"})
LOG_WITHOUT_CASES = re.compile(r"/api/audit/v1/(checkpoint|proof/(inclusion|consistency))")
ONE_CASE = re.compile(r"/api/audit/v1/cases/([^/]+)/(timeline|proof)")
REPLAYS = re.compile(r"/api/router/v1/policies/(replays|drafts/[^/]+/replay)")
EXPLANATION = "/api/audit/v1/explanations/{token}"
WHOLE_TOKEN = re.compile(r"[0-9a-f]{64}")
NO_LINK = "not-whole"
"""What audit is asked for instead of something that no link ever ended with: it has the words for people."""
STOP = "/api/router/v1/controls/stop"
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
ANSWER_SECONDS = 90.0
"""How long an answer may take to begin: longer than any statement there may, so that only what hangs is given up."""
MOST_PATH = 2_000
TOLD = {"timeline": timeline_told, "proof": proof_told}


Clients = Mapping[str, httpx.AsyncClient]
"""A client for each service, each with connections of its own: one that hangs keeps none of the others away."""


@asynccontextmanager
async def open_clients() -> AsyncIterator[Clients]:
    """Give the clients for forwarding while the context is open."""
    async with AsyncExitStack() as stack:
        yield {service: await stack.enter_async_context(_client()) for service in REACH}


def _client() -> httpx.AsyncClient:
    """Return a client; answers may stream for as long as they like, connecting may not."""
    timeout = httpx.Timeout(30.0, connect=CONNECT_SECONDS, read=None)
    client = httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False, verify=roots())
    # It works for everybody: what one answer sets must not go along with another's request.
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


def routers() -> list[APIRouter]:
    """Return one router per service that can be reached through this one, and first what needs no key."""
    return [_explanations(), *(_router(service, roles) for service, roles in REACH.items())]


def _explanations() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route(EXPLANATION, methods=["GET", "POST"], dependencies=[public], name="forward_explanation")
    async def explanation(request: Request, parts: Using, token: str) -> Response:
        """The affected person has no account: what is in the link is all that audit asks for, and it opens once."""
        url = parts.settings.audit_url + EXPLANATION.format(token=token if WHOLE_TOKEN.fullmatch(token) else NO_LINK)
        return await _send(parts, None, "audit", request, request.method, url, b"")

    return router


def _router(service: str, roles: tuple[str, ...]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route(
        f"/api/{service}/{{path:path}}", methods=METHODS, dependencies=[require(*roles)], name=f"forward_{service}"
    )
    async def forward(request: Request, who: Known, parts: Using) -> Response:
        if who.may_answer:
            await _check_untold(parts, who, request)
        answer = await _forward(parts, who.bearer, service, request)
        if who.may_answer and request.method == "POST" and request.scope["path"] == STOP:
            return await _without_outstanding(parts, answer)
        return answer

    return router


async def _check_untold(parts: Parts, who: Identity, request: Request) -> None:
    """Refuse what could tell somebody who may have to answer unseen what the AI said of that case."""
    path: str = request.scope["path"]
    if case := ONE_CASE.fullmatch(path):
        tenant = request.query_params.get("tenant", DEFAULT_TENANT)
        await parts.register.check_timeline(who.tenants, tenant, case.group(1), masked=True)
    if path.startswith("/api/audit/") and not who.roles & WHOLE_LOG and not LOG_WITHOUT_CASES.fullmatch(path):
        raise Problem(
            403, "forbidden", "Not for those who answer",
            "The log tells what the AI said of cases that you may have to answer unseen. A case's timeline and proof "
            "are at /api/review/v1/cases/{tenant}/{case_id}/timeline and /proof, once it has been answered.",
        )  # fmt: skip
    if REPLAYS.fullmatch(path) and not who.roles & POLICY_WORK:
        raise Problem(
            403, "forbidden", "Not for those who answer", "A replay lists cases with what the AI said of them."
        )


async def _without_outstanding(parts: Parts, answer: StreamingResponse) -> Response:
    """Leave out of a stop's recent automatic cases those that somebody still has to judge unseen."""
    body = await _whole(answer)
    try:
        told = orjson.loads(body)
        recent = [(str(case["tenant"]), str(case["case_id"])) for case in told["recent"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return Response(body, answer.status_code, media_type=answer.headers.get("content-type"))
    hidden = await parts.register.outstanding(recent)
    told["recent"] = [case for case, key in zip(told["recent"], recent, strict=True) if key not in hidden]
    return Response(orjson.dumps(told), answer.status_code, media_type="application/json")


async def record_of(parts: Parts, who: Identity, tenant: str, case_id: str, request: Request, *, part: str) -> Response:
    """Ask the audit service for a case's ``timeline`` or ``proof``, for somebody who may read this one case.

    Whoever may have to answer and does not read the log at large is not told which cases are seeds.
    """
    bearer = Bearer(who.user["pseudonym"], who.user["username"], frozenset({"auditor"}), frozenset({tenant}), who.roles)
    url = f"{parts.settings.audit_url}/api/audit/v1/cases/{quote(case_id, safe='')}/{part}"
    answer = await _send(parts, bearer, "audit", request, "GET", f"{url}?tenant={quote(tenant, safe='')}", None)
    if answer.status_code != HTTPStatus.OK or not who.may_answer or who.roles & WHOLE_LOG:
        return answer
    told = TOLD[part](orjson.loads(await _whole(answer)))
    kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(orjson.dumps(told), answer.status_code, headers=kept)


async def _whole(answer: StreamingResponse) -> bytes:
    return b"".join([chunk async for chunk in answer.body_iterator if isinstance(chunk, bytes)])


async def _forward(parts: Parts, bearer: Bearer, service: str, request: Request) -> StreamingResponse:
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
    parts: Parts, bearer: Bearer | None, service: str, request: Request, method: str, url: str, body: bytes | None
) -> StreamingResponse:
    headers = {name: value for name, value in request.headers.items() if name.lower() in PASSED_ON}
    if bearer is not None:
        token = parts.signer.sign(bearer, audience=service, now=parts.clock(), forwarded=True)
        headers["authorization"] = f"Bearer {token}"
    headers["accept-encoding"] = "identity"
    try:
        client = parts.clients[service]
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await client.send(client.build_request(method, url, headers=headers, content=body), stream=True)
    except TimeoutError as error:
        raise Problem(
            503, "service-unavailable", f"The {service} service does not answer",
            f"Not within {ANSWER_SECONDS:g} s; what was asked for may have been done all the same.",
            headers={"Retry-After": "2"},
        ) from error  # fmt: skip
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
