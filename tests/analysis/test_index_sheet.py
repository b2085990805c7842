"""Index sheets: waves joined with imported points, their errors carried into every sum, wholes that stand for parts."""

from __future__ import annotations

import json
from hashlib import sha256
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.components.rows import Row, csv_bytes
from analysis.errors import (
    CellInvalid,
    CodeUnknown,
    ColumnMissing,
    DuplicateKey,
    FileChanged,
    FileUnreadable,
    KeyInvalid,
)
from analysis.extract import Scores, score, write_scores
from analysis.index_sheet import IndexSheet, make_index, read_index, score_index, write_index

GROUP = '[[group]]\ncode = "TD"\nmax = 38.5\nparts = ["1.10", "8"]\n'
APPRAISED = [("1.1", 50.0), ("8.2.1", 75.0), ("8.2.2", 100.0), ("8.2.3", 95.0), ("8.2.4", 1.3)]
NOTHING: dict[str, list[str]] = {"unit": [], "code": [], "value": [], "source": []}
UNITS = ("u000", "u001", "u002", "u003", "u004", "u005")


def waves(make: Any, scheme: str) -> dict[str, Scores]:
    """A citizens' and an officials' wave of the same six units, both scored by the same scheme."""
    citizens = make.drawn(5)[0]
    citizens.schemes = [scheme]
    officials, rng = make.officials(), np.random.default_rng(7)
    for unit in UNITS:
        for number in range(20):
            for group in ("HDND", "XA"):
                row = [str(code) for code in rng.choice([2, 3, 4, 5], 4, p=[0.1, 0.2, 0.3, 0.4])]
                officials.rate(f"{group}{number}", group, unit, row)
    officials.schemes = [scheme]
    return {"citizens": score(citizens.extract()), "officials": score(officials.extract())}


def index_of(
    make: Any, scheme: str, inputs: list[tuple[str, str, float]], results: dict[str, Scores] | None = None, **keys: Any
) -> IndexSheet:
    results = results or {}
    manifest = make.manifest(dict.fromkeys(UNITS, keys.pop("kind", "commune")), audience="index", name_vi="Chỉ số")
    told = [{"code": code, "kind": "real", "audience": code, "extract": ""} for code in results]
    return make_index(
        inputs={
            "unit": [unit for unit, _, _ in inputs],
            "code": [code for _, code, _ in inputs],
            "value": [value for _, _, value in inputs],
            "source": ["test"] * len(inputs),
        },
        scheme=scheme,
        manifest={**manifest, "name_en": "Index", "waves": told, **keys},
        given={f"waves/{code}.csv": csv_bytes(one.rows) for code, one in results.items()},
    )


@pytest.fixture(scope="module")
def joined(make: Any) -> tuple[dict[str, Scores], Scores]:
    scheme = make.scheme() + GROUP
    results = waves(make, scheme)
    inputs = [(unit, code, value) for unit in UNITS for code, value in APPRAISED]
    return results, score_index(index_of(make, scheme, inputs, results))


def distance(row: Row, side: str) -> float:
    return abs(float(str(getattr(row, side))) - float(str(row.points)))


@pytest.mark.parametrize("weighting", ["design", "calibrated"])
def test_a_sum_over_two_waves_has_both_errors_and_the_imported_points_have_none(
    make: Any, joined: tuple[dict[str, Scores], Scores], weighting: str
) -> None:
    results, scores = joined
    for unit in UNITS:
        place = {"unit": unit, "level_of": "total", "weighting": weighting}
        total = make.find(scores, **place)
        people = make.find(results["citizens"], **place)
        raters = make.find(results["officials"], **place)
        assert (total.status, total.reason) == ("ok", None)
        typed = 50 + 0.75 + 0.75 + 1 + 1.3
        assert float(total.points) == pytest.approx(float(people.points) + float(raters.points) + typed, abs=2e-6)
        assert float(total.se) == pytest.approx(hypot(float(people.se), float(raters.se)), abs=2e-6)
        for side in ("ci_low", "ci_high"):
            expected = hypot(distance(people, side), distance(raters, side))
            assert distance(total, side) == pytest.approx(expected, abs=3e-6)
        assert total.ci_method == "square_and_add"
        assert total.n_valid == str(min(int(people.n_valid), int(raters.n_valid)))
        assert total.is_official == ("yes" if weighting == "design" else "no")


