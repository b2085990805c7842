"""The scoring scheme as data: what is shipped, how values become grades, and how each fault is named."""

from dataclasses import replace
from decimal import Decimal

import pytest

from survey.errors.common import UnknownScheme
from survey.faults import FaultyFile
from survey.instrument import builtin_instrument
from survey.rule import Bands, Linear, LinearCap, Manual, Officials, Satisfaction, Source
from survey.scheme import Scheme, Status, builtin_scheme, builtin_schemes, check_scheme_against, load_scheme

SMALL = """
code = "small"
version = "1"
years = [2025]
level = "department"
legal_basis = "none"
status = "sample"
name = { vi = "Bộ tiêu chí", en = "Scheme" }
index_rule = "top2box"
aggregation = "item_mean"
weighting = "design"
grade_on = "published"
ties = "same_rank"
level_average = "plain"
min_valid_unit = 10
min_valid_item = 10
bonus_penalty = false
decimals = 2
rounding = "half_up"
officials_values = { 5 = 1.0, 4 = 0.75, 3 = 0.5, 2 = 0.25, 1 = 0.0 }
rater_weights = { HDND = 2, LDXA = 1 }
grade = [
  { code = "A", name = { vi = "Tốt", en = "Good" }, min = 90 },
  { code = "B", name = { vi = "Khá", en = "Fair" }, min = 50 },
  { code = "C", name = { vi = "Yếu", en = "Weak" }, min = 0 },
]

[[area]]
code = "1"
name = { vi = "Một", en = "One" }
max = 60

[[area.criterion]]
code = "1.1"
name = { vi = "Tiêu chí", en = "Criterion" }
max = 20.5
component = [
  { code = "1.1.1", name = { vi = "a", en = "a" }, max = 10.2, source = "survey", rule = { kind = "officials", items = ["L1"] } },
  { code = "1.1.2", name = { vi = "b", en = "b" }, max = 10.3, source = "appraisal", rule = { kind = "linear", floor = 0, target = 80 } },
]

[[area.criterion]]
code = "1.10"
name = { vi = "Tiêu chí", en = "Criterion" }
max = 39.5
source = "socio_economic"
rule = { kind = "bands", bands = [{ min = 90, points = 39.5 }, { min = 50.5, points = 10 }] }

[[area]]
code = "2"
name = { vi = "Hai", en = "Two" }
max = 40

[[area.criterion]]
code = "2.1"
name = { vi = "Hài lòng", en = "Satisfaction" }
max = 40
source = "survey"
rule = { kind = "satisfaction", level_of = "overall", code = "overall" }
"""  # noqa: E501 (one component a line)


def told(text: str) -> list[str]:
    with pytest.raises(FaultyFile) as refusal:
        load_scheme(text, file="small.toml")
    return str(refusal.value).splitlines()


@pytest.fixture(params=["local-department-sample", "local-commune-sample"])
def local(request: pytest.FixtureRequest) -> Scheme:
    return builtin_scheme(request.param)


def test_the_local_schemes_are_samples_of_eight_contents_and_one_hundred_points(local: Scheme) -> None:
    assert local.code in builtin_schemes()
    assert (local.status, len(local.areas), sum(area.max for area in local.areas)) == (Status.SAMPLE, 8, 100)
    assert [grade.name("vi") for grade in local.grades] == ["Xuất sắc", "Tốt", "Khá", "Trung bình", "Yếu"]


def test_the_officials_points_lie_in_six_areas_and_the_impact_in_the_eighth(local: Scheme) -> None:
    asked = {area.code: [one for part in area.criteria for one in part.scored_by] for area in local.areas}
    officials = {area for area, parts in asked.items() if any(isinstance(one.rule, Officials) for one in parts)}
    assert officials == {"1", "2", "4", "5", "6", "7"}
    satisfaction = [one for one in asked["8"] if isinstance(one.rule, Satisfaction)]
    assert [one.max for one in satisfaction] == [10]
    assert {one.source for one in asked["8"]} == {Source.SURVEY, Source.SOCIO_ECONOMIC}
    assert {Linear, LinearCap, Bands, Manual} <= {type(one.rule) for one in asked["8"]}


