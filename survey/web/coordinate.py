"""The coordinators' board: how many questionnaires each unit still needs; no answer and no score is on it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template

from survey.i18n import Language
from survey.stages import board as progress_board
from survey.stages import waves as wave_list
from survey.stages.board import CellProgress
from survey.web.site import language, now, site
from survey.web.wording import AUDIENCES, CELL_STATES, STATES

blueprint = Blueprint("coordinate", __name__, url_prefix="/coordinate")


@dataclass(frozen=True)
class Line:
    """One line of the board; `state` is told in words, the colour only repeats it."""

    name: str
    cell: CellProgress
    state: str

    @property
    def rate(self) -> float | None:
        return 100 * self.cell.completed / self.cell.invited if self.cell.invited else None


@dataclass(frozen=True)
class Totals:
    """The sums under the board."""

    target: int
    invited: int
    completed: int
    left: int
    counter: int

    @property
    def rate(self) -> float | None:
        return 100 * self.completed / self.invited if self.invited else None


@blueprint.get("")
def waves() -> str:
    """Every wave with its state and dates."""
    with site().database.read() as session:
        found = wave_list.all_waves(session)
    return render_template("coordinate/waves.html", waves=found, states=STATES, audiences=AUDIENCES)


@blueprint.get("/<wave>")
def board(wave: str) -> str:
    """The board of one wave: target, invited, completed, left."""
    with site().database.read() as session:
        found = wave_list.find(session, wave)
        cells = progress_board.progress(session, found)
    return render_template(
        "coordinate/board.html",
        wave=found,
        lines=[line(cell, is_closed=found.state in wave_list.OVER) for cell in cells],
        totals=totals(cells),
        cell_states=CELL_STATES,
        audiences=AUDIENCES,
        seen_at=now(),
        is_answerable=wave_list.is_answerable(found, now()),
        has_counters=any(cell.counter for cell in cells),
    )


def line(cell: CellProgress, *, is_closed: bool) -> Line:
    name = cell.name_vi if language() is Language.VI else cell.name_en
    if cell.target and not cell.left:
        return Line(name, cell, "reached")
    if is_closed:
        return Line(name, cell, "short")
    return Line(name, cell, "begun" if cell.completed else "none")


def totals(cells: list[CellProgress]) -> Totals:
    return Totals(
        target=sum(cell.target for cell in cells),
        invited=sum(cell.invited for cell in cells),
        completed=sum(cell.completed for cell in cells),
        left=sum(cell.left for cell in cells),
        counter=sum(cell.counter for cell in cells),
    )
