"""The intake's gate in front of the embedded broker: 429 before anything could be dropped unread."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from countersign_local.demo.flow import Flow
from countersign_shared.http import Problem
from countersign_shared.http.problems import trace_id

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Gate:
    """Lets cases in while there is room, and counts them."""

    def __init__(self, app: Asgi, flow: Flow) -> None:
        self._app = app
        self._flow = flow

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass everything on but a case that has no room."""
        if scope["type"] == "http" and scope["method"] == "POST":
            if not self._flow.room():
                problem = Problem(
                    429, "too-many-outstanding", "Too many cases are on their way",
                    "The in-memory broker keeps little: send it again in a moment.", headers={"Retry-After": "1"},
                )  # fmt: skip
                await problem.response(trace_id(Request(scope)))(scope, receive, send)
                return
            self._flow.sent(1)
        await self._app(scope, receive, send)
