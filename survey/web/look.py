"""How a reader wants pages to look: size of the letters and contrast, kept in a cookie, without JavaScript."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from flask import Response, g

from survey.web.site import YEAR, cookie, site

LOOK_COOKIE = "look"
NORMAL, LARGEST = 1, 4
WRITTEN = re.compile(f"([0-{LARGEST}])(c?)")
SMALLER, AS_IT_WAS, LARGER, CONTRAST = "smaller", "normal", "larger", "contrast"
WISHES = frozenset({SMALLER, AS_IT_WAS, LARGER, CONTRAST})


@dataclass(frozen=True)
class Look:
    """The step of the letters' size (1 is the browser's own) and whether contrast is strong."""

    size: int = NORMAL
    contrast: bool = False

    @property
    def classes(self) -> str:
        """The classes of the page's root; none as long as nothing was changed."""
        return " ".join([f"size-{self.size}"] * (self.size != NORMAL) + ["contrast"] * self.contrast)

    def after(self, wish: str) -> Look:
        """The look after one more press of a button."""
        if wish == CONTRAST:
            return replace(self, contrast=not self.contrast)
        size = {SMALLER: max(0, self.size - 1), LARGER: min(LARGEST, self.size + 1)}.get(wish, NORMAL)
        return replace(self, size=size)


def look() -> Look:
    """How this reader sees pages."""
    if "look" not in g:
        found = WRITTEN.fullmatch(cookie(LOOK_COOKIE) or "")
        g.look = Look(int(found[1]), bool(found[2])) if found else Look()
    kept: Look = g.look
    return kept


def known_wish(word: str | None) -> str | None:
    """A wish of the buttons; anything else is None."""
    return word if word in WISHES else None


def use_look(wish: str) -> None:
    """Show the rest of this answer in the look after one more press."""
    g.look = look().after(wish)


def remember_look(response: Response) -> None:
    """Let the browser ask for this answer's look from now on."""
    value = f"{look().size}{'c' * look().contrast}"
    response.set_cookie(
        LOOK_COOKIE, value, max_age=YEAR, secure=site().is_https, httponly=True, samesite="Lax", path="/"
    )
