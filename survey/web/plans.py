"""The sample plan: computed by the worker, kept version by version, agreed to by two agencies before a real draw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from survey import queue
from survey.errors.common import SurveyError
from survey.i18n import mark as _n
from survey.i18n import parse_number
from survey.model.sample import SamplePlan
from survey.model.wave import Wave
from survey.plan_options import Options, Rule, Shares
from survey.sentences.refusals import sentences
from survey.stages import approvals, coverage, plans, tasks, units, waves
from survey.stages.tasks import Job
from survey.web import wording
from survey.web.plan_picture import picture
from survey.web.routes import may_open
from survey.web.site import language, now, signed_in, site, translations

blueprint = Blueprint("plans", __name__, url_prefix="/prepare")
RULES = {
    Rule.WIDTH: _n("each unit's index is known to ± so many points"),
    Rule.APART: _n("two units that differ by so many points can be told apart"),
    Rule.MINISTRY: _n("the ministry's rule n = N / (1 + N·e²), e in points"),
    Rule.TOTAL: _n("a number of answers for the whole province, shared out"),
    Rule.TARGETS: _n("as the wave file says"),
}
SHARES = {
    Shares.NEYMAN: _n("where the province's figure gains most (Neyman)"),
    Shares.PROPORTIONAL: _n("in proportion to the dossiers"),
    Shares.EQUAL: _n("the same for every unit"),
    Shares.POWER: _n("between proportional and equal"),
}
MARKS = {
    "invited": _n("30 people invited"),
    "answered": _n("30 questionnaires came back"),
    "plan": _n("this plan"),
}
NOT_A_NUMBER = _n("Enter a number from %(least)s to %(most)s.")


@dataclass(frozen=True)
class Entry:
    """One number of the form: its bounds, what it is by default (None: as in the wave before), and its scale."""

    name: str
    least: float
    most: float
    usual: float | None
    scale: float = 1.0
    may_be_empty: bool = False


ENTRIES = (
    Entry("points", 0.5, 50, 5),
    Entry("total", 10, 1_000_000, 3240),
    Entry("response", 1, 100, None, 100, may_be_empty=True),
    Entry("share", 1, 99, None, 100, may_be_empty=True),
    Entry("correlation", 0, 1, 0.4),
    Entry("deff", 1, 10, 1.1),
)


@blueprint.get("/<wave>/plan")
def show(wave: str) -> str:
    """The version that counts, or the one asked for; who agreed; the form for the next one."""
    with site().database.read() as session:
        return page(session, waves.find(session, wave))


@blueprint.post("/<wave>/plan")
def compute(wave: str) -> Response | tuple[str, int]:
    """Ask the worker for a plan; the page shows how far it is and then the plan."""
    typed = {entry.name: request.form.get(entry.name, "").strip() for entry in ENTRIES}
    numbers, wrong = read(typed)
    try:
        with site().database.begin() as session:
            found = waves.hold(session, wave)
            waves.require(found, waves.DRAFT)
            if wrong:
                return page(session, found, typed=typed, wrong=wrong), 422
            options = wished(found, numbers)
            task = tasks.ask(session, found, Job.PLAN, by=signed_in().email, now=now())
    except SurveyError as refusal:
        return refused(wave, refusal)
    queue.enqueue(
        site().settings, Job.PLAN, wave=wave, options=json.dumps(options.as_dict()), actor=signed_in().email,
        task=task.id.hex(),
    )  # fmt: skip
    return redirect(url_for("plans.show", wave=wave), 303)


@blueprint.post("/<wave>/plan/again")
def again(wave: str) -> Response | tuple[str, int]:
    """An earlier version counts again."""
    try:
        with site().database.begin() as session:
            found, version = waves.hold(session, wave), request.form.get("version", 0, type=int)
            plans.take_again(session, found, version, actor=signed_in().email, now=now())
    except SurveyError as refusal:
        return refused(wave, refusal)
    return redirect(url_for("plans.show", wave=wave), 303)


@blueprint.post("/<wave>/plan/agree")
def agree(wave: str) -> Response | tuple[str, int]:
    """One agency agrees to the version that the page showed."""
    try:
        with site().database.begin() as session:
            plans.approve(
                session, waves.hold(session, wave), seen=request.form.get("seen", ""), by=signed_in().email,
                document=request.form.get("document", ""), now=now(),
            )  # fmt: skip
    except SurveyError as refusal:
        return refused(wave, refusal)
    return redirect(url_for("plans.show", wave=wave), 303)


def read(typed: Mapping[str, str]) -> tuple[dict[str, float | None], dict[str, Entry]]:
    """The numbers of the form, and the entries that hold none or one out of bounds."""
    numbers: dict[str, float | None] = {}
    wrong: dict[str, Entry] = {}
    for entry in ENTRIES:
        text = typed[entry.name]
        value = parse_number(text, language()) if text else None
        is_left_out = entry.may_be_empty and not text
        if is_left_out or (value is not None and entry.least <= value <= entry.most):
            numbers[entry.name] = None if value is None else float(value) / entry.scale
        else:
            wrong[entry.name] = entry
    return numbers, wrong


def wished(wave: Wave, numbers: Mapping[str, float | None]) -> Options:
    """What the form asks for."""
    rule = next((one for one in Rule if one == request.form.get("rule")), Rule.WIDTH)
    shares = next((one for one in Shares if one == request.form.get("shares")), Shares.NEYMAN)
    return Options(
        rule=rule, points=numbers["points"] or 0.0, total=round(numbers["total"] or 0), shares=shares,
        response=numbers["response"], share=numbers["share"], correlation=numbers["correlation"] or 0.0,
        items=len(waves.instrument_of(wave).scored_items), deff=numbers["deff"] or 1.0,
    )  # fmt: skip


def refused(wave: str, refusal: SurveyError) -> tuple[str, int]:
    with site().database.read() as session:
        return page(session, waves.find(session, wave), refusal), 422


def page(
    session: Session,
    wave: Wave,
    refusal: SurveyError | None = None,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, Entry] | None = None,
) -> str:
    kept = plans.versions(session, wave)
    asked = request.args.get("version", 0, type=int)
    plan = next((one for one in kept if one.version == asked), kept[0] if kept else None)
    before = coverage.wave_before(session, wave)
    return render_template(
        "coordinate/plan.html",
        wave=wave,
        kept=kept,
        plan=plan,
        shown=None if plan is None else shown(session, wave, plan),
        before=None if before is None else before.code,
        dossiers=sum(plans.populations(session, wave).values()),
        is_signed=coverage.is_signed(session, wave),
        task=tasks.latest(session, wave, Job.PLAN),
        may_compute=may_open("plans.compute", signed_in().roles) and wave.state == waves.DRAFT,
        may_agree=may_open("plans.agree", signed_in().roles) and wave.state in waves.COMING,
        refusal=None if refusal is None else sentences(refusal, translations()),
        values=entered(plan, typed),
        wrong=wrong or {},
        chosen=chosen(plan),
        told=tasks.told,
        language=language(),
        words=wording,
        rules=RULES,
        shares=SHARES,
        marks=MARKS,
        not_a_number=NOT_A_NUMBER,
    )


def shown(session: Session, wave: Wave, plan: SamplePlan) -> dict[str, Any]:
    """A version as the page tells it: its picture, its sums, who agreed."""
    given = approvals.given(session, plans.subject(wave), plan.digest)
    rows = sorted(plan.rows, key=lambda row: (-row["index_half_width"], row["unit"]))
    named = units.of_codes(session, [row["unit"] for row in rows])
    known = "ratio" in rows[0] if rows else False  # plans of before kept no planning values
    return {
        "picture": picture(Options.of(plan.options), rows) if known else None,
        "rows": rows,
        "names": {code: wording.text_of_unit(unit) for code, unit in named.items()},
        "sums": {name: sum(row[name] for row in rows) for name in ("dossiers", "answers_wanted", "invitations")},
        "without_score": sum(row["chance_of_score"] < 0.9 for row in rows),
        "voices": approvals.voices(session, given),
        "missing": approvals.missing(given),
        "is_fresh": plans.is_fresh(session, wave, plan),
        "has_last": any(row.get("last_response") is not None for row in rows),
        "has_index": any(row.get("last_index") is not None for row in rows),
    }


def entered(plan: SamplePlan | None, typed: Mapping[str, str] | None) -> dict[str, str]:
    """What stands in the form's fields: what was typed, else the numbers of the plan that is shown."""
    if typed is not None:
        return dict(typed)
    values: dict[str, str] = {}
    for entry in ENTRIES:
        value = entry.usual if plan is None else plan.options.get(entry.name)
        scale = 1.0 if plan is None else entry.scale
        values[entry.name] = "" if value is None else wording.plain_number(Decimal(f"{value * scale:g}"))
    return values


def chosen(plan: SamplePlan | None) -> dict[str, str]:
    """Which rule and which shares are ticked."""
    options = plan.options if plan else {}
    return {"rule": options.get("rule", Rule.WIDTH), "shares": options.get("shares", Shares.NEYMAN)}
