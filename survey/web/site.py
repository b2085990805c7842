"""What every page needs: the site's parts, the reader's language, who is signed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import cast

from flask import Response, current_app, g, request
from werkzeug.datastructures import MultiDict

from survey.config import Settings
from survey.db import Database
from survey.i18n import DEFAULT, EN, VI, Language, Translator, own_names, translator
from survey.keys import Keys
from survey.stages.staff import SignedIn
from survey.voices import Voices

LANGUAGE_COOKIE = "lang"
YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Site:
    """The parts of one running site, put together by `create_app`."""

    settings: Settings
    database: Database
    keys: Keys
    voices: Voices
    clock: Callable[[], datetime]

    @property
    def is_https(self) -> bool:
        return self.settings.base_url.startswith("https://")


def site() -> Site:
    """The site that answers this request."""
    return cast(Site, current_app.extensions["survey"])


def now() -> datetime:
    """The instant of this request by the site's clock."""
    return site().clock()


def language() -> Language:
    """The reader's language: what `use_language` said, else the cookie, else Vietnamese."""
    chosen: Language | None = g.get("language")
    if chosen is None:
        chosen = known_language(cookie(LANGUAGE_COOKIE)) or DEFAULT
        g.language = chosen
    return chosen


def cookie(name: str) -> str | None:
    """A cookie of this request."""
    return one_of(request.cookies, name)


def one_of(sent: MultiDict[str, str], name: str) -> str | None:
    """What was sent under a name; `get` makes and drops an exception for each name that is not there."""
    return sent[name] if name in sent else None  # noqa: SIM401


def known_language(word: str | None) -> Language | None:
    """A language of the site by its code; anything else is None."""
    return next((one for one in all_languages() if one == word), None) if word else None


def all_languages() -> Mapping[Language, str]:
    """Every language that the site has a catalogue for, by the name that its speakers give it."""
    return own_names(site().settings.translations)


def offered_languages() -> Mapping[Language, str]:
    """What this page may be read in: all languages, or those of the questionnaire that it belongs to."""
    limits: Sequence[str] | None = g.get("offered")
    return all_languages() if limits is None else _those_of(tuple(limits), site().settings.translations)


@lru_cache(maxsize=64)
def _those_of(codes: tuple[str, ...], own: Path | None) -> Mapping[Language, str]:
    return {one: name for one, name in own_names(own).items() if one in codes}


def offer_languages(codes: Sequence[str]) -> None:
    """From here on this is a page of a questionnaire in these languages; the first one for who reads none of them."""
    g.offered = codes
    offered = offered_languages()
    if offered and language() not in offered:
        use_language(DEFAULT if DEFAULT in offered else next(iter(offered)))


def data_language() -> Language:
    """The reader's language for names that the record holds in Vietnamese and English alone."""
    return EN if language() == EN else VI


def use_language(chosen: Language) -> None:
    """Write the rest of this answer in another language."""
    g.language = chosen


def remember_language(response: Response, chosen: Language) -> None:
    """Let the browser ask for this language from now on."""
    response.set_cookie(
        LANGUAGE_COOKIE, chosen, max_age=YEAR, secure=site().is_https, httponly=True, samesite="Lax", path="/"
    )


def translations() -> Translator:
    return translator(language(), site().settings.translations)


def gettext(message: str, **values: object) -> str:
    """A sentence in the reader's language; `%(name)s` is filled in, a percent sign is written `%%`."""
    return translations().gettext(message) % values


def ngettext(singular: str, plural: str, n: int, **values: object) -> str:
    """A counted sentence in the reader's language; `%(num)s` is the count."""
    return translations().ngettext(singular, plural, n) % {"num": n, **values}


def here() -> str:
    """The path of this page with what stands behind its question mark, to come back to; no page repeats a NUL."""
    query = request.query_string.decode("latin-1")
    address = f"{request.path}?{query}" if query else request.path
    return "".join(sign for sign in address if sign.isprintable())


def signed_in() -> SignedIn:
    """Who is signed in; only for pages that the route table keeps from the public."""
    return cast(SignedIn, g.staff)
