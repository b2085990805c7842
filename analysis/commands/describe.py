"""`python -m analysis describe EXTRACT`: what moves satisfaction, ways of answering compared, the other questions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analysis.commands.told import Told, tell


def add(commands: Any) -> None:
    """What may be typed."""
    one = commands.add_parser("describe", help="drivers, ways of answering, the questions that earn no points")
    one.add_argument("extract", type=Path, metavar="EXTRACT", help="folder of the extract")
    one.add_argument("--out", type=Path, metavar="DIR", help="folder for the tables as CSV; default: print them")
    one.add_argument("--json", action="store_true", help="print for machines")
    one.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Describe a citizens' wave as the site does after scoring it."""
    from analysis.describing.describe import describe, write_tables
    from analysis.extract import read_extract

    extract = read_extract(options.extract)
    tables = describe(extract)
    written = write_tables(tables, options.out) if options.out is not None else ()
    given = {"wave": extract.manifest.wave, "extract": extract.digest[:12], "written": ", ".join(written)}
    shown = {} if options.out is not None else {name: [dict(row) for row in one.rows] for name, one in tables.items()}
    return tell(Told(given, shown, []), as_json=options.json)
