"""The key folder: what seals answers, derives links and hides contacts, kept apart from database and backup.

Who holds this folder and the database could read open drafts and derive links; who holds only one of them cannot.
Wave keys are destroyed at the seal; the installation key stays for opt-outs and dossier codes. A wave whose people are
called again has a key for one comparison beside its own: it is in no backup of the keys (its file is no `.key`) and is
destroyed once the comparison is made. Until then the folder and the database together tell three answers of who agreed.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from survey.errors.common import KeyMissing, SealBroken

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
CODE_LENGTH = 13  # 65 bits: a link cannot be guessed
NONCE = 12
INSTALLATION = "installation.key"
SEALING = "sealing.key"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def digest(key: bytes, purpose: str, value: str | bytes) -> bytes:
    """HMAC-SHA-256 of a value for one purpose; different purposes never collide."""
    data = value.encode() if isinstance(value, str) else value
    return hmac.digest(key, purpose.encode() + b"\0" + data, "sha256")  # in one call: a page asks for several


def encrypt(key: bytes, plaintext: bytes) -> bytes:
    """AES-256-GCM with a random nonce in front."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, None)


def decrypt(key: bytes, blob: bytes) -> bytes:
    """What `encrypt` hid; a changed blob or another key raises SealBroken."""
    try:
        return AESGCM(key).decrypt(blob[:NONCE], blob[NONCE:], None)
    except InvalidTag as error:
        raise SealBroken() from error


def normalise_code(code: str) -> str:
    """A link's code as typed by a person: case and look-alike letters do not matter."""
    return code.lower().translate(str.maketrans("ilo", "110"))


@dataclass(frozen=True)
class InstallationKey:
    """Hides contacts in the register and hashes dossier codes; one for the installation."""

    secret: bytes

    @cached_property
    def _contact_key(self) -> bytes:
        return digest(self.secret, "contact", b"")

    @cached_property
    def _list_key(self) -> bytes:
        return digest(self.secret, "list", b"")

    @cached_property
    def _contact_cipher(self) -> AESGCM:
        """Made once: a long list hides a million contacts."""
        return AESGCM(self._contact_key)

    @cached_property
    def _marks(self) -> dict[str, hmac.HMAC]:
        """For each purpose a hash that has taken in key and purpose, and waits for the text."""
        return {}

    def hide(self, text: str) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._contact_cipher.encrypt(nonce, text.encode(), None)

    def reveal(self, blob: bytes) -> str:
        return decrypt(self._contact_key, blob).decode()

    def wrap(self, content: bytes) -> bytes:
        """A piece of a list on its way to the worker."""
        return encrypt(self._list_key, content)

    def unwrap(self, blob: bytes) -> bytes:
        return decrypt(self._list_key, blob)

    def mark(self, purpose: str, text: str) -> bytes:
        """A keyed hash (`digest`) that finds the same dossier or person again without naming it."""
        if purpose not in self._marks:
            self._marks[purpose] = hmac.new(self.secret, purpose.encode() + b"\0", "sha256")
        found = self._marks[purpose].copy()
        found.update(text.encode())
        return found.digest()[:16]

    @cached_property
    def session_secret(self) -> bytes:
        return digest(self.secret, "session", b"")

    @cached_property
    def signing(self) -> Ed25519PrivateKey:
        """Signs backups and heads of the audit log; its public half may be shown to everybody."""
        return Ed25519PrivateKey.from_private_bytes(digest(self.secret, "signing", b""))

    @property
    def verifying(self) -> bytes:
        return self.signing.public_key().public_bytes_raw()


@dataclass(frozen=True)
class WaveKey:
    """Derives a wave's links and marks, and opens its sealed answers."""

    link: bytes
    private: bytes

    def code(self, subject: bytes) -> str:
        """The code of the link of an invitation or quota cell, always the same for the same id."""
        number = int.from_bytes(digest(self.link, "code", subject)[:9], "big")
        letters = []
        for _ in range(CODE_LENGTH):
            number, rest = divmod(number, 32)
            letters.append(ALPHABET[rest])
        return "".join(letters)

    def mark(self, purpose: str, value: str | bytes) -> bytes:
        """A keyed hash for one purpose (code, spent, draft, key, body …), 16 bytes."""
        return digest(self.link, purpose, value)[:16]

    def subkey(self, purpose: str, value: str | bytes) -> bytes:
        """A 32-byte encryption key for one value."""
        return digest(self.link, purpose, value)

    @cached_property
    def public(self) -> bytes:
        return _public(self.private)

    def open(self, sealed: bytes) -> bytes:
        """An answer that was sealed to this wave."""
        return _open(self.private, sealed)


