"""Write the generated contracts, or check that the committed ones are what would be written.

    python -m countersign_shared.contracts.generate [--check] [--openapi SERVICE=MODULE:FUNCTION ...]

Shared knows no service: whoever calls this says where a service's OpenAPI document comes from.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from countersign_shared.contracts.asyncapi import asyncapi_document
from countersign_shared.contracts.schemas import document_schemas, event_schemas
from countersign_shared.contracts.topics import contracts_dir

EXAMPLES_MANIFEST = "examples/manifest.json"
ASYNCAPI_HEADING = "# Generated from topics.yaml and schemas/. Change those, then run `make contracts`.\n"


def generated_files(openapi: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every generated file's text by its path in the contracts directory.

    `openapi` says per service which function (`module:function`, no arguments) builds its OpenAPI document.
    """
    documents: dict[str, Any] = {**event_schemas(), **document_schemas()}
    for service, source in (openapi or {}).items():
        documents[f"openapi/{service}.json"] = _build(source)
    files = {path: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for path, document in documents.items()}
    files[EXAMPLES_MANIFEST] = json.dumps(examples_manifest(contracts_dir()), indent=2) + "\n"
    files["asyncapi.yaml"] = ASYNCAPI_HEADING + yaml.safe_dump(asyncapi_document(), sort_keys=False, width=120)
    return files


def examples_manifest(directory: Path) -> dict[str, str]:
    """SHA-256 of every example by its path: new files are added, what is listed stays, so that a loss shows."""
    manifest = directory / EXAMPLES_MANIFEST
    listed: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    examples = directory / "examples"
    present = {
        path.relative_to(examples).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in examples.glob("*/*.json")
    }
    return dict(sorted({**present, **listed}.items()))


def differences(directory: Path, files: Mapping[str, str]) -> list[str]:
    """One line per file that is missing or not what it should be."""
    found = []
    for name, text in files.items():
        path = directory / name
        if not path.is_file():
            found.append(f"{path}: is missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{path}: differs from what the models say")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all is well, 1 when `--check` found a difference."""
    parser = argparse.ArgumentParser(prog="python -m countersign_shared.contracts.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 and name what differs")
    parser.add_argument(
        "--openapi", action="append", default=[], metavar="SERVICE=MODULE:FUNCTION", help="builds a service's OpenAPI"
    )
    options = parser.parse_args(arguments)
    files = generated_files(dict(entry.split("=", 1) for entry in options.openapi))
    directory = contracts_dir()
    if options.check:
        found = differences(directory, files)
        for line in found:
            sys.stderr.write(f"{line}; run `make contracts`\n")
        return 1 if found else 0
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def _build(source: str) -> Any:
    module, _, function = source.partition(":")
    return getattr(import_module(module), function)()


if __name__ == "__main__":
    sys.exit(main())
