"""Two runs of a wave line by line: each difference with what can have made it, and nothing that cannot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from survey.db import Database
from survey.keys import Keys
from survey.model.result import Run
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import comparisons, exports, results, waves
from survey.stages.comparisons import Cause, Comparison, Line
from survey.wavefile import read_wave_file
from survey.web.site import Site

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
SCHEME = "local-department-sample"
WAVE = """
code = "W1"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = ["local-department-sample"]
province = "75"
period_from = 2026-01-01
period_to = 2026-03-31
opens = 2026-03-01T08:00:00
closes = 2026-04-01T17:00:00
units = "*"
targets = { default = 30 }
"""
PARTS = ("answers.csv", "sample.csv", "margins.csv", "inputs.csv", "instrument.toml", "scheme.toml", "previous/x.csv")
SAME = dict.fromkeys(PARTS, "0" * 64)


@pytest.fixture
def wave(app: Flask, database: Database) -> Wave:
    site: Site = app.extensions["survey"]
    with database.begin() as session:
        session.add(Unit(code="75", name_vi="Đồng Nai", name_en="Dong Nai", type="province", rated=False))
        session.flush()
        for code in ("75-SNV", "75-STP"):
            session.add(Unit(code=code, name_vi=code, name_en=code, type="department", parent="75", rated=True))
        session.flush()
        return waves.create(session, read_wave_file(WAVE), keys=Keys(site.settings.keys), actor="t", now=NOW)


def row(unit: str, level_of: str, code: str, index: str, answers: str = "all") -> dict[str, Any]:
    told = {"scheme": SCHEME, "rule": "top2box", "weighting": "design", "is_official": "yes", "status": "ok"}
    own = {"unit": unit, "level_of": level_of, "code": code, "index": index, "answers": answers}
    return {**dict.fromkeys(exports.COLUMNS), **told, **own}


OLD = [
    row("75-SNV", "overall", "overall", "80"),
    row("75-SNV", "overall", "overall", "81", "unflagged"),
    row("75-SNV", "component", "1.1.1", "70"),
    row("75-SNV", "criterion", "1.1", "70"),
    row("75-SNV", "area", "1", "60"),
    row("75-SNV", "area", "2", "50"),
    row("75-SNV", "total", "total", "65"),
    row("75-STP", "overall", "overall", "82"),
]  # fmt: skip
NEW = [{**one, "index": str(int(one["index"]) + 1)} for one in OLD]


def run(session: Session, wave: Wave, rows: Any, minutes: int, version: str = "1", **options: Any) -> Run:
    made = results.Made("0" * 64, version, {"parts": SAME, "flags": "none", **options})
    return results.store(session, wave, rows, made, actor="t", now=NOW + timedelta(minutes=minutes))


def compared(session: Session, wave: Wave, before: Run, after: Run) -> tuple[Comparison, dict[tuple[str, ...], Line]]:
    whole = comparisons.compare(session, wave, before, after)
    found = comparisons.lines(session, wave, before, after, whole)
    return whole, {tuple(line.key[name] for name in ("unit", "code", "answers")): line for line in found}


def other(*names: str) -> Mapping[str, str]:
    """The parts of a run in which these files are others."""
    return SAME | dict.fromkeys(names, "1" * 64)


@pytest.mark.parametrize(
    ("part", "cause"),
    [
        ("answers.csv", Cause.ANSWERS), ("sample.csv", Cause.FRAME), ("margins.csv", Cause.FRAME),
        ("scheme.toml", Cause.SCHEME), ("instrument.toml", Cause.INSTRUMENT), ("previous/x.csv", Cause.PREVIOUS),
    ],
)  # fmt: skip
def test_what_a_run_was_made_from_differently_is_the_reason_of_every_line(
    database: Database, wave: Wave, part: str, cause: Cause
) -> None:
    with database.begin() as session:
        first, second = run(session, wave, OLD, 0), run(session, wave, NEW, 1, parts=other(part))
        whole, lines = compared(session, wave, first, second)
    assert whole.causes == (cause,)
    assert len(lines) == len(OLD)
    assert {line.causes for line in lines.values()} == {(cause,)}
    assert comparisons.told(lines["75-STP", "overall", "all"]) == [("index", "82", "83")]


def test_a_typed_in_figure_moves_its_own_sums_and_nothing_else(database: Database, wave: Wave) -> None:
    with database.begin() as session:
        first = run(session, wave, OLD, 0)
        for minute, value in ((1, "0.5"), (2, "0.25")):
            results.set_input(
                session, wave, unit="75-SNV", code="1.1.1", value=Decimal(value), source="CV 7", actor="an@x.vn",
                now=NOW + timedelta(minutes=minute),
            )  # fmt: skip
        second = run(session, wave, NEW, 3, parts=other("inputs.csv"))
        whole, lines = compared(session, wave, first, second)
    assert [(one.unit, one.code, one.before, one.after, one.by) for one in whole.typed] == [
        ("75-SNV", "1.1.1", None, "0.25", "an@x.vn")
    ]
    moved = {key for key, line in lines.items() if line.causes == (Cause.INPUTS,)}
    assert moved == {("75-SNV", code, "all") for code in ("1.1.1", "1.1", "1", "total")}
    assert {line.causes for key, line in lines.items() if key not in moved} == {(Cause.OTHERS,)}


def test_a_figure_typed_in_and_taken_back_is_no_difference(database: Database, wave: Wave) -> None:
    with database.begin() as session:
        for minute, value in ((-1, "0.5"), (1, "0.25"), (2, "0.5")):
            results.set_input(
                session, wave, unit="75-SNV", code="1.1.1", value=Decimal(value), source="CV 7", actor="t",
                now=NOW + timedelta(minutes=minute),
            )  # fmt: skip
        first, second = run(session, wave, OLD, 0), run(session, wave, OLD, 3)
        whole, lines = compared(session, wave, first, second)
    assert (whole.causes, whole.typed, lines) == ((), (), {})


def test_decisions_on_suspicious_answers_move_only_the_figures_without_them(database: Database, wave: Wave) -> None:
    with database.begin() as session:
        first = run(session, wave, OLD, 0)
        second = run(session, wave, NEW, 1, parts=other("answers.csv"), flags="some")
        whole, lines = compared(session, wave, first, second)
    assert whole.causes == (Cause.FLAGS,)
    assert lines["75-SNV", "overall", "unflagged"].causes == (Cause.FLAGS,)
    assert lines["75-SNV", "overall", "all"].causes == (Cause.OTHERS,)


def test_a_line_of_one_run_alone_another_program_and_a_difference_without_a_cause_are_told(
    database: Database, wave: Wave
) -> None:
    with database.begin() as session:
        first, second = run(session, wave, OLD[:2], 0), run(session, wave, OLD[1:3], 1, version="2")
        third = run(session, wave, NEW[1:3], 2, version="2")
        whole, lines = compared(session, wave, first, second)
        unknown = compared(session, wave, second, third)
    assert (whole.causes, whole.versions) == ((Cause.CODE,), ("1", "2"))
    gone, come = lines["75-SNV", "overall", "all"], lines["75-SNV", "1.1.1", "all"]
    assert (gone.after, come.before) == (None, None)
    assert ("index", "80", None) in comparisons.told(gone)
    assert unknown[0].causes == ()
    assert {line.causes for line in unknown[1].values()} == {(Cause.UNKNOWN,)}
