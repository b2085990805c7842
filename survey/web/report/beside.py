"""What stands beside the scores in a report: what moves satisfaction, ways of answering, the other questions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from survey import i18n
from survey.instrument import Instrument, Item
from survey.model.outside import OutsideFigure
from survey.paper.document import Bar, Block, Cell, Column, Heading, Paragraph, Row, Table
from survey.scheme import Scheme
from survey.stages.descriptions import Line
from survey.web import wording
from survey.web.figures import Standing
from survey.web.filters import number, words
from survey.web.report import told as write
from survey.web.report.parts import way_in
from survey.web.report.told import HUNDRED, Told
from survey.web.site import gettext as _

TEN = 10  # points more of one factor, for what the rest does
CLOSE = Decimal("0.01")
MOST_COLUMNS = 4  # answers of a question that stand side by side


@dataclass(frozen=True)
class Loss:
    """What one factor takes from the index: its share of the questions times what it lacks to 100."""

    one: Standing
    weight: Decimal
    lost: Decimal

    def of(self, level: str | None) -> Decimal | None:
        return None if level is None else self.weight * (HUNDRED - Decimal(level))


def losses(levels: Mapping[str, Sequence[Standing]], instrument: Instrument) -> list[Loss]:
    """The factors by what they take, the most first; together they are what the index lacks to 100. None where the
    questions that are told do not make up the index."""
    items = {one.code: Decimal(one.value) for one in levels.get("item", ()) if one.value is not None}
    overall = next((Decimal(one.value) for one in levels.get("overall", ()) if one.value is not None), None)
    if not items or overall is None or abs(_mean(items.values()) - overall) > CLOSE:
        return []
    found = []
    for one in levels.get("factor", ()):
        own = [value for code, value in items.items() if instrument.item(code).factor == one.code]
        if own:
            weight = Decimal(len(own)) / len(items)
            found.append(Loss(one, weight, weight * (HUNDRED - _mean(own))))
    return sorted(found, key=lambda loss: (-loss.lost, loss.one.code))


def _mean(values: Collection[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)


def drivers(told: Told, levels: Mapping[str, Sequence[Standing]], pulls: Iterable[Line], scheme: Scheme) -> list[Block]:
    """Where the index loses its points, and how far the rest of the answers goes with each factor."""
    found = losses(levels, told.instrument)
    if len(found) < 2:
        return []
    by_factor = {str(line["factor"]): line for line in pulls}
    end = max(loss.of(loss.one.official["ci_low"]) or loss.lost for loss in found)
    top = max(Decimal(TEN), (end / TEN).to_integral_value("ROUND_CEILING") * TEN)
    title = _("What moves satisfaction most")
    columns = [
        Column(_("Factor")), Column(_("Official"), True), Column(_("Points lost"), True),
        Column(_("95 %% interval"), True), Column(f"0 – {number(top)}"),
    ]  # fmt: skip
    pulled = [Column(_("The rest, for 10 points more"), True)] if by_factor else []
    rows = tuple(_driver(told, loss, by_factor, top, scheme) for loss in found)
    said = _(
        "The index is 100 less the points that each factor loses: what its questions lack to 100, times its share of "
        "the questions."
    )
    blocks: list[Block] = [Heading(title), Paragraph(said), Table(title, (*columns, *pulled), rows)]
    return [*blocks, *([Paragraph(_pulling(), is_note=True)] if by_factor else [])]


def _pulling() -> str:
    return _(
        "The last column is of the whole province: somebody who is 10 points more satisfied with this factor is so "
        "many points more satisfied with all others (with its 95 %% interval). Begin where much is lost and the rest "
        "follows. It tells what goes together, not what causes what."
    )


def _driver(told: Told, loss: Loss, pulls: Mapping[str, Line], top: Decimal, scheme: Scheme) -> Row:
    row = loss.one.official
    low, high = loss.of(row["ci_high"]), loss.of(row["ci_low"])
    cells = [
        Cell(wording.name_of_index(told.instrument, "factor", loss.one.code)),
        Cell(number(loss.one.value, scheme.decimals)),
        Cell(number(loss.lost, 2), is_strong=True),
        Cell(between(low, high)),
        Cell(bar=_lost_bar(loss, low, high, top)),
    ]
    if pulls:
        line = pulls.get(loss.one.code, {})
        cells.append(Cell(tens(line.get("pull")), note=_tens_between(line)))
    return Row(tuple(cells))


def _lost_bar(loss: Loss, low: Decimal | None, high: Decimal | None, top: Decimal) -> Bar | None:
    if low is None or high is None:
        return None
    shown = {"value": number(loss.lost, 2), "low": number(low, 2), "high": number(high, 2)}
    said = _("%(value)s, 95 %% interval %(low)s to %(high)s", **shown)
    return Bar(float(loss.lost), float(low), float(high), float(top), said)


def tens(slope: str | None) -> str:
    """A slope as points of the rest for ten points of the factor, with its sign."""
    if slope is None:
        return i18n.ABSENT
    found = Decimal(slope) * TEN
    return f"{'+' if found > 0 else ''}{number(found, 1)}"


def _tens_between(line: Line) -> str:
    low, high = line.get("pull_low"), line.get("pull_high")
    return "" if low is None or high is None else f"({tens(low)} – {tens(high)})"


def between(low: Decimal | str | None, high: Decimal | str | None, decimals: int = 2) -> str:
    """Two limits."""
    return i18n.ABSENT if low is None or high is None else f"{number(low, decimals)} – {number(high, decimals)}"


def modes(lines: Sequence[Line]) -> list[Block]:
    """How satisfied those of each way of answering are, with the caution that belongs to it."""
    if not lines:
        return []
    title = _("Ways of answering compared")
    columns = (
        Column(_("Way of answering")), Column(_("Forms"), True), Column(_("Satisfied answers, %%"), True),
        Column(_("95 %% interval"), True), Column(_("Against the link, same units"), True),
        Column(_("95 %% interval"), True),
    )  # fmt: skip
    caution = _(
        "Those who answer one way are other people than those who answer another: a difference mixes the way with the "
        "people, and no figure is moved by it. Where it is large, look at who answered how before two units are "
        "compared."
    )
    rows = tuple(_mode(line) for line in lines)
    return [Heading(title), Paragraph(caution), Table(title, columns, rows)]


def _mode(line: Line) -> Row:
    mode = {"topup": "intercept"}.get(str(line["mode"]), str(line["mode"]))
    apart = line["difference"]
    sign = "+" if apart is not None and Decimal(apart) > 0 else ""
    return Row((
        way_in(mode),
        Cell(_("fewer than 10, or would tell them") if line["answers"] is None else number(line["answers"])),
        Cell(number(line["level"], 1), is_strong=True),
        Cell(between(line["low"], line["high"], 1)),
        Cell(i18n.ABSENT if apart is None else f"{sign}{number(apart, 1)}"),
        Cell(between(line["difference_low"], line["difference_high"], 1)),
    ))  # fmt: skip


def outside(found: Sequence[OutsideFigure]) -> list[Block]:
    """What others measured, by its source: beside, in no score."""
    if not found:
        return []
    title = _("Figures of other sources")
    columns = (
        Column(_("Figure")), Column(_("Source")), Column(_("Year"), True), Column(_("Value"), True),
        Column(_("Maximum"), True), Column(_("Document")),
    )  # fmt: skip
    rows = tuple(
        Row((
            Cell(wording.outside_name(one)), Cell(_(wording.OUTSIDE[one.source])), Cell(str(one.year)),
            Cell(wording.plain_number(one.value), is_strong=True),
            Cell(i18n.ABSENT if one.max is None else wording.plain_number(one.max)), Cell(one.document),
        ))
        for one in found
    )  # fmt: skip
    caution = _("Measured by others and in another way: they stand beside, and are part of no score here.")
    return [Heading(title), Paragraph(caution), Table(title, columns, rows)]


def questions(told: Told, lines: Iterable[Line]) -> list[Block]:
    """The questions that earn no points, in the form's order: needs and expectations, perceptions, ways."""
    shares: dict[str, dict[str, Line]] = {}
    for line in lines:
        shares.setdefault(str(line["item"]), {})[str(line["option"])] = line
    blocks: list[Block] = []
    asked = [one for one in told.instrument.answer_items if one.code in shares]
    for factor, items in groupby(asked, key=lambda one: one.factor):
        about = words(told.instrument.factor(factor).name) if factor else _("Other questions")
        blocks.append(Heading(about))
        for _list, alike in groupby(items, key=lambda one: one.options and one.options.code):
            blocks += _table(about, list(alike), shares)
    note = _(
        "Share of each answer among all who gave one, with its 95 %% interval. No points are given for these questions."
    )
    return [*blocks, Paragraph(note, is_note=True)] if blocks else []


