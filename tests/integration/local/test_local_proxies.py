"""What proxies in the environment are for: systems elsewhere, never the one on this machine."""

from __future__ import annotations

from typing import Any

import pytest

from countersign_local.client import open_client
from countersign_local.errors import CONFIGURATION, CommandError
from countersign_shared.runtime import serving

NOBODY = "http://127.0.0.1:1"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


async def answers(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Tell who was meant."""
    host = dict(scope["headers"])[b"host"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b'"' + host + b'"'})


def name(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for variable in VARIABLES:
        monkeypatch.setenv(variable, proxy)


@pytest.mark.parametrize("proxy", [NOBODY, "socks5://127.0.0.1:1", "nonsense"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_system_on_this_machine_is_asked_past_every_proxy(
    host: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name(monkeypatch, proxy)
    async with serving(answers, "127.0.0.1", 0) as port, open_client(f"http://{host}:{port}") as client:  # type: ignore[arg-type]
        assert await client.get("/") == f"{host}:{port}"


async def test_a_system_elsewhere_is_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answers, "127.0.0.1", 0) as port:  # type: ignore[arg-type]
        name(monkeypatch, f"http://127.0.0.1:{port}")
        async with open_client("http://countersign.invalid") as client:
            assert await client.get("/") == "countersign.invalid"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1"])
async def test_a_proxy_that_cannot_be_used_is_said(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name(monkeypatch, proxy)
    with pytest.raises(CommandError, match="proxy") as refused:
        async with open_client("http://countersign.invalid"):
            pass
    assert refused.value.exit_code == CONFIGURATION
