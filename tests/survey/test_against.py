"""A site's database held against its sealed bundle: whatever was changed in a table is found, and named."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, text

from survey.config import Settings
from survey.custody import bundles, checking, statements
from survey.custody.broken import BundleBroken, Fault
from survey.db import Database, open_database
from survey.jobs import against, against_tables, close, purge, recompute, score, screen, seal
from survey.keys import Keys
from survey.model.audit import AuditEntry
from survey.model.progress import CellCount
from survey.model.response import Answer, Facts, Tally
from survey.model.result import Figure
from survey.model.sample import Draw
from survey.model.seal import Seal, SealPart
from survey.model.staff import Account, AccountRole
from survey.model.tables import METADATA
from survey.stages import audit, held, inventories, releases, results, retention, seals, units, waves
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
        written = next(iter(retention.in_words(wave)))
        session.add_all(Facts(id=bytes([number]) * 16, wave_id=wave.id, phase=1, items={code: "1"})
                        for number, code in enumerate(("Q1", "Q1", written)))  # fmt: skip
        session.add(Draw(wave_id=wave.id, seed=1 << 60, drawn_at=NOW, allocation={}, digest="d" * 64))
        session.add(Tally(wave_id=wave.id, cell="98-02", mode="counter", completed=3))
        session.add_all(CellCount(wave_id=wave.id, cell=cell, event="sent", number=3) for cell in "cdef")
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


RECORD = {Fault.RECORD_CHANGED, Fault.RECORD_MISSING, Fault.RECORD_ADDED}
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
    "update figure set unit_code = case unit_code when '98-01' then '98-02' else '98-01' end": ("figure", "unit_code"),
    "update figure set is_official = not is_official": ("figure", "is_official"),
    "update figure set level_of = 'x' where position = 4": ("figure", "level_of"),
    "update wave set kind = 'rehearsal'": ("wave", "kind"),
    "update wave set period_to = '2027-01-01'": ("wave", "period_to"),
    "update wave set closes = '2027-01-01 00:00:00.000000'": ("wave", "closes"),
    "update wave set settings = replace(settings, '0299', '0298')": ("wave", "settings"),
    "update wave set documents = replace(documents, '12/Q', '13/Q')": ("wave", "documents"),
    "update draw set seed = seed + 1": ("draw", "seed"),
    "update draw set digest = 'x'": ("draw", "digest"),
    "delete from facts where items like '%Q1%'": ("facts", ""),
    "update facts set items = replace(items, '1', '2') where items not like '%Q1%'": ("facts", "items"),
    "delete from description": ("description (items.csv)", ""),
    "update description set content = replace(content, '98-02', '98-01')": ("description (items.csv)", ""),
    "update description set unit_code = '98'": ("description", "unit_code"),
    "update run set code_version = '9'": ("run", "code_version"),
    "update run set made_by = 'x'": ("run", "made_by"),
    "update seal set sealed_by = 'x'": ("seal", "sealed_by"),
    "update seal set sealed_at = '2027-01-01 00:00:00.000000'": ("seal", "sealed_at"),
    "update release set proposed_by = 'x' where step = 'provisional'": ("release", "proposed_by"),
    "update approval set agency = agency || 'x' where subject in (select 'release:' || lower(hex(id)) from release"
    " where step = 'provisional')": ("approval", "agency"),
    "update account set email = 'x' where email like 'mttq%'": ("account", "email"),
    "insert into complaint (id, release_id, unit_code, code, text, filed_at, filed_by) select x'01', id, '98-01', 'c',"
    " 't', released_at, 'x' from release where step = 'provisional'": ("complaint", ""),
    "update tally set completed = 4": ("tally", "completed"),
    "update cell_count set number = 4": ("cell_count", "number"),
    "update class_cell set wrong_person = 1": ("class_cell", "wrong_person"),
    "update unit set name_vi = 'khác' where code = '98-02'": ("unit", "name_vi"),
    "update unit set rated = not rated where code = '98-02'": ("unit", "rated"),
    "update wave_unit set target = target + 1": ("wave_unit", "target"),
    "delete from audit_entry where number = (select max(number) from audit_entry)": ("audit_entry", "results.seal"),
    "update figure set row = '{' where position = 5": ("figure", "row"),
    "update answer set items = 'rác' where items like '%\"4\"%'": ("answer", "items"),
    "update run set made_at = 'hôm qua'": ("run", "made_at"),
}  # fmt: skip


def test_every_table_that_was_changed_after_the_seal_is_named(sealed: Held, database: Database) -> None:
    with database.read() as session:
        count = audit.verify(session).count
    assert sealed(database) == count
    wrong = []
    for statement, (table, field) in HARMS.items():
        found = harmed(database, statement, sealed)
        named = found.file if "(" in table else found.file.partition(" (")[0]  # a row's key stands in brackets
        if found.fault not in RECORD or named != table or not found.field.startswith(field):
            wrong.append((statement, found.fault, found.file, found.field))
    assert not wrong
    position, row = a_figure(database)
    changed = json.dumps({**row, "n_invited": "77"})
    found = harmed(database, "update figure set row = :row where position = :at", sealed, row=changed, at=position)
    assert (found.file, found.row, found.field) == ("figure", position + 2, "n_invited")
    assert (found.expected, found.found) == (row["n_invited"], "77")


ROWS = {  # one row of a table of four: what is done to it, and the key, row and column that are named
    "update cell_count set number = 4 where cell = 'e'": ("cell_count (e sent)", 3, "number"),
    "delete from cell_count where cell = 'd'": ("cell_count", 2, ""),
    "insert into cell_count select wave_id, 'dd', event, number from cell_count where cell = 'c'":
        ("cell_count (dd sent)", 3, ""),
}  # fmt: skip


def test_the_very_row_that_was_changed_deleted_or_put_in_is_named(sealed: Held, database: Database) -> None:
    for statement, named in ROWS.items():
        found = harmed(database, statement, sealed)
        assert (found.file, found.row, found.field) == named


def test_what_the_sealed_manifest_says_and_the_site_does_not_any_more_is_named(
    sealed: Held, database: Database, tmp_path: Path
) -> None:
    assert sealed(database)
    with bundles.opened(tmp_path / "seal.zip") as bundle, database.read() as session:
        path, told = bundle.folder / "extract" / "manifest.json", checking.check(bundle, public=None).statement or {}
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {"topups_not_counted": ["98-02"]}), encoding="utf-8")
        with pytest.raises(BundleBroken) as caught:
            against_tables.require_manifest(session, waves.find(session, WAVE), bundle, told)
    assert (caught.value.file, caught.value.field) == ("wave", "topups_not_counted")


def test_what_has_its_date_and_what_a_later_import_says_of_units_is_no_tampering(
    sealed: Held, database: Database, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "units.csv"
    with database.read() as session:
        rows = [[getattr(unit, name) for name in units.HEADER] for unit in units.all_units(session)]
    lines = [[*units.HEADER], *([*row[:-1], "yes" if row[-1] else "no"] for row in rows)]
    lines[-1][1] = "Tên mới"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(lines)
    later = NOW + timedelta(days=9000)
    with database.begin() as session:
        assert units.import_units(session, file, actor="test", now=later).updated == 1
    with database.begin() as session:
        another = {"deleted": {"facts": 1}, "words": ["2025-citizens"]}
        audit.record(session, actor="test", action="retention.purge", subject="site", detail=another, now=later)
    found = harmed(database, "delete from facts where items not like '%Q1%'", sealed)
    assert found.file == "facts", "another wave's words went"
    told = purge.run(database, Keys(settings.keys), actor="test", now=later, dry_run=False)
    assert told.rows["facts"] == 1
    assert sealed(database)
    assert harmed(database, "update unit set name_vi = 'khác' where name_vi = 'Tên mới'", sealed).field == "name_vi"
    assert harmed(database, "delete from facts", sealed).file == "facts"


def test_a_bundle_of_before_the_inventory_is_held_against_all_that_it_has(
    sealed: Held, database: Database, settings: Settings, tmp_path: Path
) -> None:
    without_inventory(database, tmp_path / "seal.zip", tmp_path / "old", Keys(settings.keys))
    assert sealed(database)
    assert harmed(database, "update wave set kind = 'rehearsal'", sealed).field == "kind"
    assert harmed(database, "update answer set items = 'rác'", sealed).file.startswith("answer (")


def without_inventory(database: Database, whole: Path, folder: Path, keys: Keys) -> None:
    """Put a bundle as it was made before there were inventories in the place of a seal's own."""
    bundles.place(whole, folder)
    told = json.loads((folder / statements.FILE).read_bytes())
    for name in (inventories.FILE, bundles.MARKS, statements.FILE):
        (folder / name).unlink()
    bundles.add_marks(folder)
    said = {name: value for name, value in told.items() if not name.startswith("signature")}
    statement = statements.sign(said | {"files": bundles.list_files(folder)}, keys.sealing)
    whole.unlink()
    bundles.pack(folder, whole)
    bundles.finish(whole, statement)
    with database.begin() as session:
        seal = session.scalars(select(Seal)).one()
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc())).first()
        assert entry is not None
        new = hashlib.sha256(statement).hexdigest()
        entry.detail = entry.detail.replace(seal.digest, new)
        entry.hash = audit.hash_of(entry)
        seal.statement, seal.digest = statement.decode(), new
        session.scalars(select(SealPart)).one().content = whole.read_bytes()


