"""The JSON Schema of policy files, so that editors complete them and mark slips while they are typed.

    python -m countersign_router.language.schema [--check]

A policy names it in its first line: `# yaml-language-server: $schema=PATH`.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from countersign_router.language.document import PolicyDocument
from countersign_shared.contracts.schemas import DIALECT
from countersign_shared.contracts.topics import SCHEMA_BASE_URL, contracts_dir

NAME = "policy.v1.json"


def policy_schema() -> dict[str, Any]:
    """Return the schema of a policy file."""
    schema = PolicyDocument.model_json_schema()
    return {"$schema": DIALECT, "$id": f"{SCHEMA_BASE_URL}/{NAME}", **schema, "title": "policy"}


def policy_schema_text() -> str:
    """Return the schema as it is committed."""
    return json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the schema beside the other contracts, or check it; 1 when it differs."""
    path, text = contracts_dir() / "schemas" / NAME, policy_schema_text()
    if "--check" not in arguments:
        path.write_text(text, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{path}: not what the model says; run python -m countersign_router.language.schema\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
