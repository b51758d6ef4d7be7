from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from countersign_review.api.console import router
from countersign_shared.http import problems


@pytest.fixture
async def web(tmp_path: Path) -> httpx.AsyncClient:
    app = FastAPI()
    problems.install(app)
    app.include_router(router(tmp_path / "console"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://desk.test")


async def test_review_without_a_build_the_page_says_what_to_do(web: httpx.AsyncClient) -> None:
    answer = await web.get("/")
    assert answer.status_code == 503
    assert "make console" in answer.text


async def test_review_serves_pages_and_assets_and_nothing_else(web: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "console" / "assets").mkdir(parents=True)
    (tmp_path / "console" / "index.html").write_text("<title>desk</title>", encoding="utf-8")
    (tmp_path / "console" / "assets" / "a-1.js").write_text("1", encoding="utf-8")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (tmp_path / "console" / "link").symlink_to(tmp_path / "secret")
    for page in ("/", "/cases/default/loan-1", "/login?token=x", "/%00", "/link", "/..%2fsecret"):
        answer = await web.get(page)
        assert (answer.status_code, answer.text) == (200, "<title>desk</title>"), page
        assert answer.headers["cache-control"] == "no-cache"
    asset = await web.get("/assets/a-1.js")
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-type"].startswith("text/javascript")
    assert (await web.get("/assets/old.js")).status_code == 404
    assert (await web.get("/api/nothing")).status_code == 404
