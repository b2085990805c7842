"""Holds the demonstration province against its truth: is it inside the intervals, and are late dossiers in proportion?

Usage: python tests/studies/demo_coverage.py [SEEDS] [RESPONSES]
Prints one line a seed and the summary: share of units whose true index lies in the printed 95 % interval (official
design weights, and calibrated), and the share of late dossiers among the kept of the sample, weighted (multiplicity /
probability) and unweighted, against the frame's.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import select

from survey.config import settings_from
from survey.db import Database, open_database
from survey.demo import build
from survey.keys import Keys
from survey.model.frame import Dossier
from survey.stages import samples, waves


def main(seeds: int, responses: int) -> None:
    inside: dict[str, list[float]] = {"design": [], "calibrated": []}
    late: list[tuple[float, float, float]] = []
    for seed in range(1, seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            settings = settings_from({"HAILONG_DATABASE": f"{folder}/demo.db", "HAILONG_KEYS": f"{folder}/keys"})
            database = open_database(settings.database)
            options = build.Options(responses=responses, seed=seed, open_waves=False, officials=False)
            made = build.build(
                settings, database, Keys(settings.keys), options, now=datetime.now(UTC), say=lambda _text: None
            )
            shares = {weighting: covered(Path(made.results), Path(made.truth), weighting) for weighting in inside}
            late.append(late_shares(database, made.waves["closed"]))
            database.close()
        for weighting, share in shares.items():
            inside[weighting].append(share)
        weighted, unweighted, bare = late[-1]
        print(
            f"seed {seed}: inside design {shares['design']:.3f}, calibrated {shares['calibrated']:.3f}; late: "
            f"weighted - frame {weighted:+.4f}, unweighted - frame {unweighted:+.4f} (of {bare:.4f})",
            flush=True,
        )
    for weighting, found in inside.items():
        print(f"{weighting}: {np.mean(found):.4f} of units inside, seeds {np.min(found):.3f} to {np.max(found):.3f}")
    gaps = np.array(late)
    error = gaps[:, 0].std(ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else float("nan")
    weighted, unweighted = gaps[:, 0].mean(), gaps[:, 1].mean()
    print(f"late, weighted - frame: {weighted:+.4f} (standard error {error:.4f}), unweighted {unweighted:+.4f}")


def covered(results: Path, truth: Path, weighting: str) -> float:
    """The share of units whose truth lies inside the interval of the scheme's rule."""
    with truth.open(encoding="utf-8") as file:
        true = {row["unit"]: float(row["index"]) for row in csv.DictReader(file)}
    rows = [
        row
        for row in json.loads((results / "scores.json").read_text(encoding="utf-8"))["rows"]
        if (row["level_of"], row["rule"], row["weighting"]) == ("overall", "top2box", weighting) and row["unit"] in true
    ]
    hits = [float(row["ci_low"]) <= true[row["unit"]] <= float(row["ci_high"]) for row in rows if row["ci_low"]]
    return float(np.mean(hits))


def late_shares(database: Database, wave_code: str) -> tuple[float, float, float]:
    """Mean over units of the late share of the kept minus the frame's, weighted and unweighted; the frame's."""
    with database.read() as session:
        wave = waves.find(session, wave_code)
        frame = session.execute(select(Dossier.unit_code, Dossier.timing).where(Dossier.wave_id == wave.id)).all()
        kept = [one for one in samples.repeat(session, wave) if one.kept]
    units = {unit: place for place, unit in enumerate(sorted({unit for unit, _timing in frame}))}
    bare = share([(units[unit], timing, 1.0) for unit, timing in frame], len(units))
    weighted = share([(units[one.listed.unit], one.listed.timing, one.weight) for one in kept], len(units))
    unweighted = share([(units[one.listed.unit], one.listed.timing, 1.0) for one in kept], len(units))
    return float((weighted - bare).mean()), float((unweighted - bare).mean()), float(bare.mean())


def share(rows: list[tuple[int, str, float]], size: int) -> np.ndarray:
    unit = np.array([row[0] for row in rows])
    weight = np.array([row[2] for row in rows])
    is_late = np.array([row[1] == "late" for row in rows])
    return np.bincount(unit, weight * is_late, size) / np.bincount(unit, weight, size)


if __name__ == "__main__":
    main(*(int(argument) for argument in (*sys.argv[1:], *("20", "3240")[len(sys.argv) - 1 :])))
