"""`python -m analysis regroup RESULTS EXTRACT MAP`: results of another year in the units of today, or the way back."""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path
from typing import Any

from analysis.commands.told import Told, tell


def add(commands: Any) -> None:
    """What may be typed."""
    one = commands.add_parser("regroup", help="results of before a merger in the units of today, to compare years")
    one.add_argument("results", type=Path, metavar="RESULTS", help="results folder of the other year")
    one.add_argument("extract", type=Path, metavar="EXTRACT", help="extract of the other year: dossiers by unit")
    one.add_argument("shares", type=Path, metavar="MAP", help="CSV: unit, becomes, share (empty: the whole unit)")
    one.add_argument("--back", action="store_true", help="RESULTS are of today's units; give those of the extract's")
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="scores.csv, as previous/ of an extract")
    one.add_argument("--json", action="store_true", help="print for machines")
    one.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the rows by the units that theirs become."""
    from analysis.components.result_rows import csv_rows
    from analysis.components.rows import BOM
    from analysis.extract import read_extract
    from analysis.regrouping import masses, read_shares, regrouped, turned

    rows = csv_rows((options.results / "scores.csv").read_bytes(), "scores.csv")
    shares = read_shares(options.shares.read_bytes(), options.shares.name)
    dossiers = {row.unit: row.total for row in read_extract(options.extract).margins if row.margin == "unit"}
    if options.back:
        shares, dossiers = turned(shares, dossiers), masses(shares, dossiers)
    made = regrouped(rows, shares, dossiers)
    out = io.StringIO(newline="")
    out.write(BOM)
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n") if rows else None
    if writer is not None:
        writer.writeheader()
        writer.writerows({name: "" if cell is None else cell for name, cell in row.items()} for row in made)
    options.out.write_text(out.getvalue(), encoding="utf-8", newline="")
    given = {"rows": len(rows), "made": len(made), "units": len({row["unit"] for row in made}), "out": str(options.out)}
    return tell(Told(given, {}, []), as_json=options.json)
