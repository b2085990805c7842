"""A report put together: the whole wave's, and one unit's, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from survey.model.wave import Wave
from survey.paper.document import Block, Document, Fact, Headline, Paragraph
from survey.response_rates import together
from survey.scheme import Scheme
from survey.stages import descriptions, dispositions, outside, units
from survey.stages import results as stored
from survey.stages import waves as wave_list
from survey.stages.descriptions import Line
from survey.web import figures, wording
from survey.web.figures import HEADLINES, POINT_LEVELS, Own, Row, Standing
from survey.web.filters import number
from survey.web.report import beside, method, parts
from survey.web.report import told as write
from survey.web.report.told import Told, told_of
from survey.web.site import gettext as _
from survey.web.site import language

DRIVERS, MODES, QUESTIONS = "drivers", "modes", "questions"  # tables beside the scores, by what `analysis` calls them


def province(session: Session, wave: Wave, own: Own | None) -> Document:
    """The report of a wave: the province, how people were reached, every level by rank."""
    told = told_of(session, wave, own)
    read = stored.figures(session, told.run, levels_of=(*HEADLINES, *POINT_LEVELS))
    rows = list(figures.visible(read, own))
    blocks: list[Block] = []
    whole = figures.whole_province(rows, wave.province)
    if whole:
        blocks.append(_whole(whole))
    blocks += _response(session, told, None)
    beside_of = descriptions.of_unit(session, told.run, wave.province) if not own else {}
    blocks += _of_province(session, told, beside_of)
    for scheme in told.schemes:
        blocks += parts.league(told, figures.league(scheme, rows, wave.province, figures.surveyed(scheme)))
    blocks += beside.questions(told, beside_of.get(QUESTIONS, []))
    blocks += beside.outside(outside.of_unit(session, wave.province))
    return _document(told, wording.text_of_unit(wave_list.province_of(session, wave)), blocks)


def unit(session: Session, wave: Wave, code: str, own: Own | None) -> Document | None:
    """The report of a unit; None when there is nothing of it that the reader may see."""
    told, named = told_of(session, wave, own), units.find(session, code)
    rows = list(figures.visible(stored.figures(session, told.run, unit=code), own))
    if not rows:
        return None
    blocks: list[Block] = []
    for scheme in told.schemes:
        blocks += _of_scheme(session, told, scheme, rows, code)
    if not own:
        blocks += beside.questions(told, descriptions.of_unit(session, told.run, code).get(QUESTIONS, []))
    blocks += beside.outside(outside.of_unit(session, code))
    return _document(told, wording.text_of_unit(named), blocks)


def _of_scheme(session: Session, told: Told, scheme: Scheme, rows: Sequence[Row], code: str) -> list[Block]:
    levels = figures.sheet(rows, scheme)
    if not levels:
        return []
    blocks: list[Block] = [_headline(told, scheme, one) for one in levels.get("overall", [])]
    blocks += _response(session, told, code)
    blocks += parts.weakest(told, levels, scheme)
    whole = descriptions.of_unit(session, told.run, told.wave.province) if not told.own else {}
    blocks += beside.drivers(told, levels, whole.get(DRIVERS, []), scheme)
    for level, title in wording.levels_of_index():
        if level in levels and level != "overall" and (level != "group" or len(levels[level]) > 1):
            blocks += parts.figures(told, title, levels[level], level, scheme)
    lines = figures.in_order(scheme, levels, told.wave.audience)
    return blocks + parts.points(lines, levels.get("total", []), scheme)


def _of_province(session: Session, told: Told, found: Mapping[str, Sequence[Line]]) -> list[Block]:
    """What moves satisfaction in the whole province, and how those of each way of answering compare."""
    if told.own:
        return []
    rows = stored.figures(session, told.run, unit=told.wave.province)
    blocks: list[Block] = []
    for scheme in told.schemes[:1]:  # the province stands under the first scheme
        blocks += beside.drivers(told, figures.sheet(rows, scheme), found.get(DRIVERS, []), scheme)
    return blocks + beside.modes(found.get(MODES, []))


def _whole(whole: Standing) -> Headline:
    row = whole.official
    lines = (_("Whole province (internal estimate)"), write.interval_line(row))
    return Headline(number(whole.value, 2), lines, write.bar(row, whole.value, 100), tuple(write.response_facts(row)))


def _headline(told: Told, scheme: Scheme, one: Standing) -> Headline:
    row = one.official
    lines = [write.interval_line(row)]
    if row["status"] != "ok":
        why = wording.reasons(row["reason"], groups=wording.rater_groups(told.instrument))
        lines.append("; ".join([wording.status(row), *why]))
    facts = [
        *write.response_facts(row),
        Fact(_("Grade"), write.grade(told, row, scheme)),
        Fact(_("Rank and rank set"), write.rank(row)),
    ]
    if row["change"] is not None:
        clear = "" if row["change_clear"] == "yes" else _(" (no clear change)")
        facts.append(Fact(_("Change"), wording.signed(row["change"], scheme) + clear))
    figure = number(one.value, scheme.decimals)
    return Headline(figure, tuple(lines), write.bar(row, one.value, 100), tuple(facts))


def _response(session: Session, told: Told, code: str | None) -> list[Block]:
    """How people were reached; officials are not counted by event, and a rated unit learns it with its figures."""
    if not told.is_citizens or told.own:
        return []
    by_unit = dispositions.by_unit(session, told.wave)
    found = together(by_unit.values()) if code is None else together([by_unit[code]] if code in by_unit else [])
    return parts.response(found, dispositions.by_mode(session, told.wave, code))


def _document(told: Told, name: str, blocks: Sequence[Block]) -> Document:
    of_wave = _("Wave %(wave)s", wave=told.wave.code)
    subtitle = f"{wording.index_name(told.instrument)} · {of_wave}"
    shown = [*blocks, *method.note(told), *method.origin(told)]
    if told.own:
        masked = _(
            "Ranks, intervals and changes of the units of your level are published after the release: your unit's "
            "figures could be computed from them."
        )
        shown.insert(0, Paragraph(masked, is_note=True))
    return Document(language(), name, subtitle, told.mark, f"{told.wave.code} · {name}", tuple(shown))
