"""countersign policy: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import countersign_router
from countersign_local.cli.policy_listing import listed
from countersign_local.cli.policy_report import print_segments
from countersign_local.errors import CommandError
from countersign_local.labels import MOST, read_labels
from countersign_router.language.diagnostics import Diagnostic
from countersign_shared.contracts.topics import contracts_dir
from tests.fixtures.commands import Runner, whole

LOAN = Path(countersign_router.__file__).parent / "policies" / "loan_application.yaml"


def run(*words: str | Path) -> tuple[int, str]:
    done = Runner().invoke(whole(), ["policy", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


@pytest.fixture
def bent(tmp_path: Path):
    """The loan policy with some of its text replaced."""

    def make(*changes: tuple[str, str], name: str = "policy.yaml") -> Path:
        text = LOAN.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make


def test_check_points_at_the_place_as_a_compiler_does(bent) -> None:
    path = bent(("case.loan_amount > usd(400000)", "case.loan_amont > usd(400000)"))
    code, said = run("check", path)
    lines = said.splitlines()
    number, column = next(
        (number, line.index("case.loan_amont") + 1)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "case.loan_amont" in line
    )
    assert code == 1
    assert lines[0].startswith(f"{path}:{number}:{column}: error: ")
    assert lines[1].index("case.loan_amont") == lines[2].index("^")
    assert lines[3] == "  = did you mean case.loan_amount?"
    assert lines[-1] == f"{path}: 1 error"


def test_check_tells_programs_the_same(bent) -> None:
    path = bent(('reputation: "0"', 'reputation: "true"'))
    code, said = run("check", path, "--json")
    (found,) = json.loads(said)[str(path)]
    assert (code, found["severity"], found["path"]) == (1, "error", "consequence.factors.reputation")
    assert path.read_text(encoding="utf-8").splitlines()[found["line"] - 1].lstrip().startswith("reputation:")


def test_what_is_fine_is_said_to_be(bent) -> None:
    assert run("check", LOAN) == (0, f"{LOAN}: fine\n")
    code, said = run("check", bent().with_name("absent.yaml"))
    assert (code, "cannot be read: No such file" in said) == (66, True)


def test_test_runs_the_examples_and_ends_with_one_when_they_fail(bent) -> None:
    code, said = run("test", LOAN)
    assert (code, said.splitlines()[-1]) == (0, "26 examples: all come out as they say.")
    # Piped, a name is not folded to the width of a terminal that is not there.
    assert "what could not be verified is verified first" in said
    code, said = run("test", bent(("{level: 1, tier: negligible", "{level: 2, tier: negligible")), "--json")
    failed = [one for one in json.loads(said) if not one["passed"]]
    assert (code, [one["differences"] for one in failed]) == (1, [["expected level 2, got 1"]])
    code, said = run("test", bent(("bands:", "band:")))
    assert (code, said.splitlines()[-1].endswith("1 error")) == (1, True)


def test_diff_says_what_changes_and_that_certificates_are_void(bent) -> None:
    path = bent(("high: 0.90, medium: 0.70", "high: 0.92, medium: 0.70"))
    code, said = run("diff", LOAN, path)
    assert code == 0
    assert "▲ Band high rises from 0.90 to 0.92." in said
    assert "Voids certificates: yes, because bands are part of what certificates are bound to." in said
    told = json.loads(run("diff", LOAN, path, "--json")[1])
    assert told["differences"] == [
        {"path": "bands.high", "text": "Band high rises from 0.90 to 0.92.", "effect": "stricter"}
    ]
    assert "No differences." in run("diff", LOAN, LOAN)[1]


def test_diff_is_silent_where_a_policy_repeats_what_its_decision_type_says(bent, tmp_path, monkeypatch) -> None:
    path = bent(("decline: {adverse: true, automatic: false}", "decline: {automatic: false}"))
    for both in ((LOAN, path), (path, LOAN)):
        code, said = run("diff", *both)
        assert (code, "No differences." in said) == (0, True)
        assert "Voids certificates: no, nothing that decides about automation changes." in said
    # A decision type that does not say it: there the policy decides.
    text = (contracts_dir() / "decision_types" / "loan_application.yaml").read_text(encoding="utf-8")
    types = tmp_path / "types"
    types.mkdir()
    (types / "loan_application.yaml").write_text(text.replace("adverse: true", "adverse: false"), encoding="utf-8")
    for said in (run("diff", path, LOAN, "--decision-types", types)[1], with_types(monkeypatch, types, path)):
        assert "outcomes.decline.adverse is set to yes" in said
        assert "Voids certificates: yes, because outcomes are part of what certificates are bound to." in said


def with_types(monkeypatch, directory: Path, path: Path) -> str:
    monkeypatch.setenv("DECISION_TYPES_DIR", str(directory))
    return run("diff", path, LOAN)[1]


def test_draw_writes_a_picture(tmp_path: Path) -> None:
    out = tmp_path / "chart.svg"
    assert run("draw", LOAN, "--out", out) == (0, f"Wrote {out}.\n")
    assert out.read_text(encoding="utf-8").startswith("<svg ")


def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(bent, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_bytes(b"\xff\xfe\x00")
    for words in (("draw", broken, "--out", tmp_path / "x.svg"), ("diff", LOAN, broken)):
        with pytest.raises(CommandError, match=f"{broken}:1:1: error: no text") as refused:
            run(*words)
        assert refused.value.exit_code == 1
    for words in (("publish", broken, "--reason", "a try"), ("replay", broken)):
        with pytest.raises(CommandError, match="is not UTF-8") as refused:
            run(*words)
        assert refused.value.exit_code == 1


@pytest.mark.parametrize("place", ["nowhere/chart.svg", "."])
def test_a_place_that_cannot_be_written_is_named_before_any_work(tmp_path: Path, place: str) -> None:
    for words in (("draw", LOAN, "--out", tmp_path / place), ("replay", LOAN, "--picture", tmp_path / place)):
        with pytest.raises(CommandError, match="cannot be written") as refused:
            run(*words)
        assert refused.value.exit_code == 74


def test_two_texts_of_one_version_are_told_to_raise_it(bent) -> None:
    path = bent(("high: 0.90, medium: 0.70", "high: 0.92, medium: 0.70"))
    assert "Both say version 2: raise `version`" in run("diff", LOAN, path)[1]
    assert "Both say" not in run("diff", LOAN, LOAN)[1]


def test_a_line_is_drawn_so_that_the_caret_stands_below_its_place() -> None:
    path = Path("p.yaml")
    cases = {
        "\tx: 1\x1b[31m y": (11, 1), "x" * 400 + "HERE" + "y" * 400: (401, 4), "a: b": (4, 99), "": (1, 1),
    }  # fmt: skip
    for line, (column, length) in cases.items():
        _, shown, caret = listed(path, [line], Diagnostic("a", "is wrong", 1, column, length=length))
        assert "\x1b" not in shown
        assert len(shown) < 170
        if "HERE" in line:
            place = caret.index("^")
            assert shown[place : place + 4] == "HERE"
            assert caret.count("^") == 4


def test_labels_come_as_csv_as_json_lines_and_as_activities(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    expected = [
        {"tenant": "default", "case_id": "a", "error": True}, {"tenant": "north", "case_id": "b", "error": False},
    ]  # fmt: skip
    path.write_text("case_id,error,tenant\na,true,\nb,0,north\n", encoding="utf-8")
    assert read_labels(path) == expected
    path.write_text(
        '{"case_id": "a", "error": true}\n\n{"tenant": "north", "case_id": "b", "error": false}\n', encoding="utf-8"
    )
    assert read_labels(path) == expected
    activity = '{"kind": "%s", "tenant": "north", "case_id": "b", "body": {"error": false}}'
    path.write_text(f"{activity % 'audit.judged'}\n{activity % 'review.opened'}\n", encoding="utf-8")
    assert read_labels(path) == expected[1:]


@pytest.mark.parametrize(
    ("text", "line"), [("case_id,error\na,maybe\n", 2), ('{"case_id": "a", "error": 1}\n{"error": 1}\n', 2),
                       ("{]\n", 1), ("case,error\na,true\n", 2)]
)  # fmt: skip
def test_a_label_that_is_none_is_named_by_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CommandError, match=f"line {line}: "):
        read_labels(path)


def test_more_labels_than_a_request_carries_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("case_id,error\n" + "a,true\n" * (MOST + 1), encoding="utf-8")
    with pytest.raises(CommandError, match="keep the newest"):
        read_labels(path)


def test_segments_have_names_and_values_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"value": "more_than_two_slow_accounts", "cases": 11, "automatic_before": 6, "automatic_after": 5,
           "raised": 1, "lowered": 0}  # fmt: skip
    print_segments([{"field": "case.consumer_credit_record", "values": [one]}])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[-2] == "case.consumer_credit_record"
    assert lines[-1].split() == ["more_than_two_slow_accounts", "11", *["54.5", "%", "→", "45.5", "%"], "1", "0"]
    assert max(map(len, lines)) < 80


def test_a_field_that_was_asked_for_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"value": "x", "cases": 1, "automatic_before": 0, "automatic_after": 0, "raised": 0, "lowered": 0}
    print_segments([{"field": name, "values": [one]} for name in "abcdefghijk"], by=["k"])
    said = capsys.readouterr().out
    assert [line.strip() for line in said.splitlines() if len(line.strip()) == 1] == list("kabcdefg")
    assert said.splitlines()[-1] == "3 more with --json: h, i, j"
