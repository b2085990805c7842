"""The province's own margins: traits that classes of all units share, met by all units together."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from analysis.components.citizens import make_wave
from analysis.components.moments import Sampling, make_moments
from analysis.components.strata import make_strata
from analysis.components.traits import province_weights
from analysis.components.weighting import calibrated_weights, design_weights, make_frame
from analysis.design import Calibration, LonelyPsu, declare, reweighted
from analysis.errors import CellInvalid, CodeUnknown, ColumnMissing, DuplicateKey
from analysis.extract import Extract, read_extract, score, write_extract, write_scores
from analysis.variance import covariance

GOOD, BAD = ["5", "4", "5", "4"], ["1", "2", "3", "1"]
OVERALL = {"level_of": "overall", "rule": "top2box", "answers": "all"}


def late_wave(make: Any, units: int = 8, *, late: int = 4, named: bool = True) -> Any:
    """Units in which late dossiers are a third of the frame and of few answers, and less content."""
    tables = make.tables()
    rng = np.random.default_rng(4)
    for number in range(units):
        unit = f"u{number}"
        time = [GOOD if yes else BAD for yes in rng.random(24) < 0.9]
        few = [GOOD if yes else BAD for yes in rng.random(late) < 0.3]
        tables.cell(unit, time, stratum=f"{unit}|F", code=f"{unit}|1", population=200, invited=30, weight=300 / 60)
        tables.cell(unit, few, stratum=f"{unit}|F", code=f"{unit}|2", population=100, invited=30, weight=300 / 60)
        if named:
            tables.trait(unit, f"{unit}|1", "on_time")
            tables.trait(unit, f"{unit}|2", "late")
    tables.answers["fpc"] = [300] * len(tables.answers["fpc"])
    return tables


def parts(extract: Extract) -> Any:
    frame = make_frame(extract.sample, extract.margins, extract.traits)
    wave = make_wave(extract.groups, frame, extract.instrument, extract.manifest.rated())
    weighted = calibrated_weights(wave.groups, wave.frame)
    return wave, weighted, *province_weights(wave.groups, wave.frame, weighted)


def test_all_units_together_meet_the_late_dossiers_that_no_unit_meets_alone(make: Any) -> None:
    wave, own, whole, told = parts(late_wave(make).extract())
    late = np.array([group.class_.endswith("2") for group in wave.groups.groups])
    counts = wave.groups.counts
    assert (own.weights * counts)[late].sum() < 500
    assert (whole.weights * counts)[late].sum() == pytest.approx(800)
    for unit in wave.units:
        mine = np.array([group.unit == unit for group in wave.groups.groups])
        assert (whole.weights * counts)[mine].sum() == pytest.approx(300)
    assert told["timing"]["met"] is True
    assert told["timing"]["levels"]["late"]["dossiers"] == "800.000000"


def test_only_the_adjusted_figure_of_the_province_moves(make: Any, tmp_path: Any) -> None:
    plain, traced = (score(late_wave(make, named=named).extract()) for named in (False, True))
    for before, after in zip(plain.rows, traced.rows, strict=True):
        assert (before == after) == (before.unit != "75" or before.weighting == "design")
    before, after = (make.find(one, unit="75", weighting="calibrated", **OVERALL) for one in (plain, traced))
    assert float(after.index) < float(before.index) - 5  # the late are less content
    write_scores(traced, tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_text())["province_margins"]
    assert told["all"]["timing"]["met"] is True


def test_the_variance_is_that_of_the_residual_from_cells_and_levels(make: Any) -> None:
    extract = late_wave(make).extract()
    wave, _, whole, _ = parts(extract)
    groups = wave.groups
    units = np.array([wave.units.index(group.unit) for group in groups.groups])
    sampling = Sampling(whole, make_strata(groups, wave.frame))
    made = make_moments(groups, units, np.full(len(wave.units), 300.0), sampling)
    answers = extract.answers
    place = {group.class_: number for number, group in enumerate(groups.groups)}
    row = np.array([place[code] for code in answers["class"].values()])
    weights, cells, levels = whole.weights[row], *(codes[row] for codes in whole.calibration.margins)
    population = np.bincount(cells, weights=weights)[cells]
    design = declare(answers.weight_base, lonely_psu=LonelyPsu.FAIL, strata=[cells], population=[population])
    record = Calibration(whole.calibration.before[row], weights, (cells, levels))
    satisfied = np.array([column.among(["4", "5"]) for column in (answers.items[f"S{i}"] for i in range(1, 5))]).T
    expected = covariance(reweighted(design, weights, record), weights[:, None] * satisfied)
    assert made.omega.sum(axis=0)[4:8, 4:8] == pytest.approx(expected, rel=1e-9)


def test_a_level_of_fewer_than_ten_answers_is_moved_nowhere(make: Any) -> None:
    _, own, whole, told = parts(late_wave(make, units=2).extract())  # eight late answers in all
    assert whole is own
    assert told["timing"]["met"] is False
    _, own, whole, told = parts(late_wave(make, late=0).extract())
    assert whole is own


def test_a_margin_goes_no_further_than_one_answer_may_weigh_and_says_so(make: Any) -> None:
    tables = late_wave(make, units=12, late=1)
    for name in ("sample", "margins"):
        columns = getattr(tables, name)
        key = "population" if name == "sample" else "total"
        codes = columns["class" if name == "sample" else "level"]
        columns[key] = [{"1": 30, "2": 280}[code[-1]] for code in codes]
    wave, own, whole, told = parts(tables.extract())
    ratio, counts, late = whole.weights / own.weights, wave.groups.counts, told["timing"]["levels"]["late"]
    assert ratio.max() == pytest.approx(3)
    cells = own.calibration.margins[0]
    sums = [np.bincount(cells, one.weights * counts) for one in (own, whole)]
    assert sums[0] == pytest.approx(sums[1])
    assert float(late["by_units_weights"]) < float(late["reached"]) < float(late["dossiers"])
    assert told["timing"]["met"] is False
    assert "times its unit's" in told["timing"]["why"]


def test_the_folder_keeps_the_traits_and_refuses_what_does_not_fit(make: Any, tmp_path: Any) -> None:
    tables = late_wave(make)
    write_extract(tables.extract(), tmp_path)
    again = read_extract(tmp_path)
    assert again.digest == tables.extract().digest
    assert score(again).rows == score(tables.extract()).rows
    tables.trait("u0", "u0|1", "late")
    with pytest.raises(DuplicateKey, match=r"u0\|1"):
        tables.extract()
    tables.traits["class"][-1] = "u0|9"
    with pytest.raises(CodeUnknown, match=r"u0\|9"):
        score(tables.extract())
    del tables.traits["level"]
    with pytest.raises(ColumnMissing, match="level"):
        tables.extract()


@pytest.mark.parametrize(("column", "name"), [("trait", ""), ("level", ""), ("level", "other")])
def test_a_trait_and_its_levels_have_names_that_no_collapsed_level_has(make: Any, column: str, name: str) -> None:
    tables = late_wave(make)
    tables.traits[column][2] = name
    with pytest.raises(CellInvalid) as refused:
        tables.extract()
    assert (refused.value.file, refused.value.row, refused.value.column) == ("traits.csv", 4, column)


def test_design_weights_and_a_wave_of_nobody_have_no_margin_of_the_province(make: Any) -> None:
    extract = late_wave(make).extract()
    frame = make_frame(extract.sample, extract.margins, extract.traits)
    by_design = design_weights(extract.groups)
    assert province_weights(extract.groups, frame, by_design) == (by_design, {})
