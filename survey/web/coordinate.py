"""The coordinators' board: how far each unit is and what to do today; no answer and no score is on it."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request
from sqlalchemy.orm import Session

from survey.model.wave import Wave
from survey.response_rates import together
from survey.stages import board as progress_board
from survey.stages import counts, topups
from survey.stages import waves as wave_list
from survey.web import classes, progress, today
from survey.web.progress import IN_NEED, Line
from survey.web.site import now, site
from survey.web.wording import AUDIENCES, CELL_STATES, STATES

blueprint = Blueprint("coordinate", __name__, url_prefix="/coordinate")
REFRESH = {"60": 60, "5": 5, "off": 0}  # seconds; a wall screen wants five
SHOWN = ("need", "all", "reached")


@blueprint.get("")
def waves() -> str:
    """Every wave with its state and dates."""
    with site().database.read() as session:
        found = wave_list.all_waves(session)
    return render_template("coordinate/waves.html", waves=found, states=STATES, audiences=AUDIENCES)


@blueprint.get("/<wave>")
def board(wave: str) -> Response:
    """The board of one wave: what is there, how precise it is, when it will be enough, what to do."""
    at = now()
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        lines = progress.lines_of(found, progress_board.progress(session, found, now=at), at)
        by_day, places = counts.by_day(session, found), [row for row, _email in topups.of_wave(session, found)]
    uncounted = sorted({row.unit_code for row in places if not topups.is_counted(row)})
    sums = progress.totals(lines, at)
    shown = request.args.get("show") if request.args.get("show") in SHOWN else "all"
    page = render_template(
        "coordinate/board.html",
        lines=[one for one in lines if is_shown(one, shown)],
        totals=sums,
        shown=shown,
        in_need=sum(one.state in IN_NEED for one in lines),
        curve=progress.curve(found, by_day, sums.target, is_sum=found.audience == "officials"),
        tasks=today.tasks(found, lines, sums, site().settings, at, uncounted=uncounted),
        has_topups=bool(places),
        uncounted=[line.name for line in lines if line.cell.code in uncounted],
        rates=together(one.cell.dispositions for one in lines),
        counted_on=max(by_day, default=None),
        has_counters=any(one.cell.counter for one in lines),
        **shared(found, at),
    )
    return refreshing(page, found)


@blueprint.get("/<wave>/units/<unit>")
def unit(wave: str, unit: str) -> Response:
    """One unit's strata: where its forms come from and where they are missing."""
    at = now()
    with site().database.read() as session:
        found, line = line_of(session, wave, unit, at)
        traits = classes.labels(session, found, unit)
        by_day = counts.by_day(session, found, unit)
    curve = progress.curve(found, by_day, line.cell.target, is_sum=False)
    page = render_template("coordinate/unit.html", line=line, traits=traits, curve=curve, **shared(found, at))
    return refreshing(page, found)


@blueprint.get("/<wave>/board.json")
def numbers(wave: str) -> Response:
    """The same numbers as data."""
    at = now()
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        lines = progress.lines_of(found, progress_board.progress(session, found, now=at), at)
        counted_on = progress_board.counted_on(session, found) if found.audience == "officials" else None
    return jsonify(progress.as_numbers(found, lines, at, counted_on))


def line_of(session: Session, code: str, unit: str, at: datetime) -> tuple[Wave, Line]:
    """A citizens' wave and its line of one unit; anything else is not found."""
    found = wave_list.find(session, code)
    units = {cell.code: cell for cell in progress_board.progress(session, found, now=at)}
    if found.audience != "citizens" or unit not in units:
        abort(404)
    return found, progress.line(found, progress_board.aim(found), units[unit], at)


def is_shown(line: Line, shown: str | None) -> bool:
    if shown == "need":
        return line.state in IN_NEED
    return line.state == progress.REACHED if shown == "reached" else True


def shared(wave: Wave, at: datetime) -> dict[str, object]:
    """What the board and a unit's page are both written with."""
    return {
        "wave": wave,
        "aim": progress_board.aim(wave),
        "cell_states": CELL_STATES,
        "audiences": AUDIENCES,
        "seen_at": at,
        "is_answerable": wave_list.is_answerable(wave, at),
        "refresh": seconds(wave),
    }


def seconds(wave: Wave) -> int:
    """After how many seconds the page asks for itself again; never when the reader switched it off."""
    usual = 60 if wave.state == wave_list.OPEN else 0
    return REFRESH.get(request.args.get("refresh", ""), usual)


def refreshing(page: str, wave: Wave) -> Response:
    """A page that renews itself without a script; the reader's place in it stays."""
    response = current_app.make_response(page)
    if seconds(wave):
        response.headers["Refresh"] = str(seconds(wave))
    return response
