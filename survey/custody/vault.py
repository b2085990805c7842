"""Files under a passphrase: scrypt makes the key, AES-256-GCM seals piece by piece, so that no size is too large.

The head names the length and is bound to every piece, a piece's nonce is its number: none can be moved or left out.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from survey.custody.refusals import CarriedFileRefused, Damage, PassphraseShort, PassphraseWrong
from survey.keys import NONCE, digest

MAGIC = b"HAILONG-VAULT-1\n"
SALT, CHECK, LENGTH, TAG = 16, 16, 8, 16
HEAD = len(MAGIC) + SALT + CHECK + LENGTH
PIECE = 1 << 20
SHORTEST_PASSPHRASE = 12


def is_sealed(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def require_strong(passphrase: str) -> str:
    """PassphraseShort for one that can be guessed."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise PassphraseShort(SHORTEST_PASSPHRASE)
    return passphrase


def seal(source: BinaryIO, target: BinaryIO, passphrase: str) -> None:
    """Write everything of `source` to `target`, readable with the passphrase alone."""
    salt, length = os.urandom(SALT), _length(source)
    key = _key(require_strong(passphrase), salt)
    head = MAGIC + salt + _check(key) + length.to_bytes(LENGTH, "big")
    target.write(head)
    cipher = AESGCM(key)
    for number in range(_count(length)):
        target.write(cipher.encrypt(_nonce(number), source.read(PIECE), head))


def unseal(source: BinaryIO, target: BinaryIO, passphrase: str, *, file: str) -> None:
    """Write to `target` what was sealed; PassphraseWrong, or CarriedFileRefused when it was cut or changed."""
    size, head = _length(source), source.read(HEAD)
    if not head.startswith(MAGIC):
        raise CarriedFileRefused(file, Damage.NOT_OURS)
    length = int.from_bytes(head[-LENGTH:], "big")
    if len(head) < HEAD or size < HEAD + length + TAG * _count(length):
        raise CarriedFileRefused(file, Damage.NOT_WHOLE)
    key = _key(passphrase, head[len(MAGIC) : len(MAGIC) + SALT])
    if not hmac.compare_digest(head[-LENGTH - CHECK : -LENGTH], _check(key)):
        raise PassphraseWrong(file)
    cipher = AESGCM(key)
    try:
        for number in range(_count(length)):
            target.write(cipher.decrypt(_nonce(number), source.read(PIECE + TAG), head))
    except InvalidTag as error:
        raise CarriedFileRefused(file, Damage.CHANGED) from error


def _length(stream: BinaryIO) -> int:
    """How much there is from the start of a file; it is left at its start."""
    length = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return length


def _count(length: int) -> int:
    return -(-length // PIECE)


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE, "big")  # never twice under a key: the salt makes a new one for each file


def _key(passphrase: str, salt: bytes) -> bytes:
    """128 MiB and half a second a guess (OWASP, Password Storage: scrypt with N=2^17, r=8, p=1)."""
    return Scrypt(salt=salt, length=32, n=1 << 17, r=8, p=1).derive(passphrase.encode())


def _check(key: bytes) -> bytes:
    """Tells a wrong passphrase from a changed file."""
    return digest(key, "passphrase", b"")[:CHECK]
