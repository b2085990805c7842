"""The anonymised answers of a closed wave as files for statisticians: CSV, Parquet, SPSS, Stata, with their codebook.

A column is a small number a row and is put in order where it lies, so a million answers fit; rows stand in the order of
what they say, not of when they came. A unit with fewer than ten answers is not named.
"""

from __future__ import annotations

import csv
import json
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from survey import codebook, ddi
from survey.answers import NOT_APPLICABLE, is_asked
from survey.codebook import NAMES, Variable
from survey.config import PROVINCE_TIME
from survey.datafile import Words
from survey.db import Database
from survey.errors.common import AnswersWaiting, ExtraMissing
from survey.instrument import Audience, Instrument, Item
from survey.jobs import stata_missing
from survey.model.response import Answer, Judgement
from survey.model.sample import ClassCell
from survey.model.wave import Wave
from survey.stages import mixing, waves

FEWEST = 10
LONGEST_LABEL = {"sav": 250, "dta": 80}  # bytes, characters
LETTERS = {codebook.NOT_APPLIES: "a", codebook.NOT_SAID: "b"}  # Stata's .a and .b
CHUNK = 2000


@dataclass(frozen=True)
class Answers:
    """The answers as columns of equal length: who is judged, by what weight, what was said."""

    frame: pd.DataFrame
    heads: Mapping[str, Words]
    variables: tuple[Variable, ...]


def write(database: Database, wave_code: str, folder: Path, kinds: tuple[str, ...]) -> list[Path]:
    """Write the files of these kinds, the codebook and its DDI; the paths in their order."""
    with database.read() as session:
        wave = waves.find(session, wave_code)
        instrument = waves.instrument_of(wave)
        answers = read(session, wave, instrument)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for kind in kinds:
        made.append(folder / f"answers.{kind}")
        WRITERS[kind](answers, made[-1])
    book, description = folder / "codebook.csv", folder / "ddi.xml"
    with book.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([codebook.HEADER, *codebook.lines(instrument)])
    collected = (wave.opens.astimezone(PROVINCE_TIME).date(), wave.closes.astimezone(PROVINCE_TIME).date())
    period = (wave.period_from, wave.period_to)
    study = ddi.Study(wave.code, wave.audience, period, collected, len(answers.frame))
    description.write_bytes(ddi.describe(study, instrument))
    return [*made, book, description]


def read(session: Session, wave: Wave, instrument: Instrument) -> Answers:
    """The answers of a wave that no longer takes any; AnswersWaiting when some still are in the spool."""
    waves.require(wave, *waves.OVER)
    left = mixing.waiting(session, wave).total()
    if left:
        raise AnswersWaiting(wave=wave.code, answers=left)
    told = codebook.variables(instrument)
    columns: dict[str, array[int]] = {one.name: array("i" if one.is_number else "b") for one in told}
    heads, raters, known = Heads(), bytearray(), {item.code: item for item in instrument.items}
    for (phase, *names, weight), items, rater in _rows(session, wave):
        heads.add(phase, names, weight)
        raters += rater or b""
        _append(columns, told, known, items)
    return Answers(_in_order(heads, columns, raters), codebook.heads(instrument), told)


class Heads:
    """What stands before the items, a small number a row: names by their place in a list of their own."""

    def __init__(self) -> None:
        self.phase, self.weight = array("b"), array("d")
        self.known: dict[str, dict[str, int]] = {name: {} for name in NAMES}
        self.places = {name: array("i") for name in NAMES}

    def add(self, phase: int, names: Iterable[str], weight: float) -> None:
        self.phase.append(phase)
        self.weight.append(weight)
        for name, value in zip(NAMES, names, strict=True):
            known = self.known[name]
            self.places[name].append(known.setdefault(value, len(known)))

    def column(self, name: str, hidden: Collection[str]) -> pd.Categorical:
        """A column of names, those that are `hidden` empty; in the order of the alphabet."""
        shown = ["" if one in hidden else one for one in self.known[name]]
        kept = sorted(set(shown))
        place = np.array([kept.index(one) for one in shown], dtype=np.int32)
        return pd.Categorical.from_codes(place[np.frombuffer(self.places[name], dtype=np.int32)], kept)

    def few(self) -> dict[str, set[str]]:
        """The units with fewer than ten answers, and their strata."""
        unit, stratum = (np.frombuffer(self.places[name], dtype=np.int32) for name in ("unit", "stratum"))
        codes, strata = list(self.known["unit"]), list(self.known["stratum"])
        counts = np.bincount(unit, minlength=len(codes))
        hidden = np.flatnonzero(counts < FEWEST)
        inside = np.unique(stratum[np.isin(unit, hidden)])
        return {"unit": {codes[one] for one in hidden}, "stratum": {strata[one] for one in inside}}


