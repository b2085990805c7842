"""What a joint class is called: what its people's dossiers have in common."""

from __future__ import annotations

from sqlalchemy.orm import Session

from survey.model.sample import Draw
from survey.model.wave import Wave
from survey.stages import classes
from survey.stages.classes import Described
from survey.web.site import gettext as _
from survey.web.wording import FRAME_WORDS


def labels(session: Session, wave: Wave, unit: str) -> dict[str, str]:
    """The name of each class of a unit, from the rules kept with the draw."""
    draw = session.get(Draw, wave.id)
    rules = draw.allocation.get("classes", {}).get(unit) if draw else None
    if draw is None or rules is None:
        return {}
    fields = {code: stratum["fields"] for code, stratum in draw.allocation["strata"].items()}
    return {code: label(traits, fields) for code, traits in classes.described(rules).items()}


def label(traits: Described, fields: dict[str, list[str]]) -> str:
    """All traits of a class in a line; a class that was never divided holds everybody."""
    return "; ".join(_trait(attribute, values, fields) for attribute, values in traits) or _("all dossiers")


def _trait(attribute: str, values: tuple[str, ...], fields: dict[str, list[str]]) -> str:
    if attribute == "stratum":
        return _("field: %(values)s", values=", ".join(name for code in values for name in fields.get(code, [code])))
    if attribute == "band":
        return _("dossiers of the person: %(values)s", values=", ".join(values))
    if attribute == "age_band":
        return _("age: %(values)s", values=", ".join(value or _("not known") for value in values))
    return ", ".join(_(FRAME_WORDS[value]) if value in FRAME_WORDS else value or _("not known") for value in values)
