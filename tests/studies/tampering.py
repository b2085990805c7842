"""Seals a small demonstration, then changes bundle, database and log in more than thirty ways: which are found?

`python tests/studies/tampering.py [--responses 648] [--keep FOLDER]` prints the commands of the seal as they ran, then
one line for each change: what was done, and what the check said. Ends with 1 when one was not found.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from survey.custody import bundles, checking, statements
from survey.db import open_database
from survey.errors.common import SurveyError
from survey.i18n import translator
from survey.jobs import against, recompute
from survey.sentences.refusals import sentences
from survey.stages import reviews, waves
from survey.stages.reviews import Verdict

WAVE = "sipas-2025"
DOCUMENT = "12/QĐ-SNV, 05/02/2026, Giám đốc"
Change = Callable[[Path], None]


@dataclass(frozen=True)
class Sealed:
    """What is tampered with: the bundle as a folder and as an archive, the database's file, the public key."""

    folder: Path
    archive: Path
    database: Path
    key: bytes


@dataclass(frozen=True)
class Tampering:
    """One change of a copy, and how it is looked for."""

    where: str
    what: str
    change: Change
    recomputes: bool = False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--responses", type=int, default=648)
    parser.add_argument("--keep", type=Path, help="Keep everything in this folder.")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hailong-tampering-") as folder:
        place = told.keep or Path(folder)
        sealed = seal_demo(place, told.responses)
        rows = [(one, look(one, sealed, place / "copy")) for one in tamperings(sealed)]
    for number, (one, said) in enumerate(rows, start=1):
        print(f"{number:2} {one.where:9} {one.what:46} {said or 'NOT FOUND'}")
    missed = [one for one, said in rows if not said]
    print(f"{len(rows)} changes, {len(rows) - len(missed)} found and named")
    return 1 if missed else 0


def seal_demo(folder: Path, responses: int) -> Sealed:
    """From `hailong demo` to a sealed bundle, by the commands that people run."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "HAILONG_DATABASE": f"sqlite:///{folder / 'site.db'}", "HAILONG_KEYS": str(folder / "keys"),
        "HAILONG_CHANNELS": str(folder / "channels.toml"), "HAILONG_LANGUAGE": "en",
    }  # fmt: skip

    def hailong(*words: str, quiet: bool = False) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "survey", *words], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        if not quiet:
            print(f"$ hailong {' '.join(words)}\n{done.stdout.rstrip()}")
        return done.stdout

    demo = json.loads(hailong("demo", "--responses", str(responses), "--json", quiet=True))
    people = {one["role"]: one for one in demo["staff"]}
    for role, one in people.items():
        (folder / f"{role}.txt").write_text(one["password"] + "\n", encoding="utf-8")
    hailong("review", "screen", WAVE)
    decide(environment["HAILONG_DATABASE"], people)
    hailong("score", WAVE)
    for step, role in (("release", "lead_agency"), ("sign", "oversight")):
        who = ("--by", people[role]["email"], "--password-file", str(folder / f"{role}.txt"))
        hailong("results", step, WAVE, "--document", DOCUMENT, *who)
    hailong("results", "seal", WAVE, "--out", str(folder / "seal.zip"))
    hailong("results", "bundle", WAVE, "--out", str(folder / "seal"))
    hailong("results", "export", WAVE, "--out", str(folder / "export"))
    key = json.loads(hailong("keys", "public", "--json", quiet=True))["key"]
    hailong("verify", str(folder / "export"), "--key", key)
    hailong(
        "verify", str(folder / "seal.zip"), "--key", key, "--recompute", "--database", environment["HAILONG_DATABASE"]
    )
    with sqlite3.connect(folder / "site.db") as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return Sealed(folder / "seal", folder / "seal.zip", folder / "site.db", bytes.fromhex(key))


def decide(url: str, people: dict[str, dict[str, str]]) -> None:
    """Both offices say the same of every case that was found, as they would on the pages."""
    database, now = open_database(url), datetime.now(UTC)
    with database.begin() as session:
        wave = waves.hold(session, WAVE)
        screening = reviews.latest(session, wave)
        for case in reviews.cases(session, screening) if screening else ():
            for role in ("survey_office", "oversight"):
                reason, email = "đã đối chiếu với biên bản", people[role]["email"]
                reviews.decide(session, wave, case, Verdict.NOT_CONFIRMED, reason=reason, by=email, now=now)
    database.close()


def look(one: Tampering, sealed: Sealed, copy: Path) -> str:
    """What the check says of a tampered copy; nothing when it finds nothing."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    shutil.copytree(sealed.folder, copy / "seal")
    shutil.copy(sealed.archive, copy / "seal.zip")
    shutil.copy(sealed.database, copy / "site.db")
    one.change(copy)
    path = copy / ("seal.zip" if one.where == "archive" else "seal")
    try:
        with bundles.opened(path) as bundle:
            told = checking.check(bundle, public=None if one.recomputes else sealed.key).statement
            if one.recomputes:
                recompute.run(bundle.folder, bundle=bundle.name)
            if one.where in {"database", "log"}:
                database = open_database(f"sqlite:///{copy / 'site.db'}")
                try:
                    against.run(database, bundle, told or {})
                finally:
                    database.close()
    except SurveyError as error:
        return " ".join(sentences(error, translator("en")))
    return ""


