"""One running system and one browser for every test of the console."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.console.parts import ROOT, Desk, built_console, running_desk
from tests.e2e.console.seats import CHROMIUM, CHROMIUM_ARGUMENTS

# Set to rewrite the pictures of the documentation; a test run leaves the tree as it is.
SCREENSHOTS = "COUNTERSIGN_SCREENSHOTS"


@pytest.fixture(scope="package")
def desk(postgres_url: str, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    built_console()
    with running_desk(postgres_url, kafka_bootstrap, tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no browser: neither chromium-headless-shell nor chromium is there")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ROOT / "docs" / "images" if os.environ.get(SCREENSHOTS) else tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="package")
def album(pictures: Path) -> Path | None:
    """Where the moments of the hour go when pictures are wanted: too many to take at every run."""
    return pictures if os.environ.get(SCREENSHOTS) else None