def test_the_local_schemes_find_their_items_in_the_shipped_instruments(local: Scheme) -> None:
    assert check_scheme_against(local, builtin_instrument("officials-sample")) == ()
    assert check_scheme_against(local, builtin_instrument("service-2025")) == ()
    used = {code for one in local.components if isinstance(one.rule, Officials) for code in one.rule.items}
    assert used == {item.code for item in builtin_instrument("officials-sample").items}


def test_each_level_rates_its_own_kinds_of_units() -> None:
    kinds = ["department", "vertical", "commune", "ward", "special_zone", "district", "province"]
    rated = {code: [kind for kind in kinds if builtin_scheme(code).rates(kind)] for code in builtin_schemes()}
    assert rated["local-department-sample"] == ["department", "vertical"]
    assert rated["local-commune-sample"] == ["commune", "ward", "special_zone"]


def test_codes_are_text_so_that_1_1_and_1_10_differ() -> None:
    assert [one.code for one in load_scheme(SMALL).components] == ["1.1.1", "1.1.2", "1.10", "2.1"]
    assert [one.code for one in load_scheme(SMALL).typed_in] == ["1.1.2", "1.10"]


def test_points_are_added_exactly() -> None:
    assert load_scheme(SMALL).criteria[0].max == Decimal("10.2") + Decimal("10.3")


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(UnknownScheme):
        builtin_scheme("none")


FAULTS = [
    ("decimals = 2\n", "", "decimals: this is missing"),
    ("bonus_penalty = false\n", "", "bonus_penalty: this is missing"),
    ("decimals = 2", "decimals = -1", "decimals: out of range: -1 < 0"),
    ("decimals = 2", "decimals = 2\nround = 1", "round: no such key here"),
    ("years = [2025]", 'years = ["2025"]', "years: this must be a list of whole numbers"),
    ('rounding = "half_up"', 'rounding = "up"', "rounding: not one of half_up, truncate"),
    ('name = { vi = "Hai", en = "Two" }', 'name = { vi = "Hai" }',
     "area[2].name.en: the text in language en is missing"),
    ('code = "1.10"', "code = 1.10", "area[1].criterion[2].code: a code is text, write it in quotes: 1.10"),
    ('code = "1.10"', 'code = "1.1"', 'area[1].criterion[2].code: "1.1" was given before'),
    ("max = 10.3", "max = 10.4", "area[1].criterion[1].component: the parts do not add up: 20.6 ≠ 20.5"),
    ("max = 39.5\n", "max = 39.6\n", "area[1].criterion: the parts do not add up: 60.1 ≠ 60"),
    ("bonus_penalty = false", "bonus_penalty = 0", "bonus_penalty: this must be true or false"),
    ("min = 50 }", "min = 90 }", "grade[2].min: two lines begin at the same limit: 90"),
    ("min = 50 }", "min = 95 }", "grade[2].min: the limits must fall from line to line: 95 > 90"),
    ("min = 0 }", "min = 1 }", "grade[3].min: the last line must begin at 0, not at 1"),
    ("min = 50.5", "min = 90", "area[1].criterion[2].rule.bands[2].min: two lines begin at the same limit: 90"),
    ("min = 50.5", "min = 91",
     "area[1].criterion[2].rule.bands[2].min: the limits must fall from line to line: 91 > 90"),
    ("points = 10 ", "points = 40 ", "area[1].criterion[2].rule.bands[2].points: out of range: 40, not 0 .. 39.5"),
    ("floor = 0, ", "", "area[1].criterion[1].component[2].rule.floor: this is missing"),
    ("floor = 0", "floor = 80", "area[1].criterion[1].component[2].rule.target: out of range: floor = target = 80"),
    ('items = ["L1"]', "items = []", "area[1].criterion[1].component[1].rule.items: this is empty"),
    ('kind = "linear"', 'kind = "curve"',
     "area[1].criterion[1].component[2].rule.kind: "
     "not one of officials, satisfaction, linear, linear_cap, bands, manual"),
    ('source = "socio_economic"', 'source = "survey"',
     'area[1].criterion[2].rule.kind: this does not go with source "survey"'),
    ('code = "overall"', 'code = "all"', "area[2].criterion[1].rule.code: not one of overall"),
    ("5 = 1.0", "5 = 1.5", "officials_values.5: out of range: 1.5, not 0 .. 1"),
    ("officials_values = {", "#", "officials_values: this is missing"),
    ("HDND = 2", "HDND = 0", "rater_weights.HDND: out of range: 0, not above 0"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "fault"), FAULTS, ids=[fault for _, _, fault in FAULTS])
