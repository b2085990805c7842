"""A wave before and while it is answered: what its file may say, who can open it, how it is extended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from survey import resources
from survey.db import Database
from survey.errors.common import (
    ModeNotPlanned,
    NobodyInvited,
    SampleInstrument,
    SampleScheme,
    SurveyError,
    UnitNotInWave,
    UnitNotRated,
    UnitUnknown,
    WrongState,
)
from survey.errors.waves import DocumentEmpty, NothingRated, TargetMissing, TooEarly, TooLate, UnitNotProvince
from survey.faults import FaultyFile, Reason
from survey.keys import Keys
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import audit, invitations, quotas, staff, waves
from survey.wavefile import read_wave_file

WAVE = """
code = "w"
kind = "{kind}"
audience = "{audience}"
instrument = "{instrument}"
scheme = {scheme}
province = "{province}"
period_from = 2026-01-01
period_to = {until}
opens = 2026-03-01T07:00:00
closes = {closes}
units = {units}
modes = {modes}
documents = {documents}
[targets]
{targets}
"""
SOUND = {
    "kind": "rehearsal", "audience": "citizens", "instrument": "service-2025", "scheme": '"local-department-sample"',
    "until": "2026-02-28", "closes": "2026-03-20T17:00:00", "units": '["98-01", "98-02"]', "modes": '["link"]',
    "province": "98", "documents": "[]", "targets": "default = 30",
}  # fmt: skip
DOCUMENT = "12/QD-SNV, 10/03/2026, Nguyen Van A"


@pytest.fixture
def province(database: Database) -> Database:
    kinds = {"98": "province", "98-01": "department", "98-02": "department", "98-03": "department", "98-X1": "commune"}
    with database.begin() as session:
        for code, kind in kinds.items():
            session.add(Unit(
                code=code, name_vi=code, name_en=code, type=kind, parent=None if code == "98" else "98",
                valid_from=None, valid_to=None, successor=None, rated=code not in {"98", "98-03"},
            ))  # fmt: skip
            session.flush()
    return database


def make(database: Database, keys: Keys, now: datetime, folder: Path = Path(), **changes: str) -> None:
    file = folder / "wave.toml" if folder != Path() else None
    text = WAVE.format(**(SOUND | changes))
    if file is not None:
        file.write_text(text, encoding="utf-8")
    with database.begin() as session:
        waves.create(session, read_wave_file(file or text), keys=keys, actor="test", now=now)


@pytest.mark.parametrize(
    ("changes", "key", "reason"),
    [
        ({"scheme": '["local-department-sample", "local-department-sample"]'}, "scheme", Reason.DUPLICATE),
        ({"units": '["98-01", "98-01"]'}, "units", Reason.DUPLICATE),
        ({"modes": '["link", "link"]'}, "modes", Reason.DUPLICATE),
        ({"until": "2025-12-31"}, "period_to", Reason.OUT_OF_RANGE),
        ({"closes": "2026-02-20T17:00:00"}, "closes", Reason.OUT_OF_RANGE),
        ({"documents": '["12/QD-SNV", " "]'}, "documents", Reason.EMPTY),
        ({"targets": ""}, "targets", Reason.MISSING),
        ({"targets": "default = 0"}, "targets", Reason.MISSING),
        ({"targets": "default = 30\n98-01 = 0"}, "targets.98-01", Reason.OUT_OF_RANGE),
        (
            {"audience": "officials", "instrument": "officials-sample", "modes": '["link", "counter"]'},
            "modes", Reason.UNFIT,
        ),
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_refused_by_key(changes: dict[str, str], key: str, reason: Reason) -> None:
    with pytest.raises(FaultyFile) as refused:
        read_wave_file(WAVE.format(**(SOUND | changes)))
    assert [(fault.key, fault.reason_code) for fault in refused.value.faults] == [(key, reason)]


def test_a_scheme_beside_the_file_that_has_the_code_of_another_is_refused(tmp_path: Path) -> None:
    shipped = resources.data("schemes", "local-department-sample.toml").read_text(encoding="utf-8")
    (tmp_path / "again.toml").write_text(shipped, encoding="utf-8")
    file = tmp_path / "wave.toml"
    file.write_text(WAVE.format(**(SOUND | {"scheme": '["local-department-sample", "again.toml"]'})))
    with pytest.raises(FaultyFile) as refused:
        read_wave_file(file).read_schemes()
    assert [fault.reason_code for fault in refused.value.faults] == [Reason.DUPLICATE]


@pytest.mark.parametrize(
    ("changes", "leaf", "unit"),
    [
        ({"targets": "default = 30\n98-X1 = 10"}, UnitNotInWave, "98-X1"),
        ({"targets": "default = 30\nnowhere = 10"}, UnitNotInWave, "nowhere"),
        ({"province": "98-X1"}, UnitNotProvince, "98-X1"),
        ({"units": '["98-01", "98"]'}, UnitNotRated, "98"),
        ({"units": '["98-01", "98-03"]'}, UnitNotRated, "98-03"),
        ({"units": '["98-01", "98-X1"]'}, UnitNotRated, "98-X1"),
        ({"units": '["98-01", "nowhere"]'}, UnitUnknown, "nowhere"),
    ],
)
def test_units_that_cannot_be_asked_about_are_refused_by_name(
    province: Database, keys: Keys, now: datetime, changes: dict[str, str], leaf: type[SurveyError], unit: str
) -> None:
    with pytest.raises(leaf) as refused:
        make(province, keys, now, **changes)
    assert vars(refused.value)["unit"] == unit


@pytest.mark.parametrize(
    ("changes", "leaf"),
    [
        ({}, SampleScheme),
        ({"audience": "officials", "instrument": "officials-sample"}, SampleInstrument),
    ],
)
def test_a_real_wave_takes_nothing_that_is_marked_as_a_sample(
    province: Database, keys: Keys, now: datetime, changes: dict[str, str], leaf: type[SurveyError]
) -> None:
    with pytest.raises(leaf):
        make(province, keys, now, kind="real", **changes)


def test_a_real_wave_takes_the_scheme_that_the_province_decided(
    province: Database, keys: Keys, now: datetime, tmp_path: Path
) -> None:
    text = resources.data("schemes", "local-department-sample.toml").read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(text.replace('"sample"', '"official"', 1), encoding="utf-8")
    make(province, keys, now, tmp_path, kind="real", scheme='"ours.toml"')
    with province.read() as session:
        assert [one.status for one in waves.schemes_of(session, waves.find(session, "w"))] == ["official"]


def test_a_wave_without_a_unit_or_with_a_unit_of_which_nobody_is_wanted_is_refused(
    province: Database, keys: Keys, now: datetime
) -> None:
    with pytest.raises(NothingRated):
        make(province, keys, now, scheme='"par-index-2024"', units='"*"')
    with pytest.raises(TargetMissing) as refused:
        make(province, keys, now, targets="98-01 = 30")
    assert refused.value.units == "98-02"


def test_a_wave_that_is_over_does_not_open_before_it_is_extended(province: Database, keys: Keys, now: datetime) -> None:
    make(province, keys, now, modes='["counter"]', closes="2026-03-05T17:00:00")
    with province.begin() as session:
        poster(session, waves.find(session, "w"), keys)
    with pytest.raises(TooLate), province.begin() as session:
        waves.open_wave(session, waves.find(session, "w"), actor="test", now=now)
    with province.begin() as session:
        wave = waves.find(session, "w")
        waves.extend(session, wave, closes=now + timedelta(days=1), document=DOCUMENT, actor="test", now=now)
        waves.open_wave(session, wave, actor="test", now=now)
        assert waves.is_answerable(wave, now)


def test_a_decision_that_is_named_by_nothing_is_refused(province: Database, keys: Keys, now: datetime) -> None:
    make(province, keys, now)
    with province.begin() as session:
        wave = waves.find(session, "w")
        with pytest.raises(DocumentEmpty):
            waves.open_wave(session, wave, actor="test", now=now, document="")
        with pytest.raises(DocumentEmpty):
            waves.extend(session, wave, closes=now + timedelta(days=30), document=" ", actor="test", now=now)


def test_a_wave_that_nobody_could_answer_does_not_open(province: Database, keys: Keys, now: datetime) -> None:
    make(province, keys, now, modes='["link", "counter"]')
    with pytest.raises(NobodyInvited), province.begin() as session:
        waves.open_wave(session, waves.find(session, "w"), actor="test", now=now)
    with province.begin() as session:
        wave = waves.find(session, "w")
        poster(session, wave, keys)
        waves.open_wave(session, wave, actor="test", now=now)
        assert wave.state == waves.OPEN


def poster(session: Session, wave: Wave, keys: Keys) -> None:
    quotas.create_cell(
        session, wave, key=keys.wave(wave.id), unit_code="98-01", point_of_service=None, mode="counter", target=5
    )


def issue(session: Session, wave: Wave, keys: Keys, now: datetime) -> None:
    invitations.issue(session, wave, key=keys.wave(wave.id), actor="test", now=now)


def test_only_the_ways_of_answering_that_were_planned_are_made(province: Database, keys: Keys, now: datetime) -> None:
    make(province, keys, now, modes='["link"]')
    with pytest.raises(ModeNotPlanned), province.begin() as session:
        poster(session, waves.find(session, "w"), keys)
    with province.begin() as session:
        wave = waves.find(session, "w")
        wave.settings = {**wave.settings, "modes": ["counter"]}
    with pytest.raises(ModeNotPlanned), province.begin() as session:
        issue(session, waves.find(session, "w"), keys, now)


def test_an_open_wave_is_extended_by_a_decision_and_never_shortened(
    database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]
) -> None:
    closes = go_to_the_field(database, keys, now).closes
    later = closes + timedelta(days=7)
    with database.begin() as session:
        wave = waves.find(session, "2026-citizens")
        extend(session, later, now)
        assert (wave.closes, wave.documents[-1]) == (later, DOCUMENT)
        assert waves.is_answerable(wave, closes + timedelta(days=1))
        audit.verify(session)
    for moment, at in ((later, now), (closes, now), (later + timedelta(days=1), later + timedelta(days=2))):
        with pytest.raises(TooEarly), database.begin() as session:
            extend(session, moment, at)


def extend(session: Session, closes: datetime, now: datetime) -> None:
    wave = waves.find(session, "2026-citizens")
    waves.extend(session, wave, closes=closes, document=DOCUMENT, actor="test", now=now)


def test_a_closed_wave_is_not_extended(
    database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]
) -> None:
    go_to_the_field(database, keys, now)
    with database.begin() as session:
        waves.mark_closed(session, waves.find(session, "2026-citizens"), actor="test", now=now)
    with pytest.raises(WrongState), database.begin() as session:
        extend(session, now + timedelta(days=30), now)


def test_an_account_of_a_unit_that_is_not_there_is_refused(province: Database, now: datetime) -> None:
    with pytest.raises(UnitUnknown), province.begin() as session:
        staff.create_account(
            session, email="a@example.vn", name="A", agency="B", roles=["rated_unit"], password="x" * 12, now=now,
            unit="99999",
        )  # fmt: skip