def tamperings(sealed: Sealed) -> Iterator[Tampering]:
    yield from in_files()
    yield from in_archives()
    yield from in_statements()
    yield from in_databases()
    yield from in_logs()


def in_files() -> Iterator[Tampering]:
    """Changes of the bundle's files."""
    yield Tampering("bundle", "an answer of one person", cell("extract/answers.csv", 7, -1, "1"))
    yield Tampering("bundle", "a flag set by hand", cell("extract/answers.csv", 9, 8, "confirmed"))
    yield Tampering("bundle", "a unit's name in a row of answers", cell("extract/answers.csv", 11, 2, "98-S01"))
    yield Tampering("bundle", "an answer more", lines("extract/answers.csv", lambda rows: rows.insert(20, rows[20])))
    yield Tampering("bundle", "an answer less", lines("extract/answers.csv", lambda rows: rows.pop(20)))
    yield Tampering(
        "bundle", "answers in another order", lines("extract/answers.csv", lambda rows: swap(rows, 30, 300))
    )
    yield Tampering("bundle", "answers cut off at the end", cut("extract/answers.csv", 0.5))
    yield Tampering("bundle", "points of one unit in the table", number("scores.csv", 40, "points"))
    yield Tampering("bundle", "an interval in the table", number("scores.csv", 41, "ci_low"))
    yield Tampering("bundle", "points of one unit in the JSON", points_in_json)
    yield Tampering("bundle", "a typed-in figure", cell("extract/inputs.csv", 5, 2, "0.99"))
    yield Tampering("bundle", "the number invited", cell("extract/sample.csv", 3, 6, "99"))
    yield Tampering("bundle", "the scheme's maximum", text("extract/scheme.toml", "max = ", "max = 1"))
    yield Tampering("bundle", "the questionnaire", text("extract/instrument.toml", "vi = ", "vi =  "))
    yield Tampering("bundle", "the workbook", flip("scores.xlsx"))
    yield Tampering("bundle", "the decisions about suspicious answers", text("decisions.json", '"', "'"))
    yield Tampering("bundle", "a file taken out", lambda copy: (copy / "seal/scores.xlsx").unlink())
    yield Tampering("bundle", "a file put in", lambda copy: _put(copy / "seal/extract/more.csv"))
    yield Tampering("bundle", "no seal at all", lambda copy: (copy / "seal/seal.json").unlink())


def in_archives() -> Iterator[Tampering]:
    yield Tampering("archive", "the last kilobyte missing", truncate)
    yield Tampering("archive", "one bit in the middle", bit)
    yield Tampering("archive", "a time in the archive's own table", packing)
    yield Tampering("archive", "a file twice", twice)


def in_statements() -> Iterator[Tampering]:
    """Changes of the signed statement."""
    yield Tampering("statement", "the decision's number", field("document", "99/QĐ"))
    yield Tampering("statement", "the seed", field("seed", "1"))
    yield Tampering("statement", "the seal before it (an older file replayed)", field("previous", "00" * 32))
    yield Tampering("statement", "the head of the log", field("audit", {"count": 1, "hash": "00" * 32}))
    yield Tampering("statement", "cut off", cut("seal.json", 0.6))
    yield Tampering("statement", "an answer, with its hash written anew", with_hash)
    yield Tampering("statement", "everything signed by another key", other_key)
    yield Tampering("statement", "figures changed, signed anew, no key named", forged, recomputes=True)


