"""`hailong results`: runs and their differences, what two agencies let out, the seal and its bundle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from survey.cli.context import actor, open_site, put, reader, refuses, say
from survey.cli.database import DATABASE
from survey.cli.scores import results
from survey.cli.signing import signed, signer
from survey.config import PROVINCE_TIME
from survey.custody import statements
from survey.errors.seals import NothingProposed
from survey.jobs import bundles
from survey.sentences.refusals import word
from survey.stages import comparisons, releases, waves
from survey.stages import results as stored
from survey.stages.releases import Step

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
DOCUMENT = click.option("--document", required=True, help="Number, date, signer.")
SHOWN = 12


@results.command()
@click.argument("wave")
@DATABASE
@JSON
@refuses
def runs(wave: str, database: str | None, as_json: bool) -> None:
    """List the runs of WAVE, the newest first; the one that counts is marked."""
    site = open_site(database)
    with site.database.read() as session:
        found = waves.find(session, wave)
        counts = stored.latest(session, found).id
        told = [
            {
                "run": one.id.hex(), "made_at": one.made_at.isoformat(), "by": one.made_by, "counts": one.id == counts,
                "extract": one.extract_digest, "version": one.code_version,
            }
            for one in releases.all_runs(session, found)
        ]  # fmt: skip
    lines = [f"{'*' if one['counts'] else ' '} {str(one['run'])[:SHOWN]} {one['made_at']} {one['by']}" for one in told]
    put(told, as_json=as_json, lines=lines)


@results.command()
@click.argument("wave")
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="RUN")
@DATABASE
@JSON
@refuses
def compare(wave: str, before: str, after: str, database: str | None, as_json: bool) -> None:
    """Print every line in which two runs of WAVE differ, and why; a run is named by the beginning of its number."""
    site = open_site(database)
    with site.database.read() as session:
        found = waves.find(session, wave)
        first, second = releases.find_run(session, found, before), releases.find_run(session, found, after)
        whole = comparisons.compare(session, found, first, second)
        lines = list(comparisons.lines(session, found, first, second, whole))
    data = {
        "causes": whole.causes,
        "typed_in": [vars(one) for one in whole.typed],
        "lines": [vars(one) for one in lines],
    }
    put(data, as_json=as_json, lines=list(_told(whole, lines)))


def _told(whole: comparisons.Comparison, lines: list[comparisons.Line]) -> Iterator[str]:
    said = reader()
    yield ", ".join(word(cause, said) for cause in whole.causes) or "="
    for one in whole.typed:
        yield f"  {one.unit} {one.code}: {one.before} -> {one.after} ({one.source}; {one.by})"
    for line in lines:
        changes = "; ".join(f"{name} {old} -> {new}" for name, old, new in comparisons.told(line))
        key = " ".join(line.key.values())
        yield f"{key}: {changes} [{', '.join(word(cause, said) for cause in line.causes)}]"


@results.command()
@click.argument("wave")
@click.option("--run", "name", help="Beginning of the run's number; default: the newest.")
@click.option(
    "--complaints-until", "until", type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d"]),
    help="A provisional release: units may complain until then (the province's time). Without it: the final one.",
)  # fmt: skip
@DOCUMENT
@signed
@DATABASE
@JSON
@refuses
def release(
    wave: str, name: str | None, until: datetime | None, document: str, by: str, password_file: Path | None,
    database: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Propose a run of WAVE for letting out and sign it first; another agency signs after (hailong results sign)."""
    site = open_site(database)
    email = signer(site, by, password_file)
    step = Step.FINAL if until is None else Step.PROVISIONAL
    end = None if until is None else until.replace(tzinfo=PROVINCE_TIME)
    with site.database.begin() as session:
        found = waves.hold(session, wave)
        chosen = releases.find_run(session, found, name) if name else stored.newest(session, found)
        proposed = releases.propose(
            session, found, chosen or stored.latest(session, found), step, document=document, by=email, now=site.now(),
            complaints_until=end,
        )  # fmt: skip
        data = _proposal(proposed)
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])


@results.command()
@click.argument("wave")
@click.option("--provisional", is_flag=True, help="The provisional release; default: the final one.")
@DOCUMENT
@signed
@DATABASE
@JSON
@refuses
def sign(
    wave: str,
    provisional: bool,
    document: str,
    by: str,
    password_file: Path | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Agree, as the second agency, to what was proposed for WAVE: with that it is let out."""
    site = open_site(database)
    email = signer(site, by, password_file)
    with site.database.begin() as session:
        found = waves.hold(session, wave)
        pending = releases.pending(session, found, Step.PROVISIONAL if provisional else Step.FINAL)
        if pending is None:
            raise NothingProposed(wave=wave)
        releases.sign(session, found, pending, document=document, by=email, now=site.now())
        data = _proposal(pending)
    put(data, as_json=as_json, lines=[f"{key}: {value}" for key, value in data.items()])


def _proposal(release: Any) -> dict[str, Any]:
    return {
        "step": release.step,
        "run": release.run_id.hex(),
        "document": release.document,
        "released_at": None if release.released_at is None else release.released_at.isoformat(),
    }


@results.command()
@click.argument("wave")
@click.option("--reason", help="Why this seal replaces the one before; with it alone a sealed wave is sealed again.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.zip|DIR", help="Also write the bundle.")
@DATABASE
@JSON
@refuses
def seal(wave: str, reason: str | None, out: Path | None, database: str | None, as_json: bool) -> None:
    """Seal what two agencies let out of WAVE for good, with everything it was made from."""
    from survey.jobs import seal as job  # needs the statistics; the other commands do not

    site = open_site(database)
    made = job.run(site.database, site.keys, wave, actor=actor(), now=site.now(), reason=reason, say=say)
    if out is not None:
        bundles.write(site.database, wave, made.number, out)
    key = site.keys.sealing.public_key().public_bytes_raw()
    data = {"wave": wave, "number": made.number, "seal": made.digest, "bundle": str(out) if out else None}
    data |= {"key": key.hex(), "fingerprint": statements.fingerprint(key)}
    put(data, as_json=as_json, lines=[f"{name}: {value}" for name, value in data.items() if value is not None])


@results.command()
@click.argument("wave")
@click.option("--number", type=int, help="An earlier seal; default: the one that counts.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.zip|DIR")
@DATABASE
@refuses
def bundle(wave: str, number: int | None, out: Path, database: str | None) -> None:
    """Write a seal's bundle, byte for byte as it was sealed: an archive, or the same as a folder."""
    bundles.write(open_site(database).database, wave, number, out)
    click.echo(str(out))
