"""The hand-over to the statistics: a closed wave as an extract, the same digits on every engine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import ScalarResult, func, select
from sqlalchemy.orm import Session

from analysis.extract import Extract, make_extract, write_extract
from survey.answers import NOT_APPLICABLE, is_asked
from survey.db import Database
from survey.errors.common import AnswersWaiting, ScoresOutdated
from survey.instrument import IN_WORDS, Instrument
from survey.model.response import Answer, Judgement
from survey.model.sample import ClassCell, Draw
from survey.model.wave import Wave
from survey.stages import classes, mixing, openings, results, reviews, topups, waves

COUNTED, UNCOUNTED = "topup", "counter"  # the statistics' words for a systematic intercept, and for one of unknown size
NOT_ANSWERED, APPLIES_NOT = ".", ""
TIMING = "timing"  # the trait that moves satisfaction and response most (DECISIONS 2)
CONTENT = ("phase", "mode", "unit", "class")  # besides the items: what tells an answer from others
SAMPLE = ("unit", "stratum", "class", "population", "drawn", "kept", "invited", "answered", "weight_sum")
Columns = dict[str, list[Any]]


def write(database: Database, wave_code: str, folder: Path) -> None:
    """Write the extract that the wave's newest run was made from, for an auditor with `python -m analysis score`.

    ScoresOutdated when it would be another one: two folders that do not belong together are worse than none.
    """
    with database.read() as session:
        wave = waves.find(session, wave_code)
        made, newest = build(session, wave), results.latest(session, wave)
    if made.digest != newest.extract_digest:
        raise ScoresOutdated(wave=wave_code)
    write_extract(made, folder)


def build(session: Session, wave: Wave, *, flags: Mapping[bytes, str] | None = None) -> Extract:
    """A closed wave's answers, sample, margins, typed-in figures, frozen texts and manifest.

    `flags` by answer are those of the review as it stands, unless others are given.
    """
    waves.require(wave, *waves.OVER)
    left = mixing.waiting(session, wave).total()
    if left:
        raise AnswersWaiting(wave=wave.code, answers=left)
    instrument = waves.instrument_of(wave)
    cells = {cell.class_code: cell for cell in session.scalars(select(ClassCell).where(ClassCell.wave_id == wave.id))}
    if wave.audience == "citizens":
        standing = reviews.flags(session, wave) if flags is None else flags
        answers, answered = _answers(session, wave, instrument, cells, standing)
    else:
        answers, answered = _judgements(session, wave, instrument, cells)
    return make_extract(
        answers=answers,
        sample=_sample(cells, answered),
        margins=_margins(wave, cells),
        inputs=_inputs(session, wave),
        instrument=instrument.source,
        schemes=[scheme.source for scheme in waves.schemes_of(session, wave)],
        manifest=manifest_of(session, wave),
        traits=_traits(session, wave, cells),
    )


def _empty(head: Sequence[str], instrument: Instrument) -> Columns:
    return {name: [] for name in (*head, *(item.code for item in instrument.answer_items))}


def _say(columns: Columns, instrument: Instrument, items: Mapping[str, str]) -> None:
    """Append an answer's items: a code (several: `a b`), empty for not applicable or not asked, a point for no answer.

    Written words are kept apart from the answers: their columns are empty.
    """
    known = {item.code: item for item in instrument.items}
    for item in instrument.answer_items:
        said = items.get(item.code)
        if said == NOT_APPLICABLE or item.type in IN_WORDS or not is_asked(item, known, items):
            said = APPLIES_NOT
        columns[item.code].append(NOT_ANSWERED if said is None else said)


def _put(columns: Columns, **values: Any) -> None:
    for name, value in values.items():
        columns[name.rstrip("_")].append(value)


def contents(session: Session, wave: Wave) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """What each answer says in the extract, whatever its weight and flag, by its random number."""
    instrument, counted = waves.instrument_of(wave), topups.yields(session, wave)
    for row in _stored(session, wave):
        columns = _empty((), instrument)
        _say(columns, instrument, row.items)
        said = tuple(cells[0] for cells in columns.values())
        yield row.id, (str(row.phase), _mode(row, counted), row.unit_code, row.class_code, *said)


def _mode(row: Answer, counted: Collection[str]) -> str:
    """How an answer came about. A top-up whose visitors nobody counted is no sample: it stands apart, like answers that
    people gave at a counter by their own choice."""
    if row.mode != openings.INTERCEPT:
        return row.mode
    return COUNTED if row.unit_code in counted else UNCOUNTED


def _stored(session: Session, wave: Wave) -> ScalarResult[Answer]:
    return session.scalars(select(Answer).where(Answer.wave_id == wave.id).execution_options(yield_per=2000))


def _answers(
    session: Session, wave: Wave, instrument: Instrument, cells: Mapping[str, ClassCell], flags: Mapping[bytes, str]
) -> tuple[Columns, Counter[str]]:
    head = ("phase", "mode", "unit", "stratum", "psu", "fpc", "weight_base", "class", "flag")
    columns = _empty(head, instrument)
    answered: Counter[str] = Counter()
    intercepts = _intercepts(session, wave)
    for row in _stored(session, wave):
        cell = cells.get(row.class_code)
        answered[row.class_code] += 1
        stratum, fpc, weight = row.unit_code, "", 1.0  # nobody was drawn behind a counter's poster
        if cell is not None:
            stratum, fpc, weight = cell.stratum, str(cell.stratum_population), cell.weight_sum / cell.kept
        elif row.mode == openings.INTERCEPT:
            fpc, weight = intercepts.get(row.unit_code, (fpc, weight))
        _put(
            columns, phase=str(row.phase), mode=_mode(row, intercepts), unit=row.unit_code, stratum=stratum,
            psu="", fpc=fpc, weight_base=weight, class_=row.class_code, flag=str(flags.get(row.id, "")),
        )  # fmt: skip
        _say(columns, instrument, row.items)
    return columns, answered


def _intercepts(session: Session, wave: Wave) -> dict[str, tuple[str, float]]:
    """By unit the eligible visitors that its counted top-ups stand for, and how many of them each answer does.

    A systematic sample from a random start: visitors counted, times the share of the chosen that are eligible, over the
    answers; those who refused are taken to be like those who answered.
    """
    count = func.count()
    found = session.execute(
        select(Answer.unit_code, count)
        .where(Answer.wave_id == wave.id, Answer.mode == openings.INTERCEPT)
        .group_by(Answer.unit_code)
    )
    made = topups.yields(session, wave)
    sizes = {unit: (max(answers, round(made[unit].eligible)), answers) for unit, answers in found if unit in made}
    return {unit: (str(size), size / answers) for unit, (size, answers) in sizes.items()}


def _judgements(
    session: Session, wave: Wave, instrument: Instrument, cells: Mapping[str, ClassCell]
) -> tuple[Columns, Counter[str]]:
    """One row a rater x rated unit; raters are numbered in the order of what they said, not of when."""
    by_rater: dict[bytes, list[Judgement]] = defaultdict(list)
    for row in session.scalars(select(Judgement).where(Judgement.wave_id == wave.id)):
        by_rater[row.rater].append(row)
    said = sorted(by_rater.values(), key=lambda rows: (rows[0].group, _content(rows)))
    head = ("phase", "mode", "rater", "unit", "stratum", "psu", "fpc", "weight_base", "class", "flag")
    columns = _empty(head, instrument)
    answered: Counter[str] = Counter(rows[0].group for rows in said)
    for number, rows in enumerate(said, start=1):
        for row in sorted(rows, key=lambda one: one.unit_code):
            _put(
                columns, phase=str(row.phase), mode=row.mode, rater=str(number), unit=row.unit_code, stratum=row.group,
                psu=str(number), fpc=cells[row.group].population, weight_base=1.0, class_=row.group, flag="",
            )  # fmt: skip
            _say(columns, instrument, row.items)
    return columns, answered


def _content(rows: list[Judgement]) -> list[tuple[str, list[tuple[str, str]]]]:
    return sorted((row.unit_code, sorted(row.items.items())) for row in rows)


def _sample(cells: Mapping[str, ClassCell], answered: Mapping[str, int]) -> Columns:
    columns: Columns = {name: [] for name in SAMPLE}
    for code, cell in cells.items():
        _put(
            columns, unit=cell.unit_code or "", stratum=cell.stratum, class_=code, population=cell.population,
            drawn=cell.drawn, kept=cell.kept, invited=cell.invited, answered=answered.get(code, 0),
            weight_sum=cell.weight_sum,
        )  # fmt: skip
    return columns


def _margins(wave: Wave, cells: Mapping[str, ClassCell]) -> Columns:
    """Dossiers of the frame by unit and by class; officials are a census of their groups and have no margins."""
    columns: Columns = {"margin": [], "unit": [], "level": [], "total": []}
    if wave.audience != "citizens":
        return columns
    totals: Counter[str] = Counter()
    for code, cell in cells.items():
        unit = cell.unit_code or ""
        totals[unit] += cell.population
        _put(columns, margin="class", unit=unit, level=code, total=cell.population)
    for unit, total in totals.items():
        _put(columns, margin="unit", unit=unit, level=unit, total=total)
    return columns


def _traits(session: Session, wave: Wave, cells: Mapping[str, ClassCell]) -> Columns | None:
    """Which classes are all late or all on time, by the draw's own rules: the province's figures meet the frame's late
    dossiers over all units (METHOD section 4). It is a fact of the class, so an answer tells no more than its class."""
    draw = session.get(Draw, wave.id)
    if draw is None or wave.audience != "citizens":
        return None
    columns: Columns = {"unit": [], "class": [], "trait": [], "level": []}
    for unit, rules in draw.allocation.get("classes", {}).items():
        for code, level in classes.levels(rules, TIMING):
            if code in cells:
                _put(columns, unit=unit, class_=code, trait=TIMING, level=level)
    return columns if columns["class"] else None


def _inputs(session: Session, wave: Wave) -> Columns:
    rows = results.inputs(session, wave)
    return {
        "unit": [row.unit_code for row in rows],
        "code": [row.code for row in rows],
        "value": [float(row.value) for row in rows],
        "source": [row.source for row in rows],
    }


def _apart(session: Session, wave: Wave) -> dict[str, list[str]]:
    """Units whose top-ups are no sample, as nobody counted the visitors; nothing where there is none."""
    asked = {row.unit_code for row, _email in topups.of_wave(session, wave) if row.completed}
    units = sorted(asked - topups.yields(session, wave).keys())
    return {"topups_not_counted": units} if units else {}


def manifest_of(session: Session, wave: Wave) -> dict[str, Any]:
    """What an extract says of its wave, but for the hashes of its files."""
    return _manifest(session, wave) | _apart(session, wave)


def _manifest(session: Session, wave: Wave) -> dict[str, Any]:
    province, draw = waves.province_of(session, wave), session.get(Draw, wave.id)
    return {
        "format": 1,
        "wave": wave.code,
        "kind": wave.kind,
        "audience": wave.audience,
        "year": wave.period_to.year,
        "period_from": wave.period_from.isoformat(),
        "period_to": wave.period_to.isoformat(),
        "code_version": code_version(),
        "seed": draw.seed if draw else 0,
        "province": {"code": province.code, "name_vi": province.name_vi, "name_en": province.name_en},
        "units": [
            {
                "code": unit.code,
                "name_vi": unit.name_vi,
                "name_en": unit.name_en,
                "type": unit.type,
                "rated": unit.rated,
            }
            for unit, _target in waves.units_of(session, wave)
        ],
    }


def code_version() -> str:
    return version("hailong")
