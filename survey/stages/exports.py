"""Result files for Home Affairs and auditors: one writer a format, each escaping once, at the edge.

`scores.csv`, `scores.json` and the second sheet of `scores.xlsx` hold the long rows of CONTRACT's results folder; the
first sheet is the import table (bảng nhập điểm) by criterion codes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import xlsxwriter
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.config import PROVINCE_TIME
from survey.model.index import IndexRun, IndexSheet
from survey.model.result import Figure, Run
from survey.model.wave import Wave
from survey.rule import Source
from survey.scheme import Component, Scheme
from survey.stages import results
from survey.stages.results import Gap

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
    "complete": "toàn bộ",
}
HIDDEN_NOTE = "không công bố (để không lộ câu trả lời của dưới 10 người)"  # the line itself may rest on many answers
GAP_NOTES = {
    Gap.NOT_GIVEN: "chưa có điểm",
    Gap.OTHER_WAVE: "thuộc đợt khảo sát khác",
    Gap.NOT_SURVEYED: "không khảo sát",
    Gap.NO_FORMS: "không có phiếu",
    Gap.NO_ANSWERS: "không có câu trả lời nào",
}
WITHHELD_NOTE = (
    "Số liệu của đơn vị này, cùng thứ hạng, sai số, khoảng tin cậy của các đơn vị cùng cấp và số liệu toàn tỉnh, được "
    "công bố sau khi phát hành, vì từ đó có thể tính ra số liệu của đơn vị."
)
REHEARSAL_NOTE = "bản thử"
ESTIMATE_NOTE = "ước tính nội bộ"
HEAD_FACTS = ("wave", "kind", "audience", "year", "extract", "index_name_vi", "index_name_en")
BOM = "\ufeff"
CHUNK = 1000
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
FORMULA = re.compile(r"[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20\t]")
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
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
    facts: Mapping[str, Any]
    withheld: str | None = None

    @property
    def is_rehearsal(self) -> bool:
        return self.kind == "rehearsal"


def about(wave: Wave, run: Run, schemes: Sequence[Scheme], *, withheld: str | None = None) -> About:
    """What the files of a run say of themselves; `withheld` is a unit whose rows are left out."""
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
        facts=run.options.get("facts", {}),
        withheld=withheld,
    )


def about_index(sheet: IndexSheet, run: IndexRun, scheme: Scheme) -> About:
    """What the files of an index sheet say of themselves."""
    facts = run.options["facts"]
    period = (f"{sheet.year}-01-01", f"{sheet.year}-12-31")
    return About(
        wave=facts["wave"],
        kind=facts["kind"],
        audience=facts["audience"],
        province="",
        period=period,
        made_at=run.made_at,
        extract_digest=run.extract_digest,
        code_version=run.code_version,
        schemes=(scheme,),
        facts=facts,
    )


def rows_of(session: Session, run: Run) -> Iterator[Row]:
    """Every row of a run in its order, a few at a time: a run is larger than a web process should hold."""
    wanted = select(Figure.row).where(Figure.run_id == run.id).order_by(Figure.position)
    return iter(session.scalars(wanted.execution_options(yield_per=CHUNK)))


def write_csv(about: About, rows: Iterable[Row], stream: IO[bytes], *, comma: bool = False) -> None:
    """UTF-8 with BOM, so that spreadsheets read the Vietnamese letters; no cell can start a formula.

    With `comma` as spreadsheets set to Vietnamese expect it: decimals with a comma, cells parted by semicolons.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    text.write(BOM)
    writer = csv.writer(text, lineterminator="\n", delimiter=";" if comma else ",")
    writer.writerow(COLUMNS)
    cell = comma_cell if comma else csv_cell
    writer.writerows([cell(row[column]) for column in COLUMNS] for row in rows)
    text.flush()
    text.detach()


