"""Computes the results of a bundle again from its own extract, and names the first figure that comes out otherwise."""

from __future__ import annotations

import csv
import json
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from analysis import index_sheet
from analysis.describing.describe import describe, write_tables
from analysis.errors import AnalysisError
from analysis.extract import MANIFEST, Extract, read_extract, scheme_files, score, write_scores
from analysis.index_sheet import IndexSheet
from survey.custody import statements
from survey.custody.broken import BundleBroken, Fault
from survey.jobs import again_statement, again_workbook
from survey.scheme import Scheme, load_scheme

EXTRACT, TABLE = "extract", "scores.csv"


def run(folder: Path, *, bundle: str) -> int:
    """The number of figures that came out to the last digit. BundleBroken names the first that did not.

    The workbook is written again too, and the statement held against what it is about: it may be anybody's.
    """
    taken = _taken(folder / EXTRACT, bundle)
    try:
        scores = index_sheet.score_index(taken) if isinstance(taken, IndexSheet) else score(taken)
    except AnalysisError as error:
        raise BundleBroken(bundle, Fault.OTHER_DIGITS, EXTRACT, found=str(error)) from error
    told = _statement(folder)
    with TemporaryDirectory(prefix="hailong-again-") as again:
        made = Path(again)
        write_scores(scores, made)
        _require_rows(folder / TABLE, made / TABLE, bundle)
        for path in sorted(made.iterdir()):
            _require_file(folder / path.name, path, bundle)
        if isinstance(taken, Extract):
            _require_descriptions(folder, taken, made / "described", bundle)
            again_statement.require_decisions(folder, taken, told, bundle)
    again_workbook.require(folder, scores, _schemes(folder, len(scores.facts["schemes"])), told, bundle)
    if told:
        again_statement.require(folder, scores, told, bundle)
    return len(scores.rows)


def _taken(extract: Path, bundle: str) -> Extract | IndexSheet:
    if not (extract / MANIFEST).is_file():
        raise BundleBroken(bundle, Fault.FILE_MISSING, f"{EXTRACT}/{MANIFEST}")
    try:
        return index_sheet.read_index(extract) if index_sheet.is_index(extract) else read_extract(extract)
    except AnalysisError as error:
        raise BundleBroken(bundle, Fault.OTHER_DIGITS, EXTRACT, found=str(error)) from error


def _statement(folder: Path) -> dict[str, Any]:
    """What a seal says; nothing of a results folder."""
    path = folder / statements.FILE
    told: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    return told


def _schemes(folder: Path, count: int) -> list[Scheme]:
    return [load_scheme(folder / EXTRACT / name) for name in scheme_files(count)]


def _require_rows(sealed: Path, made: Path, bundle: str) -> None:
    with sealed.open(encoding="utf-8-sig", newline="") as before, made.open(encoding="utf-8-sig", newline="") as after:
        nothing: dict[str, str] = {}
        rows = zip_longest(csv.DictReader(before), csv.DictReader(after), fillvalue=nothing)
        for number, (stated, found) in enumerate(rows, start=2):
            for name in {**stated, **found} if stated != found else ():
                if stated.get(name) != found.get(name):
                    told = {"expected": str(stated.get(name)), "found": str(found.get(name))}
                    raise BundleBroken(bundle, Fault.OTHER_DIGITS, sealed.name, number, name, **told)


def _require_descriptions(folder: Path, taken: Extract, made: Path, bundle: str) -> None:
    """The tables that describe a wave, as far as the bundle has them; those of before there were any have none."""
    for name in write_tables(describe(taken), made):
        if (folder / name).is_file():
            _require_file(folder / name, made / name, bundle)


def _require_file(sealed: Path, made: Path, bundle: str) -> None:
    """Every file that the statistics write is the sealed one; the manifest lists files of the site beside them."""
    if made.name == MANIFEST:
        same = _facts(sealed) == _facts(made)
    else:
        same = sealed.is_file() and sealed.read_bytes() == made.read_bytes()
    if not same:
        raise BundleBroken(bundle, Fault.OTHER_DIGITS, made.name)


def _facts(manifest: Path) -> dict[str, object]:
    told = json.loads(manifest.read_bytes())
    return {key: value for key, value in told.items() if key != "hashes"}