def in_databases() -> Iterator[Tampering]:
    """Changes of the site's tables after the seal."""
    yield Tampering("database", "a figure", sql(
        "update figure set row = json_set(row, '$.points', '9.99') where position = 5"
    ))  # fmt: skip
    yield Tampering("database", "a figure deleted", sql("delete from figure where position = 7"))
    yield Tampering("database", "an answer", sql(
        "update answer set items = json_set(items, '$.' || (select key from json_each(items) limit 1), '1') "
        "where id = (select id from answer where items not like '%\": \"1\"%' limit 1)"
    ))  # fmt: skip
    yield Tampering(
        "database", "an answer deleted", sql("delete from answer where id = (select id from answer limit 1)")
    )
    yield Tampering("database", "a late answer after the seal", sql(
        "insert into answer select randomblob(16), wave_id, phase, mode, unit_code, class_code, items "
        "from answer limit 1"
    ))  # fmt: skip
    yield Tampering("database", "a typed-in figure", sql("update input_figure set value = value / 2 where rowid = 3"))
    yield Tampering("database", "the questionnaire", sql("update wave set instrument = instrument || '# '"))
    yield Tampering(
        "database", "the number invited", sql("update class_cell set invited = invited + 1 where rowid = 2")
    )
    yield Tampering("database", "the stored bundle", sql("update seal_part set content = zeroblob(length(content))"))
    yield Tampering("database", "the seal's document", sql("update seal set document = 'x'"))
    yield Tampering("database", "the seal taken away", sql("delete from seal_part", "delete from seal"))
    yield Tampering("database", "the wave open again", sql("update wave set state = 'closed' where state = 'sealed'"))
    yield Tampering("database", "a signature of a rated agency made unrated", sql(
        "update approval set rated = 0 where subject like 'release:%' and rated"
    ))  # fmt: skip


def in_logs() -> Iterator[Tampering]:
    yield Tampering("log", "an entry's actor", sql("update audit_entry set actor = 'x' where number = 5"))
    yield Tampering("log", "an entry deleted", sql("delete from audit_entry where number = 6"))
    yield Tampering("log", "two entries swapped", sql(
        "update audit_entry set number = -1 where number = 7", "update audit_entry set number = 7 where number = 8",
        "update audit_entry set number = 8 where number = -1",
    ))  # fmt: skip
    yield Tampering("log", "the end cut off", sql(
        "delete from audit_entry where number > (select max(number) - 4 from audit_entry)"
    ))  # fmt: skip
    yield Tampering("log", "written anew from the beginning", rewrite_log)


def lines(name: str, change: Callable[[list[str]], object]) -> Change:
    def apply(copy: Path) -> None:
        path = copy / "seal" / name
        rows = path.read_bytes().decode().splitlines(keepends=True)
        change(rows)
        path.write_bytes("".join(rows).encode())

    return apply


def swap(rows: list[str], first: int, second: int) -> None:
    rows[first], rows[second] = rows[second], rows[first]


def cell(name: str, row: int, column: int, value: str) -> Change:
    """Put another value into a cell of a table (rows without quotes)."""

    def change(rows: list[str]) -> None:
        cells = rows[row - 1].rstrip("\n").split(",")
        cells[column] = value if cells[column] != value else "3"
        rows[row - 1] = ",".join(cells) + "\n"

    return lines(name, change)


def number(name: str, row: int, column: str) -> Change:
    """Add one to the first number of a column at or after a row."""

    def change(rows: list[str]) -> None:
        place = rows[0].lstrip("\ufeff").rstrip("\n").split(",").index(column)
        for at in range(row, len(rows)):
            cells = rows[at].rstrip("\n").split(",")
            if '"' not in rows[at] and cells[place]:
                cells[place] = f"{float(cells[place]) + 1:.6f}"
                rows[at] = ",".join(cells) + "\n"
                return

    return lines(name, change)


