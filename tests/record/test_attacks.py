"""Attacks on who said what, each on a small real wave, each beside a control that shows it could win."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from threading import Timer
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from survey.db import Database
from survey.errors.common import KeyMissing
from survey.jobs import close, mix
from survey.keys import Keys, WaveKey
from survey.model.draft import Draft
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.rater import Rater
from survey.model.response import Answer, Judgement, Spooled
from survey.model.sample import ClassCell, Draw
from survey.model.wave import Wave
from survey.stages import (
    coverage,
    drafts,
    frames,
    invitations,
    mixing,
    openings,
    raters,
    responses,
    samples,
    units,
    waves,
)
from survey.stages.classes import PRIVACY_FLOOR
from survey.wavefile import read_wave_file

STUDY = Path(__file__).resolve().parents[1] / "studies" / "officials_attack.py"
UNITS = "code,name_vi,name_en,type,parent,valid_from,valid_to,successor,rated\n98,Tỉnh,Province,province,,,,,no\n"
DEPARTMENTS = tuple(f"98-{number:02d}" for number in range(1, 9))
WAVE = """
code = "{audience}"
kind = "rehearsal"
audience = "{audience}"
instrument = "{instrument}"
scheme = "local-department-sample"
province = "98"
period_from = 2025-07-01
period_to = 2025-12-31
opens = 2026-03-05T07:00:00
closes = 2026-03-19T17:00:00
units = {units}
block = 3
[targets]
default = 60
"""
TRAITS = ("timing", "channel", "sex", "age_band", "outcome", "applicant")
FORGOTTEN = ("invitation", "rater", "spent_mark", "submission", "draft", "spooled", "sampled_dossier",
             "waiting_receipt", "waiting_match", "assignment")  # fmt: skip
LATE, ON_TIME = "late", "on_time"


@dataclass(frozen=True)
class Field:
    """Two open waves with everybody's link."""

    database: Database
    keys: Keys
    now: datetime
    citizens: tuple[str, ...]
    officials: tuple[str, ...]

    def key(self, code: str) -> WaveKey:
        with self.database.read() as session:
            return self.keys.wave(waves.find(session, code).id)

    def answer(self, code: str, said: Callable[[openings.Opening], Mapping[str, str]]) -> None:
        with self.database.begin() as session:
            opening = openings.open_link(session, self.keys, code, now=self.now)
            responses.accept(
                session, opening, secret=code, submission_key=code, answers=said(opening), body=b"", now=self.now
            )

    def mix_all(self, code: str) -> None:
        """Let everything out of the spool while the register is still there."""
        with self.database.begin() as session:
            wave = waves.find(session, code)
            mixing.mix(session, wave, self.keys.wave(wave.id), rng=Random(1), final=True)

    def close(self, code: str) -> None:
        close.run(self.database, self.keys, code, actor="test", now=self.now, rng=Random(1))


@pytest.fixture
def field(database: Database, keys: Keys, now: datetime, tmp_path: Path) -> Field:
    """A citizens' wave of two units with few late dossiers; thirty officials with blocks of three units of eight."""
    files = {
        "units": UNITS + "".join(f"{code},Sở {code},{code},department,98,,,,yes\n" for code in DEPARTMENTS),
        "frame": frame_csv(),
        "raters": "rater_code,group,agency,email,phone,rates\n"
        + "".join(f"R{number},LDSO,{DEPARTMENTS[number % 8]},r{number}@example.vn,,*\n" for number in range(30)),
    }
    for name, content in files.items():
        (tmp_path / name).with_suffix(".csv").write_text(content, encoding="utf-8")
    with database.begin() as session:
        units.import_units(session, tmp_path / "units.csv", actor="test", now=now)
        citizens = create(session, keys, now, "citizens", "service-2025", '["98-01", "98-02"]')
        frames.import_frame(
            session, citizens, tmp_path / "frame.csv", installation=keys.installation, actor="test", now=now
        )
        coverage.sign(session, citizens, by="A", actor="test", now=now)
        samples.draw(session, citizens, seed=3, response_rate=0.5, actor="test", now=now)
        officials = create(session, keys, now, "officials", "officials-sample", '"*"')
        raters.import_raters(
            session, officials, tmp_path / "raters.csv", installation=keys.installation, actor="test", now=now
        )
        links = [issue_and_open(session, keys, wave, now) for wave in (citizens, officials)]
    return Field(database, keys, now, *links)


