"""`seal.json`: what a bundle holds, in canonical JSON (RFC 8785), signed (Ed25519, RFC 8032) as a whole and by field.

The signatures by field say which one was changed; the one over all of them is what counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from survey.custody.broken import BundleBroken, Fault

FORMAT = "hailong-seal-1"
FILE = "seal.json"
LARGEST = 1 << 24
SIGNATURE, SIGNATURES = "signature", "signatures"


def canonical(value: Any) -> bytes:
    """JSON of which there is one way to write it (RFC 8785)."""
    return rfc8785.dumps(value)


def sign(told: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The statement as a file."""
    whole = dict(told) | {"format": FORMAT, "key": key.public_key().public_bytes_raw().hex()}
    whole[SIGNATURES] = {name: key.sign(_field(name, value)).hex() for name, value in whole.items()}
    return canonical(whole | {SIGNATURE: key.sign(canonical(whole)).hex()})


def read(data: bytes, *, bundle: str, public: bytes | None) -> dict[str, Any]:
    """What was signed. Raises BundleBroken: by another key than `public`, changed (which field), or cut off."""
    told = _parse(data, bundle)
    key = _bytes(told, "key", bundle)
    if public is not None and key != public:
        raise BundleBroken(
            bundle, Fault.FOREIGN, FILE, field="key", expected=fingerprint(public), found=fingerprint(key)
        )
    signature = _bytes(told, SIGNATURE, bundle)
    signed = {name: value for name, value in told.items() if name != SIGNATURE}
    if not _fits(key, signature, canonical(signed)):
        raise _which(signed, key, bundle)
    if canonical(told) != data:
        raise BundleBroken(bundle, Fault.REWRITTEN, FILE)
    return told


def _parse(data: bytes, bundle: str) -> dict[str, Any]:
    try:
        text = data.decode()
        told = json.loads(text)
        rfc8785.dumps(told)
    except json.JSONDecodeError as error:
        fault = Fault.CUT_OFF if error.pos >= len(text) - 1 or error.msg.startswith("Unterminated") else Fault.CHANGED
        raise BundleBroken(bundle, fault, FILE, found=f"{error.msg} ({error.pos})") from error
    except (UnicodeError, ValueError, RecursionError) as error:
        raise BundleBroken(bundle, Fault.CHANGED, FILE) from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        found = str(told.get("format", "")) if isinstance(told, dict) else ""
        raise BundleBroken(bundle, Fault.CHANGED, FILE, field="format", expected=FORMAT, found=found)
    return told


def _bytes(told: Mapping[str, Any], name: str, bundle: str) -> bytes:
    """A field of hexadecimal digits, small ones: there is one way to write them too."""
    value = told.get(name)
    try:
        found = bytes.fromhex(str(value))
    except ValueError:
        found = b""
    if not found or found.hex() != value:
        raise BundleBroken(bundle, Fault.FIELD_CHANGED, FILE, field=name, found=str(value))
    return found


def _which(signed: Mapping[str, Any], key: bytes, bundle: str) -> BundleBroken:
    """The first field that its own signature does not fit."""
    signatures = signed.get(SIGNATURES)
    if not isinstance(signatures, dict):
        return BundleBroken(bundle, Fault.FIELD_CHANGED, FILE, field=SIGNATURES)
    for name in sorted(set(signatures) - set(signed)):
        return BundleBroken(bundle, Fault.FIELD_MISSING, FILE, field=name)
    for name in sorted(set(signed) - {SIGNATURES}):
        if name not in signatures:
            return BundleBroken(bundle, Fault.FIELD_ADDED, FILE, field=name, found=short(signed[name]))
        if not _fits(key, _hex(signatures[name]), _field(name, signed[name])):
            return BundleBroken(bundle, Fault.FIELD_CHANGED, FILE, field=name, found=short(signed[name]))
    return BundleBroken(bundle, Fault.SIGNATURE, FILE)


def _fits(key: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _hex(value: Any) -> bytes:
    try:
        return bytes.fromhex(str(value))
    except ValueError:
        return b""


def _field(name: str, value: Any) -> bytes:
    return canonical([FORMAT, name, value])


def short(value: Any) -> str:
    """A value for a sentence: long ones are cut."""
    text = value if isinstance(value, str) else canonical(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}…"


def fingerprint(public: bytes) -> str:
    """A public key in short, to be read aloud: sixteen groups of four digits of its SHA-256."""
    digits = hashlib.sha256(public).hexdigest()
    return " ".join(digits[place : place + 4] for place in range(0, 64, 4))
