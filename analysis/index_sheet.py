"""An index sheet (bảng chỉ số): the year's whole index of a scheme, from imported points and the results of waves.

The folder is like an extract without answers: `inputs.csv` (figures, which the scheme's rules turn into points),
`points.csv` (points as they were given; absent when there are none), `scheme.toml`, `waves/<code>.csv` (rows of the
waves' results), `previous/scores.csv` (last year's sheet) and `manifest.json` with `"audience": "index"`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from analysis import extract
from analysis.components.averages import level_averages
from analysis.components.beside import GRADES, grades_table
from analysis.components.changes import CLEAR_BY, read_previous, with_changes
from analysis.components.fixed import fixed_points
from analysis.components.folder_files import json_bytes, read_columns, read_json, records_bytes
from analysis.components.joined import OF_WAVES, Found, join_waves
from analysis.components.level import sheet_of_points
from analysis.components.manifest import Unit, WaveKind, read_units
from analysis.components.result_rows import ResultRow, csv_rows
from analysis.components.rows import NO, YES, Context, Row, make_rows
from analysis.components.scheme import Level, Scheme, WeightingRule, parse_scheme
from analysis.components.sheet import About, Notes, Reason, Sheet, SheetKey, Used, because
from analysis.components.tables import Cells, InputRow, make_records
from analysis.errors import DuplicateKey, FileUnlisted, KeyInvalid
from analysis.extract import MANIFEST, Scores

INDEX = "index"  # what stands for wave and audience in the rows
WAVES = "waves/"
POINTS = "points.csv"


@dataclass(frozen=True, eq=False)
class IndexSheet:
    """Everything that a sheet is made from; `waves` are the rows of each wave's results by its code."""

    scheme: Scheme
    inputs: tuple[InputRow, ...]
    points: tuple[InputRow, ...]
    waves: Mapping[str, tuple[ResultRow, ...]]
    units: tuple[Unit, ...]
    told: Mapping[str, Any]
    given: Mapping[str, bytes]  # waves/ and previous/ as they came

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """Bytes of every file of the folder, the manifest last with the others' hashes."""
        files = {"scheme.toml": self.scheme.text.encode(), "inputs.csv": records_bytes(InputRow, self.inputs)}
        files |= {POINTS: records_bytes(InputRow, self.points)} if self.points else {}
        files |= dict(sorted(self.given.items()))
        hashes = {name: sha256(data).hexdigest() for name, data in sorted(files.items())}
        return {**files, MANIFEST: json_bytes({**self.told, "hashes": hashes})}

    @property
    def digest(self) -> str:
        return sha256(self.files[MANIFEST]).hexdigest()

    @property
    def is_rehearsal(self) -> bool:
        return WaveKind.REHEARSAL in {one["kind"] for one in self.told["waves"]}


def make_index(
    *,
    inputs: Mapping[str, Cells],
    scheme: str,
    manifest: Mapping[str, Any],
    given: Mapping[str, bytes],
    points: Mapping[str, Cells] | None = None,
) -> IndexSheet:
    """Check and sort what a sheet is made from; `given` holds `waves/<code>.csv` and `previous/scores.csv`.

    Raises the leaf that names file, row and column of what does not fit.
    """
    told = {key: value for key, value in manifest.items() if key != "hashes"}
    for key in ("format", "audience", "year", "code_version", "waves", "name_vi", "name_en"):
        if key not in told:
            raise KeyInvalid(MANIFEST, "", key, None, "a value: the key is missing")
    waves = {}
    for code in _waves(told):
        name = f"{WAVES}{code}.csv"
        if code in waves:
            raise DuplicateKey(MANIFEST, f"waves {code}")
        if name not in given:
            raise FileUnlisted(name)
        waves[code] = csv_rows(given[name], name, OF_WAVES)
    rows = make_records(InputRow, inputs, file="inputs.csv")
    earned = () if points is None else make_records(InputRow, points, file=POINTS)
    twice = {(row.unit, row.code) for row in rows} & {(row.unit, row.code) for row in earned}
    if twice:
        raise DuplicateKey(POINTS, ", ".join(min(twice)))
    return IndexSheet(parse_scheme(scheme), rows, earned, waves, read_units(told), told, dict(given))


def _waves(told: Mapping[str, Any]) -> Iterator[str]:
    """The codes of the waves that a manifest lists. Raises KeyInvalid."""
    listed = told["waves"]
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise KeyInvalid(MANIFEST, "", "waves", listed, "a list of objects")
    for number, one in enumerate(listed, start=1):
        code, kind = one.get("code"), one.get("kind")
        if not isinstance(code, str) or not code:
            raise KeyInvalid(MANIFEST, f"wave {number}", "code", code, "a text that is not empty")
        if kind not in list(WaveKind):
            raise KeyInvalid(MANIFEST, f"wave {code}", "kind", kind, ", ".join(WaveKind))
        yield code


def is_index(folder: Path) -> bool:
    """Say whether a folder holds a sheet, not a wave."""
    try:
        return read_json((folder / MANIFEST).read_bytes(), MANIFEST).get("audience") == INDEX
    except OSError:
        return False


