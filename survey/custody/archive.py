"""A backup as one file: a ZIP of the database's copy and a signed manifest that names everything in it.

Nothing of it is believed before the signature, the names and every hash fit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from survey.custody import signing, vault
from survey.custody.refusals import CarriedFileRefused, Damage, FileThere

FORMAT = "hailong-backup-1"
MANIFEST = "manifest.json"
ZIP_START = b"PK\x03\x04"
BLOCK, SUM = 1 << 20, 32


@dataclass(frozen=True)
class Opened:
    """A backup that was found whole, unpacked: its manifest and the file of the copy."""

    manifest: dict[str, Any]
    copy: Path


def write(
    file: Path, copy: Path, told: Mapping[str, Any], key: Ed25519PrivateKey, *, parts: Path, passphrase: str | None
) -> None:
    """Write the backup of a copy so that it is there wholly, synced, or not at all; `parts` holds what is begun."""
    named = {copy.name: {"sha256": sha256(copy), "bytes": copy.stat().st_size}}
    whole = parts / "backup.zip"
    with zipfile.ZipFile(whole, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr(MANIFEST, signing.sign(dict(told) | {"format": FORMAT, "files": named}, key))
        packed.write(copy, copy.name)
        packed.comment = bytes(SUM)
    write_sum(whole)
    if passphrase is not None:
        sealed = parts / "backup.sealed"
        with whole.open("rb") as source, sealed.open("xb") as target:
            vault.seal(source, target, passphrase)
        whole = sealed
    put_in_place(whole, file)


@contextmanager
def opened(file: Path, public: bytes, folder: Path, *, passphrase: str | None) -> Iterator[Opened]:
    """The backup unpacked into a folder of its own inside `folder` for as long as the block runs."""
    with TemporaryDirectory(prefix=".hailong-", dir=folder) as name:
        parts, whole = Path(name), file
        if vault.is_sealed(file):
            whole = parts / "backup.zip"
            with file.open("rb") as source, whole.open("xb") as target:
                vault.unseal(source, target, passphrase or "", file=file.name)
        yield _unpack(whole, file.name, public, parts)


def _unpack(whole: Path, file: str, public: bytes, parts: Path) -> Opened:
    with whole.open("rb") as stream:
        is_zip = stream.read(len(ZIP_START)) == ZIP_START
    part = ""
    try:
        with zipfile.ZipFile(whole) as packed:
            part = MANIFEST
            manifest = _manifest(packed, file, public)
            ((part, stated),) = manifest["files"].items()
            copy = parts / "copy"
            with packed.open(part) as source, copy.open("xb") as target:
                found = _pour(source, target, stated["bytes"])  # type: ignore[arg-type]
            if found != stated["sha256"]:
                raise CarriedFileRefused(file, Damage.CHANGED, part)
            _require_sum(whole, file)
            return Opened(manifest, copy)
    except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
        if part:
            raise CarriedFileRefused(file, Damage.CHANGED, part) from error
        raise CarriedFileRefused(file, Damage.NOT_WHOLE if is_zip else Damage.NOT_OURS) from error


def write_sum(whole: Path) -> None:
    """Put the hash of all before it at the end: fields of a ZIP that say nothing of its content count too."""
    with whole.open("r+b") as stream:
        found = _sum(stream, whole.stat().st_size - SUM)
        stream.seek(-SUM, os.SEEK_END)
        stream.write(found)


def _require_sum(whole: Path, file: str) -> None:
    if not sum_fits(whole):
        raise CarriedFileRefused(file, Damage.CHANGED)


def sum_fits(whole: Path) -> bool:
    """Whether the hash at the end of an archive is that of all before it."""
    with whole.open("rb") as stream:
        return _sum(stream, whole.stat().st_size - SUM) == stream.read()


def _sum(stream: BinaryIO, length: int) -> bytes:
    found = hashlib.sha256()
    while length > 0 and (block := stream.read(min(BLOCK, length))):
        found.update(block)
        length -= len(block)
    return found.digest()


def _manifest(packed: zipfile.ZipFile, file: str, public: bytes) -> dict[str, Any]:
    names = packed.namelist()
    if MANIFEST not in names or packed.getinfo(MANIFEST).file_size > signing.LARGEST:
        raise CarriedFileRefused(file, Damage.NOT_OURS)
    manifest = signing.read(packed.read(MANIFEST), public, file=file, kind=FORMAT)
    if sorted(names) != sorted([MANIFEST, *manifest["files"]]):
        raise CarriedFileRefused(file, Damage.CHANGED, MANIFEST)
    return manifest


def _pour(source: BinaryIO, target: BinaryIO, limit: int) -> str:
    """Write out at most what the manifest states, and one byte more, so that nothing swells; the SHA-256."""
    found, left = hashlib.sha256(), limit + 1
    while left and (block := source.read(min(BLOCK, left))):
        found.update(block)
        target.write(block)
        left -= len(block)
    return found.hexdigest()


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def beside(file: Path) -> Iterator[Path]:
    """A folder for the parts of a file, on the same disk and for its owner alone; FileThere when the file is."""
    if file.exists():
        raise FileThere(str(file))
    with TemporaryDirectory(prefix=".hailong-", dir=file.absolute().parent) as name:
        yield Path(name)


def put_in_place(whole: Path, file: Path) -> None:
    """Let a finished file appear under its name, synced to the disk; never over another."""
    whole.chmod(0o600)
    with whole.open("rb") as stream:
        os.fsync(stream.fileno())
    try:
        os.link(whole, file)  # unlike a rename it refuses where something is
    except FileExistsError as error:
        raise FileThere(str(file)) from error
    except OSError:  # a disk without hard links
        shutil.move(whole, file)
    sync_folder(file.absolute().parent)


def sync_folder(folder: Path) -> None:
    """Let a new name survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
