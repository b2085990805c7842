"""What a browser posted, before anybody looks at the answers in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flask import abort, request
from werkzeug.exceptions import RequestEntityTooLarge

from survey.i18n import Language
from survey.web import forms
from survey.web.look import known_wish
from survey.web.site import known_language, one_of
from survey.web.tokens import is_form_token


class Trouble(StrEnum):
    """Why a posted page is not taken at all, whatever it says."""

    TOO_LARGE = "too_large"
    STALE = "stale"
    CHANGED = "changed"


STATUS = {Trouble.TOO_LARGE: 413, Trouble.STALE: 400, Trouble.CHANGED: 409}


@dataclass(frozen=True)
class Sent:
    """The posted fields in their order, the button that was pressed, and what is wrong with the whole."""

    values: tuple[tuple[str, list[str]], ...]
    key: str | None
    switch: Language | None
    is_back: bool
    trouble: Trouble | None
    look: str | None = None
    cleared: str | None = None

    @property
    def is_forward(self) -> bool:
        """Whether the form goes on: the plain button, not Back, another guise or a choice taken back."""
        return not self.is_restyled and not self.is_back and self.cleared is None

    @property
    def is_restyled(self) -> bool:
        """Whether the same page is wanted, in another language or look."""
        return self.switch is not None or self.look is not None

    @property
    def is_whole(self) -> bool:
        """Whether a script sends all pages at once."""
        return any(name == forms.WHOLE for name, _given in self.values)

    @property
    def agrees(self) -> bool:
        """Whether the person agreed that three answers be compared with a check call."""
        return any(name == forms.COMPARE for name, _given in self.values)

    @property
    def body(self) -> bytes:
        return forms.canonical_body(self.values)


def read_form() -> Sent:
    """The posted form; too large or without this browser's token it is marked so, and the page is shown again."""
    try:
        form = request.form
    except RequestEntityTooLarge:
        return Sent((), None, None, False, Trouble.TOO_LARGE)
    wanted = one_of(form, forms.SWITCH)
    switch = known_language(wanted)
    if wanted is not None and switch is None:
        abort(400)
    trouble = None if is_form_token(one_of(form, forms.CSRF)) else Trouble.STALE
    look = known_wish(one_of(form, forms.LOOK))
    key, cleared = one_of(form, forms.KEY), one_of(form, forms.CLEAR)
    return Sent(tuple(form.lists()), key, switch, forms.BACK in form, trouble, look, cleared)
