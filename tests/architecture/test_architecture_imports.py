"""Laws 1 to 3: who may import whom. import-linter for the directions, a closed list for the domain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.architecture.sources import ROOT, SERVICES, imported_names, modules

PACKAGES = tuple(f"countersign_{member}" for member in ("shared", *SERVICES, "verifier", "local"))
WORDS = (
    "countersign_shared.contracts",
    "countersign_shared.errors",
    "countersign_shared.ids",
    "countersign_shared.clock",
    "countersign_shared.shares",
)
DOMAIN_MAY_USE = {"feedback": {"numpy", "scipy"}, "inference": {"numpy", "scipy"}}
STORE_AND_ROOT = ("store", "app")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def test_import_linter_finds_every_contract_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_domain_rests_on_words_and_the_standard_library_alone(service: str, graph: grimp.ImportGraph) -> None:
    domain = f"countersign_{service}.domain"
    allowed = sys.stdlib_module_names | DOMAIN_MAY_USE.get(service, set())
    strangers = {
        f"{module} imports {imported}"
        for module in sorted({domain} | graph.find_descendants(domain))
        for imported in graph.find_modules_directly_imported_by(module)
        if imported.split(".")[0] not in allowed and not imported.startswith((domain, *WORDS))
    }
    assert strangers == set()


@pytest.mark.parametrize("service", SERVICES)
def test_domain_takes_time_identity_and_chance_as_arguments(service: str) -> None:
    forbidden = {
        "random", "secrets", "time", "os", "socket", "threading", "asyncio", "subprocess", "tempfile", "urllib.request"
    }  # fmt: skip
    found = {
        f"{module} imports {name}"
        for module in modules()
        if module.name.startswith(f"countersign_{service}.domain")
        for name in imported_names(module.tree)
        if name in forbidden or name.split(".")[0] in forbidden or name == "uuid.uuid4"
    }
    assert found == set()


@pytest.mark.parametrize("service", SERVICES)
def test_only_the_store_speaks_to_the_database(service: str, graph: grimp.ImportGraph) -> None:
    package = f"countersign_{service}"
    importers = {name for name in graph.find_modules_that_directly_import("asyncpg") if name.startswith(package)}
    assert {name for name in importers if name.split(".")[1] not in STORE_AND_ROOT} == set()


def test_contracts_are_words_without_mechanisms(graph: grimp.ImportGraph) -> None:
    contracts = "countersign_shared.contracts"
    allowed = sys.stdlib_module_names | {"orjson", "pydantic", "pydantic_core", "yaml", "jsonschema_rs"}
    strangers = {
        f"{module} imports {imported}"
        for module in graph.find_descendants(contracts)
        for imported in graph.find_modules_directly_imported_by(module)
        if imported.split(".")[0] not in allowed and not imported.startswith((contracts, "countersign_shared.errors"))
    }
    assert strangers == set()
