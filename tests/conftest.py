"""Open waves that respondents' tests answer: two small units, a counter, and ten officials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy.orm import Session

from survey import resources
from survey.config import PROVINCE_TIME
from survey.db import Database
from survey.keys import Keys
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.sample import ClassCell
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import invitations, quotas, steps, waves
from survey.wavefile import read_wave_file

PHONE = "0912345678"
PROCEDURE = "1.004203"
DECISION = "12/QD-SNV, 10/03/2026, Nguyen Van A"
WAVE = """
code = "{code}"
kind = "{kind}"
audience = "{audience}"
instrument = "{instrument}"
scheme = ["ours.toml"]
province = "98"
period_from = 2026-01-01
period_to = 2026-12-31
opens = {opens:%Y-%m-%dT%H:%M:%S}
closes = {closes:%Y-%m-%dT%H:%M:%S}
units = ["98-01", "98-02", "98-03"]
modes = {modes}
block = 2
contact.vi = "gọi 0299 3 123 456 trong giờ làm việc"
contact.en = "call 0299 3 123 456 in office hours"
[targets]
default = 30
"""


@dataclass(frozen=True)
class Field:
    """The links that are out: `personal` and `officials` once each, `counter` for its target."""

    personal: tuple[str, ...]
    officials: tuple[str, ...]
    counter: str
    small_counter: str
    closes: datetime


@pytest.fixture(scope="session", autouse=True)
def templates_are_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each test's application has its own templates; what they compile to is the same."""
    Flask.jinja_options["bytecode_cache"] = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="session")
def go_to_the_field() -> Callable[[Database, Keys, datetime], Field]:
    """Open a citizens' and an officials' wave in an empty database."""
    return _go


def _go(database: Database, keys: Keys, now: datetime) -> Field:
    closes = now + timedelta(days=14)
    with database.begin() as session:
        _units(session)
        citizens = _wave(session, keys, now, closes, "citizens", "service-2025", "real", '["link", "counter"]')
        officials = _wave(session, keys, now, closes, "officials", "officials-sample", "rehearsal", '["link"]')
        personal = _personal(session, keys, citizens)
        posters = []
        for unit, target in (("98-01", 50), ("98-02", 1)):
            _cell, code = quotas.create_cell(
                session, citizens, key=keys.wave(citizens.id), unit_code=unit, point_of_service=None,
                mode="counter", target=target,
            )  # fmt: skip
            posters.append(code)
        judges = _raters(session, keys, officials, now)
        steps.plan(session, citizens, actor="test", now=now, document=DECISION)
        waves.open_wave(session, citizens, actor="test", now=now, document=DECISION)
        waves.open_wave(session, officials, actor="test", now=now)
        return Field(personal, judges, posters[0], posters[1], closes)


def decided_scheme(folder: Path) -> Path:
    """The shipped scheme of departments as if the province had decided on it: a real wave takes no sample."""
    text = resources.data("schemes", "local-department-sample.toml").read_text(encoding="utf-8")
    path = folder / "ours.toml"
    path.write_text(text.replace('status = "sample"', 'status = "official"', 1), encoding="utf-8")
    return path


def _units(session: Session) -> None:
    names = {"98": ("Tỉnh Minh Họa", "Sample Province", "province", None)} | {
        code: (vi, en, "department", "98")
        for code, vi, en in (
            ("98-01", "Sở Xây dựng", "Department of Construction"),
            ("98-02", "Sở Y tế", "Department of Health"),
            ("98-03", "Sở Nông nghiệp và Môi trường", "Department of Agriculture and Environment"),
        )
    }
    for code, (vi, en, kind, parent) in names.items():
        session.add(Unit(
            code=code, name_vi=vi, name_en=en, type=kind, parent=parent, valid_from=None, valid_to=None,
            successor=None, rated=parent is not None,
        ))  # fmt: skip
        session.flush()


def _wave(
    session: Session, keys: Keys, now: datetime, closes: datetime, audience: str, instrument: str, kind: str, modes: str
) -> Wave:
    opens, until = (moment.astimezone(PROVINCE_TIME) for moment in (now - timedelta(days=1), closes))
    text = WAVE.format(
        code=f"2026-{audience}", kind=kind, audience=audience, instrument=instrument, opens=opens, closes=until,
        modes=modes,
    )  # fmt: skip
    keys.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = keys.folder.parent / "wave.toml"
    file.write_text(text, encoding="utf-8")
    decided_scheme(file.parent)
    return waves.create(session, read_wave_file(file), keys=keys, actor="test", now=now)


def _personal(session: Session, keys: Keys, wave: Wave) -> tuple[str, ...]:
    """Twelve invited people of one unit and class."""
    key, installation = keys.wave(wave.id), keys.installation
    counts = dict.fromkeys(("stratum_population", "population", "drawn", "kept", "invited"), 12)
    session.add(ClassCell(
        wave_id=wave.id, class_code="98-01|all", unit_code="98-01", stratum="98-01|F1", weight_sum=12.0, **counts
    ))  # fmt: skip
    for number in range(12):
        dossier = Dossier(
            wave_id=wave.id, code_mark=installation.mark("dossier", f"HS-{number}"), linked_mark=None,
            person_mark=None, unit_code="98-01", field="F1", procedure_code=PROCEDURE, point_of_service=None,
            finished_on=date(2026, 3, 1), timing="on_time", outcome="granted", channel="counter", applicant="person",
            sex="F", age_band="", commune=None, phone=installation.hide(PHONE), email=None, name=None, address=None,
        )  # fmt: skip
        session.add(dossier)
        session.flush()
        invitation = Invitation(
            wave_id=wave.id, dossier_id=dossier.id, rater_id=None, unit_code="98-01", class_code="98-01|all",
            code_mark=b"", state=invitations.ISSUED,
        )  # fmt: skip
        session.add(invitation)
        session.flush()
        invitation.code_mark = key.mark("code", key.code(invitation.id))
    session.flush()
    return tuple(code for _invitation, code in invitations.links(session, wave, key))


def _raters(session: Session, keys: Keys, wave: Wave, now: datetime) -> tuple[str, ...]:
    key = keys.wave(wave.id)
    for number in range(10):
        mark = keys.installation.mark("rater", f"R{number}")
        session.add(Rater(
            wave_id=wave.id, code_mark=mark, group="HDND", agency="98-03", rates=["*"], phone=None, email=None
        ))  # fmt: skip
    session.flush()
    invitations.issue(session, wave, key=key, actor="test", now=now)
    return tuple(code for _invitation, code in invitations.links(session, wave, key))