def frame_csv() -> str:
    """Two hundred dossiers a unit, one in twenty of them late."""
    lines = ["dossier_code,procedure_field,rated_unit,due_on,finished_on,channel,sex,phone"]
    for unit in DEPARTMENTS[:2]:
        for number in range(200):
            due = date(2025, 9, 1) if number % 20 == 0 else date(2025, 9, 30)
            phone = f"09{int(unit[-1])}{number:07d}"
            lines.append(f"{unit}.{number},ho-tich,{unit},{due},2025-09-10,counter,{'FM'[number % 2]},{phone}")
    return "\n".join(lines) + "\n"


def create(session: Session, keys: Keys, now: datetime, audience: str, instrument: str, rated: str) -> Wave:
    text_ = WAVE.format(audience=audience, instrument=instrument, units=rated)
    return waves.create(session, read_wave_file(text_), keys=keys, actor="test", now=now)


def issue_and_open(session: Session, keys: Keys, wave: Wave, now: datetime) -> tuple[str, ...]:
    key = keys.wave(wave.id)
    invitations.issue(session, wave, key=key, actor="test", now=now)
    waves.open_wave(session, wave, actor="test", now=now)
    return tuple(code for _invitation, code in invitations.links(session, wave, key))


def judged(opening: openings.Opening) -> dict[str, str]:
    return {f"{unit.code}:L1": "4" for unit in opening.block}


def say(field: Field, code: str, late: dict[str, bool]) -> None:
    """A citizen tells of an apology what is true of the dossier."""
    field.answer(code, lambda _opening: {"S15": "3", "A1": "no" if late[code] else ON_TIME})


def test_no_answer_says_what_the_list_of_dossiers_knows_of_it(field: Field) -> None:
    with field.database.read() as session:
        key = field.key("citizens")
        register = session.execute(
            select(Invitation.id, Invitation.class_code, *(getattr(Dossier, trait) for trait in TRAITS))
            .join(Dossier, Dossier.id == Invitation.dossier_id)
        ).all()  # fmt: skip
    people = [(class_code, set(traits)) for _id, class_code, *traits in register]
    late = {key.code(one): LATE in traits for one, _class, *traits in register}
    for code in field.citizens:
        say(field, code, late)
    field.mix_all("citizens")
    with field.database.read() as session:
        answers = [(one.class_code, dict(one.items)) for one in session.scalars(select(Answer))]
        facts = [row for (row,) in session.execute(text("select items from facts"))]
    assert len(answers) == len(field.citizens) == len(facts)
    assert fewest(people, answers) >= PRIVACY_FLOOR
    beside = [(class_code, {"S15": "3", "A1": "no" if LATE in traits else ON_TIME}) for class_code, traits in people]
    assert fewest(people, beside) < PRIVACY_FLOOR  # had the apology stood beside the answer


def fewest(people: Iterable[tuple[str, set[str]]], answers: Iterable[tuple[str, dict[str, str]]]) -> int:
    """The fewest invited whose dossier does not contradict an answer of their class."""
    people = list(people)
    tells = {("A1", "yes"): LATE, ("A1", "no"): LATE}
    known = set[str]().union(*(traits for _class, traits in people)) - {""}
    return min(
        sum(
            class_code == of and {tells.get(pair, pair[1]) for pair in items.items()} & known <= traits
            for of, traits in people
        )
        for class_code, items in answers
    )