def test_a_part_of_one_wave_is_that_waves_own_figure(make: Any, joined: tuple[dict[str, Scores], Scores]) -> None:
    results, scores = joined
    names = ("points", "se", "ci_low", "ci_high", "ci_method", "n_valid", "n_effective", "max")
    for wave, code, level_of in (("officials", "1.10", "criterion"), ("citizens", "8.1", "criterion")):
        for unit in UNITS:
            place = {"unit": unit, "level_of": level_of, "code": code, "weighting": "design"}
            before, now = make.find(results[wave], **place), make.find(scores, **place)
            told = [(getattr(before, name), getattr(now, name)) for name in names]
            assert all(a == b or float(a) == pytest.approx(float(b), abs=2e-6) for a, b in told)


def test_both_readings_of_the_impact_carry_their_own_error(make: Any, joined: tuple[dict[str, Scores], Scores]) -> None:
    results, scores = joined
    for unit in UNITS:
        place = {"unit": unit, "weighting": "design"}
        area, block = (
            make.find(scores, level_of="area", code="8", **place),
            make.find(scores, level_of="group", **place),
        )
        officials = make.find(results["officials"], level_of="criterion", code="1.10", **place)
        assert float(block.points) == pytest.approx(float(area.points) + float(officials.points), abs=2e-6)
        assert float(block.se) == pytest.approx(hypot(float(area.se), float(officials.se)), abs=2e-6)
        assert (area.max, block.max, block.grade, area.grade) == ("16.500000", "38.500000", None, None)
        assert float(block.index) == pytest.approx(100 * float(block.points) / 38.5, abs=2e-6)


def test_ranks_have_sets_that_hold_them_and_an_exact_total_has_one_rank(
    make: Any, joined: tuple[dict[str, Scores], Scores]
) -> None:
    _, scores = joined
    totals = [make.find(scores, unit=unit, level_of="total", weighting="design") for unit in UNITS]
    by_points = sorted(totals, key=lambda row: -float(row.points))
    assert [int(row.rank) for row in by_points] == sorted(int(row.rank) for row in totals)
    assert all(int(row.rank_low) <= int(row.rank) <= int(row.rank_high) for row in totals)
    assert any(int(row.rank_high) > int(row.rank_low) for row in totals)
    exact = score_index(index_of(make, make.scheme(), [(unit, "total", 70.0 + n) for n, unit in enumerate(UNITS)]))
    rows = [make.find(exact, unit=unit, level_of="total") for unit in UNITS]
    assert [(row.rank, row.rank_low, row.rank_high) for row in rows] == [(str(n),) * 3 for n in (6, 5, 4, 3, 2, 1)]


def test_a_unit_that_lacks_a_wave_is_not_ranked_and_says_what_it_lacks(make: Any) -> None:
    scheme = make.scheme()
    results = waves(make, scheme)
    results["officials"] = Scores(tuple(row for row in results["officials"].rows if row.unit != "u001"), {})
    inputs = [(unit, code, value) for unit in UNITS for code, value in APPRAISED]
    scores = score_index(index_of(make, scheme, inputs, results))
    total = make.find(scores, unit="u001", level_of="total", weighting="design")
    assert (total.status, total.reason, total.rank, total.index) == ("not_ranked", "missing=1.10", None, None)
    assert make.find(scores, unit="u000", level_of="total", weighting="design").status == "ok"


def test_what_a_wave_hides_stays_hidden_in_every_sum(make: Any) -> None:
    scheme = make.scheme() + GROUP
    results = waves(make, scheme)
    hidden = {"status": "suppressed"} | dict.fromkeys(("points", "index", "se", "ci_low", "ci_high"))
    results["citizens"] = Scores(
        tuple(
            Row(**{**row.as_dict(), **hidden}) if row.unit == "u002" and row.max is not None and row.n_valid else row
            for row in results["citizens"].rows
        ),
        {},
    )
    inputs = [(unit, code, value) for unit in UNITS for code, value in APPRAISED]
    scores = score_index(index_of(make, scheme, inputs, results))
    for level_of, code in (("criterion", "8.1"), ("area", "8"), ("group", "TD"), ("total", "total")):
        row = make.find(scores, unit="u002", level_of=level_of, code=code, weighting="design")
        assert (row.status, row.points, row.ci_low, row.se, row.rank) == ("suppressed", None, None, None, None)


