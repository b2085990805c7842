"""Result files: what Home Affairs opens in a spreadsheet holds text as text, numbers as numbers, and no formula."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from analysis.components.rows import COLUMNS, Row, csv_bytes, json_text
from survey.faults import FaultyFile
from survey.import_layout import read_layout
from survey.rule import Manual, Officials, Satisfaction, Source
from survey.scheme import Scheme, builtin_scheme, load_scheme
from survey.stages import exports, import_table
from survey.stages.exports import About

FACTS = {"year": 2026, "extract": "a" * 64, "index_name_vi": "Chỉ số hài lòng", "index_name_en": "Index", "other": 1}
HIDDEN = "không công bố (để không lộ câu trả lời của dưới 10 người)"
EMPTY = dict.fromkeys(exports.COLUMNS)
ATTACKS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "\ufeff=1", " =1"]


@pytest.fixture
def scheme() -> Scheme:
    return builtin_scheme("local-department-sample")


@pytest.fixture
def about(scheme: Scheme) -> About:
    made_at = datetime(2026, 4, 2, 1, 0, tzinfo=UTC)
    period = ("2026-01-01", "2026-03-31")
    return About("W1", "rehearsal", "citizens", "75", period, made_at, "a" * 64, "0.1.0", (scheme,), FACTS)


def row(**values: Any) -> dict[str, Any]:
    shared = {"year": "2026", "scheme": "local-department-sample", "wave": "W1", "unit": "007", "is_official": "yes"}
    return {**EMPTY, **shared, "level_of": "component", "status": "ok", **values}


def written(kind: str, about: About, rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    exports.WRITERS[kind](about, rows, stream)
    return stream.getvalue()


def sheets(about: About, rows: list[dict[str, Any]]) -> list[list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(written("xlsx", about, rows)))
    return [book.get_sheet_by_index(number).to_python() for number in range(3)]


def test_a_csv_file_has_the_contract_columns_after_a_bom(about: About) -> None:
    data = written("csv", about, [row(code="1.10", index="88.125000", unit_name_vi="Sở Nội vụ")])
    assert data.startswith(b"\xef\xbb\xbfyear,scheme,wave,unit,level_of,code,rule")
    (read,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert (read["code"], read["index"], read["points"], read["unit_name_vi"]) == ("1.10", "88.125000", "", "Sở Nội vụ")


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_cell_of_any_file_can_start_a_formula(about: About, attack: str) -> None:
    rows = [row(code="1.1.1", unit=attack, unit_name_vi=attack, reason=attack)]
    (read,) = csv.DictReader(io.StringIO(written("csv", about, rows).decode("utf-8-sig"), newline=""))
    assert read["unit_name_vi"][0] in "'\ufffd"
    with zipfile.ZipFile(io.BytesIO(written("xlsx", about, rows))) as book:
        for name in book.namelist():
            assert b"<f>" not in book.read(name)
            assert b"<hyperlink" not in book.read(name)
        styles = book.read("xl/styles.xml").decode()
        below = book.read("xl/worksheets/sheet2.xml").decode(errors="replace").partition('<row r="2"')[2]
    cells = re.findall(r'<c r="[A-Z0-9]+"(?: s="(\d+)")? t="inlineStr"', below)
    formats = re.findall(r'<xf numFmtId="(\d+)"', styles.partition("<cellXfs")[2])
    as_text = re.findall(r'numFmtId="(\d+)" formatCode="@"', styles)
    assert {formats[int(one or 0)] for one in cells} == set(as_text), "typed over, a text stays a text"


def test_negative_numbers_stay_numbers(about: About) -> None:
    (read,) = csv.DictReader(io.StringIO(written("csv", about, [row(change="-1.500000")]).decode("utf-8-sig")))
    assert read["change"] == "-1.500000"


def test_letters_that_no_file_can_hold_are_replaced(about: About) -> None:
    rows = [row(unit_name_vi="a\x00b\ud800c")]
    assert "a\ufffdb\ufffdc" in written("csv", about, rows).decode("utf-8-sig")
    assert sheets(about, rows)[1][1][exports.COLUMNS.index("unit_name_vi")] == "a\ufffdb\ufffdc"
    json.loads(written("json", about, rows))


def test_a_json_file_names_its_origin_and_keeps_decimals_as_text(about: About) -> None:
    told = json.loads(written("json", about, [row(code="8.1", points="8.812500")]))
    assert (told["kind"], told["extract"], told["rows"][0]["points"]) == ("rehearsal", "a" * 64, "8.812500")
    assert told["rows"][0]["rank"] is None
    assert json.loads(written("json", about, []))["rows"] == []


def test_the_site_and_the_auditor_write_the_same_bytes(about: About) -> None:
    rows = [row(code="8.1", points="8.812500", unit_name_vi="Sở Nội vụ, tỉnh"), row(code="8.2", change="-1.000000")]
    rows += [row(code=attack, unit=attack, unit_name_vi=attack, reason=attack) for attack in (*ATTACKS, "a\x00b", "")]
    theirs = [Row(**one) for one in rows]
    assert written("csv", about, rows) == csv_bytes(theirs)
    assert written("json", about, rows) == json_text(exports.json_head(about), theirs)
    assert exports.COLUMNS == COLUMNS


def test_the_import_table_follows_the_scheme_with_text_codes_and_numbers(about: About, scheme: Scheme) -> None:
    surveyed = next(one for one in scheme.components if one.source is Source.SURVEY)
    appraised = next(one for one in scheme.components if one.source is Source.APPRAISAL)
    level_of = {one.own.code: "criterion" for one in scheme.criteria if one.own}
    rows = [
        row(code=surveyed.code, level_of=level_of.get(surveyed.code, "component"), points="1.5", n_valid="40",
            ci_low="1.2", ci_high="1.8", status="not_ranked"),
        row(code=appraised.code, level_of=level_of.get(appraised.code, "component"), points="0.75"),
        row(code=appraised.code, unit="75", points="9", is_official="no"),
    ]  # fmt: skip
    head, *lines = sheets(about, rows)[0]
    assert tuple(head) == exports.IMPORT_COLUMNS
    codes = [line[0] for line in lines]
    assert codes[:2] == [scheme.areas[0].code, scheme.areas[0].criteria[0].code]
    assert set(codes) >= {one.code for one in scheme.components}
    assert {line[10] for line in lines} == {"007"}
    by_code = {line[0]: line for line in lines}
    assert by_code[surveyed.code][4:10] == ["", 1.5, 40, 1.2, 1.8, "chưa đủ điều kiện xếp hạng; bản thử"]
    assert by_code[appraised.code][4:6] == [0.75, ""]
    assert by_code[surveyed.code][2] == float(surveyed.max)


@pytest.mark.parametrize(
    ("rule", "values", "note"),
    [
        (Manual, {}, "chưa có điểm"),
        (Officials, {}, "thuộc đợt khảo sát khác"),
        (Satisfaction, {"reason": "rehearsal; missing=8.1; not_surveyed"}, "không khảo sát"),
        (Satisfaction, {"reason": "rehearsal; missing=8.1; no_forms"}, "không có phiếu"),
        (Satisfaction, {"reason": "rehearsal; missing=8.1; no_answers"}, "không có câu trả lời nào"),
        (Satisfaction, {"status": "suppressed", "n_valid": "9"}, "không công bố (dưới 10 phiếu)"),
        (Satisfaction, {"status": "suppressed", "n_valid": "40", "reason": "rehearsal; would_tell"}, HIDDEN),
        (Satisfaction, {"status": "suppressed", "n_valid": "40", "reason": "holds_suppressed=8.1"}, HIDDEN),
    ],
)
def test_the_import_table_says_why_a_line_has_no_points(
    about: About, scheme: Scheme, rule: type, values: dict[str, Any], note: str
) -> None:
    component = next(one for one in scheme.components if isinstance(one.rule, rule))
    lines = {line[0]: line for line in sheets(about, [row(code=component.code, **{"status": "empty", **values})])[0]}
    assert lines[component.code][9] == f"{note}; bản thử"


def test_a_workbook_of_one_run_is_the_same_whenever_it_is_written(about: About) -> None:
    rows = [row(code="1.10", index="88.125000")]
    first = written("xlsx", about, rows)
    time.sleep(2.1)  # a zip archive counts time in steps of two seconds
    assert written("xlsx", about, rows) == first
    with zipfile.ZipFile(io.BytesIO(first)) as book:
        assert b"2026-04-02T01:00:00Z" in book.read("docProps/core.xml")


def test_a_unit_of_the_province_is_an_internal_estimate(about: About, scheme: Scheme) -> None:
    rows = [row(code=scheme.components[0].code, unit="75")]
    lines = {line[0]: line for line in sheets(about, rows)[0]}
    assert "ước tính nội bộ" in lines[scheme.components[0].code][9]


def test_the_second_sheet_holds_every_row(about: About) -> None:
    rows = [row(code="1.10", index="88.125000", n_valid="40", rank="3", grade="T"), row(code="1.1", is_official="no")]
    head, first, second = sheets(about, rows)[1]
    cells = dict(zip(head, first, strict=True))
    assert tuple(head) == exports.COLUMNS
    assert [cells[name] for name in ("code", "unit", "index", "rank", "grade")] == ["1.10", "007", 88.125, 3, "T"]
    assert second[head.index("index")] == ""


LAYOUT = """
sheet = "Bảng điểm"
title = ["TỈNH ĐỒNG NAI"]
decimal = "comma"
[[column]]
field = "unit"
heading = "Đơn vị"
[[column]]
field = "code"
heading = "Mã"
group = "Tiêu chí"
[[column]]
field = "surveyed"
heading = "Điểm"
group = "Tiêu chí"
"""


def test_another_layout_has_its_own_words_merged_headings_and_a_comma(about: About, scheme: Scheme) -> None:
    surveyed = next(one for one in scheme.components if one.source is Source.SURVEY)
    rows = [row(code=surveyed.code, level_of="component", points="1.500000", n_valid="40", unit="75-SNV")]
    stream = io.BytesIO()
    import_table.write(about, rows, read_layout(LAYOUT), stream)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(stream.getvalue())).get_sheet_by_index(0)
    assert sheet.to_python()[:3] == [["TỈNH ĐỒNG NAI", "", ""], ["Đơn vị", "Tiêu chí", ""], ["", "Mã", "Điểm"]]
    assert ["75-SNV", surveyed.code, "1,500000"] in sheet.to_python()
    assert ((1, 1), (1, 2)) in sheet.merged_cell_ranges


@pytest.mark.parametrize(
    ("change", "place"),
    [('field = "code"', "column[2].field"), ('decimal = "comma"', "decimal"), ('sheet = "Bảng điểm"', "sheet")],
)
def test_a_faulty_layout_is_refused_by_its_place(change: str, place: str) -> None:
    with pytest.raises(FaultyFile) as refused:
        read_layout(LAYOUT.replace(change, change.partition("=")[0] + '= "a/b?"'))
    assert place in {".".join(part for part in (one.place, one.key) if part) for one in refused.value.faults}


def test_an_importer_that_knows_only_schema_and_headings_reads_a_province_with_other_codes(
    about: About, scheme: Scheme, tmp_path: Path
) -> None:
    ours = load_scheme(re.sub(r'code = "([0-9][0-9.]*)"', r'code = "TC-\1"', scheme.source))
    surveyed = [one for one in ours.components if one.source is Source.SURVEY]
    rows = [
        row(
            code=one.code, level_of="component", unit=unit, points="0.812500", n_valid="40", ci_low="0.700000",
            ci_high="0.900000", max=f"{one.max:.6f}", source="survey", level="department",
            rule="top2box", weighting="design", answers="all",
            unit_name_vi=unit, unit_name_en=unit,
        )
        for unit in ("75-SNV", "75-STP") for one in surveyed
    ]  # fmt: skip
    told = replace(
        about, schemes=(ours,), facts={**about.facts, "year": 2026, "index_name_vi": "a", "index_name_en": "b"}
    )
    for kind in ("json", "xlsx"):
        (tmp_path / f"scores.{kind}").write_bytes(written(kind, told, rows))
    schema = resources.files("analysis.components").joinpath("scores.schema.json").read_bytes()
    (tmp_path / "scores.schema.json").write_bytes(schema)
    script = Path(__file__).parents[1] / "studies" / "importer.py"
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr[-800:]
    assert (done.returncode, json.loads(done.stdout)["taken"]) == (0, 2 * len(surveyed)), done.stdout + done.stderr
