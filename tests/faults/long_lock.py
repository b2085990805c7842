"""F7: somebody holds a lock for half a minute while people answer: 503 with Retry-After, then all is taken.

On SQLite it is the one writer's lock, on PostgreSQL the drafts' table. More people ask than the site has threads, so
that its pool of connections is held up whole.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import ground
import respondent
from sqlalchemy import text

from survey.db import open_database

PORT = 23180


def lock(url: str, seconds: float) -> None:
    """Hold it so that nobody can write, or read the drafts on PostgreSQL."""
    time.sleep(1)
    database = open_database(url)
    with database.begin() as session:
        session.execute(text("select 1" if database.is_sqlite else "lock table draft in access exclusive mode"))
        time.sleep(seconds)
    database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--flows", type=int, default=150)
    parser.add_argument("--users", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=30)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url(stated.engine, Path(name)) as url:
        field = ground.prepare(url, Path(name), people=stated.flows)
        server = ground.start(field, PORT)
        trouble = threading.Thread(target=lock, args=(url, stated.seconds))
        trouble.start()
        try:
            thanked, met, longest = respondent.answer_all(PORT, list(field.links), users=stated.users, patience=90)
        finally:
            trouble.join()
            ground.stop(server)
        figures = ground.verdict(
            field, thanked, not_thanked=stated.flows - len(thanked), refused_503=met["503"], failed_500=met["500"],
            without_retry_after=met["503"] - met["with Retry-After"], longest_wait_s=round(longest, 1),
        )  # fmt: skip
    must = ("missing", "duplicates", "not_thanked", "failed_500", "without_retry_after")
    ground.report({"fault": "F7", "engine": stated.engine} | figures, *must)


if __name__ == "__main__":
    main()
