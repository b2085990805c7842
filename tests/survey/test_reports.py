"""Reports as data: what the word processor's file tells a screen reader, bars as pictures, counts that are not told."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import UTC, datetime

import docx
import pytest
from docx.oxml.ns import qn
from flask import Flask

from survey.i18n import EN
from survey.paper import bars, word
from survey.paper.document import (
    Bar,
    Bullets,
    Cell,
    Column,
    Document,
    Fact,
    Heading,
    Headline,
    Origin,
    Paragraph,
    Row,
    Table,
)
from survey.scheme import builtin_scheme
from survey.web import figures
from survey.web.figures import Standing
from survey.web.report import parts
from survey.web.site import use_language

MADE = datetime(2026, 8, 5, 9, 30, 15, 123, tzinfo=UTC)
BAR = Bar(89.57, 80.86, 94.59, 100.0, "89,57, khoảng tin cậy 95 % từ 80,86 đến 94,59")
REPORT = Document(
    "vi", "Sở Tài chính", "Chỉ số hài lòng", "Bản thử", "sipas-2025 · Sở Tài chính",
    (
        Headline("89,57", ("Khoảng tin cậy 95 %",), BAR, (Fact("Đã mời", "55"),)),
        Heading("Yếu tố"),
        Table(
            "Yếu tố", (Column("Yếu tố"), Column("Chính thức", True), Column("0 – 100")),
            (Row((Cell("I. Tiếp cận"), Cell("89,58", is_strong=True), Cell(bar=BAR))),),
        ),
        Paragraph("Ghi chú", is_note=True), Bullets(("một", "hai")), Origin("sha256:ab", "Mã niêm phong", ()),
    ),
)  # fmt: skip


def test_the_same_report_gives_the_same_bytes_without_a_clock_in_them() -> None:
    one, two = word.as_docx(REPORT, made=MADE), word.as_docx(REPORT, made=MADE)
    assert one == two
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    properties = docx.Document(io.BytesIO(one)).core_properties
    assert (properties.created, properties.modified) == (MADE.replace(microsecond=0),) * 2


def test_a_word_processors_file_tells_a_screen_reader_what_it_shows() -> None:
    made = docx.Document(io.BytesIO(word.as_docx(REPORT, made=MADE)))
    assert (made.core_properties.title, made.core_properties.language) == ("Sở Tài chính", "vi-VN")
    assert [one.text for one in made.paragraphs if one.style.name == "Heading 1"] == ["Yếu tố"]
    told = [one.get("descr") for one in made.element.iter(qn("wp:docPr"))]
    assert told == [BAR.told, BAR.told, "Mã niêm phong"]
    head, *rows = made.tables[0].rows
    assert head._tr.trPr.find(qn("w:tblHeader")) is not None
    assert all(row._tr.trPr.find(qn("w:tblHeader")) is None for row in rows)
    assert made.element.find(f".//{qn('w:tblCaption')}").get(qn("w:val")) == "Yếu tố"
    assert made.styles.element.find(f".//{qn('w:lang')}").get(qn("w:val")) == "vi-VN"


def test_a_bar_stands_where_its_figures_are() -> None:
    found = bars.measures(Bar(50.0, 40.0, 60.0, 100.0, ""))
    assert (found.low, found.width, found.value) == (80.0, 40.0, 100.0)
    assert bars.measures(Bar(5.0, 5.0, 5.0, 5.0, "")).width == 1.0
    content = bars.png(BAR)
    assert struct.unpack(">II", content[16:24]) == (400, 28)
    assert content == bars.png(BAR)


@pytest.mark.parametrize(
    ("modes", "told"),
    [({"link": 36}, {"link": 36}), ({"paper": 9, "link": 30, "kiosk": 0}, {"link": 30, "paper": None}), ({}, {})],
)
def test_fewer_than_ten_forms_of_one_way_are_not_told(modes: dict[str, int], told: dict[str, int | None]) -> None:
    assert parts.told_counts(modes) == told


def test_a_report_keeps_what_has_no_points_yet_and_remarks_each_sum_without_it(app: Flask) -> None:
    scheme = builtin_scheme("local-department-sample")

    def one(level: str, code: str, points: str | None, most: str, reason: str | None = None) -> Standing:
        told = {"level_of": level, "code": code, "points": points, "max": most, "reason": reason, "status": "ok",
                "ci_low": None, "ci_high": None}  # fmt: skip
        return Standing(told | {"status": "empty" if points is None else "not_ranked" if reason else "ok"}, None)

    levels = {
        "area": [one("area", "1", "6.43", "12", "not_ranked; missing=1.4")],
        "criterion": [one("criterion", "1.4", None, "4")],
        "component": [one("component", "1.1.1", "0.9", "1"), one("component", "1.4.1", None, "2")],
        "total": [one("total", "total", "51.2", "100", "missing=1.4,2.5")],
    }
    with app.test_request_context():
        use_language(EN)
        _heading, table = parts.points(figures.in_order(scheme, levels, "citizens"), levels["total"], scheme)
        assert isinstance(table, Table)
        told = {row.cells[1].text or "total": (row.cells[3].text, row.cells[0].note) for row in table.rows}
    assert list(told) == ["1", "1.1.1", "1.4", "1.4.1", "total"]
    assert told["1"] == ("6.43", "(without points yet: 1.4)")
    assert told["1.4.1"] == ("–", "(belongs to another survey wave)")
    assert told["1.4"][1]
    assert told["total"] == ("51.20", "(without points yet: 1.4, 2.5)")
