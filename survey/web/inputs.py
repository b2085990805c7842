"""Figures that no survey gives (appraisal, socio-economic results), typed in unit by unit, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey.errors.common import InputRefused, UnitUnknown
from survey.i18n import mark as _n
from survey.i18n import parse_number
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.rule import Manual
from survey.scheme import Component
from survey.stages import results as stored
from survey.stages import waves as wave_list
from survey.web import wording
from survey.web.site import language, now, signed_in, site

blueprint = Blueprint("inputs", __name__, url_prefix="/results")
LONGEST_SOURCE = 300
EXAMPLE = Decimal("1234.5")
REFUSED = {
    "not_a_number": _n("Write a number like %(example)s."),
    "out_of_range": _n("This figure is out of range."),
    "no_source": _n("Say where the figure comes from: document, number, date."),
    "no_points": _n("Points from 0 to %(max)s."),
    "no_value": _n("Enter a figure; it can be replaced, not removed."),
    "too_long": _n("This is too long."),
}


@dataclass(frozen=True)
class Line:
    """One figure to type in: its component, what stands in the two fields, what is wrong with them."""

    component: Component
    value: str
    source: str
    value_error: str | None = None
    source_error: str | None = None

    @property
    def is_wrong(self) -> bool:
        return bool(self.value_error or self.source_error)


@blueprint.get("/<wave>/inputs")
def units(wave: str) -> str:
    """The wave's units with how many of their figures are there."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        units_here = rated(session, found)
        wanted = [(unit, {one.code for one in stored.typed_in(session, found, unit.type)}) for unit in units_here]
        there = {(row.unit_code, row.code) for row in stored.inputs(session, found)}
    lines = [(unit, sum((unit.code, code) in there for code in codes), len(codes)) for unit, codes in wanted]
    return render_template("results/inputs.html", wave=found, lines=lines, words=wording, own=signed_in().unit)


@blueprint.route("/<wave>/inputs/<unit>", methods=["GET", "POST"])
def figures(wave: str, unit: str) -> str | Response | tuple[str, int]:
    """The figures of one unit; all of a page are taken or none."""
    with site().database.begin() if request.method == "POST" else site().database.read() as session:
        found = wave_list.find(session, wave)
        named = next((one for one in rated(session, found) if one.code == unit), None)
        if named is None:
            raise UnitUnknown(unit=unit)
        if unit == signed_in().unit:
            abort(403)  # nobody types in points of the own agency
        components = stored.typed_in(session, found, named.type)
        stands = {row.code: (row.value, row.source) for row in stored.inputs(session, found) if row.unit_code == unit}
        if request.method == "GET":
            lines = [stored_line(one, stands) for one in components]
            return render_page(found, named, lines)
        lines = [posted_line(one, request.form, stands) for one in components]
        if not any(line.is_wrong for line in lines):
            lines = [keep(session, found, named, line, stands) for line in lines]
        if any(line.is_wrong for line in lines):
            session.rollback()
            return render_page(found, named, lines), 422
    return redirect(url_for("inputs.figures", wave=wave, unit=unit, saved=1), 303)


def rated(session: Session, wave: Wave) -> list[Unit]:
    return [unit for unit, _target in wave_list.units_of(session, wave)]


def render_page(wave: Wave, unit: Unit, lines: list[Line]) -> str:
    return render_template(
        "results/unit_inputs.html",
        wave=wave,
        unit=unit,
        lines=lines,
        is_saved="saved" in request.args and request.method == "GET",
        example=wording.plain_number(EXAMPLE),
        refused=REFUSED,
        words=wording,
    )


Stands = Mapping[str, tuple[Decimal, str]]


def stored_line(component: Component, stands: Stands) -> Line:
    if component.code not in stands:
        return Line(component, "", "")
    value, source = stands[component.code]
    return Line(component, wording.plain_number(value), source)


def posted_line(component: Component, form: Mapping[str, str], stands: Stands) -> Line:
    """What was typed, with what is wrong with it; two empty fields mean that nothing is known yet."""
    value = form.get(f"value-{component.code}", "").strip()
    source = form.get(f"source-{component.code}", "").strip()
    if not value and not source and component.code not in stands:
        return Line(component, "", "")
    source_error = "no_source" if not source else "too_long" if len(source) > LONGEST_SOURCE else None
    return Line(component, value, source, value_fault(component, value), source_error)


def value_fault(component: Component, text: str) -> str | None:
    if not text:
        return "no_value"
    value = parse_number(text, language())
    if value is None:
        return "not_a_number"
    if isinstance(component.rule, Manual) and not 0 <= value <= component.max:
        return "no_points"
    return None


def keep(session: Session, wave: Wave, unit: Unit, line: Line, stands: Stands) -> Line:
    """Store one figure if it is new or changed; the refusal goes back to its line."""
    value = parse_number(line.value, language())
    if value is None or stands.get(line.component.code) == (value, line.source):
        return line
    try:
        stored.set_input(
            session, wave, unit=unit.code, code=line.component.code, value=value, source=line.source,
            actor=signed_in().email, now=now(),
        )  # fmt: skip
    except InputRefused as refused:
        return Line(line.component, line.value, line.source, value_error=refused.reason)
    return line
