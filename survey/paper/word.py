"""A report for word processors (DOCX): real headings, table heads that repeat, a text for every picture, the language
of the words; the same report gives the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any

import segno

from survey.errors.common import ExtraMissing
from survey.paper import bars
from survey.paper.document import Block, Bullets, Cell, Document, Heading, Headline, Origin, Paragraph, Row, Table

LANGUAGES = {"vi": "vi-VN", "en": "en-GB"}
LETTERS = "Noto Sans"
BAR_WIDTH, CODE_WIDTH, NUMBER_WIDTH = 32, 26, 25  # millimetres
PAGE, MARGINS = (210, 297), (16, 15, 18, 15)
SMALL, BODY = 8, 9.5
RED, GREY = "8A1C1C", "444444"
OLDEST = (1980, 1, 1, 0, 0, 0)  # what an archive can say; the instant stands in the properties
Docx = Any


def as_docx(report: Document, *, made: datetime) -> bytes:
    """Write a report; `made` is the instant of its figures, since that of the writing would change the bytes."""
    try:
        import docx
    except ImportError as error:
        raise ExtraMissing(extra="reports") from error
    file = docx.Document()
    _set_up(file, report, made)
    file.add_paragraph(report.title, style="Title")
    file.add_paragraph(report.subtitle, style="Subtitle")
    if report.mark:
        _coloured(file.add_paragraph().add_run(report.mark), RED).bold = True
    for block in report.blocks:
        WRITERS[type(block)](file, block)
    out = io.BytesIO()
    file.save(out)
    return _without_clock(out.getvalue())


def _set_up(file: Docx, report: Document, made: datetime) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt

    section = file.sections[0]
    section.page_width, section.page_height = (Mm(one) for one in PAGE)
    section.top_margin, section.right_margin, section.bottom_margin, section.left_margin = (Mm(one) for one in MARGINS)
    foot = section.footer.paragraphs[0].add_run(report.foot)
    foot.font.size = Pt(SMALL)
    for name in ("Normal", "Title", "Subtitle", "Heading 1"):
        style = file.styles[name]
        style.font.name = LETTERS
        fonts = style.element.rPr.rFonts
        for theme in [one for one in fonts.attrib if one.endswith("Theme")]:
            del fonts.attrib[theme]
        for kind in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            fonts.set(qn(kind), LETTERS)
    sizes = {"Normal": BODY, "Title": 18, "Subtitle": 11, "Heading 1": 13}
    for name, size in sizes.items():
        file.styles[name].font.size = Pt(size)
    file.styles["Normal"].paragraph_format.space_after = Pt(4)
    spoken = LANGUAGES.get(report.lang, report.lang)
    file.styles.element.find(f".//{qn('w:lang')}").set(qn("w:val"), spoken)
    about = file.core_properties
    about.title, about.language, about.author, about.comments = report.title, spoken, "Hài Lòng", ""
    about.created = about.modified = made.replace(microsecond=0)
    about.revision = 1


def _heading(file: Docx, block: Heading) -> None:
    file.add_heading(block.text, level=1)


def _paragraph(file: Docx, block: Paragraph) -> None:
    run = file.add_paragraph().add_run(block.text)
    if block.is_note:
        _small(run)


def _bullets(file: Docx, block: Bullets) -> None:
    for item in block.items:
        file.add_paragraph(item, style="List Bullet")


def _headline(file: Docx, block: Headline) -> None:
    from docx.shared import Pt

    paragraph = file.add_paragraph()
    figure = paragraph.add_run(block.figure)
    figure.bold, figure.font.size = True, Pt(24)
    for line in block.lines:
        paragraph.add_run(f"\n{line}")
    if block.bar is not None:
        _picture(file.add_paragraph(), bars.png(block.bar), block.bar.told, BAR_WIDTH * 2)
    for fact in block.facts:
        _named(file, fact.name, fact.text)


def _table(file: Docx, block: Table) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Mm

    made = file.add_table(rows=0, cols=len(block.columns), style="Light List Accent 1")
    made.autofit = False
    _say_what(made, block.title)
    widths = [Mm(one) for one in _widths(block)]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    head = Row(tuple(Cell(column.title, is_strong=True) for column in block.columns))
    for number, row in enumerate((head, *block.rows)):
        line = made.add_row()
        _keep(line, is_head=number == 0)
        for place, (cell, column, told) in enumerate(zip(line.cells, block.columns, row.cells, strict=True)):
            cell.width, paragraph = widths[place], cell.paragraphs[0]
            _fill(paragraph, told, is_strong=number == 0 or row.is_whole or told.is_strong, is_name=place == 0)
            if column.is_number:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    file.add_paragraph()


def _widths(block: Table) -> list[int]:
    """Millimetres by column: bars and numbers take what they need, the texts share the rest."""
    bars_in = [any(row.cells[place].bar for row in block.rows) for place in range(len(block.columns))]
    fixed = [
        BAR_WIDTH + 4 if has_bar else NUMBER_WIDTH if column.is_number else 0
        for column, has_bar in zip(block.columns, bars_in, strict=True)
    ]
    texts = max(fixed.count(0), 1)
    left = (PAGE[0] - MARGINS[1] - MARGINS[3] - sum(fixed)) // texts
    return [one or left for one in fixed]


def _fill(paragraph: Docx, told: Cell, *, is_strong: bool, is_name: bool) -> None:
    from docx.shared import Pt

    paragraph.paragraph_format.space_after = Pt(0)
    run = paragraph.add_run(told.text)
    run.font.size, run.bold = Pt(SMALL if is_strong and not is_name else SMALL + 0.5), is_strong
    if told.note:
        _small(paragraph.add_run(f" {told.note}" if told.text else told.note))
    if told.bar is not None:
        _picture(paragraph, bars.png(told.bar), told.bar.told, BAR_WIDTH)


def _origin(file: Docx, block: Origin) -> None:
    picture = io.BytesIO()
    segno.make(block.code, error="m", micro=False).save(picture, kind="png", border=4, scale=4)
    _picture(file.add_paragraph(), picture.getvalue(), block.told, CODE_WIDTH)
    for fact in block.facts:
        _named(file, fact.name, fact.text)


def _named(file: Docx, name: str, text: str) -> None:
    from docx.shared import Pt

    paragraph = file.add_paragraph()
    paragraph.paragraph_format.space_after = Pt(1)
    paragraph.add_run(f"{name}: ")
    paragraph.add_run(text).bold = True


def _picture(paragraph: Docx, content: bytes, told: str, width: int) -> None:
    """A picture with the words that a screen reader says in its place."""
    from docx.shared import Mm

    drawn = paragraph.add_run().add_picture(io.BytesIO(content), width=Mm(width))
    about = drawn._inline.docPr
    about.set("descr", told)
    about.set("name", "")


def _say_what(table: Docx, title: str) -> None:
    """The table's name for screen readers; only its first row and column are heads."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    caption = OxmlElement("w:tblCaption")
    caption.set(qn("w:val"), title)
    table._tbl.tblPr.append(caption)


def _keep(row: Docx, *, is_head: bool) -> None:
    """A row stays on one page; the head is said again on each."""
    from docx.oxml import OxmlElement

    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    if is_head:
        properties.append(OxmlElement("w:tblHeader"))


def _small(run: Docx) -> None:
    from docx.shared import Pt

    _coloured(run, GREY).font.size = Pt(SMALL)


def _coloured(run: Docx, colour: str) -> Docx:
    from docx.shared import RGBColor

    run.font.color.rgb = RGBColor.from_string(colour)
    return run


def _without_clock(content: bytes) -> bytes:
    """The same archive as if written at one instant: archives name when each file went in."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as made, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as kept:
        for one in made.infolist():
            kept.writestr(zipfile.ZipInfo(one.filename, OLDEST), made.read(one), zipfile.ZIP_DEFLATED)
    return out.getvalue()


WRITERS: dict[type[Block], Callable[[Docx, Any], None]] = {
    Heading: _heading,
    Paragraph: _paragraph,
    Bullets: _bullets,
    Headline: _headline,
    Table: _table,
    Origin: _origin,
}
