"""The schema that editors complete policies with: committed as the model says it, named by every policy, and right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from countersign_router.language.schema import NAME, main, policy_schema, policy_schema_text
from countersign_shared.contracts.topics import contracts_dir
from tests.unit.router.cases import POLICIES

COMMITTED = contracts_dir() / "schemas" / NAME
SHIPPED = sorted(POLICIES.glob("*.yaml"))


def in_json(path: Path) -> dict[str, Any]:
    """As an editor sees it: keys are texts."""
    return json.loads(json.dumps(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)))


def test_what_is_committed_is_what_the_model_says() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == policy_schema_text()
    assert main(["--check"]) == 0


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_policy_names_the_schema_and_fits_it(path: Path) -> None:
    first, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == COMMITTED.resolve()
    jsonschema.Draft202012Validator(policy_schema()).validate(in_json(path))


@pytest.mark.parametrize(
    "change",
    [
        {"vresion": 1},
        {"version": "1"},
        {"bands": {"high": 2}},
        {"withhold": {"level5": "never"}},
        {"sla": {"due": "1y"}},
    ],
    ids=str,
)
def test_an_editor_marks_a_slip(change: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(policy_schema()).is_valid({**in_json(SHIPPED[0]), **change})
