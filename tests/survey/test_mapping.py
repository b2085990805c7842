"""Lists as other offices export them: described by a mapping, read row by row, nothing guessed."""

from __future__ import annotations

import unicodedata
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from survey import sheet
from survey.cells import Flaw, name, phone
from survey.errors.common import FileRefused
from survey.errors.files import Refusal
from survey.faults import FaultyFile, Reason
from survey.mapping import read_mapping
from survey.sheet import Row
from survey.stages.dossiers import COLUMNS

MAPPING = """
header_row = 5
skip_last = 2
system = "iGate"
[columns]
dossier_code = "Mã hồ sơ"
rated_unit = "Đơn vị giải quyết"
procedure_field = "Lĩnh vực"
received_on = "Thời gian / Tiếp nhận"
due_on = "Thời gian / Hẹn trả"
finished_on = "Thời gian / Có kết quả"
sex = "Giới tính"
phone = "Số điện thoại"
[values.sex]
"Nam" = "M"
"Nữ" = "F"
[values.rated_unit]
"UBND phường Ba Đình" = "00004"
"""
HEADINGS = ["STT", "Mã hồ sơ", "Đơn vị giải quyết", "Lĩnh vực", "Thời gian", "", "", "Giới tính", "Số điện thoại"]
LOWER = ["", "", "", "", "Tiếp nhận", "Hẹn trả", "Có kết quả", "", ""]


def export(folder: Path) -> Path:
    """A one-stop system's report: a title, two rows of merged headings, merged units, a total and a signature."""
    file = folder / "x.xlsx"
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False}) as book:
        page = book.add_worksheet("Báo cáo")
        days = book.add_format({"num_format": "dd/mm/yyyy"})
        page.merge_range("A1:I1", "BÁO CÁO TÌNH HÌNH GIẢI QUYẾT HỒ SƠ")
        page.write_row("A4", HEADINGS)
        page.write_row("A5", LOWER)
        page.merge_range("E4:G4", "Thời gian")
        for column in (0, 1, 2, 3, 7, 8):
            page.merge_range(3, column, 4, column, HEADINGS[column])
        for number in range(3):
            page.write_row(5 + number, 0, [number + 1, f"H26.{number}", "", "Hộ tịch", "01/09/2025", "10/09/2025"])
            page.write_datetime(5 + number, 6, datetime(2025, 9, 9), days)
            page.write_row(5 + number, 7, [("Nữ", "nam", "khác")[number], 912345678])
        page.merge_range("C6:C8", "UBND phường Ba Đình")
        page.merge_range("A9:I9", "Tổng số: 3 hồ sơ")
        page.write("H10", "Người lập biểu")
    return file


def rows_of(file: Path, text: str) -> list[Row]:
    return list(sheet.read(file, COLUMNS, read_mapping(text, COLUMNS.known)))


def test_a_report_with_merged_headings_and_notes_reads_as_its_mapping_says(tmp_path: Path) -> None:
    rows = rows_of(export(tmp_path), MAPPING)
    assert [(row.number, row.fault) for row in rows] == [(6, None), (7, None), (8, None)]
    assert [row.values["sex"] for row in rows] == ["F", "M", "khác"]  # what no mapping names is left to the judge
    assert {row.values["rated_unit"] for row in rows} == {"00004"}
    first = rows[0].values
    assert (first["dossier_code"], first["received_on"], first["finished_on"]) == ("H26.0", "01/09/2025", "2025-09-09")
    assert phone(first["phone"]) == "0912345678"
    with pytest.raises(FileRefused) as refused:
        list(sheet.read(export(tmp_path), COLUMNS))
    assert refused.value.reason == Refusal.MERGED_CELLS


@pytest.mark.parametrize("told", [True, False])
def test_windows_1258_reads_like_utf_8_and_is_composed(tmp_path: Path, told: bool) -> None:
    person = "Nguyễn Thị Ngọc Ánh"
    tones = dict.fromkeys("\u0300\u0301\u0303\u0309\u0323")
    parts = []
    for letter in person:  # the tone apart, the rest composed: as old programs write
        split = unicodedata.normalize("NFD", letter)
        tone = "".join(one for one in split if one in tones)
        parts.append(unicodedata.normalize("NFC", "".join(one for one in split if one not in tones)) + tone)
    file = tmp_path / "x.csv"
    text = f"ma,don_vi,linh_vuc,ngay,ten\n1,98-01,Ho tich,09/25/2025,{''.join(parts)}\n"
    file.write_bytes(text.encode("cp1258"))
    columns = '[columns]\ndossier_code = "ma"\nrated_unit = "don_vi"\nprocedure_field = "linh_vuc"\nname = "ten"\n'
    head = 'date_format = "mm/dd/yyyy"\n' + ('encoding = "windows-1258"\n' if told else "")
    (row,) = rows_of(file, head + columns + 'finished_on = "ngay"\n')
    assert (name(row.values["name"]), row.values["finished_on"]) == (person, "2025-09-25")


