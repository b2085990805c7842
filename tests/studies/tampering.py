"""Seals a small demonstration and its year's index, then changes bundles, database and log: which changes are found?

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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from changes import (
    Change,
    bit,
    cell,
    cut,
    field,
    flip,
    forged,
    forged_decision,
    forged_workbook,
    lines,
    lying,
    number,
    other_key,
    packing,
    points_in_json,
    put,
    rewrite_log,
    sql,
    swap,
    text,
    truncate,
    twice,
    with_hash,
)
from table_changes import IN_TABLES

from survey.custody import bundles, checking
from survey.db import open_database
from survey.errors.common import SurveyError
from survey.i18n import translator
from survey.jobs import against, against_index, recompute
from survey.rule import Source
from survey.scheme import builtin_scheme
from survey.sentences.refusals import sentences
from survey.stages import reviews, waves
from survey.stages.reviews import Verdict

WAVE = "sipas-2025"
DOCUMENT = "12/QĐ-SNV, 05/02/2026, Giám đốc"


@dataclass(frozen=True)
class Sealed:
    """What is tampered with: the bundle as a folder and as an archive, the database's file, the public key."""

    folder: Path
    archive: Path
    database: Path
    key: bytes
    index: Path  # the bundle of the year's index


@dataclass(frozen=True)
class Tampering:
    """One change of a copy, and how it is looked for: `where` names the bundle and what it is held against."""

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
    for line, (one, said) in enumerate(rows, start=1):
        print(f"{line:2} {one.where:14} {one.what:46} {said or 'NOT FOUND'}")
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
    seal_index(folder, people, hailong)
    hailong("verify", str(folder / "index"), "--key", key, "--recompute", "--database", environment["HAILONG_DATABASE"])
    hailong("verify", str(folder / "export"), "--key", key)
    hailong(
        "verify", str(folder / "seal.zip"), "--key", key, "--recompute", "--database", environment["HAILONG_DATABASE"]
    )
    with sqlite3.connect(folder / "site.db") as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return Sealed(folder / "seal", folder / "seal.zip", folder / "site.db", bytes.fromhex(key), folder / "index")


def seal_index(folder: Path, people: dict[str, dict[str, str]], hailong: Callable[..., str]) -> None:
    """The year's index of the departments: half of each appraised maximum, the wave joined, two agencies."""
    scheme = builtin_scheme("local-department-sample")
    with sqlite3.connect(folder / "site.db") as connection:
        rated = connection.execute("select code from unit where rated and type = 'department' order by code").fetchall()
    points = [(one.code, one.max / 2) for one in scheme.components if one.source is Source.APPRAISAL]
    lines = [f"{unit},{code},{value},QĐ 7\n" for (unit,) in rated for code, value in points]
    (folder / "points.csv").write_text("unit,code,value,source\n" + "".join(lines), encoding="utf-8")
    sheet = ("--scheme", scheme.code, "--year", "2025")
    hailong("index", "import", str(folder / "points.csv"), *sheet)
    hailong("index", "score", *sheet, "--wave", WAVE)
    for role in ("lead_agency", "oversight"):
        who = ("--by", people[role]["email"], "--password-file", str(folder / f"{role}.txt"))
        hailong("index", "approve", *sheet, "--document", DOCUMENT, *who)
    hailong("index", "seal", *sheet, "--out", str(folder / "index"))


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
    is_index = one.where.startswith("index")
    shutil.copytree(sealed.index if is_index else sealed.folder, copy / "seal")
    shutil.copy(sealed.archive, copy / "seal.zip")
    shutil.copy(sealed.database, copy / "site.db")
    one.change(copy)
    path = copy / ("seal.zip" if one.where == "archive" else "seal")
    try:
        with bundles.opened(path) as bundle:
            told = checking.check(bundle, public=None if one.recomputes else sealed.key).statement
            if one.recomputes:
                recompute.run(bundle.folder, bundle=bundle.name)
            if one.where in {"database", "log", "index database"}:
                database = open_database(f"sqlite:///{copy / 'site.db'}")
                try:
                    (against_index if is_index else against).run(database, bundle, told or {})
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
    yield from in_index_files()
    yield from in_index_tables()


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
    yield Tampering("bundle", "a file put in", lambda copy: put(copy / "seal/extract/more.csv"))
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
    yield Tampering("statement", "a number in the workbook, signed anew, no key", forged_workbook, recomputes=True)
    yield Tampering("statement", "a decision in the bundle, signed anew, no key", forged_decision, recomputes=True)
    for name, value in (
        ("seed", "1"), ("kind", "real"), ("year", 2030), ("wave", "x"), ("signed", []), ("options", {"rows": ""}),
        ("code", {"version": "9"}), ("extract", "00" * 32), ("receipts", {"codes": 10**6}),
    ):  # fmt: skip
        yield Tampering("statement", f"its {name}, signed anew, no key", lying(name, value), recomputes=True)


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
    for what, statement in IN_TABLES.items():
        yield Tampering("database", what, sql(statement))


