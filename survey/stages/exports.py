"""Result files for Home Affairs and auditors: one writer a format, each escaping once, at the edge.

`scores.csv`, `scores.json` and the second sheet of `scores.xlsx` hold the long rows of CONTRACT's results folder; the
first sheet is the import table (bảng nhập điểm) by criterion codes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

import xlsxwriter

from survey.config import PROVINCE_TIME
from survey.model.result import Run
from survey.model.wave import Wave
from survey.rule import Source
from survey.scheme import Component, Scheme

KEY = ("year", "scheme", "wave", "unit", "level_of", "code", "rule", "weighting", "answers", "is_official")
VALUES = (
    "unit_name_vi", "unit_name_en", "level", "max", "source", "status", "reason", "index", "points", "se", "ci_low",
    "ci_high", "ci_method", "n_invited", "n_valid", "n_effective", "deff", "response_rate", "grade", "rank", "rank_low",
    "rank_high", "change", "change_low", "change_high", "change_clear",
)  # fmt: skip
COLUMNS = (*KEY, *VALUES)
NUMBERS = frozenset(COLUMNS[COLUMNS.index("index") :]) - {"ci_method", "grade", "change_clear"} | {"year", "max"}
IMPORT_COLUMNS = (
    "Mã TC/TCTP", "Lĩnh vực/Tiêu chí/Tiêu chí thành phần", "Điểm tối đa", "Điểm tự đánh giá", "Điểm thẩm định",
    "Điểm điều tra XHH", "Số phiếu hợp lệ", "Cận dưới KTC 95 %", "Cận trên KTC 95 %", "Ghi chú", "Mã đơn vị",
)  # fmt: skip
POINT_LEVELS = frozenset({"component", "criterion"})
IMPORT_WIDTHS = (13, 60, 12, 17, 15, 18, 16, 17, 17, 45, 14)
STATUS_NOTES = {
    "not_ranked": "chưa đủ điều kiện xếp hạng",
    "suppressed": "không công bố (dưới 10 phiếu)",
    "empty": "không có phiếu",
    "complete": "toàn bộ",
}
REHEARSAL_NOTE = "bản thử"
ESTIMATE_NOTE = "ước tính nội bộ"
BOM = "\ufeff"
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
FORMULA = re.compile(r"[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class About:
    """What a file says of itself: the wave, the run that made the figures, the schemes in their order."""

    wave: str
    kind: str
    audience: str
    province: str
    period: tuple[str, str]
    made_at: datetime
    extract_digest: str
    code_version: str
    schemes: tuple[Scheme, ...]

    @property
    def is_rehearsal(self) -> bool:
        return self.kind == "rehearsal"


def about(wave: Wave, run: Run, schemes: Sequence[Scheme]) -> About:
    return About(
        wave=wave.code,
        kind=wave.kind,
        audience=wave.audience,
        province=wave.province,
        period=(wave.period_from.isoformat(), wave.period_to.isoformat()),
        made_at=run.made_at,
        extract_digest=run.extract_digest,
        code_version=run.code_version,
        schemes=tuple(schemes),
    )


def write_csv(about: About, rows: Sequence[Row], stream: IO[bytes]) -> None:
    """UTF-8 with BOM, so that spreadsheets read the Vietnamese letters; no cell can start a formula."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    text.write(BOM)
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([csv_cell(row[column]) for column in COLUMNS] for row in rows)
    text.detach()


def csv_cell(value: Any) -> str:
    """A cell as text; what a spreadsheet would take for a formula gets an apostrophe in front."""
    text = printable(value)
    return f"'{text}" if FORMULA.match(text) and not DECIMAL.fullmatch(text) else text


def printable(value: Any) -> str:
    return "" if value is None else UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))


