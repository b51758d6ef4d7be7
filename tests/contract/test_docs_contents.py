"""What documents show is so: JSON that parses, events that fit, metrics, alerts and the matrix as they are."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from countersign_shared.contracts.topics import contracts_dir, load_topics
from countersign_shared.observability.definitions import BY_NAME, DEFINITIONS, PREFIX
from tests.architecture.sources import ROOT, SERVICES
from tests.contract.documents import CUT, Block, Document, documents

EVERY = pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
README = Document(ROOT / "README.md")
WATCH_IT = Document(ROOT / "docs" / "how-to" / "watch-it.md")
HISTOGRAM = ("_bucket", "_sum", "_count")
FACES = ("consumes", "produces", "owns", "settings", "metrics")
SECTIONS = ("Limits", "How it fails")


def parsed(block: Block) -> Any:
    return json.loads(CUT.sub("", block.text))


@EVERY
def test_blocks_are_what_they_say(document: Document) -> None:
    for block in document.blocks:
        if block.language == "json":
            parsed(block)
        elif block.language == "yaml":
            list(yaml.safe_load_all(block.text))
        elif block.language == "python":
            ast.parse(block.text)


def events() -> list[Any]:
    return [
        pytest.param(match[1], parsed(block), id=f"{document.name}-{match[1]}")
        for document in documents()
        for block in document.blocks
        if (match := re.fullmatch(r"event: ([\w.-]+)", block.comment))
    ]


def places(schema: Any, root: Any) -> Iterator[dict[str, Any]]:
    """Every object schema that a value may have to fit, with references and alternatives followed."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    for way in ("anyOf", "oneOf", "allOf"):
        for alternative in schema.get(way, ()):
            yield from places(alternative, root)
    yield schema


def strangers(value: Any, schema: Any, root: Any, path: str = "") -> Iterator[str]:
    """Every member of a shown event that its schema does not describe, where the schema describes any."""
    known = list(places(schema, root))
    if isinstance(value, list):
        items = [place["items"] for place in known if "items" in place]
        for item in value:
            for one in items:
                yield from strangers(item, one, root, f"{path}/*")
    if not isinstance(value, dict):
        return
    described: dict[str, Any] = {}
    for place in known:
        described |= place.get("properties", {})
    for name, member in value.items():
        if name in described:
            yield from strangers(member, described[name], root, f"{path}/{name}")
        elif described:
            yield f"{path}/{name}"


@pytest.mark.parametrize(("topic", "shown"), events())
def test_events_that_are_shown_have_only_fields_of_their_schema(topic: str, shown: dict[str, Any]) -> None:
    root = json.loads((contracts_dir() / load_topics()[topic].schema).read_text(encoding="utf-8"))
    assert list(strangers(shown, root, root)) == []


def test_the_readme_follows_one_case_through_the_topics() -> None:
    shown = [(param.values[0], param.values[1]) for param in events() if str(param.id).startswith("README.md")]
    assert [topic for topic, _ in shown] == ["case.created", "case.scored", "case.routed", "decision.made"]
    assert len({event["case_id"] for _, event in shown}) == 1


def test_the_matrix_in_the_readme_is_the_policys() -> None:
    policy = ROOT / "services/router/countersign_router/policies/loan_application.yaml"
    matrix = yaml.safe_load(policy.read_text(encoding="utf-8"))["matrix"]
    shown = re.findall(r"^\| (\w+) \| (\d) \| (\d) \| (\d) \|$", README.text, re.MULTILINE)
    assert {tier: {"high": int(a), "medium": int(b), "low": int(c)} for tier, a, b, c in shown} == matrix


def test_the_table_of_services_agrees_with_the_topics() -> None:
    rows = {
        row[0]: row[1:] for row in re.findall(r"^\| (\w+) \| (.+?) \| (.+?) \| \[README\]", README.text, re.MULTILINE)
    }
    assert set(rows) == set(SERVICES)
    topics = load_topics()
    for service, (consumes, produces) in rows.items():
        for name in re.findall(r"`([\w.-]+)`", consumes):
            assert service in topics[name].consumers, (service, name)
        for name in re.findall(r"`([\w.-]+)`", produces):
            assert service in topics[name].producers, (service, name)


@EVERY
def test_every_metric_named_exists(document: Document) -> None:
    named = set(re.findall(rf"\b{PREFIX}(\w+)", document.text))
    families = {
        name.removesuffix(next((end for end in HISTOGRAM if name.endswith(end)), ""))
        for name in named
        if not name.startswith(("router", "review", "audit.", "inference", "feedback", "shared", "local"))
    }
    packages = {*SERVICES, "shared", "local", "verifier"}
    assert {name for name in families if name not in BY_NAME and name.partition("_")[0] not in packages} == set()


def test_the_table_of_metrics_is_the_closed_list() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) \| (.*?) \| .+ \|$", WATCH_IT.text, re.MULTILINE
    )
    shown = {name: (kind, tuple(re.findall(r"`(\w+)`", labels)), means) for name, kind, labels, means in rows}
    assert shown == {one.name: (one.kind, one.labels, one.help) for one in DEFINITIONS}


def test_the_table_of_alerts_is_what_prometheus_loads() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
    alerts = {rule["alert"]: rule["labels"]["severity"] for group in rules["groups"] for rule in group["rules"]}
    assert dict(re.findall(r"^\| `(\w+)` \| (page|ticket) \|", WATCH_IT.text, re.MULTILINE)) == alerts


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_introduces_itself_alike(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# countersign-{service}\n")
    rows = re.findall(r"^\| ([a-z ]+) \| .+ \|$", text, re.MULTILINE)
    assert [face for face in FACES if face in rows] == list(FACES)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)


def test_the_tests_that_a_service_names_exist() -> None:
    named = {
        name
        for service in SERVICES
        for name in re.findall(r"`(test_\w+)`", (ROOT / "services" / service / "README.md").read_text(encoding="utf-8"))
    }
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert sorted(name for name in named if f"def {name}(" not in sources) == []
    assert "test_review_the_same_request_twice_is_one_decision" in named


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_names_its_metrics_as_they_are(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    row = re.search(r"^\| metrics \| (.+) \|$", text, re.MULTILINE)
    assert row is not None
    for name, labels in re.findall(r"`([a-z]\w+_\w+)(?:\{([\w,]+)\})?`", row[1]):
        if name == PREFIX:
            continue
        assert name in BY_NAME, name
        if labels:
            assert tuple(labels.split(",")) == BY_NAME[name].labels, name


def test_the_names_of_a_case_are_as_long_as_integrators_read() -> None:
    page = Document(ROOT / "docs" / "how-to" / "connect-a-system.md")
    (row,) = re.findall(r"^\| `tenant`, `case_id` \|.*", page.prose, re.MULTILINE)
    schema = json.loads((contracts_dir() / "schemas" / "case.created.v1.json").read_text(encoding="utf-8"))
    longest = [re.findall(r",(\d+)\}", schema["properties"][name]["pattern"])[0] for name in ("tenant", "case_id")]
    assert re.findall(r"(\d+) and (\d+) characters", row) == [tuple(longest)]