def test_every_table_is_held_by_a_seal_or_named_with_the_reason_why_not() -> None:
    tables = {one.name: one for one in held.HELD}
    assert not tables.keys() & held.LEFT_OUT.keys()
    assert {*tables, *held.LEFT_OUT} == {table.name for table in METADATA.sorted_tables}
    free = {f"{one.name}.{column}" for one in held.HELD for column in one.free}
    assert {name for name in free if name not in held.FREE and name.partition(".")[0] not in held.FREE} == set()


CASE = '{"answers":1,"flagged":0,"kind":"unit","name":"98-01","verdict":"not_confirmed"}'
FORGED = {  # what a bundle says that somebody signed anew, and what computing it again names
    "scores.xlsx": ("xl/worksheets/sheet1.xml", r"<v>([0-9.]+)</v>", "<v>77</v>", "scores.xlsx (Bảng nhập điểm)"),
    "number formats": (
        "xl/styles.xml",
        r'formatCode="0[^"]*"',
        'formatCode="&quot;9&quot;"',
        "scores.xlsx (xl/styles.xml)",
    ),
    "decisions.json": ("decisions.json", r'"answers":3', '"answers":2', "decisions.json"),
    "a case": ("decisions.json", r'"cases":\[\]', f'"cases":[{CASE}]', "decisions.json"),
}
LIES = {
    "seed": "1", "kind": "rehearsal", "wave": "2030", "year": 2030, "extract": "0" * 64, "province": "01",
    "instrument": "0" * 64, "schemes": {}, "number": 7, "signed": [], "reason": "x", "audience": "officials",
}  # fmt: skip


