"""Planning, quality and screening from the command line, by someone who has a folder and a table of units only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.commands.door import read_doors
from analysis.errors import AnalysisError, CellInvalid, DuplicateKey
from analysis.extract import write_extract
from analysis.planning.precision import Aim, Figure, half_width
from analysis.screening.doors import check_door

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    def run(*arguments: object) -> dict[str, Any]:
        code = main([*map(str, arguments), "--json"])
        told = capsys.readouterr()
        assert code == 0, told.err
        answer: dict[str, Any] = json.loads(told.out)
        return answer

    return run


def units(folder: Path, text: str) -> Path:
    path = folder / "units.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_the_ministrys_rule_is_asked_for_with_what_it_needs_of_invitations(ask: Ask) -> None:
    rows = ask("plan", "size", "--population", 1000, 60, "--margin", 5, "--response", 40)["sizes"]
    assert [(row["answers"], row["invitations"], row["take all"]) for row in rows] == [
        (286, 715, False),
        (53, 60, True),
    ]
    assert rows[1]["expected answers"] == 24  # everybody is asked, and 40 % answer


def test_a_half_width_is_planned_on_the_interval_that_will_be_printed(ask: Ask) -> None:
    answers = ask("plan", "width", "--population", 5000, "--half-width", 3, "--share", 97)["sizes"][0]["answers"]
    aim = Aim(Figure.ITEM, 0.97, 1.0)
    assert (
        half_width(aim, answers, 5000, deff=1, level=0.95)
        <= 0.03
        < half_width(aim, answers - 1, 5000, deff=1, level=0.95)
    )


def test_two_units_are_told_apart_and_thirty_answers_are_said_not_to(ask: Ask) -> None:
    told = ask("plan", "compare", "--population", 1e8, 1e8, "--shares", 90, 80, "--answers", 30, 30)["answers"]
    assert [(row["first"], row["second"]) for row in told] == [(199, 199), (30, 30)]
    assert told[0]["chance to find"] == pytest.approx(80, abs=0.5)
    assert told[1]["chance to find"] < 25


def test_clusters_cost_what_kish_says_and_the_best_number_is_named(ask: Ask) -> None:
    (row,) = ask("plan", "clusters", "--answers", 31, "--icc", 0.05, "--costs", 19, 1)["clusters"]
    assert (row["deff"], row["best answers a cluster"]) == pytest.approx((2.5, 19))


def test_a_table_of_units_is_shared_out_within_its_bounds(ask: Ask, tmp_path: Path) -> None:
    path = units(tmp_path, "unit,population,response,share\nA,4000,25,90\nB,900,,\nC,50,80,\n")
    told = ask("plan", "allocate", path, "--total", 300, "--rule", "power", "--least", 30, "--response", 40)
    rows = {row["unit"]: row for row in told["units"]}
    assert sum(row["answers"] for row in rows.values()) == 300
    assert (rows["C"]["answers"], rows["C"]["bound"]) == (30, "least")
    assert rows["A"]["invitations"] == 4 * rows["A"]["answers"]
    assert told["given"]["rule"] == "power"


def test_the_intervals_of_a_plan_are_seen_before_the_field_work(ask: Ask, tmp_path: Path) -> None:
    path = units(tmp_path, "unit,population,invited\nA,400,120\nB,400,30\n")
    told = ask("plan", "expect", path, "--response", 25, "--items", 19, "--correlation", 0.4)["units"]
    assert [row["answers"] for row in told] == [30, 7.5]
    assert told[0]["chance of a score"] > 99 > 20 > told[1]["chance of a score"]
    assert told[0]["item low"] < told[0]["index low"] < 85 < told[0]["index high"] < told[0]["item high"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("unit,population\nA,10\nB,x\n", "units.csv row 3 column 'population' is 'x'; allowed: a number from 1"),
        ("unit,population,share\nA,10,101\n", "units.csv row 2 column 'share' is '101'"),
        ("unit,population,tea\nA,10,1\n", "row 1 column 'tea'"),
        ("unit,population\nA,10\nA,10\n", "units.csv names 'A' twice"),
        ("unit\nA\n", "column 'population' is missing in units.csv"),
        ("unit,population\n", "it has no unit"),
        ("unit,population\nA,10\n", "total is 300"),
    ],
)
def test_a_table_of_units_that_cannot_be_used_is_refused_by_row_column_and_rule(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "allocate", str(units(tmp_path, text)), "--total", "300", "--rule", "equal"]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan"], ["plan", "size", "--population", "10"], ["plan", "size", "--population", "0", "--margin", "5"],
        ["plan", "width", "--population", "10", "--half-width", "60"],
        ["plan", "size", "--population", "9", "--margin", "5", "--items", "3"], ["screen"], ["quality", "x", "--seed"],
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_says_what_is_allowed(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["plan"], ["plan", "allocate"], ["screen"], ["quality"], ["score"]])
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert "usage:" in capsys.readouterr().out


@pytest.fixture
def wave(make: Any, tmp_path: Path) -> Path:
    """Eight honest units and one of which twenty answers say 5 to everything; nine items."""
    rng = np.random.default_rng(5)
    tables = make.tables(items=tuple(f"S{number}" for number in range(1, 10)))
    for number in range(9):
        opinion = rng.normal(0.9, 0.8, (30, 1)) + rng.normal(0, 0.8, (30, 9))
        codes = np.clip(np.round(3 + opinion), 1, 5).astype(int)
        codes[:20] = 5 if number == 4 else codes[:20]
        tables.cell(f"u{number}", codes.astype(str).tolist())
    write_extract(tables.extract(), tmp_path / "wave")
    return tmp_path / "wave"


def test_screening_names_the_unit_its_evidence_and_the_rows_of_the_file(ask: Ask, wave: Path) -> None:
    told = ask("screen", wave, "--least", 20)
    assert {row["group"].split("|")[0] for row in told["findings"]} == {"u4"}
    straight = next(row for row in told["findings"] if row["signal"] in ("straight", "top_codes"))
    assert straight["statistic"] > straight["99 % quantile"]
    lines = (wave / "answers.csv").read_text().splitlines()
    assert all(",u4," in lines[row - 1] for row in straight["rows"])


def test_the_questionnaires_quality_comes_with_what_to_improve_first(ask: Ask, wave: Path) -> None:
    told = ask("quality", wave)
    assert [row["code"] for row in told["items"]] == [f"S{number}" for number in range(1, 10)]
    overall = next(row for row in told["scales"] if row["code"] == "overall")
    assert 0.7 < overall["omega"] < 1
    assert 0.7 < overall["alpha"] < 1
    losses = [row["lost"] for row in told["improve first"]]
    assert losses == sorted(losses, reverse=True)
    satisfied = np.mean([row["satisfied"] for row in told["items"]])
    assert sum(losses) == pytest.approx(100 - satisfied)


@pytest.mark.parametrize("command", ["quality", "score"])
def test_a_sample_table_that_counts_other_answers_is_refused_by_both(
    command: str, make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extract = make.drawn(3)[0].extract()
    first, *others = extract.sample
    wrong = replace(extract, sample=(replace(first, answered=first.answered - 1), *others))
    write_extract(wrong, tmp_path / "wave")
    assert main([command, str(tmp_path / "wave")]) == 1
    assert "the sample's tables say 3, 4 were found" in capsys.readouterr().err


def test_self_selected_answers_say_nothing_of_the_questionnaire(ask: Ask, make: Any, tmp_path: Path) -> None:
    tables = make.drawn(3)[0]
    before = tables.extract()
    for _ in range(40):
        tables.answer("u000", ["1"] * 4, stratum="", code="open", fpc=1, weight=1, mode="open")
    write_extract(before, tmp_path / "one")
    write_extract(tables.extract(), tmp_path / "two")
    one, two = ask("quality", tmp_path / "one"), ask("quality", tmp_path / "two")
    assert two["given"]["self-selected left out"] == 40
    assert two["items"] == one["items"]


def test_an_officials_extract_is_not_screened_by_the_units_that_it_judges(
    make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = make.officials()
    for rater in range(20):
        tables.rate(f"r{rater}", "XA", "u1", ["4", "5", "3", "4"])
    write_extract(tables.extract(), tmp_path)
    assert main(["screen", str(tmp_path)]) == 1
    assert "audience" in capsys.readouterr().err


DOOR = "collector,mode,counter,bin,doubtful,count\n"


def test_counters_at_the_door_join_the_screening(
    wave: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"c{one},interviewer,hour,{hour},{'yes' if hour > 17 else 'no'},{30 if one == 3 and hour > 17 else 5}"
            for one in range(8) for hour in range(8, 20)]  # fmt: skip
    path = tmp_path / "door.csv"
    path.write_text(DOOR + "\n".join(rows) + "\n", encoding="utf-8")
    (door,) = read_doors(path)
    check_door(door)
    assert main(["screen", str(wave), "--least", "30", "--door", str(path), "--seed", "2", "--all"]) == 0
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "c3" in one and "out_of_hours" in one]
    assert " yes" in line


@pytest.mark.parametrize(
    ("rows", "leaf", "said"),
    [
        ("a,link,tea,,,3", CellInvalid, "column 'counter' is 'tea'"),
        ("a,link,hour,,no,3", CellInvalid, "column 'bin'"),
        ("a,link,hour,8,perhaps,3", CellInvalid, "column 'doubtful'"),
        ("a,link,asked,,,-3", CellInvalid, "column 'count' is '-3'"),
        ("a,link,hour,8,no,3\na,link,hour,8,no,3", DuplicateKey, "twice"),
        ("a,link,hour,8,no,3\nb,link,hour,8,yes,3", CellInvalid, "row 3 column 'doubtful'"),
        ("a,link,hour,8,no,3\nb,link,hour_of_day,8,no,3", CellInvalid, "row 3 column 'counter'"),
    ],
)
def test_a_counter_that_is_none_is_refused_by_row_and_column(
    rows: str, leaf: type[AnalysisError], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "door.csv"
    path.write_text(f"{DOOR}{rows}\n", encoding="utf-8")
    with pytest.raises(leaf, match=said):
        read_doors(path)


def test_units_at_a_hundred_percent_share_answers_and_a_least_above_its_most_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = units(tmp_path, "unit,population,share\nA,200,100\nB,200,100\n")
    assert main(["plan", "allocate", str(path), "--total", "40", "--rule", "neyman", "--json"]) == 0
    assert [one["answers"] for one in json.loads(capsys.readouterr().out)["units"]] == [20, 20]
    path = units(tmp_path, "unit,population,least,most\nA,200,50,10\n")
    assert main(["plan", "allocate", str(path), "--total", "10", "--rule", "equal"]) == 1
