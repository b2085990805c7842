"""F18: the worker is killed (kill -9) in the middle of a batch of messages and of a computation, again and again.

    python tests/faults/worker_killed.py [--engine postgres] [--kills 6]

Nobody may get a message twice, nobody may be left out once the worker runs on; a computation that was killed leaves
nothing, one that came to its end is stored once and whole.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ground
from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "studies"))

import released_wave as study

from survey.db import Database, open_database
from survey.jobs import close
from survey.model.result import Figure, Run
from survey.stages import messages, replicates, results, waves

PORT, PEOPLE = 23540, 240
PAUSES = (0.05, 0.2, 0.6, 1.2, 1.8, 2.4)


def kill(process: subprocess.Popen[bytes]) -> bool:
    """Kill a process that still works; whether it did."""
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    return True


def invite_all(it: study.Field, database: Database) -> None:
    """Links for everybody drawn, an open wave, and a message for each that waits to be sent."""
    channels = study.read_channels(it.folder / "channels.toml", study.SECRETS)
    with database.begin() as session:
        wave, now = waves.find(session, study.CODE), datetime.now(UTC)
        replicates.first(session, wave, key=it.keys.wave(wave.id), share=1.0, actor="trial", now=now)
        waves.open_wave(session, wave, actor="trial", now=now)
        writer = messages.writer(session, wave, it.keys, channels, f"http://{ground.HOST}:{it.port}")
        planned = {"language": "vi", "cap": channels.cap, "actor": "trial", "now": now, "dry_run": False}
        messages.plan(session, writer, study.STEP, **planned)
        messages.release(session, wave, study.STEP, most=None, actor="trial", now=now)


def write(it: study.Field, database: Database, kills: int) -> int:
    """Send the invitations by senders that are killed after some more messages each, the last one left alone."""
    invite_all(it, database)
    killed = 0
    for _ in range(kills):
        before, working = len(it.shown), study.sender(it)
        while len(it.shown) < before + 15 and working.poll() is None:
            time.sleep(0.005)
        killed += kill(working)
    while study.is_waiting(database):
        if study.sender(it).wait():
            raise SystemExit("a sender failed")
    return killed


def compute(it: study.Field, database: Database) -> dict[str, int]:
    """Close the wave and score it; the first computations are killed ever later."""
    close.run(database, it.keys, study.CODE, actor="trial", now=datetime.now(UTC))
    field = ground.Ground(it.url, it.folder / "keys", (), "")
    command = [sys.executable, "-m", "survey", "score", study.CODE]
    killed, ended = 0, 0
    for pause in (*PAUSES, None):
        process = subprocess.Popen(
            command, env=field.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        if pause is None:
            process.wait(300)
        else:
            time.sleep(pause)
        killed += kill(process)
        ended += process.returncode == 0
    with database.read() as session:
        runs = list(session.scalars(select(Run)))
        whole = [run for run in runs if results.rows_digest(results.figures(session, run)) == run.options["rows"]]
        figures = session.scalar(select(func.count()).select_from(Figure)) or 0
    return {"killed": killed, "ended": ended, "stored": len(runs), "whole": len(whole), "figures": figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--kills", type=int, default=6)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        it = study.Field(url, Path(name), PORT, 8.0, {"98-001": 0.5})
        database = open_database(url)
        study.prepare(it, database, target=PEOPLE // 5, dossiers=PEOPLE)
        with study.gateway(it) as address:
            (it.folder / "channels.toml").write_text(study.CHANNELS.format(url=address), encoding="utf-8")
            senders = write(it, database, stated.kills)
        jobs = compute(it, database)
        database.close()
    got = Counter(one.to for one in it.shown)
    figures: dict[str, Any] = {
        "people": PEOPLE, "killed_senders": senders, "written_to": len(got),
        "duplicates": sum(count - 1 for count in got.values()), "missing": PEOPLE - len(got), "jobs": jobs,
        "half_stored": jobs["stored"] - jobs["whole"], "not_once": abs(jobs["stored"] - jobs["ended"]),
    }  # fmt: skip
    told = {"fault": "F18", "engine": stated.engine} | figures
    ground.report(told, "duplicates", "half_stored", "not_once")


if __name__ == "__main__":
    main()