def test_a_fault_is_named_once_with_its_place_and_reason(old: str, new: str, fault: str) -> None:
    assert old in SMALL
    assert told(SMALL.replace(old, new, 1)) == [f"small.toml: {fault}"]


def test_the_areas_must_give_one_hundred_points() -> None:
    faults = told(SMALL.replace("max = 40\n", "max = 41\n"))
    assert faults == ["small.toml: area: the parts do not add up: 101 ≠ 100"]


def test_a_rule_that_asks_for_more_than_the_instrument_has_is_named() -> None:
    officials = builtin_instrument("officials-sample")
    text = SMALL.replace('["L1"]', '["L1", "L9"]').replace("4 = 0.75, ", "")
    assert [str(fault) for fault in check_scheme_against(load_scheme(text, file="small.toml"), officials)] == [
        'small.toml: officials_values.4: no value is given for the choice "4" (L1)',
        'small.toml: area[1].criterion[1].component[1].rule.items: unknown item "L9"',
    ]
    unscored = replace(officials, items=tuple(replace(item, scored=False) for item in officials.items))
    assert ["not scored" in str(fault) for fault in check_scheme_against(load_scheme(SMALL), unscored)] == [True]


@pytest.mark.parametrize(("level", "code"), [("group", "POLICY"), ("factor", "VI"), ("item", "A1")])
def test_a_satisfaction_rule_needs_its_group_factor_or_item(level: str, code: str) -> None:
    text = SMALL.replace('level_of = "overall", code = "overall"', f'level_of = "{level}", code = "{code}"')
    faults = check_scheme_against(load_scheme(text, file="small.toml"), builtin_instrument("service-2025"))
    assert [str(fault) for fault in faults] == [f'small.toml: area[2].criterion[1].rule.code: unknown {level} "{code}"']


@pytest.mark.parametrize(
    ("code", "years"), [("par-index-2022", (2022, 2023)), ("par-index-2024", tuple(range(2024, 2031)))]
)
def test_the_national_schemes_have_the_published_areas_and_blocks(code: str, years: tuple[int, ...]) -> None:
    scheme = builtin_scheme(code)
    areas = ["9.5", "10", "13", "11.5", "15", "12", "12.5", "16.5"]
    assert (scheme.years, [area.max for area in scheme.areas]) == (years, [Decimal(most) for most in areas])
    officials = [one for one in scheme.components if isinstance(one.rule, Officials)]
    assert {one.code.partition(".")[0] for one in officials} == {"1", "2", "4", "5", "6", "7"}
    sums = {source: sum(one.max for one in scheme.components if one.source is source) for source in Source}
    assert sums == {Source.APPRAISAL: Decimal("61.5"), Source.SURVEY: 32, Source.SOCIO_ECONOMIC: Decimal("6.5")}
    assert sum(one.max for one in officials) == 22
    assert {group.code: group.max for group in scheme.groups} == {
        "HS": Decimal("61.5"), "LD": Decimal(22), "TD": Decimal("38.5"),
    }  # fmt: skip
    assert check_scheme_against(scheme, builtin_instrument("officials-sample")) == ()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"7.2", "8"]', '"7.2", "9"]', 'group[3].parts: no area, criterion or component "9" in this scheme'),
        ('"7.2", "8"]', '"7.2", "8", "8.1"]', 'group[3].parts: "8.1" was given before'),
        ("max = 38.5", "max = 38", "group[3].max: the parts do not add up: 38.5 ≠ 38"),
        ('code = "TD"', 'code = "8.1"', 'group[3].code: "8.1" was given before'),
    ],
)
def test_a_group_of_points_that_cannot_be_is_named(old: str, new: str, fault: str) -> None:
    text = builtin_scheme("par-index-2022").source
    assert f"small.toml: {fault}" in told(text.replace(old, new))