def write_table(table: Mapping[str, Any], stream: IO[bytes], *, without: Collection[str] = ()) -> None:
    """A table beside the scores, as the results folder has it, without the rows of some schemes."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    text.write(BOM)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table["columns"])
    scheme = table["columns"].index("scheme")
    writer.writerows([csv_cell(cell) for cell in row] for row in table["rows"] if row[scheme] not in without)
    text.flush()
    text.detach()


def csv_cell(value: Any) -> str:
    """A cell as text; what a spreadsheet would take for a formula gets an apostrophe in front."""
    text = printable(value)
    return f"'{text}" if FORMULA.match(text) and not DECIMAL.fullmatch(text) else text


def comma_cell(value: Any) -> str:
    text = csv_cell(value)
    return text.replace(".", ",") if DECIMAL.fullmatch(text) and "." in text else text


def printable(value: Any) -> str:
    return "" if value is None else UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))


def write_json(about: About, rows: Iterable[Row], stream: IO[bytes]) -> None:
    """One object; every row stands on a line of its own, so that two files can be compared."""
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
    text.write(json.dumps(json_head(about), ensure_ascii=False, indent=1)[:-2] + ',\n "rows": [\n')
    sign = ""
    for row in rows:
        text.write(sign + json.dumps({column: row[column] for column in COLUMNS}, ensure_ascii=False))
        sign = ",\n"
    text.write("\n]\n}\n")
    text.flush()
    text.detach()


def json_head(about: About) -> dict[str, Any]:
    """What stands before the rows, as `python -m analysis score` writes it."""
    told = {"wave": about.wave, "kind": about.kind, "audience": about.audience, **about.facts}
    return {"format": 1, "schema": "scores.schema.json", **{key: told[key] for key in HEAD_FACTS if key in told}}


def write_xlsx(about: About, rows: Iterable[Row], stream: IO[bytes]) -> None:
    """The import table first, then every row, then what the file is made from; codes are text, numbers are numbers."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(stream, {**options, "constant_memory": True})
    book.set_properties({"created": about.made_at.astimezone(UTC)})  # the run's instant: one run, the same bytes
    formats = {
        "head": book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1}),
        "text": book.add_format({"num_format": "@"}),
        "bold": book.add_format({"num_format": "@", "bold": True}),
    }
    suffix = f" ({REHEARSAL_NOTE})" if about.is_rehearsal else ""
    table = _new_sheet(book, f"Bảng nhập điểm{suffix}", IMPORT_COLUMNS, IMPORT_WIDTHS, formats)
    sheet = _new_sheet(book, f"Toàn bộ số liệu{suffix}", COLUMNS, [12] * len(COLUMNS), formats)
    points = _fill_rows(sheet, rows, formats["text"])
    _fill_import_table(book, table, about, points, formats)
    sheet = _new_sheet(book, "Nguồn gốc", ("Mục", "Giá trị"), (28, 90), formats)
    for line, (label, value) in enumerate(provenance(about), start=1):
        _write(sheet, line, 0, label, formats["text"])
        _write(sheet, line, 1, value, formats["text"])
    book.close()


def _fill_rows(sheet: Any, rows: Iterable[Row], text: Any) -> list[Row]:
    """Write every row; return those that the import table is made of."""
    shapes = [(place, one, None if one in NUMBERS else text, one in NUMBERS) for place, one in enumerate(COLUMNS)]
    points = []
    for line, row in enumerate(rows, start=1):
        for place, column, shape, is_number in shapes:
            _write(sheet, line, place, row[column], shape, is_number)
        if row["is_official"] == "yes" and row["level_of"] in POINT_LEVELS:
            points.append(row)
    return points


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


def import_lines(about: About, points: Sequence[Row]) -> Iterator[tuple[Scheme, ImportLine]]:
    """The import table: a block a unit, in the scheme's order; the province's lines are an internal estimate."""
    for scheme in about.schemes:
        official = {(row["unit"], row["code"]): row for row in points if row["scheme"] == scheme.code}
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
    gap = results.gap(component, found, about.audience)
    notes = [HIDDEN_NOTE if results.is_hidden_for_others(found) else STATUS_NOTES.get(found["status"] or "", "")]
    notes += [GAP_NOTES[gap]] if gap else []
    notes += [ESTIMATE_NOTE] if unit == about.province else []
    notes += [REHEARSAL_NOTE] if about.is_rehearsal else []
    limits = (found["n_valid"], found["ci_low"], found["ci_high"]) if is_survey else (None, None, None)
    head = (component.code, component.name("vi"), component.max, None)
    return ImportLine(False, (*head, appraised, surveyed, *limits, "; ".join(filter(None, notes)), unit))


def _fill_import_table(book: Any, sheet: Any, about: About, points: Sequence[Row], formats: Mapping[str, Any]) -> None:
    decimals = {scheme.decimals for scheme in about.schemes}
    shapes = {places: book.add_format({"num_format": f"0.{'0' * places}" if places else "0"}) for places in decimals}
    count = book.add_format({"num_format": "0"})
    for number, (scheme, line) in enumerate(import_lines(about, points), start=1):
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
        *([(f"Không gồm số liệu của {about.withheld}", WITHHELD_NOTE)] if about.withheld else []),
    ]


WRITERS: dict[str, Callable[[About, Iterable[Row], IO[bytes]], None]] = {
    "csv": write_csv,
    "json": write_json,
    "xlsx": write_xlsx,
}
