"""Signed heads of the audit log: kept elsewhere, they tell of an end that was cut off and of a log written anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from survey.custody import archive, signing
from survey.custody.refusals import CarriedFileRefused, Damage

FORMAT = "hailong-audit-head-1"


def write(file: Path, count: int, last: bytes, key: Ed25519PrivateKey, *, now: datetime) -> None:
    """Write how many entries there are and the hash of the last, signed."""
    told = {"format": FORMAT, "count": count, "hash": last.hex(), "at": now.astimezone(UTC).isoformat()}
    with archive.beside(file) as parts:
        whole = parts / "head"
        whole.write_bytes(signing.sign(told, key))
        archive.put_in_place(whole, file)


def read(file: Path, public: bytes) -> tuple[int, bytes]:
    """The count and the hash of a head that the holder of `public` signed."""
    if file.stat().st_size > signing.LARGEST:
        raise CarriedFileRefused(file.name, Damage.NOT_OURS)
    told = signing.read(file.read_bytes(), public, file=file.name, kind=FORMAT)
    return told["count"], bytes.fromhex(told["hash"])
