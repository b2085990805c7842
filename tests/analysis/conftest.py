"""Small waves with a known truth for the tests of the score: the tables of an extract, made by hand or drawn."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from analysis.components.rows import Row
from analysis.extract import Extract, Scores, make_extract

ITEMS = ("S1", "S2", "S3", "S4")  # factor I: S1, S2; factor II: S3, S4


def instrument(items: Sequence[str] = ITEMS, audience: str = "citizens") -> str:
    lines = ['code = "mini"', 'version = "1"', 'languages = ["vi"]', f'audience = "{audience}"', 'status = "sample"']
    lines += ['satisfied = ["4", "5"]', '[[group]]', 'code = "SERVICE"']
    for factor in ("I", "II"):
        lines += ["[[factor]]", f'code = "{factor}"', 'group = "SERVICE"']
    lines += ["[[options]]", 'code = "sat5"', "choices = ["]
    lines += [f'  {{ code = "{step}" }},' for step in (5, 4, 3, 2, 1)]
    lines += ["]", "[[options]]", 'code = "yesno"', 'choices = [{ code = "yes" }, { code = "no" }]']
    for place, item in enumerate(items):
        factor = "I" if place < (len(items) + 1) // 2 else "II"
        lines += ["[[item]]", f'code = "{item}"', f'factor = "{factor}"', 'type = "single"', 'options = "sat5"']
    if audience == "citizens":
        lines += ["[[item]]", 'code = "late"', 'factor = "II"', 'type = "single"', 'options = "yesno"', "scored = false"]
        lines += ["[[item]]", 'code = "sex"', 'type = "single"', 'options = "yesno"', "fact = true"]
    return "\n".join(lines) + "\n"


def scheme(code: str = "local", level: str = "commune", **keys: object) -> str:
    told: dict[str, object] = {
        "index_rule": "top2box", "aggregation": "item_mean", "weighting": "design", "grade_on": "published",
        "ties": "same_rank", "level_average": "plain", "min_valid_unit": 10, "min_valid_item": 10,
        "bonus_penalty": False, "decimals": 2, "rounding": "half_up", **keys,
    }  # fmt: skip
    lines = [f'code = "{code}"', 'version = "1"', "years = [2025]", f'level = "{level}"', 'legal_basis = "-"']
    lines += ['status = "sample"', 'name.vi = "-"', 'name.en = "-"']
    for key, value in told.items():
        lines.append(f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, int) else chr(34) + str(value) + chr(34)}")
    lines += ["[officials_values]", "5 = 1.0", "4 = 0.75", "3 = 0.5", "2 = 0.25", "1 = 0.0"]
    lines += ["[rater_weights]", "HDND = 1", "XA = 1"]
    for grade, least in (("XS", 90), ("T", 80), ("K", 70), ("Y", 0)):
        lines += ["[[grade]]", f'code = "{grade}"', f"min = {least}"]
    lines += ["[[area]]", 'code = "1"', "max = 83.5", "[[area.criterion]]", 'code = "1.1"', "max = 61.5"]
    lines += ['source = "appraisal"', 'rule = { kind = "manual" }', "[[area.criterion]]", 'code = "1.10"', "max = 22"]
    lines += ["[[area.criterion.component]]", 'code = "1.10.1"', "max = 12", 'source = "survey"']
    lines += ['rule = { kind = "officials", items = ["S1", "S2"] }']
    lines += ["[[area.criterion.component]]", 'code = "1.10.2"', "max = 10", 'source = "survey"']
    lines += ['rule = { kind = "officials", items = ["S3"] }']
    lines += ["[[area]]", 'code = "8"', "max = 16.5", "[[area.criterion]]", 'code = "8.1"', "max = 10"]
    lines += ['source = "survey"', 'rule = { kind = "satisfaction", level_of = "overall", code = "overall" }']
    lines += ["[[area.criterion]]", 'code = "8.2"', "max = 6.5"]
    rules = (
        ("8.2.1", 1.5, '{ kind = "linear", floor = 50, target = 100 }'),
        ("8.2.2", 1.5, '{ kind = "linear_cap", target = 200 }'),
        ("8.2.3", 1.5, '{ kind = "bands", bands = [{ min = 100, points = 1.5 }, { min = 90, points = 1 }] }'),
        ("8.2.4", 2, '{ kind = "manual" }'),
    )
    for part, most, rule in rules:
        lines += ["[[area.criterion.component]]", f'code = "{part}"', f"max = {most}"]
        lines += ['source = "socio_economic"', f"rule = {rule}"]
    return "\n".join(lines) + "\n"


def manifest(units: Mapping[str, str], **keys: object) -> dict[str, Any]:
    return {
        "format": 1, "wave": "w", "kind": "real", "audience": "citizens", "year": 2025, "period_from": "2025-01-01",
        "period_to": "2025-12-31", "code_version": "test", "seed": 1,
        "province": {"code": "75", "name_vi": "Tỉnh thử", "name_en": "Test province"},
        "units": [
            {"code": code, "name_vi": f"Đơn vị {code}", "name_en": f"Unit {code}", "type": kind, "rated": True}
            for code, kind in units.items()
        ],
        **keys,
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
    keys: dict[str, Any] = field(default_factory=dict)
    previous: dict[str, bytes] = field(default_factory=dict)

    def unit(self, code: str, kind: str = "commune") -> None:
        self.units[code] = kind

    def cell(
        self, unit: str, answers: Sequence[Sequence[str]], *, stratum: str = "", code: str = "", population: int = 100,
        invited: int | None = None, weight: float | None = None, mode: str = "link", flags: Sequence[str] = (),
        fpc: int | None = None,
    ) -> None:  # fmt: skip
        """One class with its answers (one row of item codes each); kept = invited unless told."""
        stratum = stratum or f"{unit}|F1"
        code = code or f"{stratum}|c"
        self.units.setdefault(unit, "commune")
        asked = len(answers) if invited is None else invited
        each = population / max(asked, 1) if weight is None else weight
        for place, row in enumerate(answers):
            self.answer(unit, row, stratum=stratum, code=code, fpc=fpc or population, weight=each, mode=mode,
                        flag=flags[place] if flags else "")  # fmt: skip
        cells = (unit, stratum, code, population, asked, asked, asked, len(answers), each * asked)
        names = ("unit", "stratum", "class", "population", "drawn", "kept", "invited", "answered", "weight_sum")
        for name, cell in zip(names, cells, strict=True):
            self.sample[name].append(cell)
        self.margin("class", unit, code, population)

    def answer(
        self, unit: str, row: Sequence[str], *, stratum: str, code: str, fpc: float, weight: float,
        mode: str = "link", flag: str = "", psu: str = "",
    ) -> None:  # fmt: skip
        cells = {"phase": "main", "mode": mode, "unit": unit, "stratum": stratum, "psu": psu, "fpc": fpc,
                 "weight_base": weight, "class": code, "flag": flag, "late": "no"}  # fmt: skip
        for name, cell in {**cells, **dict(zip(self.items, row, strict=True))}.items():
            self.answers[name].append(cell)

    def margin(self, kind: str, unit: str, level: str, total: float) -> None:
        for name, cell in (("margin", kind), ("unit", unit), ("level", level), ("total", total)):
            self.margins[name].append(cell)

    def input(self, unit: str, code: str, value: float) -> None:
        for name, cell in (("unit", unit), ("code", code), ("value", value), ("source", "test")):
            self.inputs[name].append(cell)

    def extract(self) -> Extract:
        totals: dict[str, float] = defaultdict(float)
        for unit, total, kind in zip(self.margins["unit"], self.margins["total"], self.margins["margin"], strict=True):
            totals[unit] += total if kind == "class" else 0
        margins = {name: list(cells) for name, cells in self.margins.items()}
        for unit, total in totals.items():
            for name, cell in (("margin", "unit"), ("unit", unit), ("level", unit), ("total", total)):
                margins.setdefault(name, []).append(cell)
        return make_extract(
            answers=_filled(self.answers, ("phase", "mode", "unit", "stratum", "psu", "fpc", "weight_base", "class",
                                           "flag", *self.items, "late")),
            sample=_filled(self.sample, ("unit", "stratum", "class", "population", "drawn", "kept", "invited",
                                         "answered", "weight_sum")),
            margins=_filled(margins, ("margin", "unit", "level", "total")),
            inputs=_filled(self.inputs, ("unit", "code", "value", "source")),
            instrument=instrument(self.items), schemes=self.schemes,
            manifest=manifest(self.units, **self.keys), previous=self.previous,
        )  # fmt: skip


def _filled(columns: Mapping[str, list[Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: columns.get(name, []) for name in names}


def find(scores: Scores, **wanted: str) -> Row:
    """The one row with these cells."""
    rows = [row for row in scores.rows if all(getattr(row, name) == cell for name, cell in wanted.items())]
    assert len(rows) == 1, f"{len(rows)} rows for {wanted}"
    return rows[0]


def drawn_wave(seed: int, *, units: int = 6, level: float = 0.85, invited: int = 60, late: float = 0.3) -> tuple[Tables, dict[str, float]]:
    """A wave drawn from a finite population with a latent person effect; returns it with the true overall top2box."""
    rng = np.random.default_rng(seed)
    tables, truth = Tables(), {}
    for number in range(units):
        unit = f"u{number:03d}"
        shift = rng.normal(0, 0.3)
        shares = []
        for field_code in ("F1", "F2"):
            stratum = f"{unit}|{field_code}"
            size = int(rng.integers(150, 400))
            is_late = rng.random(size) < late
            latent = rng.normal(size=size)[:, None] * 0.7 + rng.normal(size=(size, len(ITEMS))) * 0.7
            cut = _normal_quantile(level)
            latent = latent + (cut + shift - 0.8 * is_late)[:, None] if is_late.ndim == 2 else latent + (cut + shift - 0.5 * is_late)[:, None]
            codes = np.clip(np.digitize(latent, (-1.5, -0.8, 0.0, 0.9)) + 1, 1, 5)
            shares.append(codes >= 4)
            chosen = rng.choice(size, invited // 2, replace=False)
            for is_of, name in ((is_late, "late"), (~is_late, "time")):
                kept = [r for r in chosen if is_of[r]]
                replied = [r for r in kept if rng.random() < (0.5 if name == "late" else 0.8)]
                rows = [["." if rng.random() < 0.05 else str(cell) for cell in codes[r]] for r in replied]
                tables.cell(unit, rows, stratum=stratum, code=f"{stratum}|{name}", population=int(is_of.sum()),
                            invited=len(kept), weight=size / (invited // 2), fpc=size)  # fmt: skip
        truth[unit] = float(np.concatenate(shares).mean(axis=0).mean())
    return tables, truth


def _normal_quantile(p: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(p))


def folder_digest(files: Mapping[str, bytes]) -> str:
    return hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()


@dataclass(frozen=True)
class Make:
    """What the tests of the score are made with."""

    tables = Tables
    scheme = staticmethod(scheme)
    instrument = staticmethod(instrument)
    manifest = staticmethod(manifest)
    find = staticmethod(find)
    drawn = staticmethod(drawn_wave)
    digest = staticmethod(folder_digest)


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()
