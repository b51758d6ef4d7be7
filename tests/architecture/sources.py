"""What the architecture tests look at: our packages, their files and their syntax trees."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("inference", "router", "review", "audit", "feedback")
MEMBERS = {
    "shared": ROOT / "shared",
    **{service: ROOT / "services" / service for service in SERVICES},
    "verifier": ROOT / "services" / "audit" / "verifier",
    "local": ROOT / "deploy" / "local",
}


@dataclass(frozen=True)
class Module:
    """One of our modules."""

    member: str
    name: str
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def tree(self) -> ast.Module:
        return _parse(self.path)

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def modules() -> list[Module]:
    """Every Python module of the product, without tests."""
    found = []
    for member, directory in MEMBERS.items():
        package = directory / f"countersign_{member}"
        for path in sorted(package.rglob("*.py")):
            steps = path.relative_to(directory).with_suffix("").parts
            name = ".".join(steps[:-1] if steps[-1] == "__init__" else steps)
            found.append(Module(member, name, path))
    return found


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a tree with the dotted name it calls, as far as it has one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Every module a tree imports, and every name it imports from one (`a.b` for `from a import b`)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def committed_files() -> list[Path]:
    """Files that git tracks; where there is no git, every file of the tree that git would take."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode == 0:
        return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]
    skipped = {".git", ".venv", "node_modules", "__pycache__", "dist", ".hypothesis", ".mypy_cache", ".ruff_cache",
               ".import_linter_cache", ".schemathesis", ".local", ".cache"}  # fmt: skip
    return [path for path in ROOT.rglob("*") if path.is_file() and not skipped & set(path.relative_to(ROOT).parts)]
