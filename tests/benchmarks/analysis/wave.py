"""A whole wave as an extract folder: 33 items, 3,300 communes, answers as Parquet; `wave.py FOLDER ROWS`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet

UNITS, ITEMS, FACTORS = 3300, 33, 6
ROW_GROUP = 500_000
TEXTS = ("phase", "mode", "unit", "stratum", "psu", "class", "flag")
SAMPLE = ("unit", "stratum", "class", "population", "drawn", "kept", "invited", "answered", "weight_sum")
KEPT = 1.5  # dossiers invited for one that is answered
FRAME = 4.0  # dossiers of a class for one that is invited
NAMES = tuple(f"q{number:02d}" for number in range(1, ITEMS + 1))
LABELS = pa.array([".", "1", "2", "3", "4", "5", ""])
CHOICES = ", ".join(f'{{ code = "{code}" }}' for code in "54321")
SCHEME = """
code = "bench"
version = "1"
level = "commune"
index_rule = "top2box"
aggregation = "item_mean"
weighting = "calibrated"
grade_on = "published"
ties = "same_rank"
level_average = "plain"
min_valid_unit = 10
min_valid_item = 10
bonus_penalty = false
decimals = 2
rounding = "half_up"
officials_values = { "5" = 1.0, "4" = 0.75, "3" = 0.5, "2" = 0.25, "1" = 0.0 }
grade = [{ code = "A", min = 90 }, { code = "B", min = 0 }]
[[area]]
code = "8"
max = 10
[[area.criterion]]
code = "8.1"
max = 10
source = "survey"
[[area.criterion.component]]
code = "8.1.1"
max = 4
source = "survey"
rule = { kind = "satisfaction", level_of = "factor", code = "III" }
[[area.criterion.component]]
code = "8.1.2"
max = 6
source = "survey"
rule = { kind = "satisfaction", level_of = "overall", code = "overall" }
"""
ROMAN = ("I", "II", "III", "IV", "V", "VI")


def write_extract(folder: Path, rows: int, *, units: int = UNITS) -> None:
    """Answers sorted by unit, stratum and class, 100 units at a time, and the frame that they were drawn from."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(2)
    names = [f"75-{number:04d}" for number in range(units)]
    sample: list[Sequence[Any]] = []
    margins: list[Sequence[Any]] = []
    kinds = [(name, pa.string()) for name in (*TEXTS, *NAMES)] + [("fpc", pa.float64()), ("weight_base", pa.float64())]
    schema = pa.schema(kinds)
    with pa_parquet.ParquetWriter(folder / "answers.parquet", schema, compression="lz4") as writer:
        for first in range(0, units, 100):
            some = names[first : first + 100]
            cell = np.sort(rng.integers(0, 4 * len(some), len(some) * rows // units))
            classes = _classes(some, np.bincount(cell, minlength=4 * len(some)))
            sample += classes
            margins += [("class", one[0], one[2], one[3]) for one in classes]
            writer.write_table(pa.table(_columns(cell, classes, rng), schema), row_group_size=ROW_GROUP)
    totals = np.array([one[3] for one in sample]).reshape(units, 4).sum(axis=1)
    margins += [("unit", name, name, total) for name, total in zip(names, totals.tolist(), strict=True)]
    _write_csv(folder / "sample.csv", SAMPLE, sample)
    _write_csv(folder / "margins.csv", ("margin", "unit", "level", "total"), margins)
    _write_csv(folder / "inputs.csv", ("unit", "code", "value", "source"), [])
    (folder / "instrument.toml").write_text(_instrument())
    (folder / "scheme.toml").write_text(SCHEME)
    _write_manifest(folder, names)


def _classes(units: Sequence[str], answered: Any) -> list[Sequence[Any]]:
    """Two strata of two classes in every unit: a row of `sample.csv` each."""
    asked = np.ceil(KEPT * answered + 1).astype(int)
    size = np.ceil(FRAME * asked).astype(int)
    size[1::2] += size[1::2] // 3  # the second class of a stratum is drawn more thinly
    rows: list[Sequence[Any]] = []
    for place, count in enumerate(answered.tolist()):
        unit, field, level = units[place // 4], place // 2 % 2, place % 2
        pair = slice(place - level, place - level + 2)
        weight = float(size[pair].sum() / asked[pair].sum())
        told = [int(size[place]), *[int(asked[place])] * 3, count, weight * int(asked[place])]
        rows.append((unit, f"{unit}|F{field}", f"{unit}|F{field}|{level}", *told))
    return rows


def _columns(cell: Any, classes: Sequence[Sequence[Any]], rng: np.random.Generator) -> dict[str, Any]:
    n = len(cell)
    own = pa.array(cell)
    size = np.array([one[3] for one in classes], dtype=np.float64)
    fpc = size.reshape(-1, 2).sum(axis=1).repeat(2)
    weight = np.array([one[8] / one[5] for one in classes])
    columns: dict[str, Any] = {
        name: pa.array([value]).take(pa.array(np.zeros(n, dtype=np.int64)))
        for name, value in {"phase": "main", "mode": "link", "psu": "", "flag": ""}.items()
    }
    for place, name in enumerate(("unit", "stratum", "class")):
        columns[name] = pa.array([one[place] for one in classes]).take(own)
    columns.update(fpc=fpc[cell], weight_base=weight[cell])
    mood = rng.normal(0, 0.8, n) + rng.normal(0, 0.3, len(classes) // 4)[cell // 4]
    for number, name in enumerate(NAMES):
        latent = 1.1 + 0.3 * np.sin(number) + mood + rng.normal(0, 0.7, n)
        code = 1 + np.searchsorted([-1.3, -0.7, 0, 1.25], latent)
        silent = rng.random(n)
        columns[name] = LABELS.take(pa.array(np.where(silent < 0.03, 0, np.where(silent < 0.05, 6, code))))
    return columns


def _instrument() -> str:
    factors = ", ".join(f'{{ code = "{code}", group = "SERVICE" }}' for code in ROMAN)
    items = ", ".join(
        f'{{ code = "{name}", factor = "{ROMAN[place * FACTORS // ITEMS]}", type = "single", options = "sat5" }}'
        for place, name in enumerate(NAMES)
    )
    return (
        f'code = "bench"\nversion = "1"\naudience = "citizens"\nsatisfied = ["4", "5"]\n'
        f'group = [{{ code = "SERVICE" }}]\noptions = [{{ code = "sat5", choices = [{CHOICES}] }}]\n'
        f"factor = [{factors}]\nitem = [{items}]\n"
    )


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_manifest(folder: Path, units: Sequence[str]) -> None:
    told = [{"code": unit, "name_vi": unit, "name_en": unit, "type": "commune", "rated": True} for unit in units]
    manifest = {
        "format": 1, "wave": "bench", "kind": "real", "audience": "citizens", "year": 2025, "seed": 2,
        "period_from": "2025-01-01", "period_to": "2025-12-31", "code_version": "bench", "units": told,
        "province": {"code": "75", "name_vi": "Cả nước", "name_en": "The whole country"},
        "hashes": {path.name: _digest(path) for path in sorted(folder.iterdir()) if path.name != "manifest.json"},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        found = sha256()
        for block in iter(lambda: file.read(1 << 20), b""):
            found.update(block)
    return found.hexdigest()


if __name__ == "__main__":
    write_extract(Path(sys.argv[1]), int(float(sys.argv[2])))
