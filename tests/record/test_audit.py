"""The audit log on both engines: whatever is done to it behind its back, the first entry that does not fit is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from survey.custody import heads
from survey.custody.refusals import CarriedFileRefused, Damage, FileThere
from survey.db import Database
from survey.errors.common import AuditBroken
from survey.keys import Keys
from survey.stages import audit
from survey.stages.audit import START, Break, Head

ENTRIES = 12
Tamper = Callable[[Connection], None]


@pytest.fixture
def log(database: Database, now: datetime) -> Database:
    """Twelve entries; the clock goes back a day in the middle, which the numbers do not mind (F12)."""
    with database.begin() as session:
        for number in range(ENTRIES):
            at = now + timedelta(minutes=number) - timedelta(days=number > 5)
            audit.record(session, actor="a", action="b", subject=f"s{number}", detail={"n": number}, now=at)
    return database


def sql(*statements: str) -> Tamper:
    def run(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    return run


def rewritten(connection: Connection) -> None:
    """A whole new chain from the fourth entry on, hashes and all: what only a signed head tells."""
    previous = connection.scalar(text("select hash from audit_entry where number = 3")) or START
    connection.execute(text("update audit_entry set actor = 'x' where number = 4"))
    for row in connection.execute(audit.TABLE.select().where(audit.TABLE.c.number > 3).order_by("number")).all():
        changed = dict(row._mapping) | {"previous": previous}
        previous = audit.hash_of(audit.AuditEntry(**changed))
        mine = audit.TABLE.c.number == row.number
        connection.execute(audit.TABLE.update().where(mine).values(previous=changed["previous"], hash=previous))


def slipped_in(connection: Connection) -> None:
    sql(*SHIFT)(connection)
    connection.execute(text(SLIP_IN), {"hash": b"0" * 32})


SHIFT = (
    "update audit_entry set number = number + 100 where number >= 5",
    "update audit_entry set number = number - 99 where number > 100",
)
SLIP_IN = """
insert into audit_entry (number, at, actor, action, subject, detail, previous, hash)
select 5, at, actor, action, 'slipped in', detail, previous, :hash from audit_entry where number = 4
"""
SWAP = (
    "update audit_entry set number = 99 where number = 4",
    "update audit_entry set number = 4 where number = 5",
    "update audit_entry set number = 5 where number = 99",
)
TAMPERED: list[tuple[str, Tamper, int, Break]] = [
    ("an edited actor", sql("update audit_entry set actor = 'x' where number = 7"), 7, Break.CHANGED),
    ("an edited instant", sql("update audit_entry set at = '2026-01-01 00:00:00' where number = 7"), 7, Break.CHANGED),
    ("an edited detail", sql("update audit_entry set detail = '{}' where number = 1"), 1, Break.CHANGED),
    ("a removed first row", sql("delete from audit_entry where number = 1"), 1, Break.MISSING),
    ("a removed middle row", sql("delete from audit_entry where number = 6"), 6, Break.MISSING),
    (
        "a removed row whose gap was closed",
        sql("delete from audit_entry where number = 6", "update audit_entry set number = number - 1 where number > 6"),
        6,
        Break.MOVED,
    ),
    (
        "two rows in each other's place",
        sql(*SWAP),
        4,
        Break.MOVED,
    ),
    ("a row slipped in", slipped_in, 5, Break.MOVED),
    ("a removed tail", sql("delete from audit_entry where number > 9"), 10, Break.CUT_OFF),
    ("everything removed", sql("delete from audit_entry"), 1, Break.CUT_OFF),
    ("a chain written anew", rewritten, ENTRIES, Break.REWRITTEN),
]


@pytest.mark.parametrize(("tamper", "number", "what"), [case[1:] for case in TAMPERED], ids=[c[0] for c in TAMPERED])
def test_the_first_entry_that_does_not_fit_is_named(log: Database, tamper: Tamper, number: int, what: Break) -> None:
    with log.read() as session:
        signed = audit.verify(session)
    assert signed.count == ENTRIES
    with log.writer.begin() as connection:
        tamper(connection)
    with log.read() as session, pytest.raises(AuditBroken) as broken:
        audit.verify(session, signed=signed)
    assert (broken.value.number, broken.value.what) == (number, what)
    assert broken.value.expected != broken.value.found


def test_a_log_that_went_on_holds_its_older_heads(log: Database, now: datetime) -> None:
    with log.read() as session:
        older = audit.head(session)
    with log.begin() as session:
        audit.record(session, actor="a", action="b", subject="c", detail={}, now=now)
    with log.read() as session:
        assert audit.verify(session, signed=older).count == ENTRIES + 1
        assert audit.verify(session, signed=Head(0, START)).count == ENTRIES + 1


def test_a_signed_head_is_believed_from_the_sites_own_key_alone(tmp_path: Path, now: datetime) -> None:
    own, other = (Keys(tmp_path / name).installation for name in ("own", "other"))
    file = tmp_path / "head.json"
    heads.write(file, 7, b"h" * 32, own.signing, now=now)
    assert heads.read(file, own.verifying) == (7, b"h" * 32)
    with pytest.raises(FileThere):
        heads.write(file, 8, b"h" * 32, own.signing, now=now)
    with pytest.raises(CarriedFileRefused) as refused:
        heads.read(file, other.verifying)
    assert refused.value.damage is Damage.FOREIGN
    told = json.loads(file.read_text(encoding="utf-8"))
    for change, damage in (
        ({"count": 6}, Damage.CHANGED), ({"key": other.verifying.hex()}, Damage.FOREIGN),
        ({"signature": "00" * 64}, Damage.CHANGED), ({"format": "hailong-backup-1"}, Damage.NOT_OURS),
    ):  # fmt: skip
        file.write_text(json.dumps(told | change), encoding="utf-8")
        with pytest.raises(CarriedFileRefused) as refused:
            heads.read(file, own.verifying)
        assert refused.value.damage is damage
    file.write_text(json.dumps(told)[:-30], encoding="utf-8")
    with pytest.raises(CarriedFileRefused):
        heads.read(file, own.verifying)
