"""`hailong audit`, `privacy` and `purge`: that the log holds, what is kept and why, and that it goes in time."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import click

from survey import keeping
from survey.cli.context import actor, open_site, put, reader, refuses
from survey.cli.database import DATABASE
from survey.custody import heads
from survey.jobs import purge as job
from survey.model.tables import METADATA
from survey.stages import audit as log
from survey.stages.audit import Head

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
KEY = re.compile(r"[0-9a-f]{64}")


@click.group()
def audit() -> None:
    """The audit log: a chain in which every entry names the one before."""


@audit.command()
@click.option(
    "--head", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A signed head that was kept elsewhere: the log must hold it still.",
)  # fmt: skip
@click.option("--key", help="The public key of the site, where its key folder is not at hand.")
@DATABASE
@JSON
@refuses
def verify(file: Path | None, key: str | None, database: str | None, as_json: bool) -> None:
    """Check every entry; the first that does not fit is named."""
    if key is not None and not KEY.fullmatch(key):
        raise click.UsageError("a public key has 64 hexadecimal digits")
    site = open_site(database)
    signed = None
    if file is not None:
        signed = Head(*heads.read(file, bytes.fromhex(key) if key else site.keys.require_installation().verifying))
    with site.database.read() as session:
        found = log.verify(session, signed=signed)
    data = {"entries": found.count, "hash": found.hash.hex(), "head": signed.count if signed else None}
    put(data, as_json=as_json, lines=[f"{found.count} {found.hash.hex()}"])


@audit.command()
@click.option("--out", "file", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE")
@DATABASE
@JSON
@refuses
def head(file: Path, database: str | None, as_json: bool) -> None:
    """Write the count of entries and the last hash, signed, into FILE; keep it on another machine."""
    site = open_site(database)
    with site.database.read() as session:
        found = log.verify(session)
    key = site.keys.require_installation()
    heads.write(file, found.count, found.hash, key.signing, now=site.now())
    data = {"file": str(file), "entries": found.count, "hash": found.hash.hex(), "key": key.verifying.hex()}
    put(data, as_json=as_json, lines=[f"{found.count} {found.hash.hex()}", f"key {key.verifying.hex()}"])


@click.group()
def privacy() -> None:
    """What is kept of whom, why, and until when."""


@privacy.command()
@JSON
@refuses
def report(as_json: bool) -> None:
    """List every table and column with its purpose and deadline, in the reader's language."""
    language, rows, lines, table = reader().language, [], [], ""
    for column in (column for one in METADATA.sorted_tables for column in one.columns):
        found = keeping.entry(column.table.name, column.name)
        if found is None:
            raise KeyError(str(column))
        words = {"vi": found.purpose("vi"), "en": found.purpose("en")}
        until = {"vi": found.until("vi"), "en": found.until("en")}
        rows.append({"table": found.table, "column": found.column, "purpose": words, "deadline": until})
        if found.table != table:
            table = found.table
            lines.append(f"{table}: {found.group(language)}")
        lines.append(f"  {found.column:<20} {found.purpose(language)} – {found.until(language)}")
    put({"version": keeping.version(), "columns": rows}, as_json=as_json, lines=lines)


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, delete nothing.")
@DATABASE
@JSON
@refuses
def purge(dry_run: bool, database: str | None, as_json: bool) -> None:
    """Delete what has had its time (see: hailong privacy report); the audit log keeps the proof."""
    site = open_site(database)
    told = job.run(site.database, site.keys, actor=actor(), now=site.now(), dry_run=dry_run)
    lines = [f"{table}: {count}" for table, count in sorted(told.rows.items())]
    lines += [f"never opened: {code}" for code in told.unopened]
    lines += [f"hailong wave close {code}" for code in told.overdue]
    lines = lines or [reader().gettext("There is nothing to delete: nothing has had its time.")]
    put(asdict(told) | {"dry_run": dry_run}, as_json=as_json, lines=lines)
