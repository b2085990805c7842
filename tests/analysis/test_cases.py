"""The reference cases: R's numbers on the synthetic survey, and how answers are compared."""

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.__main__ import main
from analysis.cases.compare import compare
from analysis.cases.run import Status, check_file
from analysis.cases.table import holds, read_table
from analysis.errors import ColumnMissing, FileUnreadable
from analysis.extract import write_extract

GOLDEN = Path(__file__).parent / "golden" / "cases.json"


def test_every_golden_case_gives_the_numbers_of_r() -> None:
    outcomes = check_file(GOLDEN)
    assert [one for one in outcomes if one.status is not Status.PASSED] == []
    assert sum(one.compared for one in outcomes) > 1000


def test_the_check_command_prints_counts_and_the_worst_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(GOLDEN)]) == 0
    told = capsys.readouterr().out
    assert "passed 24, failed 0, not supported 0" in told
    assert "worst relative error" in told


def test_a_wrong_expectation_fails_with_exit_1_and_names_the_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = next(one for one in json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"] if one["id"] == "G-alpha")
    case["expected"]["alpha"] += 1e-5
    (tmp_path / "data").symlink_to(GOLDEN.parent / "data")
    (tmp_path / "cases.json").write_text(json.dumps({"cases": [case]}), encoding="utf-8")
    assert main(["check", str(tmp_path / "cases.json"), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["failed"], report["passed"]) == (1, 0)
    assert "alpha" in report["cases"][0]["faults"][0]


def test_an_unknown_operation_is_not_supported_and_does_not_fail(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": [{"id": "x", "task": {"op": "tea"}, "expected": {}}]}), encoding="utf-8")
    assert [one.status for one in check_file(path)] == [Status.UNSUPPORTED]


@pytest.mark.parametrize("arguments", [[], ["tea"], ["check"], ["check", "no such file"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = int(str(stop.code))
    assert code == 2


@pytest.mark.parametrize("text", ["no JSON", '{"format": "other"}', '{"cases": [1]}'])
def test_a_file_that_holds_no_cases_is_refused_with_1(tmp_path: Path, text: str) -> None:
    (tmp_path / "cases.json").write_text(text, encoding="utf-8")
    assert main(["check", str(tmp_path / "cases.json")]) == 1


def test_a_folder_that_cannot_be_written_is_refused_with_1(
    capsys: pytest.CaptureFixture[str], make: Any, tmp_path: Path
) -> None:
    write_extract(make.drawn(1)[0].extract(), tmp_path)
    assert main(["score", str(tmp_path), "--out", "/proc/nowhere"]) == 1
    assert "/proc/nowhere" in capsys.readouterr().err


def test_a_case_that_asks_for_a_missing_column_fails_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "d.csv").write_text("y,w\n1,1\n2,1\n", encoding="utf-8")
    case: dict[str, Any] = {"id": "x", "dataset": "d.csv", "design": {"weights": "v"}}
    case["task"] = {"op": "mean", "vars": ["y"]}
    case["expected"] = [{"estimates": [{"name": "y", "est": 1.5}]}]
    (tmp_path / "cases.json").write_text(json.dumps({"cases": [case]}), encoding="utf-8")
    (outcome,) = check_file(tmp_path / "cases.json")
    assert outcome.status is Status.FAILED
    assert "'v'" in outcome.faults[0]


def test_a_table_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes("tên,w\nHà Nội,1\n".encode("utf-16"))
    with pytest.raises(FileUnreadable):
        read_table(path)


def test_a_condition_never_holds_for_a_missing_value(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("y,z\n1,a\n,b\n3,\n", encoding="utf-8")
    table = read_table(path)
    assert holds({"var": "y", "op": "<", "value": 9}, table).tolist() == [True, False, True]
    both = {"all": [{"var": "z", "in": ["a", "b"]}, {"var": "y", "in": [1]}]}
    assert holds(both, table).tolist() == [True, False, False]
    with pytest.raises(ColumnMissing):
        holds({"var": "tea", "in": [1]}, table)


def test_null_asks_for_nothing_but_a_number_asks_for_a_number() -> None:
    assert compare({"est": None, "se": 1.0}, {"est": 3.0, "se": 1.0}, 1e-8).faults == []
    assert compare({"est": 1.0}, {"est": None}, 1e-8).faults != []
    one, more = [{"name": "a", "est": 1.0}], [{"name": "a", "est": 1.0}, {"name": "b", "est": 1.0}]
    assert compare(one, one, 1e-8).faults == []
    assert compare(one, more, 1e-8).faults != []
    assert compare({"error": "refused"}, {"error": "EmptyDomain: so is this"}, 1e-8).faults == []
    assert compare({"error": "refused"}, {"est": 1.0}, 1e-8).faults != []


def test_a_p_value_is_compared_relatively_however_small() -> None:
    assert compare({"p": 1e-40}, {"p": 2e-40}, 1e-8).faults != []
    assert compare({"se": 1e-17}, {"se": 2e-17}, 1e-8).faults == []


def only(path: Path, *cases: object) -> Path:
    (path / "data").mkdir(exist_ok=True)
    (path / "data" / "d.csv").write_text("y,w,s\n1,1,a\n2,1,b\n4,1,b\n", encoding="utf-8")
    (path / "cases.json").write_text(json.dumps({"cases": cases}), encoding="utf-8")
    return path / "cases.json"


def mean(**keys: Any) -> dict[str, Any]:
    case: dict[str, Any] = {"id": "x", "dataset": "d.csv", "design": {"weights": "w"}}
    case["task"] = {"op": "mean", "vars": ["y"]}
    return {**case, "expected": [{"estimates": [{"name": "y", "est": 7 / 3}]}], **keys}


def test_a_file_of_which_nothing_was_checked_is_not_well(tmp_path: Path) -> None:
    assert main(["check", str(only(tmp_path, mean()))]) == 0
    assert main(["check", str(only(tmp_path))]) == 1
    assert main(["check", str(only(tmp_path, mean(task={"op": "tea"})))]) == 1
    assert main(["check", str(only(tmp_path, mean(task={"op": "tea"}), mean()))]) == 0
    (tmp_path / "cases.json").write_text("[]", encoding="utf-8")
    assert main(["check", str(tmp_path / "cases.json")]) == 1


@pytest.mark.parametrize(
    ("case", "fault"),
    [(1, "not an object"), (mean(task=[]), "not an object"), (mean(expected=[]), "no expected"),
     ({key: value for key, value in mean().items() if key != "expected"}, "no expected"),
     (mean(design=[]), "not understood"), ({"feature": "tea", "input": {}, "expected": {"x": 1}}, "tea")],
)  # fmt: skip
def test_a_case_that_is_no_case_is_named(tmp_path: Path, case: object, fault: str) -> None:
    (outcome,) = check_file(only(tmp_path, case))
    assert outcome.status is not Status.PASSED
    assert fault in outcome.faults[0]


LONELY = {"weights": "w", "strata": ["s"], "lonely_psu": "fail"}


@pytest.mark.parametrize(
    ("keys", "passes"),
    [
        ({"design": LONELY, "expected": {"error": "Stratum (a) has only one PSU at stage 1"}}, True),
        ({"design": LONELY, "expected": {"error": "something else"}}, True),
        ({"design": LONELY, "expected": "R error: something else"}, True),
        ({"design": LONELY, "expected": {"error": "Calibration failed"}}, False),
        ({"expected": {"error": "Calibration failed"}}, False),
        ({"expected": "R error: something else"}, False),
        ({"design": {"weights": "v"}, "expected": {"error": "something else"}}, False),
        ({"dataset": "tea.csv", "expected": {"error": "something else"}}, False),
        ({"prepare": [{"op": "tea"}], "expected": {"error": "something else"}}, False),
        ({"expected": [{"estimates": [{"name": "y", "est": "R error: none"}]}]}, False),
        ({"expected": [{"estimates": [{"name": "y", "se": 9}]}], "r_quirk": ["whatever"]}, False),
    ],
)
def test_a_refusal_is_one_of_what_was_asked_and_an_unknown_quirk_excuses_nothing(
    tmp_path: Path, keys: dict[str, Any], passes: bool
) -> None:
    (outcome,) = check_file(only(tmp_path, mean(**keys)))
    assert (outcome.status is Status.PASSED) is passes, outcome.faults
