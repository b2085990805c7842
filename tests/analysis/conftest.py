"""Small waves with a known truth for the tests of the score: the tables of an extract, made by hand or drawn."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.components.rows import Row
from analysis.extract import Extract, Scores, make_extract, write_extract

ITEMS = ("S1", "S2", "S3", "S4")  # factor I: S1, S2; factor II: S3, S4
ANSWERS = ("phase", "mode", "unit", "stratum", "psu", "fpc", "weight_base", "class", "flag")
SAMPLE = ("unit", "stratum", "class", "population", "drawn", "kept", "invited", "answered", "weight_sum")
MARGINS = ("margin", "unit", "level", "total")
INPUTS = ("unit", "code", "value", "source")

INSTRUMENT = """
code = "mini"
version = "1"
audience = "{audience}"
satisfied = ["4", "5"]
[[group]]
code = "SERVICE"
[[factor]]
code = "I"
group = "SERVICE"
[[factor]]
code = "II"
group = "SERVICE"
[[options]]
code = "sat5"
choices = [{{ code = "5" }}, {{ code = "4" }}, {{ code = "3" }}, {{ code = "2" }}, {{ code = "1" }}]
[[options]]
code = "yesno"
choices = [{{ code = "yes" }}, {{ code = "no" }}]
"""
UNSCORED = """
[[item]]
code = "late"
factor = "II"
type = "single"
options = "yesno"
scored = false
[[item]]
code = "sex"
type = "single"
options = "yesno"
fact = true
"""
SCHEME = """
code = "{code}"
version = "1"
level = "{level}"
{keys}
[officials_values]
5 = 1.0
4 = 0.75
3 = 0.5
2 = 0.25
1 = 0.0
[rater_weights]
HDND = 1
XA = 1
[[grade]]
code = "XS"
min = 90
[[grade]]
code = "T"
min = 80
[[grade]]
code = "Y"
min = 0
[[area]]
code = "1"
max = 83.5
[[area.criterion]]
code = "1.1"
max = 61.5
source = "appraisal"
rule = {{ kind = "manual" }}
[[area.criterion]]
code = "1.10"
max = 22
[[area.criterion.component]]
code = "1.10.1"
max = 12
source = "survey"
rule = {{ kind = "officials", items = ["S1", "S2"] }}
[[area.criterion.component]]
code = "1.10.2"
max = 10
source = "survey"
rule = {{ kind = "officials", items = ["S3"] }}
[[area]]
code = "8"
max = 16.5
[[area.criterion]]
code = "8.1"
max = 10
source = "survey"
rule = {{ kind = "satisfaction", level_of = "overall", code = "overall" }}
[[area.criterion]]
code = "8.2"
max = 6.5
[[area.criterion.component]]
code = "8.2.1"
max = 1.5
source = "socio_economic"
rule = {{ kind = "linear", floor = 50, target = 100 }}
[[area.criterion.component]]
code = "8.2.2"
max = 1.5
source = "socio_economic"
rule = {{ kind = "linear_cap", target = 200 }}
[[area.criterion.component]]
code = "8.2.3"
max = 1.5
source = "socio_economic"
rule = {{ kind = "bands", bands = [{{ min = 100, points = 1.5 }}, {{ min = 90, points = 1 }}] }}
[[area.criterion.component]]
code = "8.2.4"
max = 2
source = "socio_economic"
rule = {{ kind = "manual" }}
"""
SCHEME_KEYS: dict[str, object] = {
    "index_rule": '"top2box"', "aggregation": '"item_mean"', "weighting": '"design"', "grade_on": '"published"',
    "level_average": '"plain"', "min_valid_unit": 10, "min_valid_item": 10, "bonus_penalty": "false", "decimals": 2,
    "rounding": '"half_up"',
}  # fmt: skip


def instrument(items: Sequence[str] = ITEMS, audience: str = "citizens") -> str:
    text = INSTRUMENT.format(audience=audience)
    for place, item in enumerate(items):
        factor = "I" if place < (len(items) + 1) // 2 else "II"
        text += f'[[item]]\ncode = "{item}"\nfactor = "{factor}"\ntype = "single"\noptions = "sat5"\n'
    return text + (UNSCORED if audience == "citizens" else "")


def scheme(code: str = "local", level: str = "commune", **keys: object) -> str:
    told = {key: f'"{value}"' if isinstance(value, str) and value not in ("true", "false") else value
            for key, value in keys.items()}  # fmt: skip
    lines = [f"{key} = {value}" for key, value in {**SCHEME_KEYS, **told}.items()]
    return SCHEME.format(code=code, level=level, keys="\n".join(lines))


def manifest(units: Mapping[str, str], names: Mapping[str, str] | None = None, **keys: object) -> dict[str, Any]:
    names = names or {}
    told = [
        {"code": code, "name_vi": names.get(code, f"Đơn vị {code}"), "name_en": code, "type": kind, "rated": True}
        for code, kind in units.items()
    ]
    return {
        "format": 1, "wave": "w", "kind": "real", "audience": "citizens", "year": 2025, "period_from": "2025-01-01",
        "period_to": "2025-12-31", "code_version": "test", "seed": 1, "units": told,
        "province": {"code": "75", "name_vi": "Tỉnh thử", "name_en": "Test province"}, **keys,
    }  # fmt: skip


@dataclass
class Tables:
    """The columns of an extract under construction."""

    units: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    sample: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    margins: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    inputs: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    items: tuple[str, ...] = ITEMS
    schemes: list[str] = field(default_factory=lambda: [scheme()])
    names: dict[str, str] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    previous: dict[str, bytes] = field(default_factory=dict)
    traits: dict[str, list[Any]] = field(default_factory=dict)

    def cell(
        self, unit: str, answers: Sequence[Sequence[str]], *, stratum: str = "", code: str = "", population: int = 100,
        invited: int | None = None, weight: float | None = None, fpc: int | None = None, **cells: str,
    ) -> None:  # fmt: skip
        """One class with its answers (a row of item codes each); everybody kept is invited."""
        stratum = stratum or f"{unit}|F1"
        code = code or f"{stratum}|c"
        self.units.setdefault(unit, "commune")
        asked = len(answers) if invited is None else invited
        each = population / max(asked, 1) if weight is None else weight
        for row in answers:
            self.answer(unit, row, stratum=stratum, code=code, fpc=fpc or population, weight=each, **cells)
        told = (unit, stratum, code, population, asked, asked, asked, len(answers), each * asked)
        _add(self.sample, dict(zip(SAMPLE, told, strict=True)))
        self.margin("class", unit, code, population)

    def answer(
        self, unit: str, row: Sequence[str], *, stratum: str, code: str, fpc: float, weight: float, **cells: str
    ) -> None:
        told = {"phase": "main", "mode": "link", "psu": "", "flag": "", "late": "no", "unit": unit, **cells}
        numbers = {"stratum": stratum, "fpc": fpc, "weight_base": weight, "class": code}
        _add(self.answers, {**told, **numbers, **dict(zip(self.items, row, strict=True))})

    def margin(self, kind: str, unit: str, level: str, total: float) -> None:
        _add(self.margins, dict(zip(MARGINS, (kind, unit, level, total), strict=True)))

    def input(self, unit: str, code: str, value: float) -> None:
        _add(self.inputs, dict(zip(INPUTS, (unit, code, value, "test"), strict=True)))

    def trait(self, unit: str, code: str, level: str, trait: str = "timing") -> None:
        _add(self.traits, {"unit": unit, "class": code, "trait": trait, "level": level})

    def all_margins(self) -> dict[str, list[Any]]:
        """The margins with a unit total for every unit that has classes."""
        totals: dict[str, float] = defaultdict(float)
        for kind, unit, total in zip(*(self.margins[name] for name in ("margin", "unit", "total")), strict=True):
            totals[unit] += total if kind == "class" else 0
        margins = {name: list(self.margins[name]) for name in MARGINS}
        for unit, total in totals.items():
            _add(margins, dict(zip(MARGINS, ("unit", unit, unit, total), strict=True)))
        return margins

    def extract(self) -> Extract:
        return make_extract(
            answers={name: self.answers[name] for name in (*ANSWERS, *self.items, "late")},
            sample={name: self.sample[name] for name in SAMPLE},
            margins=self.all_margins(),
            inputs={name: self.inputs[name] for name in INPUTS},
            instrument=instrument(self.items),
            schemes=self.schemes,
            manifest=manifest(self.units, self.names, **self.keys),
            previous=self.previous,
            traits=self.traits or None,
        )


@dataclass
class OfficialTables:
    """The columns of an officials' extract: ratings, and raters of each group (population, invited)."""

    units: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[str, tuple[int, int]] = field(default_factory=lambda: {"HDND": (40, 40), "XA": (60, 60)})
    inputs: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    schemes: list[str] = field(default_factory=lambda: [scheme()])
    keys: dict[str, Any] = field(default_factory=dict)

    def rate(self, rater: str, group: str, unit: str, row: Sequence[str], **cells: str) -> None:
        self.units.setdefault(unit, "commune")
        told = {"phase": "main", "mode": "link", "rater": rater, "unit": unit, "stratum": group, "psu": rater}
        told |= {"class": group, "flag": "", **cells}
        numbers = {"fpc": self.groups[group][0], "weight_base": 1}
        _add(self.answers, {**told, **numbers, **dict(zip(ITEMS, row, strict=True))})

    def input(self, unit: str, code: str, value: float) -> None:
        _add(self.inputs, dict(zip(INPUTS, (unit, code, value, "test"), strict=True)))

    def extract(self) -> Extract:
        raters: dict[str, set[str]] = defaultdict(set)
        for rater, group in zip(self.answers["rater"], self.answers["stratum"], strict=True):
            raters[group].add(rater)
        sample: dict[str, list[Any]] = defaultdict(list)
        for group, (size, asked) in self.groups.items():
            told = ("", group, group, size, asked, asked, asked, len(raters[group]), float(asked))
            _add(sample, dict(zip(SAMPLE, told, strict=True)))
        return make_extract(
            answers={name: self.answers[name] for name in (*ANSWERS[:2], "rater", *ANSWERS[2:], *ITEMS)},
            sample=sample,
            margins={name: [] for name in MARGINS},
            inputs={name: self.inputs[name] for name in INPUTS},
            instrument=instrument(ITEMS, "officials"),
            schemes=self.schemes,
            manifest=manifest(self.units, **{"audience": "officials", **self.keys}),
        )


