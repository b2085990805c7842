"""`/metrics`: the board's counts in Prometheus' text format, for whoever holds a key with the scope of progress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask import Blueprint, Response

from survey.model.wave import Wave
from survey.queue import last_beat
from survey.stages import board, waves
from survey.stages.api_keys import Scope
from survey.stages.board import CellProgress
from survey.web.api import door
from survey.web.progress import REACHED, lines_of
from survey.web.site import now, site

blueprint = Blueprint("metrics", __name__)
CONTENT = "text/plain; version=0.0.4; charset=utf-8"
COUNTS = {
    "target": "Questionnaires wanted.",
    "invited": "Personal links issued; officials: people of the group.",
    "completed": "Questionnaires completed; officials: of the last daily count, rounded down to 5.",
}
OF_CITIZENS = {
    "reserve": "Drawn people without a link.",
    "sent": "First messages that went out.",
    "delivered": "First messages that arrived.",
    "opened": "Forms begun.",
    "refused": "People who want no more messages, or did not file.",
}


@blueprint.before_request
def come_in() -> None:
    """A key first."""
    door.admit()
    door.require(Scope.PROGRESS)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Counts by wave and unit or rater group; how many units are precise enough; how old the worker's beat is."""
    at = now()
    lines = list(_worker())
    with site().database.read() as session:
        for wave in waves.all_waves(session):
            if wave.state == waves.OPEN:
                cells = board.progress(session, wave, now=at)
                lines += _of_wave(wave, cells)
                reached = sum(one.state == REACHED for one in lines_of(wave, cells, at))
                lines += [_line("units_precise", reached, wave=wave.code)] if wave.audience == "citizens" else []
    return Response("\n".join([*_helps(), *lines, ""]), content_type=CONTENT)


def _helps() -> Iterator[str]:
    for name, told in (COUNTS | OF_CITIZENS).items():
        yield f"# HELP hailong_{name} {told}"
        yield f"# TYPE hailong_{name} gauge"
    yield "# HELP hailong_units_precise Units whose index would be known as precisely as wanted."
    yield "# TYPE hailong_units_precise gauge"
    yield "# HELP hailong_worker_age_seconds Seconds since the worker said that it had done what was due."
    yield "# TYPE hailong_worker_age_seconds gauge"


def _of_wave(wave: Wave, cells: Iterable[CellProgress]) -> Iterator[str]:
    names = COUNTS if wave.audience == "officials" else COUNTS | OF_CITIZENS
    for cell in cells:
        for name in names:
            yield _line(name, getattr(cell, name), wave=wave.code, unit=cell.code)


def _worker() -> Iterator[str]:
    beat = last_beat(site().settings)
    if beat is not None:
        yield _line("worker_age_seconds", round((now() - beat).total_seconds()))


def _line(name: str, value: int, **labels: str) -> str:
    """One sample; label values are codes, whose quotes and backslashes are escaped all the same."""
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"hailong_{name}{{{told}}} {value}" if told else f"hailong_{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
