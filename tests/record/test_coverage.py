"""The coverage note: nothing is drawn before a named person signed for the lists as they stand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from survey.cells import Flaw
from survey.db import Database
from survey.errors.common import SurveyError
from survey.errors.waves import FrameUnsigned, SignerMissing
from survey.keys import Keys
from survey.mapping import read_mapping
from survey.model.sample import ClassCell
from survey.model.unit import Unit
from survey.stages import coverage, frames, samples, waves
from survey.stages.dossiers import COLUMNS
from survey.wavefile import read_wave_file

WAVE = """
code = "{code}"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = "local-department-sample"
province = "98"
period_from = {year}-01-01
period_to = {year}-12-31
opens = 2026-03-01T07:00:00
closes = 2026-03-20T17:00:00
units = ["98-01", "98-02"]
[targets]
default = 30
"""
HEAD = "dossier_code,linked_code,rated_unit,procedure_field,finished_on,phone\n"
NAMES = {"98": "Tỉnh Minh Họa", "98-01": "Sở Xây dựng", "98-02": "Sở Y tế", "98-09": "Sở Giao thông vận tải"}


@pytest.fixture
def site(database: Database, keys: Keys, now: datetime) -> Database:
    """A wave of 2025 and last year's, with 300 dossiers of each unit; one unit was merged into the first."""
    with database.begin() as session:
        for code, name in NAMES.items():
            session.add(Unit(
                code=code, name_vi=name, name_en=name, type="province" if code == "98" else "department",
                parent=None if code == "98" else "98", valid_from=None, valid_to=None,
                successor="98-01" if code == "98-09" else None, rated=code in ("98-01", "98-02"),
            ))  # fmt: skip
            session.flush()
        for code, year in (("last", 2024), ("this", 2025)):
            plan = read_wave_file(WAVE.format(code=code, year=year))
            waves.create(session, plan, keys=keys, actor="test", now=now)
        last = waves.find(session, "last")
        counts = dict.fromkeys(("population", "drawn", "kept", "invited"), 10)
        for unit in ("98-01", "98-02"):
            for part in "ab":
                session.add(ClassCell(
                    wave_id=last.id, class_code=f"{unit}|{part}", unit_code=unit, stratum=f"{unit}|1",
                    stratum_population=300, weight_sum=1.0, **counts,
                ))  # fmt: skip
    return database


def load(session: Session, keys: Keys, folder: Path, rows: str, now: datetime, mapping: str = "") -> frames.FrameReport:
    file = folder / "list.csv"
    file.write_text(rows if mapping else HEAD + rows, encoding="utf-8")
    layout = read_mapping(mapping, COLUMNS.known) if mapping else frames.PLAIN
    wave = waves.find(session, "this")
    return frames.import_frame(
        session, wave, file, installation=keys.installation, actor="test", now=now, mapping=layout
    )


def dossiers(unit: str, numbers: range) -> str:
    return "".join(f"{unit}.{n},,{unit},Hộ tịch,2025-05-05,09{n:08d}\n" for n in numbers)


def test_nothing_is_drawn_from_lists_that_nobody_signed_for_or_that_changed_since(
    site: Database, keys: Keys, tmp_path: Path, now: datetime
) -> None:
    def draw() -> None:
        with site.begin() as session:
            samples.draw(session, waves.find(session, "this"), seed=1, response_rate=0.5, actor="test", now=now)

    def sign(by: str) -> None:
        with site.begin() as session:
            coverage.sign(session, waves.find(session, "this"), by=by, actor="test", now=now)

    with pytest.raises(FrameUnsigned):  # there is nothing to sign for
        sign("Trần Thị B")
    with site.begin() as session:
        load(session, keys, tmp_path, dossiers("98-01", range(100)) + dossiers("98-02", range(100, 400)), now)
    with pytest.raises(FrameUnsigned):
        draw()
    with pytest.raises(SignerMissing):
        sign("  ")
    sign("Trần Thị B")
    with site.begin() as session:  # a week later another list comes
        assert load(session, keys, tmp_path, dossiers("98-01", range(50, 120)), now).accepted == 20
    with pytest.raises(FrameUnsigned):
        draw()
    sign("Trần Thị B")
    with site.begin() as session:  # the same list again changes nothing
        assert load(session, keys, tmp_path, dossiers("98-01", range(50, 120)), now).accepted == 0
    draw()


