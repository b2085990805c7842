"""`hailong index approve`, `seal` and `bundle`: the year's table as two agencies agreed to it, signed."""

from __future__ import annotations

from pathlib import Path

import click

from survey.cli.context import actor, open_site, put, refuses
from survey.cli.database import DATABASE
from survey.cli.index import JSON, SCHEME, YEAR, index
from survey.cli.signing import signed, signer
from survey.custody import statements
from survey.stages import approvals, index_seals, index_sheets

OUT = click.Path(path_type=Path)


@index.command()
@SCHEME
@YEAR
@click.option("--document", required=True, help="Number, date, signer.")
@signed
@DATABASE
@JSON
@refuses
def approve(
    scheme: str, year: int, document: str, by: str, password_file: Path | None, database: str | None, as_json: bool
) -> None:
    """Agree, for an agency, to the newest figures of the index; two agencies are wanted before the seal."""
    site = open_site(database)
    email = signer(site, by, password_file)
    with site.database.begin() as session:
        sheet = index_sheets.find(session, scheme, year)
        given = index_seals.approve(session, sheet, by=email, document=document, now=site.now())
        lacks = approvals.missing(approvals.given(session, given.subject, given.digest))
        data = {"scheme": scheme, "year": year, "agency": given.agency, "digest": given.digest, "missing": lacks}
    put(data, as_json=as_json, lines=[f"{name}: {value}" for name, value in data.items() if value is not None])


@index.command()
@SCHEME
@YEAR
@click.option("--reason", help="Why this seal replaces the one before.")
@click.option("--out", type=OUT, metavar="FILE.zip|DIR", help="Also write the bundle.")
@DATABASE
@JSON
@refuses
def seal(scheme: str, year: int, reason: str | None, out: Path | None, database: str | None, as_json: bool) -> None:
    """Seal the index that two agencies agreed to, with everything it was made from; check it with hailong verify."""
    from survey.jobs import index_seal as job  # needs the statistics; the other commands do not

    site = open_site(database)
    made = job.run(site.database, site.keys, scheme, year, actor=actor(), now=site.now(), reason=reason)
    if out is not None:
        job.write(site.database, scheme, year, made.number, out)
    key = site.keys.sealing.public_key().public_bytes_raw()
    data = {"scheme": scheme, "year": year, "number": made.number, "seal": made.digest}
    data |= {"bundle": str(out) if out else None, "key": key.hex(), "fingerprint": statements.fingerprint(key)}
    put(data, as_json=as_json, lines=[f"{name}: {value}" for name, value in data.items() if value is not None])


@index.command()
@SCHEME
@YEAR
@click.option("--number", type=int, help="An earlier seal; default: the one that counts.")
@click.option("--out", type=OUT, required=True, metavar="FILE.zip|DIR")
@DATABASE
@refuses
def bundle(scheme: str, year: int, number: int | None, out: Path, database: str | None) -> None:
    """Write a seal's bundle, byte for byte as it was sealed."""
    from survey.jobs import index_seal as job

    job.write(open_site(database).database, scheme, year, number, out)
    click.echo(str(out))
