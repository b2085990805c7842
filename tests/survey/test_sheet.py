"""A list that is not what it says is refused whole; a good one reads the same from CSV and XLSX."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from survey import sheet
from survey.cells import CellRefused, Flaw, RowFault, day, email, long_code, phone
from survey.errors.common import FileRefused
from survey.errors.files import Refusal
from survey.sheet import Columns

COLUMNS = Columns(("code", "day", "note"), frozenset({"code", "day"}))


def refusal(file: Path) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        list(sheet.read(file, COLUMNS))
    return caught.value


def csv_file(folder: Path, content: str | bytes) -> Path:
    file = folder / "list"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def workbook(folder: Path, rows: list[list[object]]) -> Path:
    file = folder / "list.bin"
    with xlsxwriter.Workbook(str(file), {"strings_to_formulas": False}) as book:
        page, dates = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy"})
        for number, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if isinstance(cell, datetime):
                    page.write_datetime(number, column, cell, dates)
                else:
                    page.write(number, column, cell)
    return file


def repacked(file: Path, changes: dict[str, bytes]) -> Path:
    """The workbook with some parts replaced or added."""
    with zipfile.ZipFile(file) as old:
        parts = {name: old.read(name) for name in old.namelist()} | changes
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return file


def test_a_byte_order_mark_semicolons_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    file = csv_file(tmp_path, '\ufeffCode;day;note;\r\n;;;\r\nA1;1/2/2025;"hai\r\ndòng";\r\n\r\nA2;2025-02-01;;\r\n')
    rows = list(sheet.read(file, COLUMNS))
    assert [(row.number, row.fault) for row in rows] == [(3, None), (5, None)]
    assert rows[0].values == {"code": "A1", "day": "1/2/2025", "note": "hai\r\ndòng"}


def test_a_column_that_is_not_required_may_be_absent(tmp_path: Path) -> None:
    (row,) = sheet.read(csv_file(tmp_path, "day,code\n1/2/2025,A1\n"), COLUMNS)
    assert row.values == {"code": "A1", "day": "1/2/2025", "note": ""}


def test_a_workbook_reads_like_the_same_list_in_csv(tmp_path: Path) -> None:
    file = workbook(tmp_path, [["code", "day", "note"], [12345, datetime(2025, 2, 1), 0.5], [], ["=1+1", 45689, True]])
    rows = list(sheet.read(file, COLUMNS))
    assert rows[0] == (2, {"code": "12345", "day": "2025-02-01", "note": "0.5"}, None)
    assert rows[1].number == 4
    assert rows[1].values["code"] == "=1+1"
    assert day(rows[0].values["day"]) == day(rows[1].values["day"])


@pytest.mark.parametrize(
    ("content", "reason", "detail"),
    [
        (b"", Refusal.EMPTY, ""),
        (b"code,day\n\n,\n", Refusal.EMPTY, ""),
        (b"code,note\nA,b\n", Refusal.COLUMN_MISSING, "day"),
        (b"code,day,day\nA,b,c\n", Refusal.COLUMN_TWICE, "day"),
        (b"code,,day\nA,,c\n", Refusal.COLUMN_UNKNOWN, "2"),
        (b"code,day,<script>alert(1)</script>\nA,b,c\n", Refusal.COLUMN_UNKNOWN, "3: scriptalert1script"),
        (b'code,day,"=HYPERLINK(""x"")"\nA,b,c\n', Refusal.COLUMN_UNKNOWN, "3: hyperlinkx"),
        (b"code,day\nA,1\nB,\xff\n", Refusal.NOT_UTF8, "3"),
        (b"code,day\nA,1\nB,\xed\xa0\x80\n", Refusal.NOT_UTF8, "3"),  # a lone surrogate
        (b"code,day\nA,\xc3", Refusal.NOT_UTF8, "2"),
        (b"code,day\nA,a\0b\n", Refusal.BINARY, ""),
        ("code,day\nA,1\n".encode("utf-16"), Refusal.BINARY, ""),
        (b'code,day\nA,"1\nB,2\n', Refusal.BROKEN_CSV, "2"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Refusal.OLD_EXCEL, ""),
        (b"PK\x03\x04 and nothing else", Refusal.BROKEN_WORKBOOK, ""),
    ],
)
def test_a_file_that_is_not_a_list_is_refused_whole(
    tmp_path: Path, content: bytes, reason: Refusal, detail: str
) -> None:
    refused = refusal(csv_file(tmp_path, content))
    assert (refused.reason, refused.detail) == (reason, detail)


def test_a_damaged_row_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    lines = ["code,day,note", "A,1", "B,1,2,3", "C,1,a\x07b", f"D,1,{'x' * 2000}", "E,1,ok"]
    faults = [row.fault for row in sheet.read(csv_file(tmp_path, "\n".join(lines)), COLUMNS)]
    assert faults == [
        RowFault(2, "note", Flaw.CELLS_MISSING),
        RowFault(3, "", Flaw.CELLS_EXTRA),
        RowFault(4, "note", Flaw.CONTROL_CHARACTER),
        RowFault(5, "note", Flaw.TOO_LONG),
        None,
    ]


def test_a_workbook_cut_short_is_refused_at_every_length(tmp_path: Path) -> None:
    file = workbook(tmp_path, [["code", "day"], ["A", "1/2/2025"]])
    content = file.read_bytes()
    for length in range(8, len(content) - 1, len(content) // 40):
        file.write_bytes(content[:length])
        assert refusal(file).reason == Refusal.BROKEN_WORKBOOK


@pytest.mark.parametrize(
    ("part", "content", "detail"),
    [
        ("xl/media/zeros.xml", bytes(64 << 20), "ratio"),
        ("xl/../../outside.xml", b"<a/>", "parts"),
        ("xl/extra.xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "doctype"),
        ("xl/extra.xml", b'<a uniqueCount="99999999999"/>', "count"),
        ("xl/extra.xml", b'<a><row r="1"><c r="XFD1048576"><v>1</v></c></row></a>', "extent"),
        ("xl/extra.xml", b"<a><row>" + b"<c/>" * 60 + b"</row></a>", "extent"),
    ],
)
def test_a_workbook_that_would_fill_the_memory_is_refused_before_it_is_opened(
    tmp_path: Path, part: str, content: bytes, detail: str
) -> None:
    file = repacked(workbook(tmp_path, [["code", "day"], ["A", "1/2/2025"]]), {part: content})
    refused = refusal(file)
    assert (refused.reason, refused.detail) == (Refusal.UNSAFE_WORKBOOK, detail)


def test_a_workbook_of_ten_thousand_parts_or_with_a_part_twice_is_refused(tmp_path: Path) -> None:
    file = workbook(tmp_path, [["code", "day"], ["A", "1/2/2025"]])
    repacked(file, {f"xl/{number}.xml": b"" for number in range(1001)})
    assert refusal(file).detail == "parts"
    file = workbook(tmp_path, [["code", "day"], ["A", "1/2/2025"]])
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as packed:
        packed.writestr("xl/workbook.xml", b"<a/>")
    assert refusal(file).detail == "parts"


def test_merged_cells_are_refused_since_rows_would_lose_their_values(tmp_path: Path) -> None:
    file = tmp_path / "merged.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["code", "day"])
        page.merge_range(1, 0, 2, 0, "A")
    refused = refusal(file)
    assert (refused.reason, refused.detail) == (Refusal.MERGED_CELLS, "2")


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.xlsx"
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("word/document.xml", "<a/>")
    assert refusal(file).reason == Refusal.BROKEN_WORKBOOK


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.csv").reason == Refusal.UNREADABLE
    assert refusal(tmp_path).reason == Refusal.UNREADABLE


@pytest.mark.parametrize(
    "text", ["05/09/2025", "5/9/2025", "05-09-2025", "2025-09-05", "2025-09-05T07:30:00", "05/09/2025 07:30", "45905.3"]
)
def test_a_date_is_read_in_each_layout(text: str) -> None:
    assert day(text).isoformat() == "2025-09-05"


@pytest.mark.parametrize(
    "text", ["31/02/2025", "09/31/2025", "5/9/25", "05/09-2025", "２０２５-09-05", "99999", "12345", "nay", "2025-09"]
)
def test_a_date_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(CellRefused):
        day(text)


@pytest.mark.parametrize(
    "text",
    ["0912345678", "912345678", "+84 912 345 678", "84912345678", "0084912345678", "091.234.5678", "(091) 234-5678",
     "+84(0)912345678", "912345678.0", "\u202d0912 345 678\u202c"],
)  # fmt: skip
def test_a_phone_is_the_same_number_however_it_is_written(text: str) -> None:
    assert phone(text) == "0912345678"


def test_a_landline_is_read_too() -> None:
    assert phone("024 3825 1234") == phone("2438251234") == phone("+84 24 38251234") == "02438251234"


@pytest.mark.parametrize(
    "text",
    ["0112345678", "01612345678", "091234567", "9,12346E+08", "0912345678; 0987654321", "không có", "+1 2025550123"],
)
def test_what_is_no_vietnamese_number_is_refused(text: str) -> None:
    with pytest.raises(CellRefused):
        phone(text)


@pytest.mark.parametrize("text", ["a@b", "a b@c.vn", "a@b.vn\r\nBcc: c@d.vn", "a@b.vn,c@d.vn", "<a@b.vn>", "@b.vn"])
def test_what_is_no_single_address_is_refused(text: str) -> None:
    with pytest.raises(CellRefused):
        email(text)


def test_a_code_that_a_spreadsheet_rounded_is_refused() -> None:
    with pytest.raises(CellRefused):
        long_code("1.23457E+12")
    assert long_code(" h12-0a 01\u200b") == "H12-0A01"