def test_nobody_can_derive_the_officials_blocks_after_the_close(field: Field) -> None:
    for code in field.officials:
        field.answer(code, judged)
    with field.database.read() as session:  # copies of the day before: whose link it is, where everybody works
        wave = waves.find(session, "officials")
        listed = session.execute(select(Rater.id, Rater.code_mark).where(Rater.wave_id == wave.id)).all()
        key = field.keys.wave(wave.id)
        blocks = [frozenset(unit.code for unit in invitations.block_of(session, wave, key, one)) for one, _ in listed]
    field.close("officials")
    with field.database.read() as session:
        found: dict[bytes, set[str]] = {}
        for rater, unit in session.execute(select(Judgement.rater, Judgement.unit_code)):
            found.setdefault(rater, set()).add(unit)
    assert min(blocks.count(frozenset(block)) for block in found.values()) == 1  # with the key the attack wins
    with pytest.raises(KeyMissing):
        Keys(field.keys.folder).wave(wave.id)
    left = b"".join(path.read_bytes() for path in field.keys.folder.iterdir())
    assert key.link.hex().encode() not in left
    assert key.private.hex().encode() not in left


def test_what_the_close_forgets_is_in_no_byte_of_the_files(field: Field) -> None:
    with field.database.begin() as session:
        opening = openings.open_link(session, field.keys, field.citizens[-1], now=field.now)
        for number in range(40):
            body = drafts.DraftBody("k", {f"S{item}": "1" for item in range(15, 15 + number % 19)})
            drafts.save(session, opening.wave.id, opening.key, f"browser {number}", body, now=field.now)
        for number in range(0, 40, 3):
            drafts.drop(session, opening.key, f"browser {number}")
    for code in field.citizens[:25]:
        field.answer(code, lambda _opening: {"S15": "3"})
    for code in field.officials:
        field.answer(code, judged)
    secrets = everything_forgotten(field)
    assert len(secrets) > 300
    if (
        not field.database.is_sqlite
    ):  # as PostgreSQL does by itself once a minute: its statistics keep values of a column
        with field.database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("analyze")
    assert found_in(secrets, field.database) == len(secrets)  # the search finds what is there
    for code in ("citizens", "officials"):
        field.close(code)
    assert found_in(secrets, field.database) == 0


def test_no_statistics_are_kept_of_what_a_close_forgets(field: Field) -> None:
    """PostgreSQL alone; a new column of these tables needs its line in a migration."""
    if field.database.is_sqlite:
        return
    query = text(
        "select attname from pg_attribute where attrelid = to_regclass(:name) and atttypid = to_regtype('bytea')"
        " and attname not in ('wave_id', 'account_id') and attstattarget <> 0"
    )
    names = [table.__tablename__ for table in close.EMPTIED]
    with field.database.read() as session:
        kept = {name: session.scalars(query, {"name": name}).all() for name in names}
    assert not any(kept.values()), kept


def everything_forgotten(field: Field) -> set[bytes]:
    """The bytes of every number, mark, sealed answer, draft and hidden contact that the close takes away."""
    queries = (
        "select id, code_mark from invitation", "select code_mark, email from rater", "select mark from spent_mark",
        "select key_mark, body_mark from submission", "select mark, body from draft", "select id, sealed from spooled",
        "select phone from dossier", "select id, sealed from waiting_receipt",
    )  # fmt: skip
    with field.database.read() as session:
        rows = [row for query in queries for row in session.execute(text(query))]
    return {bytes(value)[-16:] for row in rows for value in row if value} - {b""}


def test_what_a_reader_still_sees_at_the_close_is_gone_when_the_reader_is(field: Field) -> None:
    """PostgreSQL alone: on SQLite the close says at once that somebody reads, and is asked for again."""
    if field.database.is_sqlite:
        return
    with field.database.begin() as session:
        opening = openings.open_link(session, field.keys, field.citizens[0], now=field.now)
        drafts.save(session, opening.wave.id, opening.key, "b", drafts.DraftBody("k"), now=field.now)
        mark = drafts.mark_of(opening.key, "b")
    with field.database.writer.connect().execution_options(isolation_level="REPEATABLE READ") as reader:
        assert reader.scalar(select(func.count()).select_from(Wave))  # of another table: nothing waits for it
        with field.database.begin() as session:
            drafts.drop(session, opening.key, "b")
        leaving = Timer(1, reader.rollback)
        leaving.start()
        close.overwrite(field.database, [Draft])
        assert leaving.finished.is_set()
        assert found_in({mark}, field.database) == 0
        leaving.join()