def text(name: str, old: str, new: str) -> Change:
    def apply(copy: Path) -> None:
        path = copy / "seal" / name
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")

    return apply


def cut(name: str, share: float) -> Change:
    def apply(copy: Path) -> None:
        data = (copy / "seal" / name).read_bytes()
        (copy / "seal" / name).write_bytes(data[: int(len(data) * share)])

    return apply


def flip(name: str) -> Change:
    def apply(copy: Path) -> None:
        data = bytearray((copy / "seal" / name).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / "seal" / name).write_bytes(bytes(data))

    return apply


def points_in_json(copy: Path) -> None:
    path = copy / "seal/scores.json"
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(place for place, row in enumerate(rows) if place > 60 and '"points": "' in row)
    told = json.loads(rows[at].rstrip().rstrip(","))
    told["points"] = f"{float(told['points']) + 1:.6f}"
    rows[at] = json.dumps(told, ensure_ascii=False) + ",\n"
    path.write_text("".join(rows), encoding="utf-8")


def _put(path: Path) -> None:
    path.write_text("x", encoding="utf-8")


def truncate(copy: Path) -> None:
    data = (copy / "seal.zip").read_bytes()
    (copy / "seal.zip").write_bytes(data[:-1024])


def bit(copy: Path) -> None:
    data = bytearray((copy / "seal.zip").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "seal.zip").write_bytes(bytes(data))


def packing(copy: Path) -> None:
    data = bytearray((copy / "seal.zip").read_bytes())
    data[data.rindex(b"PK\x01\x02") + 12] ^= 1
    (copy / "seal.zip").write_bytes(bytes(data))


def twice(copy: Path) -> None:
    with zipfile.ZipFile(copy / "seal.zip", "a") as packed:
        packed.writestr("scores.csv", "x")


def field(name: str, value: Any) -> Change:
    def apply(copy: Path) -> None:
        path = copy / "seal/seal.json"
        path.write_bytes(statements.canonical(json.loads(path.read_bytes()) | {name: value}))

    return apply


def with_hash(copy: Path) -> None:
    cell("extract/answers.csv", 7, -1, "1")(copy)
    field("files", _files(copy))(copy)


def _files(copy: Path) -> dict[str, Any]:
    return {name: one for name, one in bundles.list_files(copy / "seal").items() if name != statements.FILE}


def _sign(copy: Path) -> None:
    path = copy / "seal/seal.json"
    told = {key: value for key, value in json.loads(path.read_bytes()).items() if not key.startswith("signature")}
    path.unlink()
    (copy / "seal" / bundles.MARKS).unlink()
    bundles.add_marks(copy / "seal")
    path.write_bytes(statements.sign(told | {"files": _files(copy)}, Ed25519PrivateKey.generate()))


def other_key(copy: Path) -> None:
    number("scores.csv", 40, "points")(copy)
    _sign(copy)


def forged(copy: Path) -> None:
    """Who reads the bundle has no key to compare with: only computing again tells."""
    number("scores.csv", 40, "points")(copy)
    _sign(copy)


def sql(*statements_: str) -> Change:
    def apply(copy: Path) -> None:
        with sqlite3.connect(copy / "site.db") as connection:
            changed = sum(connection.execute(one).rowcount for one in statements_)
        assert changed, statements_

    return apply


def rewrite_log(copy: Path) -> None:
    """A whole new chain that holds together, made by who can write to the table."""
    import hashlib

    with sqlite3.connect(copy / "site.db") as connection:
        connection.execute("update audit_entry set actor = 'x' where number = 3")
        previous = bytes(32)
        rows = connection.execute(
            "select number, at, actor, action, subject, detail from audit_entry order by number"
        ).fetchall()
        for row in rows:
            at = datetime.fromisoformat(row[1]).replace(tzinfo=UTC).isoformat(timespec="microseconds")
            told = json.dumps([row[0], at, *row[2:]], ensure_ascii=False, separators=(",", ":"))
            hash_ = hashlib.sha256(previous + told.encode()).digest()
            values = (previous, hash_, row[0])
            connection.execute("update audit_entry set previous = ?, hash = ? where number = ?", values)
            previous = hash_


if __name__ == "__main__":
    sys.exit(main())
