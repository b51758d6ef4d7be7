"""The page on compliance names only what is there: events, addresses and commands, for every rule it must cover."""

from __future__ import annotations

import json
import re
from functools import cache

import pytest
from pydantic import TypeAdapter

from countersign_audit.domain.entry import UNREADABLE
from countersign_audit.domain.lineage import OWN_KINDS, REMARKS
from countersign_shared.contracts.events import EVENTS
from countersign_shared.contracts.topics import contracts_dir, load_topics
from tests.architecture.sources import ROOT
from tests.contract.test_docs_commands import faults_of, split

TEXT = (ROOT / "docs/compliance.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if line.startswith("| ")][1:]
EVERY = pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].split(":")[0])
RULES = (
    "EU AI Act 12", "EU AI Act 14", "EU AI Act 19", "EU AI Act 26", "86", "GDPR 5", "15(1)(h)", "GDPR 17", "GDPR 22",
    "Reg B",    "NIST AI RMF MANAGE 4.1", "ISO/IEC 42001 A.6.2.8", "SOC 2 CC7.2",
)  # fmt: skip


@cache
def events() -> set[str]:
    kinds = set(TypeAdapter(EVENTS["activity.recorded"]).json_schema()["discriminator"]["mapping"])
    return {*load_topics(), *kinds, *OWN_KINDS, *REMARKS, UNREADABLE}


@cache
def addresses() -> set[str]:
    found = set()
    for path in (contracts_dir() / "openapi").glob("*.json"):
        for address, methods in json.loads(path.read_bytes())["paths"].items():
            found |= {f"{method.upper()} {address}" for method in methods}
    return found


@EVERY
def test_every_event_named_exists(row: list[str]) -> None:
    named = re.findall(r"`([^`]+)`", row[2])
    assert named
    assert set(named) <= events()


@EVERY
def test_every_rule_has_a_place_where_its_evidence_is_seen(row: list[str]) -> None:
    named = re.findall(r"`([^`]+)`", row[3])
    assert named
    for one in named:
        if one.startswith("countersign "):
            assert list(faults_of(split(one.removeprefix("countersign ")))) == []
        else:
            assert one in addresses()


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_is_forgotten(rule: str) -> None:
    assert any(rule in row[0] for row in ROWS)