def _table(about: str, items: Sequence[Item], shares: Mapping[str, Mapping[str, Line]]) -> list[Block]:
    """Few answers side by side, a row a question; many one below the other, a table a question."""
    if len(items[0].choices) <= MOST_COLUMNS and (len(items) > 1 or items[0].type == "single"):
        heads = [Column(words(choice.text), True) for choice in items[0].choices]
        rows = tuple(_side_by_side(item, shares[item.code]) for item in items)
        title = f"{about}: {words(items[0].text)}"
        return [Table(title, (Column(_("Question")), *heads, Column(_("Valid"), True)), rows)]
    return [_below(item, shares[item.code]) for item in items]


def _side_by_side(item: Item, shares: Mapping[str, Line]) -> Row:
    lines = [shares.get(choice.code) for choice in item.choices]
    answered = next((line["answers"] for line in lines if line), None)
    cells = [Cell(_percent(line), note=_percents(line), is_strong=True) for line in lines]
    return Row((Cell(words(item.text)), *cells, Cell(number(answered))))


def _below(item: Item, shares: Mapping[str, Line]) -> Table:
    title = words(item.text)
    columns = (Column(title), Column(_("Share"), True), Column(_("95 %% interval"), True), Column("0 – 100 %"))
    rows = []
    for choice in item.choices:
        line = shares.get(choice.code)
        text = (Cell(_percent(line), is_strong=True), Cell(_percents(line).strip("()")), Cell(bar=_bar(line)))
        rows.append(Row((Cell(words(choice.text)), *text)))
    return Table(title, columns, tuple(rows))


def _percent(line: Line | None) -> str:
    return write.percent(line["share"] if line else None)


def _percents(line: Line | None) -> str:
    """The limits in whole per cent: more would be said than is known."""
    if not line or line["low"] is None or line["high"] is None:
        return ""
    low, high = (number(Decimal(str(line[name])) * HUNDRED) for name in ("low", "high"))
    return f"({low} – {high})"


def _bar(line: Line | None) -> Bar | None:
    if not line or line["share"] is None or line["low"] is None or line["high"] is None:
        return None
    value, low, high = (float(str(line[name])) * HUNDRED for name in ("share", "low", "high"))
    shown = {"value": number(value, 1), "low": number(low, 1), "high": number(high, 1)}
    return Bar(value, low, high, float(HUNDRED), _("%(value)s, 95 %% interval %(low)s to %(high)s", **shown))
