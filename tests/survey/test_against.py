"""A site's database held against its sealed bundle: whatever was changed in a table is found, and named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from survey.config import Settings
from survey.custody import bundles, checking
from survey.custody.broken import BundleBroken, Fault
from survey.db import Database, open_database
from survey.jobs import against, close, score, screen, seal
from survey.keys import Keys
from survey.model.response import Answer
from survey.model.result import Figure
from survey.model.staff import Account, AccountRole
from survey.stages import audit, releases, results, seals, waves
from survey.stages.releases import Step

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
WAVE, DOCUMENT = "2026-citizens", "12/QĐ-SNV, 05/8/2026, Giám đốc"
SIGNERS = {"snv@example.vn": ("lead_agency", "Sở Nội vụ"), "mttq@example.vn": ("oversight", "Mặt trận Tổ quốc")}
Held = Callable[[Database], int]


@pytest.fixture
def sealed(settings: Settings, database: Database, go_to_the_field: Callable[..., Any], tmp_path: Path) -> Held:
    """A sealed wave with a few answers of a counter; each call holds a database against the bundle."""
    keys = Keys(settings.keys)
    go_to_the_field(database, keys, NOW)
    close.run(database, keys, WAVE, actor="test", now=NOW)
    with database.begin() as session:
        wave = waves.find(session, WAVE)
        for number in range(3):
            session.add(Answer(
                id=bytes([number]) * 16, wave_id=wave.id, phase=1, mode="counter", unit_code="98-02", class_code="c",
                items={"S15": str(3 + number)},
            ))  # fmt: skip
    screen.run(database, WAVE, actor="test", now=NOW)
    run = score.run(database, WAVE, actor="test", now=NOW)
    with database.begin() as session:
        for email, (role, agency) in SIGNERS.items():
            account = Account(
                email=email, name=email, agency=agency, unit_code=None, password_hash="x", active=True, failures=0,
                locked_until=None, created_at=NOW,
            )  # fmt: skip
            session.add(account)
            session.flush()
            session.add(AccountRole(account_id=account.id, role=role))
        first, second = SIGNERS
        for step, at in ((Step.PROVISIONAL, NOW), (Step.FINAL, NOW + timedelta(days=9))):
            wave, until = waves.hold(session, WAVE), NOW + timedelta(days=8)
            made = releases.propose(
                session, wave, results.latest(session, wave), step, document=DOCUMENT, by=first, now=at,
                complaints_until=until if step is Step.PROVISIONAL else None,
            )  # fmt: skip
            assert releases.sign(session, wave, made, document="34/MTTQ, 06/8/2026, Chủ tịch", by=second, now=at)
    seal.run(database, keys, WAVE, actor=first, now=NOW + timedelta(days=9))
    path = tmp_path / "seal.zip"
    with database.read() as session, path.open("wb") as stream:
        seals.write(session, seals.find(session, waves.find(session, WAVE), 1), stream)
    assert run.id

    def held(database: Database) -> int:
        with bundles.opened(path) as bundle:
            told = checking.check(bundle, public=keys.sealing.public_key().public_bytes_raw()).statement
            return against.run(database, bundle, told or {})

    return held


HARMS = {  # what somebody with the database's password changes: statement, table that is named, field
    "update run set extract_digest = '0'": ("run", "extract_digest"),
    "update run set options = replace(options, 'inputs', 'inputz')": ("run", "options."),
    "update seal set document = 'khác'": ("seal", "document"),
    "update seal set digest = '0'": ("seal", "digest"),
    "update seal set statement = replace(statement, '2026-citizens', '2027-citizens')": ("seal", "statement.wave"),
    "update wave set state = 'closed' where code = '2026-citizens'": ("wave", "state"),
    "update release set released_at = null where step = 'final'": ("release", "released_at"),
    "update approval set document = 'khác'": ("approval", ""),
    "update answer set items = replace(items, '\"4\"', '\"5\"')": ("answer (extract/answers.csv)", "S15"),
    "delete from answer where items like '%\"4\"%'": ("answer (extract/answers.csv)", ""),
    "update class_cell set invited = invited + 1": ("class_cell (extract/sample.csv)", "invited"),
    "update class_cell set population = population + 1": ("class_cell (extract/sample.csv)", "population"),
    "delete from figure where position = 3": ("figure", ""),
}  # fmt: skip


def test_every_table_that_was_changed_after_the_seal_is_named(sealed: Held, database: Database) -> None:
    with database.read() as session:
        count = audit.verify(session).count
    assert sealed(database) == count
    for statement, (table, field) in HARMS.items():
        found = harmed(database, statement, sealed)
        assert found.fault in (Fault.RECORD_CHANGED, Fault.RECORD_MISSING), statement
        assert (found.file, found.field.startswith(field)) == (table, True), (statement, found.file, found.field)
    position, row = a_figure(database)
    changed = json.dumps({**row, "n_invited": "77"})
    found = harmed(database, "update figure set row = :row where position = :at", sealed, row=changed, at=position)
    assert (found.file, found.row, found.field) == ("figure", position + 2, "n_invited")
    assert (found.expected, found.found) == (row["n_invited"], "77")


def a_figure(database: Database) -> tuple[int, dict[str, Any]]:
    with database.read() as session:
        rows = session.execute(select(Figure.position, Figure.row).order_by(Figure.position)).all()
    return next((position, row) for position, row in rows if row["n_invited"] is not None)


def harmed(database: Database, statement: str, held: Held, **values: Any) -> BundleBroken:
    """What the check says of a copy with this change."""
    place = Path(str(database.reader.url.database))
    copy = place.with_name("copy.db")
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(place)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    changed = open_database(f"sqlite:///{copy}")
    try:
        with changed.writer.begin() as connection:
            connection.execute(text(statement), values)
        with pytest.raises(BundleBroken) as caught:
            held(changed)
    finally:
        changed.close()
    return caught.value