def test_the_coverage_is_told_against_the_year_before_and_linked_dossiers_count_once(
    site: Database, keys: Keys, tmp_path: Path, now: datetime
) -> None:
    mapping = 'system = "iGate"\n[columns]\n' + "".join(f'{name} = "{name}"\n' for name in HEAD.strip().split(","))
    with site.begin() as session:
        load(session, keys, tmp_path, dossiers("98-01", range(100)), now)
        other = (
            HEAD + "X.1,98-01.5,98-01,Hộ tịch,2025-05-05,0912345678\nX.2,,Sở Xây dựng,Hộ tịch,2025-05-06,090000001\n"
        )
        report = load(session, keys, tmp_path, other, now, mapping)
        assert (report.accepted, report.linked_duplicates) == (1, 1)
    with site.read() as session:
        seen = coverage.look(session, waves.find(session, "this"))
    assert (seen.last, seen.files, seen.systems, seen.signed_by) == ("last", 2, ("iGate",), None)
    told = {one.unit: (one.dossiers, one.last, one.remark) for one in seen.units}
    assert told == {"98-01": (101, 300, "fewer"), "98-02": (0, 300, "nothing")}


def test_units_that_nobody_knows_are_named_with_those_that_may_be_meant(
    site: Database, keys: Keys, tmp_path: Path, now: datetime
) -> None:
    rows = "".join(
        f"{n},,{name},Hộ tịch,2025-05-05,\n"
        for n, name in enumerate(
            ["So Xay Dung", "So Xay Dung", "SỞ Y TÊ", "Sở Giao thông vận tải", "Kho bạc", "Sở Xây dựng tỉnh Minh Họa"]
        )
    )
    with site.begin() as session:
        report = load(session, keys, tmp_path, rows, now)
    told = {one.written: (one.rows, one.suggestions) for one in report.unknown_units}
    assert told == {
        "So Xay Dung": (2, ("98-01",)), "SỞ Y TÊ": (1, ("98-02",)), "Sở Giao thông vận tải": (1, ("98-01",)),
        "Kho bạc": (1, ()), "Sở Xây dựng tỉnh Minh Họa": (1, ("98-01",)),
    }  # fmt: skip
    assert report.accepted == 0
    assert {fault.reason for fault in report.quarantined} == {Flaw.UNKNOWN_UNIT}


def test_a_list_that_completes_another_is_told_of_the_frame_and_needs_a_signature(
    site: Database, keys: Keys, tmp_path: Path, now: datetime
) -> None:
    with site.begin() as session:
        wave = waves.find(session, "this")
        load(
            session, keys, tmp_path, "1,,98-01,Hộ tịch,2025-05-05,09123\n2,,98-01,Hộ tịch,2025-05-05,0912345678\n", now
        )
        assert coverage.look(session, wave).counts["without_contact"] == 1
        coverage.sign(session, wave, by="Trần Thị B", actor="test", now=now)
        weekly = "1,,98-01,Hộ tịch,2025-05-05,0987654321\n2,,98-01,Hộ tịch,2025-05-05,0912345678\n"
        report = load(session, keys, tmp_path, weekly, now)
        seen = coverage.look(session, wave)
    assert (report.duplicates, report.completed, report.changed) == (2, 1, ())
    assert (seen.counts["without_contact"], seen.counts["timing_unknown"], seen.signed_by) == (0, 2, None)
    assert not {"rows", "duplicates"} & seen.counts.keys()


def test_a_list_cut_off_at_its_end_leaves_nothing_behind(
    site: Database, keys: Keys, tmp_path: Path, now: datetime
) -> None:
    with site.begin() as session, pytest.raises(SurveyError):
        load(session, keys, tmp_path, dossiers("98-01", range(6000)) + '6001,,98-01,"Hộ', now)
    with site.read() as session:
        assert coverage.look(session, waves.find(session, "this")).dossiers == 0