def found_in(secrets: set[bytes], database: Database) -> int:
    """How many of them stand in the files: SQLite's with its log, PostgreSQL's tables (its log goes to no copy)."""
    if database.is_sqlite:
        path = Path(database.writer.url.database or "")
        files = list(path.parent.glob(f"{path.name}*"))
    else:
        with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("checkpoint")
            folder = connection.exec_driver_sql("show data_directory").scalar()
            own = connection.exec_driver_sql(
                "select pg_relation_filepath(oid) from pg_class where relkind in ('r', 'i', 't')"
                " and (relnamespace in ('public'::regnamespace, 'pg_toast'::regnamespace) or relname = 'pg_statistic')"
            )
            files = [path for (name,) in own if (path := Path(f"{folder}/{name}")).exists()]
    raw = b"".join(path.read_bytes() for path in files)
    return sum(secret in raw for secret in secrets)


def test_the_close_leaves_counts_and_the_draw_can_be_repeated(field: Field) -> None:
    def classes() -> set[tuple[bytes, str | None]]:
        with field.database.read() as session:
            drawn = samples.repeat(session, waves.find(session, "citizens"))
            assert samples.digest_of(drawn) == session.scalars(select(Draw.digest)).one()
            return {(one.listed.mark, one.class_code) for one in drawn if one.invitable}

    before = classes()
    for code in ("citizens", "officials"):
        field.close(code)
    with field.database.read() as session:
        left = {name: session.execute(text(f"select count(*) from {name}")).scalar() for name in FORGOTTEN}
        contacts = set(session.execute(select(Dossier.phone, Dossier.email, Dossier.name, Dossier.address)).all())
        invited = session.scalar(select(func.sum(ClassCell.invited)).where(ClassCell.unit_code.is_not(None)))
    assert set(left.values()) == {0}, left
    assert {tuple(row) for row in contacts} == {(b"", None, None, None)}  # there was a phone: no more is known
    assert classes() == before
    assert len(before) == invited == len(field.citizens)


def test_copies_of_every_day_show_no_change_in_the_register_and_no_few_answers_at_once(field: Field) -> None:
    """Two weeks, three of the days with one answer alone; then the close."""
    rng = Random(4)
    waiting = list(field.citizens)
    copies = [copy(field)]
    for day in range(14):
        for _ in range(1 if day in (2, 6, 9) else rng.randrange(8, 14)):
            field.answer(waiting.pop(rng.randrange(len(waiting))), lambda _opening: {"S15": str(rng.randrange(1, 6))})
        mix.run(field.database, field.keys, now=field.now, rng=rng)
        copies.append(copy(field))
    assert all(register == copies[0][0] for register, _answers in copies)
    with field.database.read() as session:
        waiting_in_class = {cell for (cell,) in session.execute(select(Spooled.cell).distinct())}
    field.close("citizens")
    answers = [*(answers for _register, answers in copies), copy(field)[1]]
    new = [
        {cell: len(after.get(cell, set()) - before.get(cell, set())) for cell in after}
        for before, after in pairwise(answers)
    ]
    at_once = [count for step in new for count in step.values() if count]
    assert len(at_once) > len(waiting_in_class)  # some came out before the close
    assert min(at_once) >= PRIVACY_FLOOR


def copy(field: Field) -> tuple[list[Any], dict[str, set[bytes]]]:
    """The register with its places and transactions (PostgreSQL shows both), and the answers by class."""
    hidden = "" if field.database.is_sqlite else "xmin::text, ctid::text, "
    with field.database.read() as session:
        register = [
            [tuple(row) for row in session.execute(text(f"select {hidden}* from {name}"))]
            for name in ("invitation", "rater", "dossier", "sampled_dossier")
        ]
        answers: dict[str, set[bytes]] = {}
        for identity, cell in session.execute(select(Answer.id, Answer.class_code)):
            answers.setdefault(cell, set()).add(identity)
    return register, answers


def test_an_attacker_with_all_copies_logs_and_messages_ties_no_officials_answer() -> None:
    """The study in short; alone it runs with 200 answers, on both engines."""
    done = subprocess.run([sys.executable, STUDY, "--answers", "24"], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
