"""Builds the demonstration: units, four rehearsal waves, answers, scores and staff, all through the real stages."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from survey import schema
from survey.config import PROVINCE_TIME, Settings
from survey.db import Database
from survey.demo import places, post, respondents, world
from survey.demo.world import World
from survey.instrument import Instrument, builtin_instrument
from survey.jobs import close, extract, mix, score
from survey.keys import Keys, digest
from survey.model.wave import Wave
from survey.rule import Bands, Linear, LinearCap
from survey.scheme import Component
from survey.stages import coverage, frames, invitations, quotas, raters, results, samples, staff, units, waves
from survey.wavefile import WavePlan, read_wave_file

ACTOR = "demo"
SIGNER = "Nguyễn Văn Mẫu"
SCHEMES = ("local-department-sample", "local-commune-sample")
SOURCE = "Số liệu giả lập / simulated"
PERIOD = (date(2025, 7, 1), date(2025, 12, 31))
EXPECTED = 0.5
FEWEST_DRAWN = 20  # of a unit; where fewer than ten of them can be reached, nobody is invited
LINKS = 400
BUILDING = "building"
UNITS_OF = {"lead_agency": f"{places.PROVINCE}-S01", "rated_unit": f"{places.PROVINCE}-S02"}

PRINTED = ("database", "base_url", "waves", "links", "staff", "results", "extract")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How large the demonstration is: completed questionnaires of the closed citizens' wave, and its seed."""

    responses: int = 3240
    seed: int = 2026
    scale: float = 1.0
    open_waves: bool = True
    officials: bool = True

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Demo:
    """What was built: what `hailong demo` prints (CONTRACT), the officials' folders, and the known truth."""

    database: str
    base_url: str
    waves: dict[str, str]
    links: dict[str, list[str]]
    staff: list[dict[str, str]]
    results: str
    extract: str
    results_officials: str
    extract_officials: str
    truth: str

    def as_dict(self) -> dict[str, Any]:
        """What is printed: the keys of CONTRACT and no others."""
        return {name: value for name, value in asdict(self).items() if name in PRINTED}


@dataclass
class Builder:
    """The demonstration while it is built."""

    settings: Settings
    database: Database
    keys: Keys
    options: Options
    now: datetime
    say: Say
    folder: Path
    links: dict[str, list[str]] = field(default_factory=lambda: {"personal": [], "counter": [], "officials": []})

    def link_key(self, code: str) -> bytes:
        """Links that only this installation can foresee, the same on every engine for one seed."""
        return digest(self.keys.installation.secret, "demo", f"{self.options.seed}|{code}")

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


def folder_of(settings: Settings) -> Path:
    """Where a demonstration's files lie: beside the key folder, one folder a database."""
    name = hashlib.sha256(settings.database.encode()).hexdigest()[:8]
    return settings.keys.parent / "demo" / name


def existing(settings: Settings) -> dict[str, Any] | None:
    """What an earlier `hailong demo` on this database printed, and the `options` that it was built with."""
    path = folder_of(settings) / "demo.json"
    if not path.exists():
        return None
    with path.open(encoding="utf-8") as file:
        made: dict[str, Any] = json.load(file)
    return made


