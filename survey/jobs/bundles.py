"""Hands a seal's bundle out again, byte for byte, as an archive or as a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from survey.custody import bundles
from survey.db import Database
from survey.stages import seals, waves


def write(database: Database, wave_code: str, number: int | None, target: Path) -> None:
    """Write a seal's bundle under a new name: an archive where it ends in `.zip`, else a folder."""
    with database.read() as session:
        seal = seals.find(session, waves.find(session, wave_code), number)
    with _whole(database, wave_code, seal.number) as whole:
        bundles.place(whole, target)


def lay_out(database: Database, wave_code: str, folder: Path) -> bool:
    """Put the files of the seal that counts into a folder; False when the wave is not sealed."""
    with database.read() as session:
        seal = seals.newest(session, waves.find(session, wave_code))
    if seal is None:
        return False
    with _whole(database, wave_code, seal.number) as whole, bundles.opened(whole) as bundle:
        shutil.copytree(bundle.folder, folder, dirs_exist_ok=True)
    return True


@contextmanager
def _whole(database: Database, wave_code: str, number: int) -> Iterator[Path]:
    with TemporaryDirectory(prefix="hailong-bundle-") as folder:
        whole = Path(folder) / "bundle.zip"
        with database.read() as session, whole.open("wb") as stream:
            seals.write(session, seals.find(session, waves.find(session, wave_code), number), stream)
        yield whole
