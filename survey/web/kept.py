"""Parts of result pages that stay as they are: made once, kept in this process under everything they depend on.

A run's figures never change, so a part is known by its run, its language and what its reader may see (`Own`). What
makes one sees nothing of the request but the values that it is kept under: nobody's page can hold what another may see.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import current_app
from markupsafe import Markup

from survey.i18n import Language
from survey.model.result import Run
from survey.model.wave import Wave
from survey.stages import audit, descriptions, trends
from survey.stages import results as stored
from survey.stages import waves as wave_list
from survey.web import figures, tiers, trend, wording
from survey.web.figures import Own
from survey.web.site import language, site

LEAGUES_KEPT, UNITS_KEPT, WAVES_KEPT = 32, 512, 64


@dataclass(frozen=True)
class LeagueTables:
    """The part of a league page that is the run's, and what the run was made from."""

    html: Markup
    made_from: Mapping[str, str]


def league(run_id: bytes, own: Own | None) -> LeagueTables:
    """The province's figure, the tables and the list of files."""
    return _league(run_id, own, language())


def unit(run_id: bytes, code: str, own: Own | None, newest_seal: str) -> Markup | None:
    """A unit's years and tables; None where the run has nothing of it. Years change with the newest seal of all."""
    packed = _unit(run_id, code, own, newest_seal, language())
    return None if packed is None else Markup(zlib.decompress(packed).decode())  # noqa: S704 escaped


def is_outdated(wave_id: bytes, log: audit.Head, made_from: Mapping[str, str]) -> bool:
    """Whether figures were typed in, or answers decided, since a run: every such step stands in the log."""
    stands = _standing(wave_id, log.hash)
    return any(made_from.get(name, found) != found for name, found in stands.items())


@lru_cache(maxsize=LEAGUES_KEPT)
def _league(run_id: bytes, own: Own | None, _language: Language) -> LeagueTables:
    with site().database.read() as session:
        run = session.get_one(Run, run_id)
        wave = session.get_one(Wave, run.wave_id)
        schemes = wave_list.schemes_of(session, wave)
        rows = list(figures.visible(figures.league_rows(session, run, schemes), own))
        described = descriptions.names(session, run)
    tables = [figures.league(scheme, rows, wave.province, figures.surveyed(scheme)) for scheme in schemes]
    form = wave_list.instrument_of(wave)
    scored = [one.code for one in form.scored_items]
    html = _part(
        "results/league_tables.html",
        wave=wave,
        own=own,
        index_name=wording.index_name(form),
        province=figures.whole_province(rows, wave.province),
        tables=tables,
        is_pooled=figures.is_ranked_on_pooled,
        unranked=[figures.left_out_of_ranks(table.standings, scored) for table in tables],
        sure=stored.sureness(run.options),
        beside=[*described, *(name for name, table in run.options.get("beside", {}).items() if table["rows"])],
        tiers=tiers.tiers,
        raters=wording.rater_groups(form),
    )
    return LeagueTables(html, {name: run.options[name] for name in stored.MADE_FROM if name in run.options})


@lru_cache(maxsize=UNITS_KEPT)
def _unit(run_id: bytes, code: str, own: Own | None, _newest_seal: str, _language: Language) -> bytes | None:
    """Packed: a unit's tables are long, there are many, and most say the same."""
    with site().database.read() as session:
        run = session.get_one(Run, run_id, options=[stored.WITHOUT_OPTIONS])
        wave = session.get_one(Wave, run.wave_id)
        read = stored.figures(session, run, unit=code)
        schemes = wave_list.schemes_of(session, wave)
        points = trends.of_unit(session, wave, run_id, code) if own is None else []
    if not read:
        return None
    rows = list(figures.visible(read, own))
    sheets = [(scheme, figures.sheet(rows, scheme)) for scheme in schemes]
    form = wave_list.instrument_of(wave)
    part = _part(
        "results/unit_tables.html",
        is_withheld=not rows,
        is_masked=own is not None and any(row["scheme"] in own.schemes for row in rows),
        is_province=code == wave.province,
        sheets=[(one, levels, figures.in_order(one, levels, wave.audience)) for one, levels in sheets if levels],
        points=points,
        picture=trend.picture(points),
        instrument=form,
        groups=wording.rater_groups(form),
    )
    return zlib.compress(part.encode())


@lru_cache(maxsize=WAVES_KEPT)
def _standing(wave_id: bytes, _log: bytes) -> Mapping[str, str]:
    with site().database.read() as session:
        return stored.standing(session, session.get_one(Wave, wave_id))


def _part(template: str, **values: Any) -> Markup:
    """A part of a page, written without what Flask tells templates of the request and of who is signed in."""
    return Markup(current_app.jinja_env.get_template(template).render(words=wording, **values))  # noqa: S704 escaped


def forget() -> None:
    """Keep nothing of before."""
    for kept in (_league, _unit, _standing):
        kept.cache_clear()