def test_computing_again_writes_the_workbook_and_holds_the_statement_against_the_bundle(
    sealed: Held, database: Database, tmp_path: Path
) -> None:
    assert sealed(database)
    whole = tmp_path / "seal.zip"
    with bundles.opened(whole) as bundle:
        assert recompute.run(bundle.folder, bundle="seal") > 0
    for name, (file, old, new, named) in FORGED.items():
        folder = tmp_path / name
        bundles.place(whole, folder)
        put_in(folder, file, old, new)
        assert forged(folder).file == named
    for field, value in LIES.items():
        folder = tmp_path / field
        bundles.place(whole, folder)
        found = forged(folder, **{field: value})
        assert (found.file, found.field) == (statements.FILE, field)
    for field, value in (("options", {"rows": "0"}), ("code", {"version": "9"})):
        folder = tmp_path / field
        bundles.place(whole, folder)
        told = json.loads((folder / statements.FILE).read_bytes())[field]
        assert forged(folder, **{field: told | value}).field == f"{field}.{next(iter(value))}"


def put_in(folder: Path, name: str, old: str, new: str) -> None:
    """Change the first place in a file of a bundle, or in a part of its workbook."""
    path = folder / name
    if path.is_file():
        path.write_text(re.sub(old, new, path.read_text(encoding="utf-8"), count=1), encoding="utf-8")
        return
    book = folder / "scores.xlsx"
    with zipfile.ZipFile(book) as before:
        parts = {one.filename: before.read(one) for one in before.infolist()}
    parts[name] = re.sub(old, new, parts[name].decode(), count=1).encode()
    with zipfile.ZipFile(book, "w") as after:
        for part, data in parts.items():
            after.writestr(part, data)


def forged(folder: Path, **lies: Any) -> BundleBroken:
    """What computing again says of a bundle with new hashes, signed by a key of the forger's."""
    told = json.loads((folder / statements.FILE).read_bytes()) | lies
    for name in (bundles.MARKS, statements.FILE):
        (folder / name).unlink()
    bundles.add_marks(folder)
    said = {name: value for name, value in told.items() if not name.startswith("signature")}
    signed = statements.sign(said | {"files": bundles.list_files(folder)}, Ed25519PrivateKey.generate())
    (folder / statements.FILE).write_bytes(signed)
    with bundles.opened(folder) as bundle:
        checking.check(bundle, public=None)
    with pytest.raises(BundleBroken) as caught:
        recompute.run(folder, bundle="seal")
    return caught.value


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
