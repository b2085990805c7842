"""What the fold refuses: each bad input by its own name, with the row, the column or the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.design import LonelyPsu
from analysis.errors import (
    AnalysisError,
    CellInvalid,
    ColumnMissing,
    DuplicateKey,
    EmptyDomain,
    FileUnreadable,
    MarginLevelAbsent,
    MarginLevelUnknown,
    MarginsContradict,
    MarginTotalInvalid,
    NegativeWeight,
    NotConverged,
    NotFinite,
    NotNested,
    OptionInvalid,
    PopulationTooSmall,
)
from analysis.fold.coding import Measure, Scale
from analysis.fold.raking import rake
from analysis.fold.ratios import domain_ratios
from analysis.fold.sources import Arrays, Csv, Parquet, Source
from analysis.fold.stage import FirstStage

ITEMS = ("q1", "q2", "q3")
SCALE = Scale(5, frozenset({4, 5}))
CLUSTERS = FirstStage("w", LonelyPsu.FAIL, "psu", "stratum")


def survey(n: int = 400, seed: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    psu = rng.integers(0, 24, n)
    columns: dict[str, Any] = {
        "psu": psu, "stratum": psu // 6, "dom": rng.integers(0, 4, n), "sex": rng.integers(0, 2, n),
        "age": rng.integers(0, 3, n), "w": 20 * np.exp(rng.normal(0, 0.6, n)), "N": 30.0 + 10 * (psu // 6),
        "class": (psu // 6) * 2 + rng.integers(0, 2, n),
    }  # fmt: skip
    for item in ITEMS:
        answers = np.clip(np.round(3.6 + rng.normal(0, 1.2, n) + 0.4 * np.sin(psu)), 1, 5).astype(np.int8)
        columns[item] = np.where(rng.random(n) < 0.1, 0, answers).astype(np.int8)
    return columns


DATA = survey()


def ratios(source: Source, design: FirstStage = CLUSTERS, **options: Any) -> Any:
    told = {"domain": "dom", "items": ITEMS, "scale": SCALE, "numerator": Measure.SATISFIED, **options}
    return domain_ratios(source, design, **told)


@pytest.mark.parametrize(
    ("margins", "leaf"),
    [
        ({"sex": {0: 1.0}}, MarginLevelUnknown),
        ({"sex": {0: 1.0, 1: 2.0, 7: 3.0}}, MarginLevelAbsent),
        ({"sex": {0: 1.0, 1: float("nan")}}, MarginTotalInvalid),
        ({"sex": {0: 1.0, 1: -2.0}}, MarginTotalInvalid),
        ({"sex": {0: 1.0, 1: 2.0}, "age": {0: 1.0, 1: 2.0, 2: 3.0}}, MarginsContradict),
        ({"sex": {0: 3.0, 1: 2.0}, "twin": {0: 1.0, 1: 4.0}}, NotConverged),
        ({}, OptionInvalid),
    ],
)
def test_margins_that_cannot_be_met_are_refused(margins: Any, leaf: type[AnalysisError]) -> None:
    with pytest.raises(leaf):
        rake(Arrays({**DATA, "twin": DATA["sex"]}), "w", margins, max_iterations=50)


def broken(**columns: Any) -> Arrays:
    return Arrays({**DATA, **columns}, 150, 70)


def at(row: int, column: str, value: Any, kind: type = float) -> Any:
    changed = DATA[column].astype(kind)
    changed[row] = value
    return changed


def test_a_weight_that_is_no_weight_is_refused_with_its_row() -> None:
    for value, leaf in ((np.nan, NotFinite), (np.inf, NotFinite), (-1.0, NegativeWeight), (1e80, OptionInvalid)):
        with pytest.raises(leaf) as caught:
            ratios(broken(w=at(333, "w", value)))
        assert getattr(caught.value, "row", 333) == 333


def test_an_answer_outside_the_scale_is_refused_with_its_place() -> None:
    text = np.where(DATA["q2"] == 0, ".", DATA["q2"].astype(str)).astype(object)
    text[7] = "maybe"
    for column in (at(7, "q2", 6), at(7, "q2", -2), at(7, "q2", 2.5), text):
        with pytest.raises(CellInvalid) as caught:
            ratios(broken(q2=column))
        assert (caught.value.row, caught.value.column) == (8, "q2")


def test_a_missing_label_or_column_is_refused() -> None:
    with pytest.raises(NotFinite) as caught:
        ratios(broken(dom=at(9, "dom", None, object)))
    assert caught.value.row == 9
    with pytest.raises(ColumnMissing):
        ratios(Arrays(DATA), FirstStage("w", LonelyPsu.FAIL, "cluster", "stratum"))


def test_a_unit_in_two_strata_is_refused_unless_labels_nest() -> None:
    moved = broken(stratum=at(0, "stratum", (DATA["stratum"][0] + 1) % 4, int))
    with pytest.raises(NotNested):
        ratios(moved)
    assert ratios(moved, FirstStage("w", LonelyPsu.REMOVE, "psu", "stratum", nest=True)).se.min() > 0


def test_a_population_smaller_than_its_sample_or_changing_in_a_stratum_is_refused() -> None:
    design = FirstStage("w", LonelyPsu.FAIL, "psu", "stratum", "N")
    with pytest.raises(PopulationTooSmall):
        ratios(broken(N=np.full(400, 3.0)), design)
    with pytest.raises(NotNested):
        ratios(broken(N=at(0, "N", 99.0)), design)


def test_an_empty_domain_is_refused_or_named_by_its_zero_count() -> None:
    silent = broken(q1=np.where(DATA["dom"] == 2, 0, DATA["q1"]))
    with pytest.raises(EmptyDomain):
        ratios(silent)
    found = ratios(silent, allow_empty=True)
    assert found.n[2, 0] == 0
    assert np.isnan(found.values).sum() == np.isnan(found.se).sum() == 1
    for nothing in (Arrays({name: column[:0] for name, column in DATA.items()}), broken(w=np.zeros(400))):
        with pytest.raises(EmptyDomain):
            ratios(nothing)


def test_a_file_that_is_no_table_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    for data in (b"", "psu,stratum,dom,w,q1,q2,q3\n1,1,Hà Nội,1,5,5,5\n".encode("utf-16"), b"\x00\x01\x02"):
        path.write_bytes(data)
        with pytest.raises((FileUnreadable, ColumnMissing)):
            ratios(Csv((path,), frozenset({"w"})))
    path.write_bytes("psu,stratum,dom,w,q1,q2,q3\n1,1,Hà Nội,1,5,5,5\n".encode("latin-1", "replace") + b"\xff\n")
    with pytest.raises(FileUnreadable):
        ratios(Csv((path,), frozenset({"w"})))
    path.write_text("psu,stratum,dom,w,w,q1,q2,q3\n")
    with pytest.raises(DuplicateKey):
        ratios(Csv((path,), frozenset({"w"})))
    path.write_text(json.dumps({}))
    for missing in (path, tmp_path / "no.parquet"):
        with pytest.raises(FileUnreadable):
            ratios(Parquet((missing,)))
