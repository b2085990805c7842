"""The parts that reports are made of: tables of figures, points, response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from survey.paper.document import Block, Bullets, Cell, Column, Heading, Paragraph, Row, Table
from survey.response_rates import Dispositions
from survey.scheme import Scheme
from survey.stages.openings import INTERCEPT, PERSONAL
from survey.stages.results import Gap
from survey.web import wording
from survey.web.figures import League, SheetLine, Standing, is_ranked_on_pooled
from survey.web.figures import Row as Figure
from survey.web.filters import number, words
from survey.web.report import told as write
from survey.web.report.told import Told
from survey.web.site import gettext as _

FEWEST = 10  # people of a number by mode that is told
SAMPLED = PERSONAL | {INTERCEPT}


def scale(end: Decimal | int) -> Column:
    """The head of a column of bars."""
    return Column(f"0 – {number(end)}")


def league(told: Told, table: League) -> list[Block]:
    """A level: its units by rank, with ranges of ranks."""
    scheme = table.scheme
    pooled = [Paragraph(_ranks_pooled())] if is_ranked_on_pooled(table.standings) and not table.is_points else []
    return [Heading(words(scheme.name)), Paragraph(_of_what(told, table)), *pooled, *_standings(table)]


def _ranks_pooled() -> str:
    return _(
        "Ranks compare all answers put together, as a unit has few answers to some questions; they may not follow "
        "the order of the index."
    )


def _of_what(told: Told, table: League) -> str:
    scheme = table.scheme
    what = (
        _("Survey points, %(max)s at most.", max=number(table.top, 2))
        if table.is_points
        else f"{wording.index_name(told.instrument)}: {_(wording.RULES[scheme.index_rule.value])}."
    )
    official = _("Official: %(weighting)s.", weighting=_(wording.WEIGHTINGS[scheme.weighting.value]))
    return f"{what} {official}"


def _standings(table: League) -> list[Block]:
    if not table.standings:
        return [Paragraph(_("There are no figures for this level."))]
    ranked = [] if table.is_points else [Column(_("Rank and rank set"), True)]
    columns = [Column(_("Unit")), Column(_("Official"), True), Column(_("95 %% interval"), True), scale(table.top)]
    rows = [_standing(table, one) for one in table.standings]
    return [Table(words(table.scheme.name), (*columns, Column(_("Valid"), True), *ranked), tuple(rows))]


def _standing(table: League, one: Standing) -> Row:
    row = one.official
    cells = [
        Cell(wording.unit_name(row), note=write.status(row, is_points=table.is_points)),
        Cell(number(one.value, table.scheme.decimals), is_strong=True),
        Cell(write.interval(row)),
        Cell(bar=write.bar(row, one.value, table.top)),
        Cell(number(row["n_valid"])),
    ]
    return Row((*cells, *([] if table.is_points else [Cell(write.rank(row))])))


def figures(told: Told, title: str, ones: Sequence[Standing], level: str, scheme: Scheme) -> list[Block]:
    """The figures of one level of the index: groups, factors or questions."""
    columns = (Column(title), Column(_("Official"), True), Column(_("95 %% interval"), True), scale(100))
    rows = [
        Row((
            Cell(wording.name_of_index(told.instrument, level, one.code), note=write.status(one.official)),
            Cell(number(one.value, scheme.decimals), is_strong=True),
            Cell(write.interval(one.official)),
            Cell(bar=write.bar(one.official, one.value, 100)),
            Cell(number(one.official["n_valid"])),
        ))
        for one in ones
    ]  # fmt: skip
    return [Heading(title), Table(title, (*columns, Column(_("Valid"), True)), tuple(rows))]


def points(lines: Sequence[SheetLine], totals: Sequence[Standing], scheme: Scheme) -> list[Block]:
    """The points by area, criterion and component and their total: what is not there yet is named, in every sum too."""
    title = _("Points by area, criterion and component")
    if not lines:
        return []
    columns = (
        Column(_("Area, criterion, component")), Column(_("Code")), Column(_("Maximum"), True),
        Column(_("Points"), True), Column(_("95 %% interval"), True),
    )  # fmt: skip
    rows = [_points_row(scheme, line.one.official, (words(line.part.name), line.part.code), line.gap) for line in lines]
    rows += [_points_row(scheme, one.official, (_("Total"), ""), None) for one in totals]
    return [Heading(title), Table(title, columns, tuple(rows))]


def _points_row(scheme: Scheme, row: Figure, about: tuple[str, str], gap: Gap | None) -> Row:
    name, code = about
    return Row(
        (
            Cell(name, note=_unfinished(row, gap)), Cell(code), Cell(number(row["max"], 2)),
            Cell(number(row["points"], scheme.decimals)), Cell(write.interval(row)),
        ),
        is_whole=row["level_of"] in {"area", "total"},
    )  # fmt: skip


def _unfinished(row: Figure, gap: Gap | None) -> str:
    """Why there are no points, or which parts a sum is without."""
    if gap is not None:
        return f"({_(wording.GAPS[gap])})"
    lacks = [one for one in str(row["reason"] or "").split("; ") if one.startswith("missing=")]
    if row["points"] is None or not lacks:
        return write.status(row, is_points=True)
    return f"({wording.reasons(lacks[0])[0]})"


def weakest(told: Told, levels: Mapping[str, Sequence[Standing]], scheme: Scheme) -> list[Block]:
    """The questions that people are least satisfied with."""
    found = write.weakest(levels)
    if not found:
        return []
    said = []
    for one in found:
        name = wording.name_of_index(told.instrument, "item", one.code)
        between = f" ({write.interval(one.official)})" if one.official["ci_low"] is not None else ""
        said.append(f"{name}: {number(one.value, scheme.decimals)}{between}")
    order = _("Questions whose intervals overlap may stand in another order among all people.")
    return [Heading(_("Where people are least satisfied")), Bullets(tuple(said)), Paragraph(order, is_note=True)]


def response(found: Dispositions, modes: Mapping[str, int]) -> list[Block]:
    """What became of everybody invited, and by which way the forms came in."""
    invited = sum(found.counts.values())
    if not invited:
        return []
    rates = _("Response rate (AAPOR RR1): %(rate)s", rate=write.percent(found.rate(1)))
    likely = _("among those who likely are the right person (RR3): %(rate)s", rate=write.percent(found.rate(3)))
    told: list[Block] = [Heading(_("Response")), Paragraph(f"{rates}; {likely}."), _dispositions(found, invited)]
    return [*told, *_modes(modes)]


def _dispositions(found: Dispositions, invited: int) -> Table:
    named = (
        (_("complete"), found.complete), (_("partial"), found.partial), (_("refused or broken off"), found.refused),
        (_("arrived, no form begun"), found.no_contact), (_("not able to answer"), found.other),
        (_("not known whether it arrived"), found.unknown), (_("not the person who filed"), found.not_eligible),
    )  # fmt: skip
    rows = [_counted(name, count, invited) for name, count in named if count]
    whole = _counted(_("Invited"), invited, invited, is_whole=True)
    title = _("What became of the invitations")
    columns = (Column(title), Column(_("People"), True), Column(_("Share of the invited"), True))
    return Table(title, columns, (*rows, whole))


def _counted(name: str, count: int, of: int, *, is_whole: bool = False) -> Row:
    return Row((Cell(name), Cell(number(count)), Cell(write.percent(count / of))), is_whole)


def _modes(modes: Mapping[str, int]) -> list[Block]:
    """Forms by the way they came in, as far as a number is told."""
    if not modes:
        return []
    title = _("How the forms came in")
    kept = told_counts(modes)
    rows = [
        Row((
            way_in(mode),
            Cell(_("fewer than 10") if count is None else number(count)),
        ))
        for mode, count in kept.items()
    ]  # fmt: skip
    return [Table(title, (Column(title), Column(_("Forms"), True)), tuple(rows))]


def way_in(mode: str) -> Cell:
    """A way of answering by its name, and whether its forms count."""
    return Cell(_(wording.MODES[mode]), note="" if mode in SAMPLED else _("(in no official figure)"))


def told_counts(modes: Mapping[str, int]) -> dict[str, int | None]:
    """Counts of ten and more, in falling order; None for fewer."""
    order = sorted((mode for mode, count in modes.items() if count), key=lambda mode: (-modes[mode], mode))
    return {mode: None if modes[mode] < FEWEST else modes[mode] for mode in order}
