"""How long a long dossier list takes and how much memory:

    python tests/benchmarks/frame.py [--rows 1000000] [--xlsx-rows 200000] [--engine sqlite postgres]

The list is made first, apart from what is measured; each import is a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import xlsxwriter

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "faults"))

import ground  # noqa: E402

from survey import schema  # noqa: E402
from survey.db import open_database  # noqa: E402
from survey.keys import Keys  # noqa: E402
from survey.model.unit import Unit  # noqa: E402
from survey.stages import frames, waves  # noqa: E402
from survey.wavefile import read_wave_file  # noqa: E402

HEADER = (
    "dossier_code", "linked_code", "procedure_code", "procedure_field", "rated_unit", "received_on", "due_on",
    "finished_on", "outcome", "channel", "applicant", "sex", "birth_year", "phone",
)  # fmt: skip
UNITS = 108
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
WAVE = """
code = "bench"
kind = "rehearsal"
audience = "citizens"
instrument = "service-2025"
scheme = "local-department-sample"
province = "98"
period_from = 2025-01-01
period_to = 2025-12-31
opens = 2026-03-01T07:00:00
closes = 2026-03-20T17:00:00
units = "*"
[targets]
default = 30
"""


def row(number: int) -> tuple[str, ...]:
    finished = date(2025, 1, 1) + timedelta(days=number % 365)
    day = f"{finished:%d/%m/%Y}"
    return (
        f"H98.{number % UNITS:02d}-2025-{number:07d}", "", f"1.{number % 400:06d}", f"Lĩnh vực {number % 12}",
        f"98-{number % UNITS:03d}", day, day, day, "granted", ("counter", "online")[number % 2], "person",
        "FM"[number % 2], str(1950 + number % 55), f"09{number % 97_000_000:08d}",
    )  # fmt: skip


def write(path: Path, rows: int) -> None:
    if path.suffix == ".xlsx":
        with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False}) as book:
            sheet = book.add_worksheet()
            for number, cells in enumerate((HEADER, *map(row, range(rows)))):
                sheet.write_row(number, 0, cells)
        return
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(HEADER) + "\n")
        file.writelines(",".join(row(number)) + "\n" for number in range(rows))


def site(url: str, folder: Path) -> Path:
    database, keys = open_database(url), Keys(folder / "keys")
    schema.upgrade(database)
    with database.begin() as session:
        codes = ["98", *(f"98-{number:03d}" for number in range(UNITS))]
        for code in codes:
            session.add(Unit(
                code=code, name_vi=code, name_en=code, type="department" if code != "98" else "province",
                parent="98" if code != "98" else None, valid_from=None, valid_to=None, successor=None,
                rated=code != "98",
            ))  # fmt: skip
            session.flush()
        waves.create(session, read_wave_file(WAVE), keys=keys, actor="bench", now=NOW)
    database.close()
    return keys.folder


def measure(url: str, keys: Path, file: Path) -> dict[str, float | int]:
    """One import in this process: seconds and the highest resident memory."""
    database, started = open_database(url), time.monotonic()
    with database.begin() as session:
        report = frames.import_frame(
            session, waves.find(session, "bench"), file, installation=Keys(keys).installation, actor="bench", now=NOW
        )
    seconds, busy = time.monotonic() - started, time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": report.rows,
        "accepted": report.accepted,
        "seconds": round(seconds, 1),
        "cpu": round(busy, 1),
        "peak_mib": round(peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--xlsx-rows", type=int, default=0)
    parser.add_argument("--engine", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    parser.add_argument("--measure", nargs=3, metavar=("URL", "KEYS", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        url, keys, file = options.measure
        print(json.dumps(measure(url, Path(keys), Path(file))))
        return
    lists = {suffix: rows for suffix, rows in ((".csv", options.rows), (".xlsx", options.xlsx_rows)) if rows}
    for engine, (suffix, rows) in product(options.engine, lists.items()):
        with (
            tempfile.TemporaryDirectory(prefix="hailong-frame-") as name,
            ground.database_url(engine, Path(name)) as url,
        ):
            file = Path(name) / f"frame{suffix}"
            write(file, rows)
            command = [sys.executable, __file__, "--measure", url, str(site(url, Path(name))), str(file)]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            print(engine, suffix, told, flush=True)


if __name__ == "__main__":
    main()
