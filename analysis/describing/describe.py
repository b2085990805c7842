"""All tables that describe a wave; the same extract gives the same digits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from analysis.components.beside import Table
from analysis.components.instrument import Audience
from analysis.describing.drivers import drivers_table
from analysis.describing.modes import modes_table
from analysis.describing.people import kept, sampled, satisfied, scaled
from analysis.describing.questions import questions_table
from analysis.extract import Extract

DRIVERS, MODES, QUESTIONS = "drivers", "modes", "questions"


def describe(extract: Extract) -> Mapping[str, Table]:
    """The tables by name; none for officials, of whom nothing but the scores is told, and none without answers.

    Flagged answers count, as in the official figures.
    """
    manifest = extract.manifest
    if manifest.audience is not Audience.CITIZENS:
        return {}
    rated = tuple(manifest.rated())
    everybody = kept(extract.answers, extract.answers["unit"].among(frozenset(rated)))
    people = sampled(everybody)
    if not people.rows:
        return {}
    form = extract.instrument
    return {
        DRIVERS: drivers_table(people, scaled(people, form)),
        MODES: modes_table(everybody, satisfied(everybody, form)),
        QUESTIONS: questions_table(people, form, rated, manifest.province),
    }


def write_tables(tables: Mapping[str, Table], folder: Path) -> tuple[str, ...]:
    """Write the tables that have rows as `<name>.csv`; their files' names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = tuple(f"{name}.csv" for name, table in tables.items() if table.rows)
    for name in names:
        (folder / name).write_bytes(tables[name.removesuffix(".csv")].csv())
    return names
