"""`hailong backup`, `restore` and `keys`: the database and the key folder, carried out and back, each by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from survey import revision
from survey.cli.context import Site, actor, open_site, put, refuses, say
from survey.cli.database import DATABASE
from survey.custody import archive, keyring, statements, vault
from survey.custody.refusals import PassphraseMissing
from survey.db import require_database
from survey.errors.common import DatabaseMissing
from survey.jobs import backup as making
from survey.jobs import restore as placing
from survey.stages import retention

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
NEW_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
OLD_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
PASSPHRASE = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="HAILONG_PASSPHRASE_FILE",
    help="Its first line is the passphrase.",
)


@click.command()
@NEW_FILE
@PASSPHRASE
@DATABASE
@JSON
@refuses
def backup(file: Path, passphrase_file: Path | None, database: str | None, as_json: bool) -> None:
    """Copy the database into FILE while the site serves; with a passphrase, sealed. Keys are not in it."""
    site = open_site(database, ready=False)
    passphrase = vault.require_strong(_first_line(passphrase_file)) if passphrase_file else None
    made = making.run(
        site.database, site.keys, file, passphrase=passphrase, actor=actor(), now=site.now(), say=say
    )  # fmt: skip
    rows = f"{sum(made['rows'].values())} rows, {made['bytes']} bytes, sha256 {made['sha256']}"
    put(made, as_json=as_json, lines=[f"{file}: {rows}"])


@click.command()
@OLD_FILE
@click.option("--replace", is_flag=True, help="Even when the database is not empty; the old one is kept aside.")
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@PASSPHRASE
@DATABASE
@JSON
@refuses
def restore(
    file: Path, replace: bool, dry_run: bool, passphrase_file: Path | None, database: str | None, as_json: bool
) -> None:
    """Let the copy in FILE be the database; the key folder must be the one of its site."""
    site = open_site(database, ready=False, make=True)
    passphrase = _asked(passphrase_file, twice=False) if vault.is_sealed(file) else None
    told = placing.run(
        site.database, site.keys, file, passphrase=passphrase, replace=replace, dry_run=dry_run, actor=actor(),
        now=site.now(), say=say,
    )  # fmt: skip
    lines = [f"{sum(told['rows'].values())} rows of {told['made_at']}"]
    if told.get("kept_aside"):
        lines.append(f"the old database: {told['kept_aside']}")
    if told["revision"] != told["wanted"]:
        lines.append("hailong db upgrade")
    put(told, as_json=as_json, lines=lines)
    for wave in told.get("keyless", []):
        say(f"the key of wave {wave} is not in the key folder: hailong keys restore")


@click.group()
def keys() -> None:
    """The key folder: backed up apart from the database."""


@keys.command("backup")
@NEW_FILE
@PASSPHRASE
@JSON
@refuses
def backup_keys(file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Write the key folder into FILE under a passphrase. Destroy FILE when a wave in it is closed."""
    site = open_site(ready=False, make=True)
    names = keyring.write(site.keys, file, _asked(passphrase_file, twice=True))
    put({"file": str(file), "keys": names}, as_json=as_json, lines=names)


@keys.command("restore")
@OLD_FILE
@PASSPHRASE
@JSON
@refuses
def restore_keys(file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Write the keys of FILE that the folder lacks; keys of closed waves stay forgotten."""
    site = open_site(ready=False, make=True)
    written = keyring.put_back(site.keys, file, _asked(passphrase_file, twice=False), leave=_forgotten(site))
    put({"file": str(file), "written": written}, as_json=as_json, lines=written or ["-"])


@keys.command()
@click.option("--out", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Also into FILE.")
@JSON
@refuses
def public(file: Path | None, as_json: bool) -> None:
    """Print the public key that this site seals results with, and its fingerprint: to be published."""
    found = open_site(ready=False, make=True).keys.sealing.public_key().public_bytes_raw()
    data = {"key": found.hex(), "fingerprint": statements.fingerprint(found)}
    if file is not None:
        with archive.beside(file) as parts:
            (parts / "key").write_text("".join(f"{value}\n" for value in data.values()), encoding="utf-8")
            archive.put_in_place(parts / "key", file)
    put(data, as_json=as_json, lines=list(data.values()))


def _forgotten(site: Site) -> frozenset[str]:
    """The key files of waves whose close destroyed them, as far as a database says so."""
    try:
        require_database(site.settings.database)
    except DatabaseMissing:
        return frozenset()
    if revision.current(site.database) != revision.newest():
        return frozenset()
    with site.database.read() as session:
        return frozenset(site.keys.wave_file(wave.id).name for wave in retention.finished(session))


def _asked(file: Path | None, *, twice: bool) -> str:
    """The passphrase from a file or, at a terminal, from the person there."""
    if file is not None:
        return _first_line(file)
    if not sys.stdin.isatty():
        raise PassphraseMissing()
    return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True))


def _first_line(file: Path) -> str:
    return next(iter(file.read_text(encoding="utf-8").splitlines()), "")
