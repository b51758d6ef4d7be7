"""The console's files, and the headers that keep a browser careful."""

import mimetypes
from pathlib import Path

from fastapi import APIRouter
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from countersign_shared.http import Problem, public

BUILD = Path(__file__).parent.parent / "console"
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Neither scripts nor styles may be inline: the console's are files, and what it measures it sets through the DOM."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Proxies log where a request came from, and in the console's addresses is whom somebody looks for.
    "referrer-policy": "strict-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
ONLY_HTTPS = {"strict-transport-security": "max-age=31536000"}
"""Sent where the operator says that HTTPS is in front; browsers ignore it elsewhere."""
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Countersign</title>
<body style="font-family: system-ui; max-width: 40rem; margin: 4rem auto; line-height: 1.5">
<h1>The console has not been built</h1>
<p>The service is running, but its wheel holds no console. In a checkout, <code>make console</code> builds it.</p>
<p>The API is at <code>/api/review/v1</code>; its description is at <a href="/openapi.json">/openapi.json</a>.</p>
</body></html>
"""
NOT_BUILT_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
YEAR = "public, max-age=31536000, immutable"


class SecurityHeaders:
    """Adds the headers to every answer; answers of the API are never cached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        api = scope["path"].startswith("/api/")
        parts = getattr(scope["app"].state, "parts", None)
        headers_here = HEADERS | (ONLY_HTTPS if parts is not None and parts.settings.cookie_secure else {})

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in headers_here.items():
                    headers.setdefault(name, value)
                if api:
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


def router(build: Path = BUILD) -> APIRouter:
    """Return the route that serves the built console; every page of it is one file."""
    root = build.resolve()
    routes = APIRouter(include_in_schema=False)

    # Not async: reading files is then the thread pool's work.
    @routes.get("/{path:path}", dependencies=[public], name="console")
    def console(path: str) -> Response:
        if path.startswith("api/"):
            raise Problem(404, "not-found", "Not found", f"There is no /{path}.")
        return _file(root, path)

    return routes


def _file(root: Path, path: str) -> Response:
    asset = path.startswith("assets/")
    wanted = root / path if path and "\0" not in path else root / "index.html"
    # What leads outside, and every address that is no file, is a page of the console.
    for place in (wanted.resolve(), root / "index.html"):
        if place.is_relative_to(root) and (content := _read(place)) is not None:
            kind = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
            fresh = YEAR if asset and place == wanted.resolve() else "no-cache"
            return Response(content, media_type=kind, headers={"cache-control": fresh})
        if asset:
            raise Problem(404, "not-found", "Not found", f"There is no /{path}.")
    return HTMLResponse(NOT_BUILT, 503, headers={"content-security-policy": NOT_BUILT_POLICY})


def _read(place: Path) -> bytes | None:
    try:
        return place.read_bytes()
    except OSError:
        return None
