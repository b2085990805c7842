"""The key folder as one file under a passphrase, and back; keys are in no backup of the database."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from io import BytesIO
from pathlib import Path

from survey.custody import archive, vault
from survey.custody.refusals import CarriedFileRefused, Damage, KeyDiffers
from survey.errors.common import KeyMissing
from survey.keys import INSTALLATION, Keys, write_key

FORMAT = "hailong-keys-1"
NAME = re.compile(r"[a-z][a-z0-9-]{0,60}\.key")


def write(keys: Keys, file: Path, passphrase: str) -> list[str]:
    """Write every key of the folder to a file under a passphrase; their names."""
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted(keys.folder.glob("*.key"))}
    if INSTALLATION not in found:
        raise KeyMissing(name=INSTALLATION)
    whole = json.dumps({"format": FORMAT, "files": found}).encode()
    with archive.beside(file) as parts:
        sealed = parts / "keys.sealed"
        with sealed.open("xb") as target:
            vault.seal(BytesIO(whole), target, passphrase)
        archive.put_in_place(sealed, file)
    return list(found)


def put_back(keys: Keys, file: Path, passphrase: str, *, leave: Collection[str] = ()) -> list[str]:
    """Write the keys that the folder lacks, but those to `leave`; KeyDiffers before any is, where one is another."""
    plain = BytesIO()
    with file.open("rb") as source:
        vault.unseal(source, plain, passphrase, file=file.name)
    try:
        told = json.loads(plain.getvalue())
        carried = {str(name): json.loads(content) for name, content in told["files"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise CarriedFileRefused(file.name, Damage.NOT_OURS) from error
    if told.get("format") != FORMAT or not all(map(NAME.fullmatch, carried)):
        raise CarriedFileRefused(file.name, Damage.NOT_OURS)
    missing = []
    for name, parts in carried.items():
        path = keys.folder / name
        if not path.exists():
            missing.append(name)
        elif json.loads(path.read_text(encoding="utf-8")) != parts:
            raise KeyDiffers(name)
    written = [name for name in missing if name not in leave]
    for name in written:
        write_key(keys.folder / name, carried[name])
    return written