def build(settings: Settings, database: Database, keys: Keys, options: Options, *, now: datetime, say: Say) -> Demo:
    """Build everything; takes well under a minute for the default size."""
    folder = folder_of(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _begin_again(database, folder)
    schema.upgrade(database)
    (folder / BUILDING).touch()
    it = Builder(settings, database, keys, options, now, say, folder)
    say("units")
    with database.begin() as session:
        units.import_units(session, it.file("units.csv", places.units_csv()), actor=ACTOR, now=now)
    people = _staff(it)
    closed = _closed_citizens(it)
    if options.officials:
        _closed_officials(it)
    opened = _open_waves(it) if options.open_waves else ""
    made = Demo(
        database=settings.database,
        base_url=settings.base_url,
        waves={"closed": closed, "open": opened},
        links=it.links,
        staff=people,
        results=str(folder / "results"),
        extract=str(folder / "extract"),
        results_officials=str(folder / "results-officials"),
        extract_officials=str(folder / "extract-officials"),
        truth=str(folder / "truth.csv"),
    )
    _remember(folder / "demo.json", made, options)
    (folder / BUILDING).unlink()
    return made


def _begin_again(database: Database, folder: Path) -> None:
    """Take away what a build left that was stopped half way; a database with anything else in it is not touched."""
    if (folder / BUILDING).exists():
        schema.downgrade(database, schema.BASE)


def _remember(path: Path, made: Demo, options: Options) -> None:
    """Keep what was printed (it holds passwords) for its owner alone."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({**made.as_dict(), "options": options.as_dict()}, file, ensure_ascii=False, indent=2)


def _staff(it: Builder) -> list[dict[str, str]]:
    """One account for each role that a page of the demonstration needs, with passwords made now."""
    made = []
    agencies = {
        "admin": ("Quản trị hệ thống", "Trung tâm Chuyển đổi số"),
        "survey_office": ("Điều phối khảo sát", "Viện Nghiên cứu phát triển"),
        "lead_agency": ("Chuyên viên cải cách hành chính", "Sở Nội vụ"),
        "oversight": ("Giám sát khảo sát", "Ủy ban Mặt trận Tổ quốc"),
        "rated_unit": ("Đầu mối cải cách hành chính", "Sở Tài chính"),
    }
    with it.database.begin() as session:
        for role, (name, agency) in agencies.items():
            email, password = f"{role.replace('_', '-')}@minhhoa.example.vn", secrets.token_urlsafe(9)
            unit = UNITS_OF.get(role)
            staff.create_account(
                session, email=email, name=name, agency=agency, roles={role}, password=password, now=it.now, unit=unit
            )
            made.append({"role": role, "email": email, "password": password})
    return made


def _plan(code: str, audience: str, *, period: tuple[date, date], opens: date, closes: date, target: int) -> WavePlan:
    instrument, modes = (
        ("service-2025", ["link", "counter"]) if audience == "citizens" else ("officials-sample", ["link"])
    )
    return read_wave_file(
        f"""
code = "{code}"
kind = "rehearsal"
audience = "{audience}"
instrument = "{instrument}"
scheme = {json.dumps(list(SCHEMES))}
province = "{places.PROVINCE}"
period_from = {period[0]}
period_to = {period[1]}
opens = {datetime.combine(opens, time(7)).isoformat()}
closes = {datetime.combine(closes, time(17)).isoformat()}
units = "*"
modes = {json.dumps(modes)}
sender = {{vi = "Sở Nội vụ tỉnh Minh Họa", en = "The Department of Home Affairs of Sample Province"}}
contact = {{vi = "0200 000 0000 (giờ hành chính)", en = "0200 000 0000 (office hours)"}}
[targets]
default = {target}
"""
    )


def _create(it: Builder, plan: WavePlan) -> None:
    with it.database.begin() as session:
        waves.create(session, plan, keys=it.keys, actor=ACTOR, now=it.now, link=it.link_key(plan.code))


def _closed_citizens(it: Builder) -> str:
    """The closed and scored wave; its truth goes to `truth.csv`."""
    instrument = builtin_instrument("service-2025")
    made = world.make_world(instrument, seed=it.options.seed, scale=it.options.scale, period=PERIOD)
    target = round(it.options.responses / len(made.units))
    plan = _plan(
        "sipas-2025", "citizens", period=PERIOD, opens=date(2026, 1, 5), closes=date(2026, 1, 19), target=target
    )
    _create(it, plan)
    rate = min(EXPECTED, target / FEWEST_DRAWN)
    _invite(it, plan, made, rate)
    rng = np.random.default_rng(it.options.seed + 1)
    with it.database.read() as session:
        wave = waves.find(session, plan.code)
        answering = respondents.citizens(session, wave, it.keys, made, rng=rng, share=rate / EXPECTED)
    it.say(f"answers: {len(answering)}")
    respondents.answer_all(it.database, it.keys, answering, now=plan.opens + timedelta(days=2))
    close.run(it.database, it.keys, plan.code, actor=ACTOR, now=plan.closes, rng=Random(it.options.seed))
    _type_in(it, plan.code)
    _score(it, plan.code, "extract", "results")
    _write_truth(it, made)
    return plan.code


def _invite(it: Builder, plan: WavePlan, made: World, rate: float) -> None:
    """Import the dossier list, draw, invite, open."""
    it.say(f"{plan.code}: {len(made.dossiers)} dossiers")
    path = it.file(f"frame-{plan.code}.csv", world.frame_csv(made, plan.period_from))
    with it.database.begin() as session:
        wave = waves.find(session, plan.code)
        frames.import_frame(session, wave, path, installation=it.keys.installation, actor=ACTOR, now=it.now)
    with it.database.begin() as session:
        wave = waves.find(session, plan.code)
        coverage.sign(session, wave, by=SIGNER, actor=ACTOR, now=it.now)
        samples.draw(session, wave, seed=it.options.seed, response_rate=rate, actor=ACTOR, now=it.now)
        new = invitations.issue(session, wave, key=it.keys.wave(wave.id), actor=ACTOR, now=it.now)
        waves.open_wave(session, wave, actor=ACTOR, now=plan.opens)
    it.say(f"{plan.code}: {new} invited")


def _type_in(it: Builder, code: str) -> None:
    """Type in figures for the parts of the schemes that are not surveyed, spread around sensible values."""
    rng = Random(it.options.seed)
    with it.database.begin() as session:
        wave = waves.find(session, code)
        offered = results.inputs_of(session, wave)
        for unit, components in offered.items():
            for component in components.values():
                value = _usual(component, rng)
                results.set_input(
                    session,
                    wave,
                    unit=unit,
                    code=component.code,
                    value=value,
                    source=SOURCE,
                    actor=ACTOR,
                    now=it.now,
                    offered=offered,
                )


def _usual(component: Component, rng: Random) -> Decimal:
    """A sensible figure for a part that is typed in."""
    rule = component.rule
    match rule:
        case Linear():
            low, high = rule.floor, rule.target
        case LinearCap():
            low, high = rule.target * Decimal("0.7"), rule.target * Decimal("1.05")
        case Bands():
            low, high = rule.bands[-1].min, rule.bands[0].min + 1
        case _:
            low, high = component.max * Decimal("0.75"), component.max
    return (low + (high - low) * Decimal(str(rng.random()))).quantize(Decimal("0.01"))


def _score(it: Builder, code: str, extract_name: str, results_name: str) -> None:
    it.say(f"{code}: score")
    score.run(it.database, code, actor=ACTOR, now=it.now)
    extract.write(it.database, code, it.folder / extract_name)
    score.write_results(it.database, code, it.folder / results_name)


def _write_truth(it: Builder, made: World) -> None:
    with (it.folder / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["unit", "dossiers", "index", "late_share"])
        counts = np.bincount(made.dossiers.unit, minlength=len(made.units))
        for place, count, index, late in zip(made.units, counts, made.true_index(), made.late_share(), strict=True):
            writer.writerow([place.code, count, f"{index:.6f}", f"{late:.6f}"])


def _officials(it: Builder, plan: WavePlan, share: float) -> list[respondents.Answering]:
    """Import the officials' list, invite, open; those who will answer."""
    instrument: Instrument = builtin_instrument("officials-sample")
    rated = [place for place in places.places() if place.rated == "yes"]
    made = respondents.make_officials(instrument, rated, seed=it.options.seed + 7)
    path = it.file(f"officials-{plan.code}.csv", respondents.officials_csv(made))
    _create(it, plan)
    with it.database.begin() as session:
        wave = waves.find(session, plan.code)
        raters.import_raters(session, wave, path, installation=it.keys.installation, actor=ACTOR, now=it.now)
        new = invitations.issue(session, wave, key=it.keys.wave(wave.id), actor=ACTOR, now=it.now)
        waves.open_wave(session, wave, actor=ACTOR, now=plan.opens)
    it.say(f"{plan.code}: {new} officials invited")
    rng = np.random.default_rng(it.options.seed + 3)
    with it.database.read() as session:
        return respondents.raters(session, waves.find(session, plan.code), it.keys, made, rng=rng, share=share)


def _closed_officials(it: Builder) -> None:
    plan = _plan("cbcc-2025", "officials", period=PERIOD, opens=date(2026, 1, 5), closes=date(2026, 1, 19), target=0)
    answering = _officials(it, plan, 1.0)
    it.say(f"officials' answers: {len(answering)}")
    respondents.answer_all(it.database, it.keys, answering, now=plan.opens + timedelta(days=2))
    close.run(it.database, it.keys, plan.code, actor=ACTOR, now=plan.closes, rng=Random(it.options.seed))
    _score(it, plan.code, "extract-officials", "results-officials")


def _open_waves(it: Builder) -> str:
    """Two waves that can be answered now, a part of their answers in already, and counters; the citizens' code."""
    today = it.now.astimezone(PROVINCE_TIME).date()
    period, dates = (
        (today - timedelta(days=90), today - timedelta(days=1)),
        (today - timedelta(days=1), today + timedelta(days=180)),
    )
    citizens = _plan("sipas-dang-mo", "citizens", period=period, opens=dates[0], closes=dates[1], target=30)
    made = world.make_world(builtin_instrument("service-2025"), seed=it.options.seed + 5, scale=0.3, period=period)
    _create(it, citizens)
    _invite(it, citizens, made, EXPECTED)
    _posters(it, citizens)
    rng = np.random.default_rng(it.options.seed + 6)
    with it.database.read() as session:
        wave = waves.find(session, citizens.code)
        answering = respondents.citizens(session, wave, it.keys, made, rng=rng, share=0.3)
    respondents.answer_all(it.database, it.keys, answering, now=it.now)
    officials = _plan("cbcc-dang-mo", "officials", period=period, opens=dates[0], closes=dates[1], target=0)
    judging = _officials(it, officials, 0.2)
    respondents.answer_all(it.database, it.keys, judging, now=it.now)
    mix.run(it.database, it.keys, now=it.now)
    for code in (citizens.code, officials.code):
        post.send(it.settings, it.database, it.keys, code, actor=ACTOR, now=it.now)
    _collect(it, citizens.code, "personal", {one.code for one in answering})
    _collect(it, officials.code, "officials", {one.code for one in judging})
    return citizens.code


def _posters(it: Builder, plan: WavePlan) -> None:
    with it.database.begin() as session:
        wave: Wave = waves.find(session, plan.code)
        for unit, _target in waves.units_of(session, wave)[:20]:
            _cell, code = quotas.create_cell(
                session, wave, key=it.keys.wave(wave.id), unit_code=unit.code, point_of_service=unit.code,
                mode="counter", target=50,
            )  # fmt: skip
            it.links["counter"].append(f"{it.settings.base_url}/q/{code}")


def _collect(it: Builder, wave_code: str, kind: str, used: set[str]) -> None:
    """Links that were not used yet, for trying out."""
    with it.database.read() as session:
        wave = waves.find(session, wave_code)
        codes = [code for _one, code in invitations.links(session, wave, it.keys.wave(wave.id)) if code not in used]
    it.links[kind] = [f"{it.settings.base_url}/k/{code}" for code in sorted(codes)[:LINKS]]