def test_the_row_of_the_headings_says_what_divides_the_columns(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    above = 'BÁO CÁO, QUÝ I, NĂM 2025, TẤT CẢ, CÁC, ĐƠN VỊ\n;;;\n"Kỳ báo cáo: tháng 1, 2,\n3";;;\n'
    file.write_text(above + "Mã;Đơn vị;Lĩnh vực;Ngày\n1;98-01;Đất đai, nhà ở;25/09/2025\n", encoding="utf-8-sig")
    columns = 'dossier_code = "Mã"\nrated_unit = "Đơn vị"\nprocedure_field = "Lĩnh vực"\nfinished_on = "Ngày"\n'
    (row,) = rows_of(file, "header_row = 4\n[columns]\n" + columns)
    assert (row.fault, row.values["procedure_field"], row.values["finished_on"]) == (
        None, "Đất đai, nhà ở", "25/09/2025"
    )  # fmt: skip


def test_a_date_in_another_order_than_the_mapping_names_is_refused_not_turned(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a,b,c,d\n1,98-01,Đất đai,25/09/2025\n", encoding="utf-8")
    text = (
        'date_format = "mm/dd/yyyy"\n[columns]\ndossier_code = "a"\nrated_unit = "b"\nprocedure_field = "c"\n'
        'finished_on = "d"\n'
    )
    (row,) = rows_of(file, text)
    assert row.fault is not None
    assert (row.fault.column, row.fault.reason) == ("finished_on", Flaw.BAD_DATE)


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        (("Số điện thoại", "Di động"), Refusal.COLUMN_MISSING, "phone = di động"),
        (('due_on = "Thời gian / Hẹn trả"', 'due_on = "Thời gian"'), Refusal.COLUMN_MISSING, "due_on = thời gian"),
        (('finished_on = "Thời gian / Có kết quả"\n', ""), Refusal.COLUMN_MISSING, "finished_on"),
    ],
)
def test_a_heading_that_is_not_there_is_named(
    tmp_path: Path, change: tuple[str, str], reason: Refusal, detail: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        rows_of(export(tmp_path), MAPPING.replace(*change))
    assert (refused.value.reason, refused.value.detail) == (reason, detail)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("header_row = 0\n[columns]\n", "header_row", Reason.OUT_OF_RANGE),
        ('encoding = "utf-7"\n[columns]\n', "encoding", Reason.NOT_ONE_OF),
        ('date_format = "dd/mm"\n[columns]\n', "date_format", Reason.NOT_ONE_OF),
        ('[columns]\ndossier = "x"\n', "dossier", Reason.UNKNOWN_KEY),
        ('[columns]\nphone = "x"\nemail = "X"\n', "columns.phone", Reason.DUPLICATE),
        ('[columns]\n[values.gender]\nx = "M"\n', "gender", Reason.UNKNOWN_KEY),
        ("nonsense = 1\n[columns]\n", "nonsense", Reason.UNKNOWN_KEY),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused_by_key(text: str, key: str, reason: Reason) -> None:
    with pytest.raises(FaultyFile) as refused:
        read_mapping(text, COLUMNS.known)
    assert (key, reason) in [(fault.key, fault.reason_code) for fault in refused.value.faults]


def test_a_range_that_claims_the_whole_sheet_fills_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        page.write_row("A1", ["a", "b", "c", "d"])
        page.write_row("A2", ["1", "98-01", "Đất đai", "25/09/2025"])
        page.merge_range("A3:B3", "x")
    with zipfile.ZipFile(file) as old:
        parts = {name: old.read(name).replace(b"A3:B3", b"A3:XFD1048576") for name in old.namelist()}
    with zipfile.ZipFile(file, "w") as new:
        for part, content in parts.items():
            new.writestr(part, content)
    text = '[columns]\ndossier_code = "a"\nrated_unit = "b"\nprocedure_field = "c"\nfinished_on = "d"\n'
    assert len(rows_of(file, text)) == 2
