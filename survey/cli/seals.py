"""`hailong verify`: is a sealed bundle, or a folder of results, what it was; without a database."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from survey.cli.context import open_site, put, reader, refuses, say
from survey.custody import bundles, checking, statements
from survey.custody.broken import BundleBroken, Fault
from survey.errors.common import AuditBroken
from survey.i18n import mark as _n
from survey.sentences.refusals import sentences

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
KEY = re.compile(r"\b[0-9a-f]{64}\b")
NO_INVENTORY = _n(
    "This bundle has no digests of the site's tables: figures, descriptions, answers, sample, decisions, signatures "
    "and what the signed statement says were compared; settings of the wave, counts, targets, complaints and who made "
    "what were not."
)
NAMED = ("wave", "index", "year", "number", "sealed_at", "document", "key")


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="BUNDLE")
@click.option("--key", metavar="FILE|HEX", help="The public key that it must be sealed with; see: hailong keys public.")
@click.option("--recompute", is_flag=True, help="Compute every figure again from the bundle's own extract.")
@click.option("--database", metavar="URL", help="Also hold the site's database and audit log against the bundle.")
@JSON
@refuses
def verify(path: Path, key: str | None, recompute: bool, database: str | None, as_json: bool) -> None:
    """Check a sealed BUNDLE (archive or folder), or a results folder; the first thing that was changed is named."""
    public = None if key is None else public_key(key)
    try:
        with bundles.opened(path) as bundle:
            checked = checking.check(bundle, public=public)
            again = _again(bundle) if recompute else None
            entries = _against(bundle, checked, database) if database else None
    except (BundleBroken, AuditBroken) as broken:
        if as_json:
            put({"ok": False} | asdict(broken), as_json=True, lines=[])
            say("\n".join(sentences(broken, reader())))
            sys.exit(1)
        raise
    told = _told(checked, public, again) | {"entries": entries}
    if database and told.get("wave"):
        told["inventory"] = checked.has_inventory
        if not checked.has_inventory:
            say(reader().gettext(NO_INVENTORY))
    put(told, as_json=as_json, lines=[f"{name}: {value}" for name, value in told.items() if value is not None])


def _again(bundle: bundles.Opened) -> int:
    from survey.jobs import recompute  # needs the statistics; checking does not

    return recompute.run(bundle.folder, bundle=bundle.name)


def _against(bundle: bundles.Opened, checked: checking.Checked, database: str) -> int:
    from survey.jobs import against, against_index  # need the statistics; checking does not

    if checked.statement is None:
        raise BundleBroken(bundle.name, Fault.UNSEALED, statements.FILE)
    run = against_index.run if "index" in checked.statement else against.run
    return run(open_site(database).database, bundle, checked.statement)


def _told(checked: checking.Checked, public: bytes | None, again: int | None) -> dict[str, Any]:
    told: dict[str, Any] = {"ok": True, "files": checked.files, "recomputed": again}
    if checked.statement is None:
        return told | {"sealed": False}
    named = {name: checked.statement.get(name) for name in NAMED}
    key = bytes.fromhex(checked.statement["key"])
    known = {"fingerprint": statements.fingerprint(key), "key_checked": public is not None}
    codes = (checked.statement.get("receipts") or {}).get("codes")
    return told | {"sealed": True, "seal": checked.digest} | named | known | {"receipts": codes}


def public_key(text: str) -> bytes:
    """A key given as 64 hexadecimal digits, or in a file that holds them."""
    path = Path(text)
    found = KEY.search(path.read_text(encoding="utf-8", errors="replace") if path.is_file() else text)
    if found is None:
        raise click.UsageError("a public key has 64 hexadecimal digits, or stands in a file")
    return bytes.fromhex(found[0])