def write_json(about: About, rows: Sequence[Row], stream: IO[bytes]) -> None:
    """One object; every row stands on a line of its own, so that two files can be compared."""
    head = json.dumps(json_head(about), ensure_ascii=False, indent=1)[:-2]
    lines = (json.dumps({column: row[column] for column in COLUMNS}, ensure_ascii=False) for row in rows)
    text = f'{head},\n "rows": [\n' + ",\n".join(lines) + "\n ]\n}\n"
    stream.write(text.encode("utf-8", errors="replace"))


def json_head(about: About) -> dict[str, Any]:
    return {
        "format": 1,
        "wave": about.wave,
        "kind": about.kind,
        "audience": about.audience,
        "province": about.province,
        "period_from": about.period[0],
        "period_to": about.period[1],
        "made_at": about.made_at.isoformat(timespec="seconds"),
        "extract": about.extract_digest,
        "code_version": about.code_version,
        "schemes": [{"code": one.code, "version": one.version, "digest": one.digest} for one in about.schemes],
    }


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `scores.json`, to lie beside it."""
    decimal = {"type": ["string", "null"], "pattern": f"^{DECIMAL.pattern}$"}
    text = {"type": ["string", "null"]}
    columns = {column: decimal if column in NUMBERS else text for column in COLUMNS}
    columns["year"] = {"type": ["integer", "string"]}
    row = {"type": "object", "properties": columns, "required": list(COLUMNS), "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Survey scores, one figure a row",
        "type": "object",
        "properties": {"format": {"const": 1}, "rows": {"type": "array", "items": row}},
        "required": ["format", "wave", "kind", "audience", "made_at", "extract", "code_version", "schemes", "rows"],
    }


def write_xlsx(about: About, rows: Sequence[Row], stream: IO[bytes]) -> None:
    """The import table first, then every row, then what the file is made from; codes are text, numbers are numbers."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(stream, {**options, "constant_memory": True})
    book.set_properties({"title": f"{about.wave} {REHEARSAL_NOTE if about.is_rehearsal else ''}".strip()})
    formats = {
        "head": book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1}),
        "text": book.add_format({"num_format": "@"}),
        "bold": book.add_format({"num_format": "@", "bold": True}),
    }
    suffix = f" ({REHEARSAL_NOTE})" if about.is_rehearsal else ""
    sheet = _new_sheet(book, f"Bảng nhập điểm{suffix}", IMPORT_COLUMNS, IMPORT_WIDTHS, formats)
    _fill_import_table(book, sheet, about, rows, formats)
    sheet = _new_sheet(book, f"Toàn bộ số liệu{suffix}", COLUMNS, [12] * len(COLUMNS), formats)
    for line, row in enumerate(rows, start=1):
        for place, column in enumerate(COLUMNS):
            _write(sheet, line, place, row[column], formats["text"] if column in KEY else None, column in NUMBERS)
    sheet = _new_sheet(book, "Nguồn gốc", ("Mục", "Giá trị"), (28, 90), formats)
    for line, (label, value) in enumerate(provenance(about), start=1):
        _write(sheet, line, 0, label)
        _write(sheet, line, 1, value)
    book.close()


def _new_sheet(book: Any, name: str, columns: Sequence[str], widths: Sequence[int], formats: Mapping[str, Any]) -> Any:
    sheet = book.add_worksheet(name)
    for place, (column, width) in enumerate(zip(columns, widths, strict=True)):
        sheet.set_column(place, place, width)
        sheet.write_string(0, place, column, formats["head"])
    sheet.freeze_panes(1, 2)
    return sheet


def _write(sheet: Any, line: int, place: int, value: Any, shape: Any = None, is_number: bool = False) -> None:
    """Write one cell by its kind; text is never looked at for formulas or addresses."""
    if value is None or value == "":
        return
    if is_number and DECIMAL.fullmatch(str(value)):
        sheet.write_number(line, place, float(value), shape)
    else:
        sheet.write_string(line, place, printable(value), shape)


@dataclass(frozen=True)
class ImportLine:
    """One line of the import table, in the order of its columns."""

    is_part: bool
    cells: tuple[Any, ...]


