"""Screens a closed wave's answers for groups that differ as honest ones do not; two people decide what comes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from analysis.errors import Undefined
from analysis.extract import Extract, write_extract
from analysis.screening.doors import Door
from analysis.screening.findings import Finding
from analysis.screening.screen import Options, screen
from analysis.screening.sheets import STANDARD, groupings, read_sheets
from survey.db import Database
from survey.errors.common import WrongAudience
from survey.jobs import doors, extract
from survey.model.review import Screening
from survey.model.wave import Wave
from survey.stages import openings, reviews, waves
from survey.stages.reviews import Found

OPTIONS = Options(fdr=0.05, least=10)
DIGITS = 6
EXTRACT, DOOR = "extract", "door.csv"
WORDS = {openings.INTERCEPT: extract.COUNTED}  # the extract's words for modes of ours
Say = Callable[[str], None]


def run(database: Database, wave_code: str, *, actor: str, now: datetime, say: Say = lambda _step: None) -> Screening:
    """Screen a wave and keep what was found as a new screening. The same answers give the same findings."""
    say("extract")
    with database.read() as session:
        wave = _wave(session, wave_code)
        taken, rows = _without_flags(session, wave)
        door = doors.of_wave(session, wave, WORDS)
    say("screening")
    seed = _seed(taken)
    options = {"fdr": str(OPTIONS.fdr), "least": OPTIONS.least, "seed": seed, "kinds": sorted(STANDARD)}
    try:
        told = [_found(one, rows) for one in _flagged(taken, door, np.random.default_rng(seed))]
    except Undefined as error:  # too few answers to be a measure of themselves: nothing can be said of any
        told, options = [], options | {"too_few": str(error)}
    say("storing")
    with database.begin() as session:
        wave = waves.hold(session, wave_code)
        return reviews.store(
            session, wave, told, extract=taken.digest, answers=len(rows), options=options,
            version=extract.code_version(), actor=actor, now=now,
        )  # fmt: skip


def write(database: Database, wave_code: str, folder: Path) -> int:
    """Write what a screening reads, for an auditor with `python -m analysis screen`; the seed that it draws with."""
    with database.read() as session:
        wave = _wave(session, wave_code)
        taken = extract.build(session, wave, flags={})
        door = doors.of_wave(session, wave, WORDS)
    folder.mkdir(parents=True, exist_ok=True)
    write_extract(taken, folder / EXTRACT)
    doors.write(door, folder / DOOR)
    return _seed(taken)


def _wave(session: Session, code: str) -> Wave:
    wave = waves.find(session, code)
    if wave.audience != "citizens":
        raise WrongAudience(wave=code, audience=wave.audience, needed="citizens")
    return wave


def _seed(taken: Extract) -> int:
    return int(taken.digest[:8], 16)


def _without_flags(session: Session, wave: Wave) -> tuple[Extract, list[bytes]]:
    """The wave's extract as it is without any flag, and which answer each of its rows is.

    Rows with the same content stand for each other: which of them is which does not matter to anybody.
    """
    taken = extract.build(session, wave, flags={})
    by_content: dict[tuple[str, ...], list[bytes]] = defaultdict(list)
    for identity, content in extract.contents(session, wave):
        by_content[content].append(identity)
    for identities in by_content.values():
        identities.sort(reverse=True)
    items = [item.code for item in waves.instrument_of(wave).answer_items]
    return taken, [by_content[content].pop() for content in _rows(taken, items)]


def _rows(taken: Extract, items: Sequence[str]) -> Iterator[tuple[str, ...]]:
    columns = [taken.answers[name].values() for name in extract.CONTENT]
    columns += [taken.answers.items[code].values() for code in items]
    return zip(*columns, strict=True)


def _flagged(taken: Extract, door: Sequence[Door], rng: np.random.Generator) -> Sequence[Finding]:
    items = [item.code for item in taken.instrument.scored]
    sheets = read_sheets(taken.answers, items, context="mode")
    return screen(sheets, groupings(taken.answers, STANDARD), OPTIONS, rng=rng, door=door).flags


def _found(finding: Finding, rows: Sequence[bytes]) -> Found:
    evidence: Mapping[str, object] = {
        "statistic": _text(finding.statistic),
        "expected": _text(finding.expected),
        "quantile": _text(finding.quantile),
        "p": f"{finding.p:.3g}",
        "adjusted_p": f"{finding.adjusted_p:.3g}",
        "n": finding.n,
        "named": len(finding.rows),
    }
    named = tuple(rows[row] for row in finding.rows)
    return Found(finding.kind, finding.group, str(finding.signal), evidence, finding.n, named)


def _text(value: float) -> str:
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
