"""The doors count hours, gaps and speeds of forms, never of a person, and the screening of the wave looks at them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis.__main__ import main
from survey.db import Database
from survey.jobs import close, screen
from survey.keys import Keys
from survey.model.base import new_id
from survey.model.door import DoorCount
from survey.model.quota import QuotaCell
from survey.model.response import Answer
from survey.model.review import ScreeningCase, ScreeningFinding
from survey.model.wave import Wave
from survey.stages import doors, drafts, openings, quotas, responses, reviews, waves
from survey.stages.doors import Counter, Kind

WAVE = "2026-citizens"
MORNING, NIGHT = datetime(2026, 3, 10, 2, 30, tzinfo=UTC), datetime(2026, 3, 10, 15, 0, tzinfo=UTC)  # 9:30 and 22:00


@pytest.fixture
def field(database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]) -> Any:
    return go_to_the_field(database, keys, now)


def fill_in(database: Database, keys: Keys, code: str, began: datetime, took: timedelta) -> None:
    """A form at a poster, begun and sent."""
    secret = secrets.token_urlsafe(16)
    with database.begin() as session:
        opening = openings.open_counter(session, keys, code, now=began)
        quotas.reserve(session, opening.subject, drafts.mark_of(opening.key, secret), began)
    with database.begin() as session:
        responses.accept(
            session, opening, secret=secret, submission_key=secret, answers={"S15": "4"}, body=b"", now=began + took
        )


def give_answers(session: Session, wave: Wave) -> None:
    """Answers of people who differ, alike in every unit."""
    rng = Random(3)
    codes = [item.code for item in waves.instrument_of(wave).scored_items]
    for unit in ("98-01", "98-02", "98-03"):
        for _ in range(40):
            level = rng.gauss(3.8, 0.8)
            items = {code: str(min(max(round(rng.gauss(level, 0.7)), 1), 5)) for code in codes}
            session.add(Answer(
                id=new_id(), wave_id=wave.id, phase=1, mode="counter", unit_code=unit, class_code=f"{unit}|counter",
                items=items,
            ))  # fmt: skip


def counted(database: Database) -> dict[tuple[str, str, int], int]:
    with database.read() as session:
        return {(one.collector, one.counter, one.bin): one.number for one in session.scalars(select(DoorCount))}


def test_a_form_at_a_poster_is_counted_by_hour_gap_and_speed_and_nothing_else_is_kept_of_it(
    database: Database, keys: Keys, field: Any
) -> None:
    for began, took in ((MORNING, 90), (MORNING + timedelta(seconds=80), 20), (NIGHT, 400)):
        fill_in(database, keys, field.counter, began, timedelta(seconds=took))
    door = "98-01|counter"
    assert counted(database) == {
        (door, "hour", 9): 2, (door, "hour", 22): 1, (door, "gap", 0): 1, (door, "gap", 4): 1,
        (door, "speed", 0): 1, (door, "speed", 2): 1, (door, "speed", 4): 1,
    }  # fmt: skip
    close.run(database, keys, WAVE, actor="test", now=NIGHT)
    with database.read() as session:
        assert session.scalars(select(QuotaCell.last_at)).all() == [None, None]


def test_neither_a_personal_link_nor_an_official_passes_a_door(database: Database, keys: Keys, field: Any) -> None:
    for code in (field.personal[0], field.officials[0]):
        with database.begin() as session:
            opening = openings.open_link(session, keys, code, now=MORNING)
            responses.accept(
                session, opening, secret=code, submission_key=code, answers={}, body=b"", now=MORNING
            )  # fmt: skip
    assert not counted(database)


def test_days_off_and_the_provinces_own_hours_are_told_apart() -> None:
    assert doors.hour_of(datetime(2026, 3, 13, 17, 30, tzinfo=UTC)) == 24  # half past midnight on Saturday
    assert [doors.in_office(hour) for hour in (6, 7, 16, 17, 24 + 9)] == [False, True, True, False, False]


def test_the_screening_finds_the_poster_whose_forms_come_at_night_in_seconds(
    database: Database, keys: Keys, now: datetime, field: Any
) -> None:
    close.run(database, keys, WAVE, actor="test", now=now)
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        for unit, at, took in (("98-01", MORNING, 150), ("98-02", MORNING, 200), ("98-03", NIGHT, 15)):
            for _ in range(40):
                span = timedelta(seconds=took)
                doors.note(session, wave.id, Kind.COLLECTOR, f"{unit}|counter", at, gap=span * 3, took=span)
        (first, *_others) = doors.collectors(session, wave)
        assert (first.name, first.counts[Counter.HOUR, 9]) == ("98-01|counter", 40)
        give_answers(session, wave)
    screen.run(database, WAVE, actor="test", now=now)
    with database.read() as session:
        found = select(ScreeningCase.kind, ScreeningCase.name, ScreeningFinding.signal).join(
            ScreeningFinding,
            (ScreeningFinding.screening_id == ScreeningCase.screening_id)
            & (ScreeningFinding.number == ScreeningCase.number),
        )
        flags = {tuple(row) for row in session.execute(found)}
    assert {("collector", "98-03|counter", signal) for signal in ("out_of_hours", "short_gaps", "fast")} <= flags
    assert {name for _kind, name, _signal in flags} == {"98-03|counter"}


def test_whoever_screens_the_exported_files_finds_what_the_site_found(
    database: Database, keys: Keys, now: datetime, field: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    close.run(database, keys, WAVE, actor="test", now=now)
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        give_answers(session, wave)
        for kind, mode, names in (
            (Kind.COLLECTOR, "|intercept", ("98-01", "98-02", "98-03", "98-04")),
            (Kind.INTERVIEWER, "", ("an@example.vn", "ba@example.vn", "tu@example.vn", "de@example.vn")),
        ):
            for number, (name, forms, late) in enumerate(zip(names, (60, 45, 40, 9), (2, 1, 30, 9), strict=True)):
                for form in range(forms):
                    at = NIGHT if form < late else MORNING
                    took = timedelta(seconds=15 if form < late else 200 + number)
                    doors.note(session, wave.id, kind, name + mode, at, gap=3 * took, took=took)
    screen.run(database, WAVE, actor="test", now=now)
    seed = screen.write(database, WAVE, tmp_path)
    with database.read() as session:
        evidence = {
            (case["kind"], case["name"], signal, told["p"])
            for case in reviews.record(session, waves.find(session, WAVE))["cases"]
            for signal, told in case["evidence"].items()
        }
    files = (str(tmp_path / "extract"), "--door", str(tmp_path / "door.csv"))
    assert main(["screen", *files, "--seed", str(seed), "--json"]) == 0
    flags = json.loads(capsys.readouterr().out)["findings"]
    assert {(one["kind"], one["group"], one["signal"], f"{one['p']:.3g}") for one in flags} == evidence
    assert {("collector", "98-03|topup"), ("interviewer", "tu@example.vn")} == {one[:2] for one in evidence}
    text = (tmp_path / "door.csv").read_text(encoding="utf-8")
    assert "98-04" not in text  # nine forms
    assert "98-03,topup,hour_of_day,doubtful,yes,30\n" in text