def find(scores: Scores, **wanted: str) -> Row:
    """The one row with these cells."""
    rows = [row for row in scores.rows if all(getattr(row, name) == cell for name, cell in wanted.items())]
    assert len(rows) == 1, f"{len(rows)} rows for {wanted}"
    return rows[0]


def drawn_wave(seed: int, *, units: int = 6, cut: float = 1.0, drawn: int = 40) -> tuple[Tables, dict[str, float]]:
    """A wave drawn from finite populations with a latent effect of each person; late dossiers are less satisfied and
    answer less. Returns it with each unit's true overall top2box index."""
    rng = np.random.default_rng(seed)
    tables, truth = Tables(), {}
    for number in range(units):
        unit, satisfied = f"u{number:03d}", []
        for stratum in (f"u{number:03d}|F1", f"u{number:03d}|F2"):
            size = int(rng.integers(150, 400))
            late = rng.random(size) < 0.3
            latent = 0.7 * (rng.normal(size=(size, 1)) + rng.normal(size=(size, len(ITEMS))))
            codes = np.digitize(latent + (cut - 0.5 * late)[:, None], (-1.5, -0.8, 0.0, 0.9)) + 1
            satisfied.append(codes >= 4)
            chosen = rng.choice(size, drawn // 2, replace=False)
            for name, inside, rate in (("late", late, 0.5), ("time", ~late, 0.8)):
                kept = chosen[inside[chosen]]
                replied = codes[kept[rng.random(len(kept)) < rate]].astype(str)
                replied[rng.random(replied.shape) < 0.05] = "."
                tables.cell(
                    unit, replied.tolist(), stratum=stratum, code=f"{stratum}|{name}", population=int(inside.sum()),
                    invited=len(kept), weight=size / (drawn // 2), fpc=size,
                )  # fmt: skip
        truth[unit] = 100 * float(np.concatenate(satisfied).mean())
    return tables, truth


def two_units(first: Sequence[Sequence[str]], **cell: Any) -> Tables:
    """Unit u1 as given; u2 with 20 mixed answers beside it."""
    tables = Tables()
    tables.cell("u1", first, population=200, **cell)
    second = [["5", "4", "5", "4"]] * 12 + [["1", "2", "3", "1"]] * 4 + [["5", "2", "4", "1"]] * 4
    tables.cell("u2", second, population=300)
    return tables


def _add(columns: dict[str, list[Any]], cells: Mapping[str, Any]) -> None:
    for name, cell in cells.items():
        columns.setdefault(name, []).append(cell)


Edit = Callable[[bytes], bytes]


def cell(row: int, column: str, value: str) -> Edit:
    """Another cell in a small CSV file."""

    def edit(data: bytes) -> bytes:
        table = [line.split(",") for line in data.decode().splitlines()]
        table[row - 1][table[0].index(column)] = value
        return "".join(",".join(line) + "\n" for line in table).encode()

    return edit


def edited(tables: Tables, folder: Path, name: str, edit: Edit) -> Path:
    """A folder in which somebody changed one file and told the manifest."""
    write_extract(tables.extract(), folder)
    (folder / name).write_bytes(edit((folder / name).read_bytes()))
    manifest = json.loads((folder / "manifest.json").read_text())
    if name != "manifest.json":
        manifest["hashes"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@dataclass(frozen=True)
class Make:
    """What the tests of the score are made with."""

    tables = Tables
    officials = OfficialTables
    scheme = staticmethod(scheme)
    instrument = staticmethod(instrument)
    manifest = staticmethod(manifest)
    find = staticmethod(find)
    drawn = staticmethod(drawn_wave)
    two_units = staticmethod(two_units)
    cell = staticmethod(cell)
    edited = staticmethod(edited)


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()
