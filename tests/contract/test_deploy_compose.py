"""docker-compose.yml: valid, complete, and in agreement with what it starts; proven without an engine."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic_core import PydanticUndefined

from countersign_shared.contracts.topics import load_topics
from countersign_shared.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SERVICES = ("inference", "router", "review", "audit", "feedback")
ONCE = ("topics", "audit-schema")
OTHERS = ("kafka", "postgres", *ONCE, "prometheus", "grafana")
VARIABLE = re.compile(r"\$\{(\w+)(?::[?-]([^}]*))?\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")))


def settings_class(service: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"countersign_{service}.settings")
    (found,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    ]
    return found


def environment(compose: dict[str, Any], service: str) -> dict[str, str]:
    """The container's variables, with made-up secrets filled in as compose would."""
    given = compose["services"][service]["environment"]

    def fill(found: re.Match[str]) -> str:
        required = ":?" in found.group(0) or found.group(2) is None
        return "0a1b" if required else str(found.group(2))

    return {name: VARIABLE.sub(fill, str(value)) for name, value in given.items()}


def test_schema() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", COMPOSE], check=True, timeout=60)


def test_a_replica_per_partition_finds_its_connections(compose: dict[str, Any]) -> None:
    each = ServiceSettings.model_fields["database_pool_size"].default + 2
    replicas = max(topic.partitions for topic in load_topics().values())
    roles = (ROOT / "deploy" / "postgres" / "init" / "10-roles.sh").read_text(encoding="utf-8")
    (limit,) = re.findall(r"CONNECTION LIMIT (\d+)", roles)
    assert int(limit) >= replicas * each
    (server,) = [word for word in compose["services"]["postgres"]["command"] if word.startswith("max_connections=")]
    assert int(server.partition("=")[2]) >= (replicas + len(SERVICES) - 1) * each


def test_the_databases_log_holds_no_row_that_was_refused(compose: dict[str, Any]) -> None:
    assert "log_error_verbosity=terse" in compose["services"]["postgres"]["command"]


def test_everything_is_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {*SERVICES, *OTHERS}
    used = {mount.split(":")[0] for part in compose["services"].values() for mount in part.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(compose["volumes"])
    assert all((ROOT / path).is_dir() for path in used if path.startswith("."))


def test_ports_are_bound_to_this_machine(compose: dict[str, Any]) -> None:
    published = [port for part in compose["services"].values() for port in part.get("ports", [])]
    assert published
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in published)
    assert len({port.split(":")[1] for port in published}) == len(published)
    assert all("network_mode" not in part for part in compose["services"].values())


@pytest.mark.parametrize("name", [*SERVICES, *OTHERS])
def test_each_part_restarts_is_checked_and_is_bounded(compose: dict[str, Any], name: str) -> None:
    part = compose["services"][name]
    if name in ONCE:
        assert part["restart"] == "no"
    else:
        assert part["restart"] == "unless-stopped"
        assert part["healthcheck"]["test"][0] == "CMD"
    assert "mem_limit" in part
    assert part["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", OTHERS)
