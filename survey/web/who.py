"""Which browser somebody sits at, in a few words, and whether the province signs its staff on by itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from survey.config import Settings
from survey.sso import Issuer, read_issuer

BROWSERS = (("Edg", "Edge"), ("coc_coc", "Cốc Cốc"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"),
            ("Safari", "Safari"))  # fmt: skip
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
           ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip


def browser_words(agent: str) -> str:
    """Known words alone, as in "Chrome, Android": nothing that a browser says of itself is kept as it is."""
    found = [next((name for mark, name in names if mark in agent), "") for names in (BROWSERS, SYSTEMS)]
    return ", ".join(part for part in found if part)


def sign_on(settings: Settings, environment: Mapping[str, str]) -> Issuer | None:
    """The province's sign-on, when its file is there."""
    if settings.sso is None or not settings.sso.is_file():
        return None
    return _issuer(settings.sso, settings.sso.stat().st_mtime_ns, environment.get("HAILONG_SSO_SECRET", ""))


@lru_cache(maxsize=4)
def _issuer(file: Path, _changed: int, secret: str) -> Issuer:
    return read_issuer(file, {"HAILONG_SSO_SECRET": secret})
