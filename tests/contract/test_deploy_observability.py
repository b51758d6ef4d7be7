"""Prometheus, alerts, runbooks and the board: each speaks only of metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from countersign_shared.observability import Metrics
from countersign_shared.observability.definitions import DEFINITIONS, PREFIX

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
BOARD = ROOT / "deploy" / "grafana" / "dashboards" / "countersign.json"
RUNBOOKS = ROOT / "docs" / "runbooks"
SERVICES = {"inference": 8101, "router": 8102, "review": 8100, "audit": 8103, "feedback": 8104}
PROMTOOL = shutil.which("promtool")

# What Prometheus adds to every series by itself.
GIVEN_LABELS = {"job", "instance"}
WORDS = {
    "sum", "max", "min", "avg", "count", "by", "without", "rate", "increase", "delta", "histogram_quantile",
    "absent", "or", "and", "unless", "on", "ignoring", "group_left", "time",
}  # fmt: skip

promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool on this machine")


def series() -> dict[str, set[str]]:
    """Every series name there can be, with its labels."""
    found: dict[str, set[str]] = {"up": set()}
    for definition in DEFINITIONS:
        labels, name = set(definition.labels), PREFIX + definition.name
        if definition.kind == "histogram":
            found |= {f"{name}_sum": labels, f"{name}_count": labels, f"{name}_bucket": labels | {"le"}}
        else:
            found[name] = labels
        if definition.kind == "counter":
            # When it began to count, as the client library says it.
            found[name.removesuffix("_total") + "_created"] = labels
    return found


def check_query(query: str) -> set[str]:
    """Fail on a metric or label that does not exist; return the metrics asked for."""
    known = series()
    bare = re.sub(r'"[^"]*"', "", query)
    matchers = re.findall(r"\{([^}]*)\}", bare)
    groupings = re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", bare)
    rest = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without)\s*\([^)]*\)", " ", bare)
    asked = {name for name in re.findall(r"[a-zA-Z_:][\w:]*", rest) if name not in WORDS}
    assert asked, query
    assert asked <= set(known), f"{asked - set(known)} in {query}"
    labels = {label for part in matchers for label in re.findall(r"(\w+)\s*[=!]", part)}
    labels |= {label for part in groupings for label in re.findall(r"\w+", part)}
    allowed = GIVEN_LABELS.union(*(known[name] for name in asked))
    assert labels <= allowed, f"{labels - allowed} in {query}"
    return asked


def alerts() -> list[dict[str, Any]]:
    document = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    return [panel for panel in board["panels"] if panel["type"] != "row"]


@promtool
def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    assert PROMTOOL
    for what, file in (("config", "prometheus.yml"), ("rules", "alerts.yml")):
        done = subprocess.run(
            [PROMTOOL, "check", what, PROMETHEUS / file], check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_a_trip_wakes_somebody_at_once_and_until_it_is_lifted(tmp_path: Path) -> None:
    assert PROMTOOL
    tier = {"decision_type": "refund", "tier": "low"}
    rule = next(one for one in alerts() if one["alert"] == "AutomationTripped")
    texts = {
        name: text.replace("{{ $labels.decision_type }}", "refund").replace("{{ $labels.tier }}", "low")
        for name, text in rule["annotations"].items()
    }
    held = [{"exp_labels": {"severity": "page", **tier}, "exp_annotations": texts}]
    case = {
        "interval": "1m",
        # Two routers; the trip comes with the third minute and is lifted with the sixth: its series is gone then.
        "input_series": [
            {"series": f'countersign_automation_tripped{{decision_type="refund", tier="low", instance="{name}"}}',
             "values": "_ _ 1 1 1 stale"}
            for name in "ab"
        ],
        "alert_rule_test": [
            {"eval_time": f"{minute}m", "alertname": rule["alert"], "exp_alerts": held if 2 <= minute < 5 else []}
            for minute in range(7)
        ],
    }  # fmt: skip
    file = tmp_path / "tripped.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(PROMETHEUS / "alerts.yml")], "tests": [case]}), encoding="utf-8")
    done = subprocess.run([PROMTOOL, "test", "rules", file], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_is_scraped() -> None:
    document = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    found = {
        job["job_name"]: (lookup["names"], lookup["port"])
        for job in document["scrape_configs"]
        for lookup in job["dns_sd_configs"]
    }
    assert found == {name: ([name], port) for name, port in SERVICES.items()}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_alerts_ask_for_what_exists_and_say_what_to_do(rule: dict[str, Any]) -> None:
    check_query(rule["expr"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    page = (ROOT / rule["annotations"]["runbook"]).read_text(encoding="utf-8")
    assert f"`{rule['alert']}`" in page
    for part in ("**What it means.**", "**Look.**", "**Do.**", "**Afterwards.**"):
        assert part in page


def test_no_runbook_is_forgotten() -> None:
    pages = {path.name for path in RUNBOOKS.glob("*.md")}
    named = {Path(rule["annotations"]["runbook"]).name for rule in alerts()}
    # These answer error messages, which name them; one is done on purpose.
    assert pages - named == {"unreadable-event.md", "audit-restored.md", "epoch-key.md", "erased-at-once.md"}


def test_runbooks_link_to_pages_that_exist_and_metrics_that_exist() -> None:
    known = series()
    for page in RUNBOOKS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        for name in re.findall(r"`(countersign_\w+)`", text):
            assert name in known, f"{page.name}: {name}"


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: str(panel["title"]))
def test_panels_ask_for_what_exists_and_say_how_to_read_them(panel: dict[str, Any]) -> None:
    assert len(panel["description"]) > 20
    assert panel["datasource"]["uid"] == "prometheus"
    for target in panel["targets"]:
        assert "up" not in check_query(target["expr"])
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert re.search(rf"\bby \([^)]*\b{label}\b", target["expr"]), target


def test_the_board_has_no_overlaps_and_reaches_the_datasource() -> None:
    taken: set[tuple[int, int]] = set()
    ids: set[int] = set()
    for panel in json.loads(BOARD.read_text(encoding="utf-8"))["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["id"] not in ids
        ids.add(panel["id"])
    source = yaml.safe_load(
        (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    )
    (only,) = source["datasources"]
    assert (only["uid"], only["url"]) == ("prometheus", "http://prometheus:9090")


def test_no_metric_is_watched_by_nobody() -> None:
    watched = {name for panel in panels() for target in panel["targets"] for name in check_query(target["expr"])}
    watched |= {name for rule in alerts() for name in check_query(rule["expr"])}
    bases = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in watched}
    unwatched = {definition.name for definition in DEFINITIONS if PREFIX + definition.name not in bases}
    # Evidence is drawn in the console, audit by audit, and a trip has its alert; deliveries do not exist yet.
    assert unwatched <= {"automation_evalue", "deliveries_total"}


@promtool
@pytest.mark.parametrize("service", SERVICES)
def test_promtool_takes_each_scrape(service: str) -> None:
    assert PROMTOOL
    metrics = Metrics(service)
    for definition in DEFINITIONS:
        labels = dict.fromkeys(definition.labels, 'a "quoted" \\ value\n')
        if definition.kind == "counter":
            counter = metrics.counter(definition.name)
            (counter.labels(**labels) if labels else counter).inc()
        elif definition.kind == "gauge":
            gauge = metrics.gauge(definition.name)
            (gauge.labels(**labels) if labels else gauge).set(0.5)
        else:
            histogram = metrics.histogram(definition.name)
            (histogram.labels(**labels) if labels else histogram).observe(0.5)
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=metrics.exposition(), check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
