"""The whole line on a small demonstration province: the same digits from both engines and from the extract alone."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import hypot
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pyreadstat
import pytest
from click.testing import CliRunner
from pysqlite3 import dbapi2
from sqlalchemy import func, select

from survey import workbook
from survey.cli.main import hailong
from survey.config import Settings
from survey.custody import bundles, checking
from survey.custody.broken import BundleBroken
from survey.db import Database, open_database
from survey.demo import build
from survey.errors.index import IndexSealed, SchemeNotInWave, WaveOfOtherYear
from survey.errors.staff import ApprovalsMissing
from survey.jobs import against_index, answer_files, index, index_seal, recompute, years
from survey.keys import Keys
from survey.model.index import IndexFigure
from survey.model.response import Answer
from survey.scheme import builtin_scheme, load_scheme
from survey.stages import index_seals, index_sheets, results, waves

SMALL = build.Options(responses=1296, seed=11, scale=0.25, open_waves=False)
FILES = ("scores.json", "scores.csv")
SCHEME = builtin_scheme("local-department-sample")
WAVES = ("sipas-2025", "cbcc-2025")


@dataclass(frozen=True)
class Built:
    """One demonstration: its database and its folders."""

    database: Database
    made: build.Demo
    stands: datetime


@pytest.fixture(scope="module")
def engines(
    tmp_path_factory: pytest.TempPathFactory, module_database: Callable[[str], Database], stands: datetime
) -> dict[str, Built]:
    """The same province on SQLite and on PostgreSQL, with one key folder."""
    folder = tmp_path_factory.mktemp("line")
    built = {}
    for engine in ("sqlite", "postgres"):
        database = module_database(engine)
        paths = (folder / "keys", folder / "voices", folder / "translations", folder / "channels.toml")
        settings = Settings(database.url, *paths, "http://127.0.0.1:8000", None, None)
        made = build.build(settings, database, Keys(settings.keys), SMALL, now=stands, say=lambda _text: None)
        built[engine] = Built(database, made, stands)
    return built


def content(folder: str) -> dict[str, bytes]:
    return {name: (Path(folder) / name).read_bytes() for name in FILES}


@pytest.mark.postgres
@pytest.mark.parametrize("audience", ["results", "results_officials"])
def test_sqlite_and_postgresql_give_the_same_bytes(engines: dict[str, Built], audience: str) -> None:
    sqlite, postgres = (content(getattr(engines[name].made, audience)) for name in ("sqlite", "postgres"))
    assert sqlite == postgres


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("extract", "results_of"), [("extract", "results"), ("extract_officials", "results_officials")]
)
def test_the_extract_alone_gives_the_same_bytes(
    engines: dict[str, Built], tmp_path: Path, extract: str, results_of: str
) -> None:
    made = engines["sqlite"].made
    command = [sys.executable, "-m", "analysis", "score", getattr(made, extract), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert content(str(tmp_path)) == content(getattr(made, results_of))


@pytest.mark.postgres
def test_every_unit_has_a_figure_with_limits_and_points(engines: dict[str, Built]) -> None:
    built = engines["sqlite"]
    rows: list[dict[str, Any]] = json.loads((Path(built.made.results) / "scores.json").read_text())["rows"]
    overall = [r for r in rows if r["level_of"] == "overall" and r["is_official"] == "yes" and r["unit"] != "98"]
    assert len(overall) == 108
    for row in overall:
        if row["status"] == "ok":
            assert float(row["ci_low"]) < float(row["index"]) < float(row["ci_high"]) or float(row["index"]) == 100
            assert float(row["ci_high"]) - float(row["ci_low"]) > 1
        else:
            assert row["reason"]
    assert not [row for row in rows if {"nan", "inf", "-inf"} & {str(value) for value in row.values()}]
    areas = {row["code"] for row in rows if row["level_of"] == "area" and row["points"] is not None}
    assert "8" in areas
    with built.database.read() as session:
        wave = waves.find(session, "sipas-2025")
        stored = results.figures(session, results.latest(session, wave))
    assert stored == rows


@pytest.mark.postgres
def test_a_demonstration_prints_the_keys_of_the_contract(engines: dict[str, Built]) -> None:
    printed = engines["sqlite"].made.as_dict()
    assert list(printed) == ["database", "base_url", "waves", "links", "staff", "results", "extract"]
    assert list(printed["waves"]) == ["closed", "open"]
    assert list(printed["links"]) == ["personal", "counter", "officials"]


@pytest.mark.postgres
def apart(built: Built, path: Path) -> Built:
    """The same province in a database of its own: what is imported there meets no other test."""
    source = dbapi2.connect(built.database.url.removeprefix("sqlite:///"))
    source.backup(dbapi2.connect(path))
    return replace(built, database=open_database(f"sqlite:///{path}"))


def test_the_products_own_import_table_gives_the_same_points_back(engines: dict[str, Built], tmp_path: Path) -> None:
    built, file = apart(engines["sqlite"], tmp_path / "apart.db"), tmp_path / "table.csv"
    with (Path(built.made.results) / "scores.xlsx").open("rb") as stream:
        lines = [cells for _number, cells in workbook.records(stream, fills_merged=False)]
    with built.database.read() as session:
        wave = waves.find(session, WAVES[0])
        rated = {one.code for one, _target in waves.units_of(session, wave) if SCHEME.rates(one.type)}
        before = results.figures(session, results.latest(session, wave), levels_of=["component"], official_only=True)
    upto, unit = lines[0].index("Điểm thẩm định") + 1, lines[0].index("Mã đơn vị")
    with file.open("w", encoding="utf-8", newline="") as text:
        kept = [lines[0], *(one for one in lines if one[unit] in rated)]
        csv.writer(text).writerows([*one[:upto], one[unit]] for one in kept)
    with built.database.begin() as session:
        index_sheets.import_points(
            session, file, SCHEME, 2025, source="scores.xlsx", actor="test", now=built.stands, dry_run=False
        )
    run = index.run(built.database, SCHEME.code, 2025, joined=WAVES, actor="test", now=built.stands)
    with built.database.read() as session:
        after = {
            (row["unit"], row["code"]): row["points"]
            for row in index_sheets.chosen(index_sheets.figures(session, run), SCHEME)
        }
    told = {
        (row["unit"], row["code"]): row["points"]
        for row in before
        if row["unit"] in rated and row["source"] != "survey" and row["points"] is not None
    }
    assert len(told) > len(rated)
    assert {key: after[key] for key in told} == told


def import_half(built: Built, folder: Path, year: int, *, scheme: Any = SCHEME) -> None:
    """Half of the points of everything that no survey gives, for every department."""
    with built.database.begin() as session:
        rated = [one for one, _ in waves.units_of(session, waves.find(session, WAVES[0])) if scheme.rates(one.type)]
        rows = [f"{unit.code},{one.code},{one.max / 2},test" for unit in rated for one in scheme.typed_in]
        (folder / "half.csv").write_text("\n".join(["unit,code,value,source", *rows]), encoding="utf-8")
        index_sheets.import_points(
            session, folder / "half.csv", scheme, year, source="", actor="test", now=built.stands, dry_run=False
        )


@pytest.mark.postgres
def test_the_years_index_joins_both_waves_to_the_same_digits_on_both_engines(
    engines: dict[str, Built], tmp_path: Path
) -> None:
    found = {}
    for name, built in engines.items():
        import_half(built, tmp_path, 2025)
        run = index.run(built.database, SCHEME.code, 2025, joined=WAVES, actor="test", now=built.stands)
        with built.database.read() as session:
            found[name] = (run.extract_digest, index_sheets.figures(session, run))
            read = [results.latest(session, waves.find(session, code)) for code in WAVES]
            sheets = [results.figures(session, one, levels_of=["total"], official_only=True) for one in read]
    assert found["sqlite"] == found["postgres"]
    by_wave = [{row["unit"]: row for row in rows} for rows in sheets]
    totals = [row for row in index_sheets.chosen(found["sqlite"][1], SCHEME) if row["level_of"] == "total"]
    assert len(totals) == 13
    for row in totals:
        people, raters = (rows[row["unit"]] for rows in by_wave)
        assert row["reason"].startswith("rehearsal")
        if row["status"] == "ok":
            parts = [one["se"] for one in (people, raters)]
            if None in parts:  # all said the same: limits, but no error that anybody could estimate
                assert row["se"] is None
            else:
                assert float(row["se"]) == pytest.approx(hypot(*map(float, parts)), abs=2e-6)
            assert float(row["ci_low"]) < float(row["points"]) < float(row["ci_high"])


@pytest.mark.postgres
def test_a_wave_of_another_year_or_scored_by_another_scheme_does_not_join(
    engines: dict[str, Built], tmp_path: Path
) -> None:
    built = engines["sqlite"]
    other = load_scheme(SCHEME.source.replace(f'code = "{SCHEME.code}"', 'code = "ours"', 1))
    for scheme, year, leaf in ((SCHEME, 2026, WaveOfOtherYear), (other, 2025, SchemeNotInWave)):
        import_half(built, tmp_path, year, scheme=scheme)
        with pytest.raises(leaf):
            index.run(built.database, scheme.code, year, joined=WAVES, actor="test", now=built.stands)


def test_the_files_of_answers_hold_every_answer_with_its_labels(engines: dict[str, Built], tmp_path: Path) -> None:
    made: dict[str, dict[str, bytes]] = {}
    for engine, built in engines.items():
        with built.database.read() as session:
            wave = waves.find(session, WAVES[0])
            stored = session.scalar(select(func.count()).where(Answer.wave_id == wave.id))
        files = answer_files.write(built.database, WAVES[0], tmp_path / engine, ("csv", "sav", "dta", "parquet"))
        made[engine] = {path.name: path.read_bytes() for path in files if path.suffix in {".csv", ".xml"}}
    assert made["sqlite"] == made["postgres"]
    rows = made["sqlite"]["answers.csv"].decode("utf-8-sig").splitlines()
    frame, meta = pyreadstat.read_sav(str(tmp_path / "sqlite" / "answers.sav"), user_missing=True)
    _frame, stata = pyreadstat.read_dta(str(tmp_path / "sqlite" / "answers.dta"))
    assert len(rows) - 1 == len(frame) == stata.number_rows == stored
    assert frame.groupby("unit").size().drop("", errors="ignore").min() >= answer_files.FEWEST
    assert (
        meta.variable_value_labels["S15"][5.0]
        == stata.variable_value_labels["S15"][5]
        == "Rất hài lòng / Very satisfied"
    )
    assert meta.column_names_to_labels["S15"].startswith("Thông tin về thủ tục dễ tìm, dễ hiểu")
    described = ET.fromstring(made["sqlite"]["ddi.xml"])  # noqa: S314 our own
    assert described.findtext(".//{*}caseQnty") == str(stored)


def test_a_report_as_pdf_is_the_same_at_every_printing_and_tells_the_units_figures(
    engines: dict[str, Built], tmp_path: Path
) -> None:
    built, command = engines["sqlite"], hailong
    with built.database.read() as session:
        wave = waves.find(session, WAVES[0])
        unit = waves.units_of(session, wave)[0][0]
    environment = {"HAILONG_DATABASE": built.database.url, "HAILONG_KEYS": str(tmp_path / "keys")}
    for folder in ("one", "two"):
        told = CliRunner().invoke(
            command, ["results", "report", wave.code, "--unit", unit.code, "--out", str(tmp_path / folder)],
            env=environment,
        )  # fmt: skip
        assert told.exit_code == 0, told.output
    one, two = (next((tmp_path / folder).iterdir()).read_bytes() for folder in ("one", "two"))
    assert one == two
    assert one.startswith(b"%PDF")


@pytest.mark.postgres
def test_a_unit_of_today_is_compared_with_the_old_units_that_became_it(
    engines: dict[str, Built], tmp_path: Path
) -> None:
    built = engines["sqlite"]
    with built.database.read() as session:
        wave = waves.find(session, WAVES[0])
        rows = results.figures(session, results.latest(session, wave), levels_of=["overall"], official_only=True)
        shown = [row for row in rows if row["status"] == "ok" and row["unit"] != wave.province]
        first, second = shown[0]["unit"], shown[1]["unit"]
        table = tmp_path / "units.csv"
        table.write_text(f"unit,becomes,share\n{first},{second},\n{second},{second},\n", encoding="utf-8")
        found = years.compare(session, wave, wave, shares=table)
    assert found.breaks == ()
    before = {row["unit"]: row for row in found.before if row["level_of"] == "overall"}
    after = {row["unit"]: row for row in found.rows if row["level_of"] == "overall"}
    assert first not in before
    assert before[second]["reason"] == f"made_of={first},{second}"
    ends = sorted(float(row["index"]) for row in shown[:2])
    assert ends[0] <= float(before[second]["index"]) <= ends[1]
    change = float(after[second]["index"]) - float(before[second]["index"])
    assert float(after[second]["change"]) == pytest.approx(change, abs=1e-6)
    assert {row["change"] for unit, row in after.items() if unit not in (first, second)} <= {"0.000000", None}


@pytest.mark.postgres
def test_a_sealed_index_is_computed_again_and_names_what_was_changed(engines: dict[str, Built], tmp_path: Path) -> None:
    built, keys = engines["sqlite"], Keys(tmp_path / "keys")
    import_half(built, tmp_path, 2025)
    index.run(built.database, SCHEME.code, 2025, joined=WAVES, actor="test", now=built.stands)
    by_role = {one["role"]: one["email"] for one in built.made.staff}
    with pytest.raises(ApprovalsMissing):
        index_seal.run(built.database, keys, SCHEME.code, 2025, actor="test", now=built.stands)
    for role in ("lead_agency", "oversight"):
        with built.database.begin() as session:
            sheet = index_sheets.find(session, SCHEME.code, 2025)
            index_seals.approve(session, sheet, by=by_role[role], document="12/QĐ, 1/3/2026, A", now=built.stands)
    made = index_seal.run(built.database, keys, SCHEME.code, 2025, actor="test", now=built.stands)
    index_seal.write(built.database, SCHEME.code, 2025, None, tmp_path / "index.zip")
    with bundles.opened(tmp_path / "index.zip") as bundle:
        checked = checking.check(bundle, public=keys.sealing.public_key().public_bytes_raw())
        assert (checked.digest, checked.statement and checked.statement["index"]) == (made.digest, SCHEME.code)
        assert recompute.run(bundle.folder, bundle=bundle.name) > 1000
        assert checked.statement is not None
        against_index.run(built.database, bundle, checked.statement)
        for name in ("scores.csv", "extract/inputs.csv", "seal.json"):
            path = bundle.folder / name
            whole = path.read_bytes()
            path.write_bytes(whole.replace(b"5", b"6", 1))
            with pytest.raises(BundleBroken) as broken:
                checking.check(bundle, public=None)
            assert broken.value.file == name
            path.write_bytes(whole)
        with built.database.begin() as session:
            figure = session.scalars(select(IndexFigure).where(IndexFigure.run_id == made.run_id)).first()
            assert figure is not None
            before = figure.row
            figure.row = {**before, "points": "9.999999"}
        with pytest.raises(BundleBroken) as broken:
            against_index.run(built.database, bundle, checked.statement)
        assert (broken.value.file, broken.value.field) == ("index_figure", "points")
        with built.database.begin() as session:
            session.merge(IndexFigure(**{**vars_of(figure), "row": before}))
    with pytest.raises(IndexSealed):
        index_seal.run(built.database, keys, SCHEME.code, 2025, actor="test", now=built.stands)


def vars_of(figure: IndexFigure) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in ("run_id", "position", "unit_code")}