def _rows(session: Session, wave: Wave) -> Iterator[tuple[tuple[Any, ...], Mapping[str, str], bytes | None]]:
    """Each answer's head, what it says, and, of officials, its rater."""
    cells = {cell.class_code: cell for cell in session.scalars(select(ClassCell).where(ClassCell.wave_id == wave.id))}
    if wave.audience == Audience.CITIZENS:
        told = (Answer.phase, Answer.mode, Answer.unit_code, Answer.class_code, Answer.items)
        for phase, mode, unit, code, items in _each(session, select(*told).where(Answer.wave_id == wave.id)):
            cell = cells.get(code)
            stratum, weight = (unit, 1.0) if cell is None else (cell.stratum, cell.weight_sum / cell.kept)
            yield (phase, mode, unit, stratum, weight), items, None
    else:
        judged = (Judgement.phase, Judgement.mode, Judgement.unit_code, Judgement.group, Judgement.items)
        wanted = select(*judged, Judgement.rater).where(Judgement.wave_id == wave.id)
        for *head, items, rater in _each(session, wanted):
            yield (*head, 1.0), items, rater


def _each(session: Session, wanted: Select[Any]) -> Iterator[Any]:
    return iter(session.execute(wanted.execution_options(yield_per=CHUNK)))


def _append(
    columns: Mapping[str, array[int]], told: tuple[Variable, ...], known: Mapping[str, Item], items: Mapping[str, str]
) -> None:
    for one in told:
        said = items.get(one.item.code) if is_asked(one.item, known, items) else NOT_APPLICABLE
        columns[one.name].append(one.value(said))


def _in_order(heads: Heads, columns: dict[str, array[int]], raters: bytearray) -> pd.DataFrame:
    """The columns sorted by content, one after the other so that none is there twice."""
    few = heads.few()
    data: dict[str, Any] = {"phase": np.frombuffer(heads.phase, dtype=np.int8)}
    data |= {name: heads.column(name, few.get(name, ())) for name in NAMES}
    data["weight_base"] = np.frombuffer(heads.weight, dtype=np.float64)
    if raters:
        data["rater"] = np.unique(np.frombuffer(raters, dtype="V16"), return_inverse=True)[1].astype(np.int32) + 1
    data |= {name: np.frombuffer(column, dtype=np.dtype(column.typecode)) for name, column in columns.items()}
    keys = [one.codes if isinstance(one, pd.Categorical) else one for one in data.values()]
    order = np.lexsort(keys[::-1])
    del keys
    for name in list(data):
        data[name] = data[name][order]
        columns.pop(name, None)
    return pd.DataFrame(data, copy=False)


def _csv(answers: Answers, path: Path) -> None:
    answers.frame.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n", chunksize=CHUNK)


def _parquet(answers: Answers, path: Path) -> None:
    """Codes of what is missing are no numbers here: empty, and which there were stands in the column's metadata."""
    missing = list(LETTERS)
    asked = {one.name for one in answers.variables}
    told = {str(number): words("en") for number, words in codebook.MISSING}
    columns, fields = [], []
    for name in answers.frame:
        cells = answers.frame[name].to_numpy() if name in asked else answers.frame[name]
        mask = np.isin(cells, missing) if name in asked else None
        columns.append(pa.array(cells, mask=mask))
        fields.append(pa.field(name, columns[-1].type, metadata={"empty": json.dumps(told)} if name in asked else None))
    pq.write_table(pa.table(columns, schema=pa.schema(fields)), path)


def _sav(answers: Answers, path: Path) -> None:
    missing = {one.name: [value for value, _words in codebook.MISSING] for one in answers.variables}
    _spss().write_sav(_plain(answers), str(path), compress=True, missing_ranges=missing, **_labels(answers, "sav"))


def _dta(answers: Answers, path: Path) -> None:
    _spss().write_dta(_plain(answers), str(path), version=15, **_labels(answers, "dta"))
    names = list(answers.frame)
    stata_missing.mark(path, LETTERS, [names.index(one.name) for one in answers.variables])


def _plain(answers: Answers) -> pd.DataFrame:
    """Codes as text: neither format has categories of text."""
    return answers.frame.astype(dict.fromkeys(NAMES, object))


def _labels(answers: Answers, kind: str) -> dict[str, Any]:
    """Questions and answers in Vietnamese and English, each in one label as the formats have it."""
    return {
        "column_labels": {
            name: _both(words, kind)
            for name, words in (*answers.heads.items(), *((one.name, one.label) for one in answers.variables))
        },
        "variable_value_labels": {
            one.name: {number: _both(words, "dta") for number, words in one.values} for one in answers.variables
        },
    }


def _both(words: Words, kind: str) -> str:
    """Both languages in one label; too long together, each keeps its beginning. The codebook has the whole."""
    most = LONGEST_LABEL[kind] - len(" / ")
    length: Callable[[str], int] = (lambda one: len(one.encode())) if kind == "sav" else len
    vi, en = words("vi"), words("en")
    left, right = max(most // 2, most - length(en)), max(most - most // 2, most - length(vi))
    return f"{_fit(vi, left, length)} / {_fit(en, right, length)}"


def _fit(text: str, most: int, length: Callable[[str], int]) -> str:
    """The beginning of a text, cut at a letter."""
    if length(text) <= most:
        return text
    while length(text) > most - length("…"):
        text = text[:-1]
    return text.rstrip() + "…"


def _spss() -> Any:
    """The library that knows both formats; it is an extra."""
    try:
        import pyreadstat
    except ImportError as error:
        raise ExtraMissing(extra="spss") from error
    return pyreadstat


WRITERS: dict[str, Callable[[Answers, Path], None]] = {"csv": _csv, "parquet": _parquet, "sav": _sav, "dta": _dta}