def import_lines(about: About, rows: Sequence[Row]) -> Iterator[tuple[Scheme, ImportLine]]:
    """The import table: a block a unit, in the scheme's order; the province's lines are an internal estimate."""
    for scheme in about.schemes:
        official = {
            (row["unit"], row["code"]): row
            for row in rows
            if row["scheme"] == scheme.code and row["is_official"] == "yes" and row["level_of"] in POINT_LEVELS
        }
        for unit in dict.fromkeys(unit for unit, _code in official):
            for line in _block(about, scheme, unit, official):
                yield scheme, line


def _block(about: About, scheme: Scheme, unit: str, official: Mapping[tuple[str, str], Row]) -> Iterator[ImportLine]:
    for area in scheme.areas:
        yield _sum_line(area.code, area.name("vi"), area.max, unit)
        for criterion in area.criteria:
            if criterion.own:
                yield _points_line(about, criterion.own, unit, official.get((unit, criterion.code)))
                continue
            yield _sum_line(criterion.code, criterion.name("vi"), criterion.max, unit)
            for component in criterion.components:
                yield _points_line(about, component, unit, official.get((unit, component.code)))


def _sum_line(code: str, name: str, most: Any, unit: str) -> ImportLine:
    """An area or criterion with parts: its points are the sum of the parts' and stay with the receiving software."""
    return ImportLine(True, (code, name, most, None, None, None, None, None, None, None, unit))


def _points_line(about: About, component: Component, unit: str, row: Row | None) -> ImportLine:
    found: Row = row or dict.fromkeys(COLUMNS)
    is_survey = component.source is Source.SURVEY
    appraised, surveyed = (None, found["points"]) if is_survey else (found["points"], None)
    notes = [STATUS_NOTES[found["status"]]] if found["status"] in STATUS_NOTES else []
    notes += [ESTIMATE_NOTE] if unit == about.province else []
    notes += [REHEARSAL_NOTE] if about.is_rehearsal else []
    limits = (found["n_valid"], found["ci_low"], found["ci_high"]) if is_survey else (None, None, None)
    head = (component.code, component.name("vi"), component.max, None)
    return ImportLine(False, (*head, appraised, surveyed, *limits, "; ".join(notes), unit))


def _fill_import_table(book: Any, sheet: Any, about: About, rows: Sequence[Row], formats: Mapping[str, Any]) -> None:
    decimals = {scheme.decimals for scheme in about.schemes}
    shapes = {places: book.add_format({"num_format": f"0.{'0' * places}" if places else "0"}) for places in decimals}
    count = book.add_format({"num_format": "0"})
    for number, (scheme, line) in enumerate(import_lines(about, rows), start=1):
        for place, value in enumerate(line.cells):
            is_number = 2 <= place <= 8
            text = formats["bold"] if line.is_part else formats["text"]
            shape = (count if place == 6 else shapes[scheme.decimals]) if is_number else text
            _write(sheet, number, place, value, shape, is_number)


def provenance(about: About) -> list[tuple[str, str]]:
    """What the figures were made from, in words for the reader of the workbook."""
    made = about.made_at.astimezone(PROVINCE_TIME)
    schemes = [
        (f"Bộ tiêu chí {one.code}", f"{one.version}; {one.legal_basis}; SHA-256 {one.digest}") for one in about.schemes
    ]
    return [
        ("Đợt khảo sát", about.wave),
        ("Loại", "Bản thử, không tính điểm" if about.is_rehearsal else "Chính thức"),
        ("Giai đoạn", " – ".join(about.period)),
        ("Thời điểm tính", f"{made:%d/%m/%Y %H:%M}"),
        ("Mã băm dữ liệu đầu vào (SHA-256)", about.extract_digest),
        ("Phiên bản chương trình", about.code_version),
        *schemes,
    ]


WRITERS: dict[str, Callable[[About, Sequence[Row], IO[bytes]], None]] = {
    "csv": write_csv,
    "json": write_json,
    "xlsx": write_xlsx,
}