def test_images_name_a_version(compose: dict[str, Any], name: str) -> None:
    image = compose["services"][name]["image"]
    if not image.startswith("countersign-"):
        assert re.fullmatch(r"[a-z/]+:v?\d+(\.\d+)*", image)


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_built_from_one_file_and_locked_down(compose: dict[str, Any], service: str) -> None:
    part = compose["services"][service]
    assert part["build"] == {"context": ".", "dockerfile": "deploy/Dockerfile", "args": {"SERVICE": service}}
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert part["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "postgres": {"condition": "service_healthy"},
        "topics": {"condition": "service_completed_successfully"},
        **({"audit-schema": {"condition": "service_completed_successfully"}} if service == "audit" else {}),
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_a_setting_and_every_required_setting_is_given(
    compose: dict[str, Any], service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, given = settings_class(service), environment(compose, service)
    assert {name.lower() for name in given} <= set(settings.model_fields)
    for name in settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    built = settings()
    assert built.http_host == "0.0.0.0"
    assert built.http_port == settings.model_fields["http_port"].default
    assert built.http_port is not PydanticUndefined


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_its_own_role_and_finds_the_others(compose: dict[str, Any], service: str) -> None:
    given = environment(compose, service)
    database = urlsplit(given["DATABASE_URL"])
    assert (database.scheme, database.hostname, database.port) == ("postgresql", "postgres", 5432)
    assert database.username == f"countersign_{service}"
    assert database.path == "/" + compose["services"]["postgres"]["environment"]["POSTGRES_DB"]
    raw = compose["services"][service]["environment"]["DATABASE_URL"]
    assert VARIABLE.findall(raw) == [(f"{service.upper()}_DATABASE_PASSWORD", "")]
    for name, value in given.items():
        if name.endswith("_URL") and name != "DATABASE_URL":
            target = urlsplit(value)
            assert target.port == settings_class(str(target.hostname)).model_fields["http_port"].default


def test_audits_tables_are_migrated_by_who_is_not_audit(compose: dict[str, Any]) -> None:
    part = compose["services"]["audit-schema"]
    given = environment(compose, "audit-schema")
    owner, service = urlsplit(given["DATABASE_URL"]), urlsplit(environment(compose, "audit")["DATABASE_URL"])
    assert (owner.username, given["AUDIT_ROLE"]) == ("countersign_audit_migrations", service.username)
    assert (owner.hostname, owner.path) == (service.hostname, service.path)
    assert "AUDIT_MIGRATIONS_DATABASE_PASSWORD" not in str(compose["services"]["audit"])
    assert importlib.util.find_spec(part["command"][-1]) is not None


def test_kafka_is_reached_where_it_listens(compose: dict[str, Any]) -> None:
    kafka = compose["services"]["kafka"]["environment"]
    advertised = dict(item.split("://") for item in kafka["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert {environment(compose, name)["KAFKA_BOOTSTRAP_SERVERS"] for name in (*SERVICES, "topics")} == {
        advertised["INSIDE"]
    }
    assert advertised["MACHINE"] == "127.0.0.1:9092"
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    protocols = dict(item.split(":") for item in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    listeners = [item.split("://")[0] for item in kafka["KAFKA_LISTENERS"].split(",")]
    assert set(protocols) == set(listeners)


def test_kafka_is_the_version_that_the_tests_run(compose: dict[str, Any]) -> None:
    pom = (ROOT / "deploy/local/countersign_local/parts/kafka/pom.xml").read_text(encoding="utf-8")
    tested = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([\d.]+)</version>", pom)
    assert tested
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{tested.group(1)}"


def test_no_secret_is_written_down(compose: dict[str, Any]) -> None:
    for part in compose["services"].values():
        for name, value in part.get("environment", {}).items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{(\w+):\?[^}]+\}", str(value)), name


def test_the_script_makes_every_password_once(compose: dict[str, Any], tmp_path: Path) -> None:
    script = tmp_path / "deploy" / "postgres" / "new-passwords.sh"
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / "deploy/postgres/new-passwords.sh").read_bytes())
    subprocess.run(["sh", script], check=True, timeout=30, capture_output=True)
    written = (tmp_path / ".env").read_text(encoding="utf-8")
    made = dict(line.split("=") for line in written.splitlines())
    needed = {name for name, default in VARIABLE.findall(COMPOSE.read_text(encoding="utf-8")) if name != "LOG_LEVEL"}
    assert set(made) == needed
    assert len(set(made.values())) == len(made)
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in made.values())
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    again = subprocess.run(["sh", script], check=False, timeout=30, capture_output=True)
    assert again.returncode == 1
    assert (tmp_path / ".env").read_text(encoding="utf-8") == written
    # What a later release needs is added, and the rest stays.
    before = "".join(line for line in written.splitlines(keepends=True) if "AUDIT_MIGRATIONS" not in line)
    (tmp_path / ".env").write_text(before, encoding="utf-8")
    subprocess.run(["sh", script], check=True, timeout=30, capture_output=True)
    added = (tmp_path / ".env").read_text(encoding="utf-8").removeprefix(before)
    assert re.fullmatch(r"AUDIT_MIGRATIONS_DATABASE_PASSWORD=[0-9a-f]{48}\n", added)
    # So does a setting that somebody wrote there, whoever could read it and however its line ended.
    (tmp_path / ".env").write_text("GRAFANA_PASSWORD=\nLOG_LEVEL=debug", encoding="utf-8")
    (tmp_path / ".env").chmod(0o644)
    subprocess.run(["sh", script], check=True, timeout=30, capture_output=True)
    own = (tmp_path / ".env").read_text(encoding="utf-8").splitlines()
    assert own[:2] == ["GRAFANA_PASSWORD=", "LOG_LEVEL=debug"]
    assert set(dict(line.split("=") for line in own[2:])) == needed
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
