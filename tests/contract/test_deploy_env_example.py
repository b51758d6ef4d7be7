""".env.example says what the settings classes say."""

from __future__ import annotations

from pathlib import Path

from countersign_shared.env_example import env_example
from tests.contract.test_deploy_compose import SERVICES, settings_class

ROOT = Path(__file__).parents[2]


def test_it_is_up_to_date() -> None:
    wanted = env_example({service: settings_class(service) for service in SERVICES})
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == wanted, "run `make contracts`"


def test_every_setting_is_in_it_with_a_sentence() -> None:
    text = env_example({service: settings_class(service) for service in SERVICES})
    for service in SERVICES:
        for name, field in settings_class(service).model_fields.items():
            assert f"{name.upper()}=" in text
            assert field.description, f"{service}: {name}"
