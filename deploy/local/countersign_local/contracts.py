"""`make contracts`: write everything that is generated from the code, or check it (`--check`).

    python -m countersign_local.contracts [--check]

The generator in shared knows no service; this package may know all of them.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from countersign_audit.facts import leaf_schema
from countersign_router.language import schema as policy_schema
from countersign_shared.contracts import generate
from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.env_example import env_example
from countersign_shared.settings import ServiceSettings

SERVICES = ("inference", "router", "review", "audit", "feedback")


def main(arguments: Sequence[str]) -> int:
    """Write or check the contracts and `.env.example`; 1 when a check found a difference."""
    sources = [f"--openapi={service}=countersign_{service}.api:build_openapi" for service in SERVICES]
    status = max(generate.main([*arguments, *sources]), policy_schema.main(arguments), leaf_schema.main(arguments))
    example = contracts_dir().parent.parent / ".env.example"
    text = env_example({service: _settings(service) for service in SERVICES})
    if "--check" not in arguments:
        example.write_text(text, encoding="utf-8")
    elif not example.is_file() or example.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{example}: differs from what the settings say; run `make contracts`\n")
        return 1
    return status


def _settings(service: str) -> type[ServiceSettings]:
    module = import_module(f"countersign_{service}.settings")
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    )
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