def in_logs() -> Iterator[Tampering]:
    yield Tampering("log", "an entry's actor", sql("update audit_entry set actor = 'x' where number = 5"))
    yield Tampering("log", "an entry deleted", sql("delete from audit_entry where number = 6"))
    yield Tampering("log", "two entries swapped", sql(
        "update audit_entry set number = -1 where number = 7", "update audit_entry set number = 7 where number = 8",
        "update audit_entry set number = 8 where number = -1",
    ))  # fmt: skip
    yield Tampering("log", "the end cut off", sql(
        "delete from audit_entry where number > (select max(number) - 4 from audit_entry where action = 'results.seal')"
    ))  # fmt: skip
    yield Tampering("log", "its newest entry deleted, made after the sealed head", sql(
        "delete from audit_entry where number = (select max(number) from audit_entry)"
    ))  # fmt: skip
    yield Tampering("log", "written anew from the beginning", rewrite_log)


def in_index_files() -> Iterator[Tampering]:
    """Changes of the bundle of the year's index."""
    yield Tampering("index", "a unit's appraised points", cell("extract/inputs.csv", 5, 2, "0.99"))
    yield Tampering("index", "the source of points", cell("extract/inputs.csv", 6, 3, "QĐ 8"))
    yield Tampering("index", "points that the wave gave", number(f"extract/waves/{WAVE}.csv", 8, "points"))
    yield Tampering("index", "a unit's total in the table", number("scores.csv", 60, "points"))
    yield Tampering("index", "the scheme's maximum", text("extract/scheme.toml", "max = ", "max = 1"))
    yield Tampering("index", "the workbook", flip("scores.xlsx"))
    yield Tampering("index", "a wave taken out", lambda copy: (copy / f"seal/extract/waves/{WAVE}.csv").unlink())
    yield Tampering("index", "the year", field("year", 2024))
    yield Tampering("index", "who agreed", field("signed", []))
    yield Tampering("index", "a wave left out of the statement", field("waves", []))
    yield Tampering("index", "everything signed by another key", other_key)
    yield Tampering("index", "figures changed, signed anew, no key named", forged, recomputes=True)


def in_index_tables() -> Iterator[Tampering]:
    """Changes of the site's tables after the seal of the year's index."""
    where = "index database"
    yield Tampering(where, "a figure", sql(
        "update index_figure set row = json_set(row, '$.points', '9.99') where position = 5"
    ))  # fmt: skip
    yield Tampering(where, "a figure deleted", sql("delete from index_figure where position = 7"))
    yield Tampering(where, "appraised points", sql("update index_input set value = value / 2 where rowid = 3"))
    yield Tampering(where, "the source of points", sql("update index_input set source = 'x' where rowid = 3"))
    yield Tampering(where, "points of one more criterion taken away", sql("delete from index_input where rowid = 4"))
    yield Tampering(where, "the scheme", sql("update index_sheet set scheme = scheme || '# '"))
    yield Tampering(where, "the stored bundle", sql("update index_seal_part set content = zeroblob(length(content))"))
    yield Tampering(
        where, "the seal's statement", sql("update index_seal set statement = replace(statement, '7', '8')")
    )
    yield Tampering(where, "another run under the seal", sql(
        "insert into index_run select randomblob(16), sheet_id, made_at, made_by, extract_digest, code_version, "
        "options from index_run",
        "update index_seal set run_id = (select max(id) from index_run where id <> run_id)",
    ))  # fmt: skip
    yield Tampering(where, "the seal taken away", sql("delete from index_seal_part", "delete from index_seal"))
    yield Tampering(where, "an agreement's document", sql(
        "update approval set document = 'x' where subject like 'index:%'"
    ))  # fmt: skip
    yield Tampering(where, "an agreement deleted", sql(
        "delete from approval where id = (select max(id) from approval where subject like 'index:%')"
    ))  # fmt: skip
    yield Tampering(where, "a figure of the wave that it joins", sql(
        "update figure set row = json_set(row, '$.points', '0.01') where level_of = 'component' "
        "and json_extract(row, '$.scheme') = 'local-department-sample' and json_extract(row, '$.points') is not null"
    ))  # fmt: skip
    yield Tampering(where, "the end of the log cut off", sql(
        "delete from audit_entry where number > (select max(number) - 4 from audit_entry)"
    ))  # fmt: skip
    yield Tampering(where, "the log", sql("update audit_entry set actor = 'x' where action = 'approval.give'"))


if __name__ == "__main__":
    sys.exit(main())
