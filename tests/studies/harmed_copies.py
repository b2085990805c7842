"""F24: every way of harming the audit log and a backup, on both engines: what `verify` and `restore` say of each.

python tests/studies/harmed_copies.py [--engine sqlite|postgres] [--every 20]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "faults"))

import ground
from backup_under_load import TOOLS, back_up, hailong
from sqlalchemy import text
from sqlalchemy.orm import Session

from survey.db import Database, open_database
from survey.errors.common import AuditBroken, SurveyError
from survey.jobs import restore
from survey.keys import Keys
from survey.stages import audit
from survey.stages.audit import Head

ENTRIES = 200


@dataclass(frozen=True)
class Harm:
    """A change behind the log's back, and the entry that must be named."""

    name: str
    statements: tuple[str, ...]
    first: int


HARMS = (
    Harm("actor of one entry", ("update audit_entry set actor = 'x' where number = 77",), 77),
    Harm("detail of one entry", ("update audit_entry set detail = '{}' where number = 50",), 50),
    Harm("time of one entry", ("update audit_entry set at = '2020-01-01 00:00:00' where number = 9",), 9),
    Harm("one entry taken out", ("delete from audit_entry where number = 100",), 100),
    Harm("the first entry taken out", ("delete from audit_entry where number = 1",), 1),
    Harm("two entries change places", (
        "update audit_entry set number = -1 where number = 30", "update audit_entry set number = 30 where number = 31",
        "update audit_entry set number = 31 where number = -1",
    ), 30),
    Harm("the end cut off", ("delete from audit_entry where number > 190",), 191),
    Harm("everything taken out", ("delete from audit_entry",), 1),
)  # fmt: skip


def write_log(database: Database) -> Head:
    with database.begin() as session:
        start = audit.head(session).count
        for number in range(start, ENTRIES):
            at = datetime.now(UTC) + timedelta(seconds=number)
            audit.record(session, actor="a", action="study", subject=f"s{number}", detail={"n": number}, now=at)
        return audit.head(session)


def named(database: Database, harm: Harm, head: Head) -> dict[str, object]:
    """What `verify` says while the harm is there; the change is taken back."""
    with database.writer.connect() as connection, connection.begin() as change:
        for statement in harm.statements:
            connection.execute(text(statement))
        with Session(connection) as session:
            try:
                audit.verify(session, signed=head)
                found, what = 0, "holds"
            except AuditBroken as error:
                found, what = error.number, error.what
        change.rollback()
    return {"harm": harm.name, "named": found, "what": str(what), "right": found == harm.first}


def copies(field: ground.Ground, elsewhere: ground.Ground, folder: Path, every: int) -> dict[str, int]:
    """Cut at and flipped in evenly spaced places: how many `restore` takes, and whether one changed anything."""
    _made = Keys(field.keys).installation  # a site has it from its first start on
    back_up(field, folder / "whole")
    whole = (folder / "whole").read_bytes()
    good = hailong(elsewhere, "restore", str(folder / "whole")).returncode
    target = open_database(elsewhere.url)
    before, step = ground.stored(elsewhere), max(1, len(whole) // every)
    told = {"whole_refused": good, "cut": 0, "cut_taken": 0, "flipped": 0, "flipped_taken": 0}
    for at in range(0, len(whole), step):
        flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        for kind, content in (("cut", whole[:at]), ("flipped", flipped)):
            (folder / "harmed").write_bytes(content)
            told[kind] += 1
            told[f"{kind}_taken"] += is_taken(target, Keys(elsewhere.keys), folder / "harmed")
    target.close()
    return told | {"bytes": len(whole), "changed": int(ground.stored(elsewhere) != before)}


def is_taken(target: Database, keys: Keys, file: Path) -> bool:
    try:
        restore.run(
            target, keys, file, passphrase=None, replace=True, dry_run=True, actor="study", now=datetime.now(UTC),
            say=lambda _text: None,
        )  # fmt: skip
    except SurveyError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--every", type=int, default=20, help="places at which a copy is cut and changed")
    stated = parser.parse_args()
    with ExitStack() as stack:
        folder, second = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        os.environ["PATH"] = f"{TOOLS}:{os.environ['PATH']}"
        field = ground.prepare(stack.enter_context(ground.database_url(stated.engine, folder)), folder, people=20)
        other = replace(field, url=stack.enter_context(ground.database_url(stated.engine, second)))
        database = open_database(field.url)
        head = write_log(database)
        told = [named(database, harm, head) for harm in HARMS]
        for line in told:
            print(json.dumps(line))
        with database.read() as session:
            audit.verify(session, signed=head)
        figures = copies(field, other, folder, stated.every)
        database.close()
    wrong = sum(not line["right"] for line in told)
    ground.report(
        {"fault": "F24", "engine": stated.engine, "entries": ENTRIES, "harms": len(told), "not_named": wrong} | figures,
        "not_named", "whole_refused", "cut_taken", "flipped_taken", "changed",
    )  # fmt: skip


if __name__ == "__main__":
    main()