def read_index(folder: Path) -> IndexSheet:
    """Read a folder after checking every file against the manifest's hash."""
    manifest, files = extract.verified_files(folder)
    for name in ("inputs.csv", "scheme.toml"):
        if name not in files:
            raise FileUnlisted(name)
    return make_index(
        inputs=read_columns(files["inputs.csv"], "inputs.csv"),
        points=read_columns(files[POINTS], POINTS) if POINTS in files else None,
        scheme=extract.text_of(files, "scheme.toml"),
        manifest=manifest,
        given={name: data for name, data in files.items() if name.startswith((WAVES, "previous/"))},
    )


def score_index(sheet: IndexSheet) -> Scores:
    """Points, percentages, grades, ranks and changes of every part and unit; the same sheet gives the same digits."""
    sheets = list(_sheets(sheet))
    marks = (because(Reason.REHEARSAL),) if sheet.is_rehearsal else ()
    names = {unit.code: (unit.name_vi, unit.name_en) for unit in sheet.units}
    rows = make_rows(sheets, Context(str(sheet.told["year"]), INDEX, names, marks, True))
    if sheet.scheme.level is Level.PROVINCE:
        rows = [_imported(row, sheet.scheme) for row in rows]
    told = tuple(with_changes(rows, read_previous(sheet.given)))
    return Scores(told, _facts(sheet, sheets), {GRADES: grades_table(told, [sheet.scheme])})


def _imported(row: Row, scheme: Scheme) -> Row:
    """The provincial index is the ministry's: what was imported from it is official, what was surveyed here is not."""
    chosen = row.weighting == scheme.weighting and row.answers == Used.ALL
    return replace(row, is_official=YES if chosen and row.n_valid is None else NO)


def _sheets(sheet: IndexSheet) -> Iterator[Sheet]:
    scheme = sheet.scheme
    served = {unit.code for unit in sheet.units if scheme.serves(unit.type)}
    units = tuple(sorted(served & ({row.unit for row in (*sheet.inputs, *sheet.points)} | _asked(sheet))))
    fixed = fixed_points(scheme, sheet.inputs, frozenset(units), strict=True)
    fixed |= fixed_points(scheme, sheet.points, frozenset(units), strict=True, points_given=True)
    notes = Notes()
    if scheme.level is Level.PROVINCE:
        for unit in units:
            notes.add(unit, because(Reason.INTERNAL_ESTIMATE))
    absent = np.full(len(units), np.nan)
    for used in _variants(sheet):
        for weighting in WeightingRule if sheet.waves else (scheme.weighting,):
            waves = {code: _chosen(rows, scheme, weighting, used) for code, rows in sheet.waves.items()}
            key = SheetKey(scheme, scheme.level, scheme.index_rule, weighting, used)
            yield sheet_of_points(About(units, absent, absent, notes), key, join_waves(scheme, units, waves), fixed)


def _asked(sheet: IndexSheet) -> set[str]:
    return {str(row["unit"]) for rows in sheet.waves.values() for row in rows if row["scheme"] == sheet.scheme.code}


def _variants(sheet: IndexSheet) -> tuple[Used, ...]:
    flagged = any(row["answers"] == Used.UNFLAGGED for rows in sheet.waves.values() for row in rows)
    return (Used.ALL, Used.UNFLAGGED) if flagged else (Used.ALL,)


def _chosen(rows: Sequence[ResultRow], scheme: Scheme, weighting: WeightingRule, used: Used) -> Found:
    """A wave's points of one weighting and set of answers; a wave without flags has one set."""
    own = [row for row in rows if row["scheme"] == scheme.code and row["max"] is not None]
    own = [row for row in own if row["rule"] == scheme.index_rule and row["weighting"] == weighting]
    some = [row for row in own if row["answers"] == used] or [row for row in own if row["answers"] == Used.ALL]
    return {(str(row["unit"]), str(row["level_of"]), str(row["code"])): row for row in some}


def _facts(sheet: IndexSheet, sheets: Sequence[Sheet]) -> dict[str, Any]:
    scheme, told = sheet.scheme, sheet.told
    return {
        **{key: value for key, value in told.items() if key not in ("units", "name_vi", "name_en")},
        "wave": INDEX,
        "kind": WaveKind.REHEARSAL if sheet.is_rehearsal else WaveKind.REAL,
        "extract": sheet.digest,
        "schemes": [{"code": scheme.code, "version": scheme.version, "sha256": scheme.digest}],
        "index_name_vi": told["name_vi"],
        "index_name_en": told["name_en"],
        "level_averages": level_averages(sheets, {}),
        "change_clear": CLEAR_BY,
    }


def write_index(sheet: IndexSheet, folder: Path) -> None:
    """Write the folder; the same sheet always gives the same bytes."""
    extract.write_files(folder, sheet.files)


def run_score(args: argparse.Namespace) -> int:
    """`python -m analysis score EXTRACT`, of a wave or of an index sheet; a refusal is raised (AnalysisError)."""
    folder = Path(args.extract)
    if not is_index(folder):
        return extract.run_score(args)
    if args.scheme is not None:
        raise KeyInvalid(MANIFEST, "", "scheme", str(args.scheme), "the sheet's own scheme: its points go by its codes")
    return extract.tell(score_index(read_index(folder)), args)
