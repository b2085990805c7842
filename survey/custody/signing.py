"""Signed statements: a small JSON object that says who made it and cannot be changed unseen (Ed25519, RFC 8032)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from survey.custody.refusals import CarriedFileRefused, Damage

LARGEST = 1 << 20


def sign(told: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The statement as a file: what is told (text, whole numbers, objects of them), the public key, the signature."""
    whole = dict(told) | {"key": key.public_key().public_bytes_raw().hex()}
    signature = key.sign(_bytes(whole)).hex()
    return json.dumps(whole | {"signature": signature}, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"


def read(text: bytes, public: bytes, *, file: str, kind: str) -> dict[str, Any]:
    """What was told, when it is of this kind and the holder of `public` signed it; else why not."""
    try:
        told: dict[str, Any] = json.loads(text)
        kind_told, key, signature = told["format"], bytes.fromhex(told["key"]), bytes.fromhex(told.pop("signature"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CarriedFileRefused(file, Damage.NOT_OURS) from error
    if kind_told != kind:
        raise CarriedFileRefused(file, Damage.NOT_OURS)
    if key != public:
        raise CarriedFileRefused(file, Damage.FOREIGN, key.hex()[:16])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _bytes(told))
    except InvalidSignature as error:
        raise CarriedFileRefused(file, Damage.CHANGED) from error
    return told


def _bytes(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
