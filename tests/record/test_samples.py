"""The sample: known probabilities, one dossier kept of each person, classes that are large enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select, update

from survey import schema
from survey.db import Database
from survey.errors.common import AlreadyDrawn
from survey.errors.waves import TargetMissing
from survey.jobs import extract
from survey.keys import Keys
from survey.model.frame import Dossier
from survey.model.sample import ClassCell, Draw, SampledDossier
from survey.model.wave import WaveUnit
from survey.stages import coverage, frames, invitations, samples, units, waves
from survey.stages.classes import PRIVACY_FLOOR, split
from survey.stages.samples import Drawn, Listed, keep_one_each, stratify
from survey.wavefile import read_wave_file

UNITS = """code,name_vi,name_en,type,parent,valid_from,valid_to,successor,rated
98,Tỉnh Minh Họa,Sample Province,province,,,,,no
98-01,Sở Một,First Department,department,98,,,,yes
98-02,Sở Hai,Second Department,department,98,,,,yes
98-03,Sở Nhỏ,Small Department,department,98,,,,yes
"""
WAVE = """
code = "w"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = "local-department-sample"
province = "98"
period_from = 2025-07-01
period_to = 2025-12-31
opens = 2026-01-05T07:00:00
closes = 2026-01-19T17:00:00
units = "*"
[targets]
default = 30
"""


def frame_csv(rng: Random, late_share: float = 0.15) -> str:
    """400 dossiers in each of two units, 8 in the third; one agent filed 60 of the first, nearly all late."""
    lines = ["dossier_code,procedure_field,rated_unit,due_on,finished_on,channel,sex,phone"]
    for unit, size in (("98-01", 400), ("98-02", 400), ("98-03", 8)):
        for number in range(size):
            agent = unit == "98-01" and number < 60
            late = rng.random() < (0.9 if agent else late_share)
            due = date(2025, 9, 1) if late else date(2025, 9, 30)
            phone = "0912345678" if agent else f"09{rng.randrange(10**8):08d}"
            field = ("ho-tich", "dat-dai", "khac")[min(2, number % 5)]
            lines.append(f"{unit}.{number},{field},{unit},{due},2025-09-10,counter,{'FM'[number % 2]},{phone}")
    return "\n".join(lines) + "\n"


def drawn_wave(database: Database, keys: Keys, tmp_path: Path, now: datetime, *, seed: int, late: float = 0.15) -> str:
    (tmp_path / "units.csv").write_text(UNITS, encoding="utf-8")
    (tmp_path / "frame.csv").write_text(frame_csv(Random(5), late), encoding="utf-8")
    with database.begin() as session:
        units.import_units(session, tmp_path / "units.csv", actor="test", now=now)
        wave = waves.create(session, read_wave_file(WAVE), keys=keys, actor="test", now=now)
        frames.import_frame(
            session, wave, tmp_path / "frame.csv", installation=keys.installation, actor="test", now=now
        )
        coverage.sign(session, wave, by="A", actor="test", now=now)
        return samples.draw(session, wave, seed=seed, response_rate=0.25, actor="test", now=now).digest


def test_the_same_seed_gives_the_same_sample_on_both_engines(
    new_database: Callable[[str], Database], keys: Keys, tmp_path: Path, now: datetime
) -> None:
    digests = []
    for engine, seed in (("sqlite", 7), ("postgres", 7), ("sqlite", 8)):
        database = new_database(engine)
        schema.upgrade(database)
        digests.append(drawn_wave(database, keys, tmp_path, now, seed=seed))
    assert digests[0] == digests[1] != digests[2]


def test_weekly_lists_that_overlap_and_come_in_any_order_give_the_sample_of_one_list(
    database: Database, keys: Keys, tmp_path: Path, now: datetime
) -> None:
    whole = drawn_wave(database, keys, tmp_path, now, seed=7)
    header, *rows = frame_csv(Random(5)).splitlines(keepends=True)
    plan = read_wave_file(WAVE.replace('"w"', '"weekly"'))
    with database.begin() as session:
        wave = waves.create(session, plan, keys=keys, actor="test", now=now)
        for first, last in ((500, 808), (0, 300), (250, 600), (0, 300)):
            week = tmp_path / f"{first}.csv"
            week.write_text(header + "".join(rows[first:last]), encoding="utf-8")
            frames.import_frame(session, wave, week, installation=keys.installation, actor="test", now=now)
        coverage.sign(session, wave, by="A", actor="test", now=now)
        assert samples.draw(session, wave, seed=7, response_rate=0.25, actor="test", now=now).digest == whole


def test_a_draw_of_nobody_is_refused_and_leaves_the_only_draw_for_later(
    database: Database, keys: Keys, tmp_path: Path, now: datetime
) -> None:
    (tmp_path / "units.csv").write_text(UNITS, encoding="utf-8")
    (tmp_path / "frame.csv").write_text(frame_csv(Random(5)), encoding="utf-8")
    with database.begin() as session:
        units.import_units(session, tmp_path / "units.csv", actor="test", now=now)
        wave = waves.create(session, read_wave_file(WAVE), keys=keys, actor="test", now=now)
        installation = keys.installation
        frames.import_frame(session, wave, tmp_path / "frame.csv", installation=installation, actor="test", now=now)
        planned = samples.plan(session, wave, response_rate=0.25)
        assert [sum(one.size for one in planned if one.unit == unit) for unit in ("98-01", "98-03")] == [120, 8]
        session.execute(update(WaveUnit).where(WaveUnit.unit_code == "98-02").values(target=0))  # as waves once were
        session.flush()
        coverage.sign(session, wave, by="A", actor="test", now=now)
        with pytest.raises(TargetMissing) as refused:
            samples.draw(session, wave, seed=1, response_rate=0.25, actor="test", now=now)
        assert refused.value.units == "98-02"
        assert session.get(Draw, wave.id) is None


def test_one_dossier_of_each_person_is_kept_and_weights_add_up(
    database: Database, keys: Keys, tmp_path: Path, now: datetime
) -> None:
    drawn_wave(database, keys, tmp_path, now, seed=1)
    with database.begin() as session:
        wave = waves.find(session, "w")
        kept = session.execute(
            select(Dossier.person_mark, func.count())
            .join(SampledDossier, SampledDossier.dossier_id == Dossier.id)
            .where(SampledDossier.kept)
            .group_by(Dossier.person_mark)
        ).all()
        assert max(count for _person, count in kept) == 1
        cells = session.scalars(select(ClassCell).where(ClassCell.unit_code != "98-03")).all()
        assert min(cell.invited for cell in cells) >= PRIVACY_FLOOR
        assert sum(cell.population for cell in cells) == 800
        assert invitations.issue(session, wave, key=keys.wave(wave.id), actor="test", now=now) > 0
        assert invitations.issue(session, wave, key=keys.wave(wave.id), actor="test", now=now) == 0
        asked = invitations.counts_by_unit(session, wave)
        assert asked["98-03"] == 0  # fewer than ten could be invited: the unit is not surveyed
        with pytest.raises(AlreadyDrawn):
            samples.draw(session, wave, seed=2, response_rate=0.25, actor="test", now=now)


def listed(number: int, person: int, *, late: bool) -> Listed:
    return Listed(
        number.to_bytes(16), number.to_bytes(16), person.to_bytes(16), True, "u", "f",
        "late" if late else "on_time", "counter", "F", "35-49",
    )  # fmt: skip


def test_the_weighted_share_of_late_dossiers_is_the_frames_though_one_person_filed_half_of_them() -> None:
    frame = [listed(n, n if n >= 100 else 0, late=n < 90) for n in range(200)]  # an agent filed 100, 90 of them late
    weighted, unweighted = [], []
    for seed in range(400):
        drawn = [Drawn(one, "u|1", 0.3) for one in Random(seed).sample(frame, 60)]
        keep_one_each(drawn, seed)
        kept = [one for one in drawn if one.kept]
        weighted.append(sum(one.weight for one in kept if one.listed.timing == "late"))
        unweighted.append(sum(one.listed.timing == "late" for one in kept) / len(kept))
    assert sum(weighted) / 400 == pytest.approx(90, rel=0.06)  # unbiased for the total of late dossiers
    assert sum(unweighted) / 400 < 0.1  # without the multiplicity the lateness of the agent's files disappears


def test_an_extract_says_of_a_class_what_all_who_were_invited_in_it_share(
    database: Database, keys: Keys, tmp_path: Path, now: datetime
) -> None:
    drawn_wave(database, keys, tmp_path, now, seed=11, late=0.4)
    with database.begin() as session:
        wave = waves.find(session, "w")
        wave.state = waves.CLOSED
        traits = {row.class_: row.level for row in extract.build(session, wave).traits}
        invited = [one for one in samples.repeat(session, wave) if one.invitable]
    assert set(traits.values()) == {"late", "on_time"}
    assert {one.class_code: one.listed.timing for one in invited if one.class_code in traits} == traits


def test_small_fields_are_drawn_together() -> None:
    frame = [
        Listed(n.to_bytes(16), n.to_bytes(16), None, True, "u", field, "on_time", "counter", "F", "18-24")
        for n, field in enumerate(["a"] * 300 + ["b"] * 80 + ["c"] * 10 + ["d"] * 10)
    ]
    strata = stratify("u", frame, 120)
    assert [(sorted(one.fields), one.population) for one in strata] == [(["a"], 300), (["b", "c", "d"], 100)]
    assert sum(one.size for one in strata) == 120
    assert stratify("u", frame, 4000)[0].size == 300  # take all
    assert stratify("u", frame, 0) == []


def test_a_class_is_never_smaller_than_the_floor_and_every_value_finds_one() -> None:
    rng = Random(3)
    people = [
        {
            "timing": rng.choice(["late", "on_time", "on_time"]), "stratum": rng.choice("ab"), "band": "1",
            "channel": rng.choice(["online", "counter"]), "sex": rng.choice("FMU"), "age_band": "35-49",
        }
        for _ in range(150)
    ]  # fmt: skip
    tree = split("u", people)
    sizes: dict[str, int] = {}
    for traits in people:
        sizes[tree.class_of(traits)] = sizes.get(tree.class_of(traits), 0) + 1
    assert min(sizes.values()) >= 20
    assert len(sizes) > 2
    assert tree.class_of({**people[0], "timing": "unknown", "channel": "post"}) in sizes