def test_a_sum_with_a_part_whose_error_nobody_can_estimate_has_limits_and_no_error(make: Any) -> None:
    scheme = make.scheme() + GROUP
    results = waves(make, scheme)
    results["citizens"] = Scores(
        tuple(Row(**{**row.as_dict(), "se": None}) if row.unit == "u002" else row for row in results["citizens"].rows),
        {},
    )
    inputs = [(unit, code, value) for unit in UNITS for code, value in APPRAISED]
    scores = score_index(index_of(make, scheme, inputs, results))
    total = make.find(scores, unit="u002", level_of="total", weighting="design")
    assert (total.se, total.reason) == (None, "no_variance")
    assert float(str(total.ci_low)) < float(str(total.points)) < float(str(total.ci_high))
    assert make.find(scores, unit="u001", level_of="total", weighting="design").se is not None


def test_two_waves_that_give_the_same_component_are_refused(make: Any) -> None:
    results = waves(make, make.scheme())
    with pytest.raises(DuplicateKey, match="citizens, twice"):
        score_index(index_of(make, make.scheme(), [], {**results, "twice": results["citizens"]}))


def test_a_provinces_own_survey_is_an_internal_estimate_and_what_it_imported_is_official(make: Any) -> None:
    scheme = make.scheme("national", "province")
    citizens = make.drawn(5)[0]
    citizens.schemes = [scheme]
    results = {"citizens": score(citizens.extract())}
    inputs = [("75", code, value) for code, value in [*APPRAISED, ("1.10.1", 9.0), ("1.10.2", 8.0)]]
    sheet = index_of(make, scheme, inputs, results, units=make.manifest({"75": "province"})["units"])
    scores = score_index(sheet)
    place = {"unit": "75", "weighting": "design"}
    own = make.find(scores, level_of="criterion", code="8.1", **place)
    total = make.find(scores, level_of="total", **place)
    for row in (own, total):
        assert row.is_official == "no"
        assert "internal_estimate" in str(row.reason)
    imported = make.find(scores, level_of="area", code="1", **place)
    assert (imported.is_official, imported.points) == ("yes", "67.000000")
    both = score_index(index_of(make, scheme, [*inputs, ("75", "8.1", 7.9)], units=sheet.told["units"]))
    assert {row.is_official for row in both.rows} == {"yes"}


@pytest.mark.parametrize(
    ("given", "points", "status"),
    [
        ([("1", 70.0), ("8", 10.0)], {"total": "80.000000", "1": "70.000000", "TD": "10.000000"}, "ok"),
        ([("1", 70.0), ("8.1", 8.0), ("8.2", 5.5)], {"total": "83.500000", "8": "13.500000"}, "ok"),
        ([("1.1", 50.0), ("TD", 30.0)], {"total": "80.000000", "1": "50.000000", "8": None}, "ok"),
        ([("total", 81.0), ("8", 12.0)], {"total": "81.000000", "8": "12.000000", "1": None}, "ok"),
        ([("total", 81.0), ("1", 70.0), ("8", 10.99)], {"total": "80.990000"}, "ok"),  # the parts are known: their sum
        ([("1", 70.0)], {"total": "70.000000"}, "not_ranked"),
    ],
)
def test_points_of_a_whole_stand_for_its_parts_where_these_are_not_known(
    make: Any, given: list[tuple[str, float]], points: dict[str, str | None], status: str
) -> None:
    scheme = make.scheme() + GROUP
    scores = score_index(index_of(make, scheme, [("u000", code, value) for code, value in given]))
    rows = {row.code: row for row in scores.rows}
    assert {code: rows[code].points for code in points} == points
    assert rows["total"].status == status
    assert (rows["total"].grade is None) == (status == "not_ranked")