@dataclass(frozen=True)
class OnceKey:
    """Opens what was sealed to be compared once, at a wave's close."""

    private: bytes

    @property
    def public(self) -> bytes:
        return _public(self.private)

    def open(self, sealed: bytes) -> bytes:
        return _open(self.private, sealed)


def seal(public: bytes, plaintext: bytes) -> bytes:
    """Seal to a wave's public key (HPKE, RFC 9180): not even the site that sealed it can read it again."""
    return _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public))


def _public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def _open(private: bytes, sealed: bytes) -> bytes:
    try:
        return _SUITE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private))
    except (InvalidTag, ValueError) as error:
        raise SealBroken() from error


@dataclass(frozen=True)
class Keys:
    """The key folder; files are made for their owner alone."""

    folder: Path

    @cached_property
    def installation(self) -> InstallationKey:
        path = self.folder / INSTALLATION
        if not path.exists():
            write_key(path, {"secret": secrets.token_hex(32)})
        return InstallationKey(bytes.fromhex(_read(path)["secret"]))

    def require_installation(self) -> InstallationKey:
        """The installation's key; KeyMissing where a new one would pass for the one that was lost."""
        if not (self.folder / INSTALLATION).exists():
            raise KeyMissing(name=INSTALLATION)
        return self.installation

    @cached_property
    def sealing(self) -> Ed25519PrivateKey:
        """Signs sealed results, and nothing else; made with the first seal."""
        path = self.folder / SEALING
        if not path.exists():
            with suppress(FileExistsError):  # another process made it at this moment
                write_key(path, {"private": Ed25519PrivateKey.generate().private_bytes_raw().hex()})
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(_read(path)["private"]))

    def new_wave(self, wave_id: bytes, *, link: bytes | None = None) -> WaveKey:
        """Make a wave's keys; `link` is given by rehearsals alone, so that a demonstration can be repeated."""
        key = WaveKey(link or os.urandom(32), X25519PrivateKey.generate().private_bytes_raw())
        write_key(self.wave_file(wave_id), {"link": key.link.hex(), "private": key.private.hex()})
        return key

    def wave(self, wave_id: bytes) -> WaveKey:
        """The wave's key, read once a process; KeyMissing after it was destroyed."""
        cache = self._cache
        if wave_id not in cache:
            path = self.wave_file(wave_id)
            try:
                parts = _read(path)
            except (FileNotFoundError, ValueError) as error:  # gone, or being overwritten at this moment
                raise KeyMissing(name=path.name) from error
            cache[wave_id] = WaveKey(bytes.fromhex(parts["link"]), bytes.fromhex(parts["private"]))
        return cache[wave_id]

    @cached_property
    def _cache(self) -> dict[bytes, WaveKey]:
        return {}

    def has_wave(self, wave_id: bytes) -> bool:
        """Whether the wave's key is still there."""
        return self.wave_file(wave_id).exists()

    def destroy_wave(self, wave_id: bytes) -> None:
        """Forget a wave's keys for good: their bytes are overwritten before the files go."""
        self._cache.pop(wave_id, None)
        self.destroy_once(wave_id)
        _destroy(self.wave_file(wave_id))

    def new_once(self, wave_id: bytes) -> OnceKey:
        """Make the key of a wave's one comparison; that of a draw which was not kept is replaced."""
        self.destroy_once(wave_id)
        key = OnceKey(X25519PrivateKey.generate().private_bytes_raw())
        write_key(self.once_file(wave_id), {"private": key.private.hex()})
        return key

    def once(self, wave_id: bytes) -> OnceKey:
        """The key of a wave's one comparison; KeyMissing after it was destroyed."""
        path = self.once_file(wave_id)
        try:
            return OnceKey(bytes.fromhex(_read(path)["private"]))
        except (FileNotFoundError, ValueError) as error:
            raise KeyMissing(name=path.name) from error

    def destroy_once(self, wave_id: bytes) -> None:
        """Forget the key of a comparison for good."""
        _destroy(self.once_file(wave_id))

    def wave_file(self, wave_id: bytes) -> Path:
        """Where a wave's key lies, or lay."""
        return self.folder / f"wave-{wave_id.hex()}.key"

    def once_file(self, wave_id: bytes) -> Path:
        """Where the key of a wave's one comparison lies, or lay."""
        return self.folder / f"wave-{wave_id.hex()}.once"


def write_key(path: Path, parts: dict[str, str]) -> None:
    """Create a key file that is on disk before anything is sealed with it; an existing one is never replaced."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(parts, file)
        file.flush()
        os.fsync(file.fileno())


def _destroy(path: Path) -> None:
    if path.exists():
        _overwrite(path)
        path.unlink()


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as file:
        parts: dict[str, str] = json.load(file)
    return parts
