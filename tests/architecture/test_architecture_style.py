"""The house rules that no linter knows: sizes, faces, SQL in its files, time from the clock, no broad except."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from tests.architecture.sources import MEMBERS, ROOT, SERVICES, Module, calls, committed_files, modules

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 70

FACE = (
    "__init__.py",
    "__main__.py",
    "app.py",
    "settings.py",
    "handlers.py",
    "api",
    "store",
    "domain/__init__.py",
    "py.typed",
    "sql/queries.sql",
    "sql/schema.sql",
    "sql/migrations/0001_initial.sql",
)

SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM|SELECT\s+(1|now\(|pg_)|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|WITH\s+\w+\s+AS"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|SCHEMA|INDEX|UNIQUE|ROLE|USER|DATABASE|FUNCTION|TRIGGER|SEQUENCE|EXTENSION)|TRUNCATE\s|COPY\s+\w"
    r"|LOCK\s+TABLE|SET\s+(LOCAL|SESSION)|NOTIFY\s+\w|LISTEN\s+\w|GRANT\s+\w|REVOKE\s+\w|VACUUM)",
    re.DOTALL,
)

# How many arguments may come before the encoding, which a machine's locale chooses where nobody names it.
TEXT = {"read_text": 0, "write_text": 1}

# Reading the clock is the clock's job; everybody else is given one.
CLOCK_READERS = re.compile(r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns))$")
MAY_READ_THE_CLOCK = {"shared/countersign_shared/clock.py"}

# Catching everything is right where nothing may end the work at hand, and each place says why. Handlers that clean up
# and raise again do not count.
BROAD_EXCEPTS = {
    "services/review/countersign_review/store/gathering.py": (
        1,
        "whoever asked gets the error, whatever it is, and nobody else does",
    ),
    "services/inference/countersign_inference/answering.py": (
        2,
        "a model is foreign code: whatever it raises, its cases go to people and the other cases go on",
    ),
    "services/inference/countersign_inference/registry.py": (
        1,
        "what ONNX Runtime raises of a file has no class in common; the file is named and the service does not start",
    ),
    "services/inference/countersign_inference/adapters/panel.py": (
        1,
        "as above, where only an opinion is lost: the proposal that it would have been about stands",
    ),
    "shared/countersign_shared/messaging/consumer.py": (
        1,
        "whatever a poll raises, nothing may be acknowledged any more: the process ends instead",
    ),
    "shared/countersign_shared/runtime.py": (
        1,
        "the process ends, whatever it was: its supervisor is told by the exit code, and people in a line",
    ),
    "services/router/countersign_router/replaying/worker.py": (
        1,
        "as above; Python's own last words would quote the case",
    ),
}


def every_module(test):
    return pytest.mark.parametrize("module", modules(), ids=str)(test)


@every_module
def test_module_fits_in_the_head(module: Module) -> None:
    assert len(module.text.splitlines()) < MAX_MODULE_LINES


@every_module
def test_functions_fit_on_a_screen(module: Module) -> None:
    long = {
        f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == set()


@every_module
def test_sql_lives_in_sql_files(module: Module) -> None:
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = [
        f"line {node.lineno}: {node.value[:60]!r}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
        and SQL.match(node.value)
    ]
    assert found == []


@every_module
def test_time_comes_from_the_clock(module: Module) -> None:
    if str(module) in MAY_READ_THE_CLOCK:
        return
    assert [f"line {call.lineno}: {name}" for name, call in calls(module.tree) if CLOCK_READERS.search(name)] == []


def test_text_is_utf_8_whatever_the_locale() -> None:
    nameless = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in committed_files()
        if path.suffix == ".py"
        for call in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        and len(call.args) <= TEXT.get(call.func.attr, -1) and "encoding" not in {word.arg for word in call.keywords}
    ]  # fmt: skip
    assert not nameless


def test_nothing_catches_everything_as_a_habit() -> None:
    counted: Counter[str] = Counter()
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node):
                counted[str(module)] += 1
    assert dict(counted) == {path: count for path, (count, _) in BROAD_EXCEPTS.items()}


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"} for kind in kinds)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_face(service: str) -> None:
    package = MEMBERS[service] / f"countersign_{service}"
    missing = [name for name in FACE if not (package / name).exists() and not (package / f"{name}.py").exists()]
    assert missing == []
    assert (MEMBERS[service] / "README.md").read_text(encoding="utf-8").strip()
    assert (MEMBERS[service] / "pyproject.toml").is_file()


@pytest.mark.parametrize("service", SERVICES)
def test_only_settings_read_the_environment(service: str) -> None:
    readers = re.compile(r"\bos\.(environ|getenv)\b")
    found = [
        str(module)
        for module in modules()
        if module.member == service and module.path.name != "settings.py" and readers.search(module.text)
    ]
    assert found == []


@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_is_typed_and_says_what_it_is(member: str) -> None:
    package = MEMBERS[member] / f"countersign_{member}"
    assert (package / "py.typed").is_file()
    assert (package / "__init__.py").read_text(encoding="utf-8").strip().startswith('"""')


def test_test_file_names_are_unique() -> None:
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("member", sorted(SERVICES))
def test_migrations_are_numbered_without_a_gap_or_a_double(member):
    migrations = MEMBERS[member] / f"countersign_{member}" / "sql" / "migrations"
    numbers = [int(file.name[:4]) for file in sorted(migrations.glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_tree_shows_the_architecture_and_nothing_that_a_run_left_there() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in committed_files()}
    assert {name for name in top if (ROOT / name).is_dir()} == {".ci", "deploy", "docs", "services", "shared", "tests"}
    assert {
        path.relative_to(ROOT).parts[1] for path in committed_files() if path.is_relative_to(ROOT / "services")
    } == {*SERVICES}