def test_a_whole_beside_a_surveyed_part_counts_and_one_that_holds_it_does_not(
    make: Any, joined: tuple[dict[str, Scores], Scores]
) -> None:
    results, scores = joined
    scheme = make.scheme() + GROUP
    given = [("1.1", 50.0), ("8.2", 3.8), ("8.1", 1.0), ("total", 99.0)]  # the survey gives 8.1
    inputs = [(unit, code, value) for unit in UNITS for code, value in given]
    found = score_index(index_of(make, scheme, inputs, results))
    names = ("points", "se", "ci_low", "ci_high", "status", "rank_low", "rank_high")
    for unit in UNITS:
        for level_of in ("total", "group"):
            place = {"unit": unit, "level_of": level_of, "weighting": "design"}
            told = [[getattr(make.find(one, **place), name) for name in names] for one in (found, scores)]
            assert told[0] == told[1]


def test_wrong_points_are_refused_with_file_row_and_what_is_allowed(make: Any) -> None:
    with pytest.raises(CellInvalid, match=r"0 to 16\.5"):
        score_index(index_of(make, make.scheme(), [("u000", "8", 17.0)]))
    with pytest.raises(CodeUnknown):
        score_index(index_of(make, make.scheme(), [("u000", "9.9", 1.0)]))
    with pytest.raises(DuplicateKey):
        index_of(make, make.scheme(), [("u000", "8", 1.0), ("u000", "8", 2.0)])


def test_the_folder_gives_the_same_digits_and_a_changed_file_is_named(
    make: Any, joined: tuple[dict[str, Scores], Scores], tmp_path: Path
) -> None:
    scheme = make.scheme() + GROUP
    inputs = [(unit, code, value) for unit in UNITS for code, value in APPRAISED]
    sheet = index_of(make, scheme, inputs, joined[0])
    write_index(sheet, tmp_path / "in")
    again = read_index(tmp_path / "in")
    assert again.digest == sheet.digest
    scores = score_index(again)
    assert csv_bytes(scores.rows) == csv_bytes(joined[1].rows)
    write_scores(scores, tmp_path / "out")
    schema = json.loads((tmp_path / "out" / "scores.schema.json").read_text())
    head = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert head["audience"] in schema["properties"]["audience"]["enum"]
    assert {row["ci_method"] for row in head["rows"]} <= set(schema["$defs"]["row"]["properties"]["ci_method"]["enum"])
    (tmp_path / "in" / "waves" / "citizens.csv").write_text("unit\n")
    with pytest.raises(FileChanged, match="citizens"):
        read_index(tmp_path / "in")


def test_a_years_total_says_how_sure_its_grade_is(make: Any, joined: tuple[dict[str, Scores], Scores]) -> None:
    bands = [dict(row) for row in joined[1].beside["grades"].rows if row["is_official"] == "yes"]
    assert {row["level_of"] for row in bands} == {"total"}
    for unit in {row["unit"] for row in bands}:
        own = {str(row["band"]): row for row in bands if row["unit"] == unit}
        assert sum(float(str(row["confidence"])) for row in own.values()) == pytest.approx(1, abs=1e-5)
        row = next(
            one for one in joined[1].rows if one.unit == unit and one.code == "total" and one.is_official == "yes"
        )
        first = next(iter(own.values()))
        assert float(str(first["percent_low"])) == pytest.approx(float(str(row.ci_low)), abs=1e-6)  # of 100 points


def test_changes_from_last_year_hold_both_years_errors_and_no_other_maximum(make: Any) -> None:
    scheme = make.scheme()
    last = score_index(index_of(make, scheme, [("u000", "1", 70.0), ("u000", "8", 10.0)]))
    sheet = index_of(make, scheme, [("u000", "1", 71.5), ("u000", "8", 10.0)])
    moved = IndexSheet(sheet.scheme, sheet.inputs, (), {}, sheet.units, sheet.told,
                       {"previous/scores.csv": csv_bytes(last.rows)})  # fmt: skip
    rows = {row.code: row for row in score_index(moved).rows}
    assert (rows["total"].change, rows["8"].change, rows["total"].change_clear) == ("1.500000", "0.000000", "yes")
    other = [Row(**{**row.as_dict(), "max": "12.000000"}) if row.code == "8" else row for row in last.rows]
    moved = IndexSheet(sheet.scheme, sheet.inputs, (), {}, sheet.units, sheet.told,
                       {"previous/scores.csv": csv_bytes(other)})  # fmt: skip
    rows = {row.code: row for row in score_index(moved).rows}
    assert (rows["total"].change, rows["8"].change) == ("1.500000", None)


