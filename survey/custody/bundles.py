"""A sealed bundle: a folder, or the same folder as one ZIP archive, whose `seal.json` names every other file in it."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from survey.custody import archive, marks, statements
from survey.custody.broken import BundleBroken, Fault
from survey.custody.refusals import FileThere

MARKS, INVENTORY = "marks.json", "inventory.json"
SEALED_AT = (1980, 1, 1, 0, 0, 0)  # an archive's entries carry no time of their own
LOCAL_HEADER, FLAT = struct.Struct("<26xHH"), -15


@dataclass(frozen=True)
class Opened:
    """A bundle laid out in a folder; nothing in it is believed yet. `whole` says whether an archive's packing is."""

    name: str
    folder: Path
    names: tuple[str, ...]
    whole: bool = True


def add_marks(folder: Path) -> None:
    """Write the marks of every file of a folder beside them."""
    made = {name: found for name in names_in(folder) if (found := marks.of(folder / name)) is not None}
    (folder / MARKS).write_bytes(statements.canonical({"format": "hailong-marks-1", "files": made}))


def list_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Every file of a folder with its size and SHA-256, as the statement names them."""
    return {
        name: {"bytes": (folder / name).stat().st_size, "sha256": archive.sha256(folder / name)}
        for name in names_in(folder)
    }


def names_in(folder: Path) -> list[str]:
    return sorted(str(PurePosixPath(path.relative_to(folder))) for path in folder.rglob("*") if not path.is_dir())


def pack(folder: Path, whole: Path) -> None:
    """The folder as one archive; `finish` puts the statement in and closes it."""
    with zipfile.ZipFile(whole, "x") as packed:
        for name in names_in(folder):
            with (folder / name).open("rb") as source, packed.open(_entry(name), "w") as target:
                shutil.copyfileobj(source, target)


def finish(whole: Path, statement: bytes) -> None:
    """Add the signed statement; the hash of all before it stands at the archive's end."""
    with zipfile.ZipFile(whole, "a") as packed:
        packed.writestr(_entry(statements.FILE), statement)
        packed.comment = bytes(archive.SUM)
    archive.write_sum(whole)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, SEALED_AT)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return entry


def place(whole: Path, target: Path) -> None:
    """Write an archive under its name or, where that does not end in `.zip`, as a folder: wholly or not at all."""
    if target.suffix == ".zip":
        with archive.beside(target) as parts:
            shutil.copyfile(whole, parts / "bundle")
            archive.put_in_place(parts / "bundle", target)
        return
    if target.exists():
        raise FileThere(str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened(whole) as bundle, TemporaryDirectory(prefix=".hailong-", dir=target.absolute().parent) as parts:
        made = Path(parts) / "bundle"
        shutil.copytree(bundle.folder, made)
        os.replace(made, target)


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """A bundle for as long as the block runs. Raises BundleBroken where it is neither a folder nor a whole archive."""
    if path.is_dir():
        yield Opened(path.name, path, tuple(names_in(path)))
        return
    with TemporaryDirectory(prefix="hailong-bundle-") as folder:
        yield _unpack(path, Path(folder))


def _unpack(path: Path, folder: Path) -> Opened:
    """Lay out what the statement names; what else is in the archive is named, not touched."""
    entries = _entries(path)
    names = [entry.filename for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BundleBroken(path.name, Fault.FILE_TWICE, twice)
    by_name = dict(zip(names, entries, strict=True))
    if statements.FILE in by_name:
        _inflate(path, by_name[statements.FILE], folder / statements.FILE, statements.LARGEST)
        for name, size in _stated_sizes(folder / statements.FILE).items():
            if name in by_name and is_inside(name):
                _inflate(path, by_name[name], folder / name, size)
    return Opened(path.name, folder, tuple(sorted(names)), archive.sum_fits(path))


def _entries(path: Path) -> list[zipfile.ZipInfo]:
    with path.open("rb") as raw:
        is_zip = raw.read(len(archive.ZIP_START)) == archive.ZIP_START
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise BundleBroken(path.name, Fault.CUT_OFF if is_zip else Fault.NOT_A_BUNDLE) from error


def is_inside(name: str) -> bool:
    """Whether a name stays in the bundle's folder."""
    return not (PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name)


def _stated_sizes(file: Path) -> dict[str, int]:
    """How large each file may become, by the statement; whether that is true is looked at later."""
    try:
        told = json.loads(file.read_bytes())["files"]
        return {str(name): int(one["bytes"]) for name, one in told.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _inflate(path: Path, entry: zipfile.ZipInfo, target: Path, limit: int) -> None:
    """Write out a file of the archive as far as it can be read, and one byte more than stated at most.

    Python's own reader keeps nothing of a file that fails its check sum, and the first bad row is to be named.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    room = limit + 1
    with path.open("rb") as raw, target.open("wb") as out, suppress(zlib.error):
        for piece in _pieces(raw, entry):
            out.write(piece[:room])
            room -= len(piece)
            if room <= 0:
                return


def _pieces(raw: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    raw.seek(entry.header_offset)
    name, extra = LOCAL_HEADER.unpack(raw.read(LOCAL_HEADER.size).ljust(LOCAL_HEADER.size, b"\0"))
    raw.seek(name + extra, os.SEEK_CUR)
    unpacker = zlib.decompressobj(FLAT) if entry.compress_type == zipfile.ZIP_DEFLATED else None
    left = entry.compress_size
    while left > 0 and (block := raw.read(min(archive.BLOCK, left))):
        left -= len(block)
        while block:
            yield unpacker.decompress(block, archive.BLOCK) if unpacker else block
            block = unpacker.unconsumed_tail if unpacker else b""