def changed(data: bytes, column: str, value: str | None) -> bytes:
    """The second row with another cell, or (None) the table without the column."""
    lines = [line.split(",") for line in data.decode("utf-8-sig").splitlines()]
    place = lines[0].index(column)
    if value is None:
        return "".join(",".join(line[:place] + line[place + 1 :]) + "\n" for line in lines).encode()
    lines[2][place] = value
    return "".join(",".join(line) + "\n" for line in lines).encode()


@pytest.mark.parametrize(
    ("column", "value", "leaf"),
    [
        ("answers", None, ColumnMissing), ("n_effective", None, ColumnMissing), ("status", "fine", CellInvalid),
        ("ci_method", "guess", CellInvalid), ("n_valid", "many", CellInvalid), ("se", "nan", CellInvalid),
        ("se", "-1", CellInvalid), ("scheme", "", CellInvalid), ("ci_high", "-1", CellInvalid),
    ],
)  # fmt: skip
def test_a_waves_rows_are_checked_cell_by_cell(
    make: Any, joined: tuple[dict[str, Scores], Scores], column: str, value: str | None, leaf: type[Exception]
) -> None:
    sheet = index_of(make, make.scheme() + GROUP, [], joined[0])
    name = "waves/citizens.csv"
    given = {**sheet.given, name: changed(sheet.given[name], column, value)}
    with pytest.raises(leaf, match=column) as refused:
        make_index(inputs=NOTHING, scheme=sheet.scheme.text, manifest=sheet.told, given=given)
    assert name in str(refused.value)
    assert leaf is ColumnMissing or "row 3 " in str(refused.value)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        (3, "'waves' is 3"), (["w"], "'waves'"), ({"code": "w"}, "'waves'"), ([{"code": "citizens"}], "'kind' is None"),
        ([{"code": "citizens", "kind": "mock"}], "'kind' is 'mock'"), ([{"kind": "real"}], "wave 1 key 'code'"),
        ([{"code": ["w"], "kind": "real"}], "wave 1 key 'code'"),
    ],
)  # fmt: skip
def test_waves_that_the_manifest_lists_wrongly_are_refused(
    make: Any, joined: tuple[dict[str, Scores], Scores], told: object, named: str
) -> None:
    sheet = index_of(make, make.scheme() + GROUP, [], joined[0])
    with pytest.raises(KeyInvalid, match=named) as refused:
        make_index(inputs=NOTHING, scheme=sheet.scheme.text, manifest={**sheet.told, "waves": told}, given=sheet.given)
    assert refused.value.file == "manifest.json"


def test_a_wave_that_the_manifest_lists_twice_is_refused(make: Any, joined: tuple[dict[str, Scores], Scores]) -> None:
    sheet = index_of(make, make.scheme() + GROUP, [], joined[0])
    told = {**sheet.told, "waves": [*sheet.told["waves"], sheet.told["waves"][0]]}
    with pytest.raises(DuplicateKey, match="citizens"):
        make_index(inputs=NOTHING, scheme=sheet.scheme.text, manifest=told, given=sheet.given)


def test_a_scheme_of_another_encoding_is_named(make: Any, tmp_path: Path) -> None:
    write_index(index_of(make, make.scheme(), [("u000", "1", 70.0)]), tmp_path)
    (tmp_path / "scheme.toml").write_bytes(make.scheme().encode() + b"# \xe9\n")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["hashes"]["scheme.toml"] = sha256((tmp_path / "scheme.toml").read_bytes()).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FileUnreadable, match=r"scheme\.toml.*UTF-8"):
        read_index(tmp_path)
